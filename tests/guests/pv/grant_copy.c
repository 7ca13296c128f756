// Copying by grant, and the rest of the family: transfer, swap, cache flush, hostile arguments.
#include "pv-abi/memory.h"

#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345
#define REF       GRANT_FIRST_REF
#define REF_B     (GRANT_FIRST_REF + 1)

static struct gnttab_copy by_frames(const void *to, const void *from, unsigned len)
{
    struct gnttab_copy c = {.len = (uint16_t)len, .status = 99};

    c.source.u.gmfn = mfn_of(from);
    c.source.domid = DOMID_SELF;
    c.dest.u.gmfn = mfn_of(to);
    c.dest.domid = DOMID_SELF;
    return c;
}

static int copy(struct gnttab_copy *c)
{
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, c, 1));
    return c->status;
}

static uint8_t *pattern(void)
{
    uint8_t *page = page_alloc();

    for (unsigned i = 0; i < PAGE_SIZE; i++)
        page[i] = (uint8_t)(i * 7 + i / 256);
    return page;
}

TEST(grant_copy_frames)
{
    uint8_t *from = pattern(), *to = page_alloc();
    struct gnttab_copy c = by_frames(to, from, PAGE_SIZE);

    CHECK_EQ(copy(&c), GNTST_okay);
    CHECK_EQ(memcmp(to, from, PAGE_SIZE), 0);
    memset(to, 0, PAGE_SIZE);
    c = by_frames(to, from, 100);
    c.source.offset = 5;
    c.dest.offset = 1000;
    CHECK_EQ(copy(&c), GNTST_okay);
    CHECK_EQ(memcmp(to + 1000, from + 5, 100), 0);
    CHECK_EQ(to[999], 0);
    CHECK_EQ(to[1100], 0);
}

TEST(grant_copy_references)
{
    uint8_t *from = pattern(), *to = page_alloc();
    struct gnttab_copy c = by_frames(to, from, 512);

    grant_init();
    grant_page(REF, from, GTF_readonly);
    grant_page(REF_B, to, 0);
    c.source.u.ref = REF;
    c.source.domid = GRANT_OWN_DOMAIN;
    c.dest.u.ref = REF_B;
    c.dest.domid = GRANT_OWN_DOMAIN;
    c.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    CHECK_EQ(copy(&c), GNTST_okay);
    CHECK_EQ(memcmp(to, from, 512), 0);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(grant_v1(REF_B)->flags, GTF_permit_access);
    // Into a read-only grant, out of one for somebody else, by references that are none.
    c.source.u.ref = REF_B;
    c.dest.u.ref = REF;
    CHECK_EQ(copy(&c), GNTST_general_error);
    grant_frame(REF, NO_DOMAIN, mfn_of(from), 0);
    c.source.u.ref = REF;
    c.dest.u.ref = REF_B;
    CHECK_EQ(copy(&c), GNTST_general_error);
    c.source.u.ref = 0x7fffffff;
    CHECK_EQ(copy(&c), GNTST_bad_gntref);
    CHECK(grant_end(REF) && grant_end(REF_B));
}

TEST(grant_copy_hostile)
{
    uint8_t *from = pattern(), *to = page_alloc();
    struct gnttab_copy c = by_frames(to, from, PAGE_SIZE);

    c.source.offset = 1;
    CHECK_EQ(copy(&c), GNTST_bad_copy_arg);
    c = by_frames(to, from, 16);
    c.dest.offset = PAGE_SIZE - 8;
    CHECK_EQ(copy(&c), GNTST_bad_copy_arg);
    c = by_frames(to, from, 0xffff);
    CHECK_EQ(copy(&c), GNTST_bad_copy_arg);
    c = by_frames(to, from, 16);
    c.dest.u.gmfn = kernel_root(); // a page table is no place to copy to
    CHECK(copy(&c) < 0);
    c.dest.u.gmfn = 0x000000ffffffffff;
    CHECK(copy(&c) < 0);
    c.dest.u.gmfn = 0xfee00;
    CHECK(copy(&c) < 0);
    c = by_frames(to, from, 16);
    c.source.u.gmfn = 0x000000ffffffffff;
    CHECK(copy(&c) < 0);
    c = by_frames(to, from, 16);
    c.source.domid = NO_DOMAIN; // frames only of oneself
    CHECK(copy(&c) < 0);
    CHECK_EQ(to[0], 0);
}

TEST(grant_copy_batch)
{
    static struct gnttab_copy copies[300];
    uint8_t *from = pattern(), *to = page_alloc();

    for (unsigned i = 0; i < 300; i++) {
        copies[i] = by_frames(to, from, 8);
        copies[i].source.offset = copies[i].dest.offset = (uint16_t)(i * 8);
        if (i == 100)
            copies[i].dest.offset = PAGE_SIZE;
    }
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, copies, 300));
    for (unsigned i = 0; i < 300; i++)
        if (copies[i].status != (i == 100 ? GNTST_bad_copy_arg : GNTST_okay))
            CHECK_EQ(copies[i].status, GNTST_okay);
    CHECK_EQ(memcmp(to + 101 * 8, from + 101 * 8, 199 * 8), 0);
}

// A transfer that is refused. (To a domain that does not exist it may cost the page.)
TEST(grant_transfer_refused)
{
    struct gnttab_transfer t = {.mfn = 0x000000ffffffffff, .domid = NO_DOMAIN, .status = 99};

    CHECK_OK(hc(grant_table_op, GNTTABOP_transfer, &t, 1));
    CHECK_EQ(t.status, GNTST_bad_page);
    t.mfn = mfn_of(page_alloc()); // mapped
    CHECK_OK(hc(grant_table_op, GNTTABOP_transfer, &t, 1));
    CHECK(t.status < 0);
    t.mfn = kernel_root();
    CHECK_OK(hc(grant_table_op, GNTTABOP_transfer, &t, 1));
    CHECK(t.status < 0);
}

TEST(grant_swap)
{
    uint8_t *a = page_alloc(), *b = page_alloc();
    struct gnttab_swap_grant_ref swap = {.ref_a = REF, .ref_b = REF_B};
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, a, 0);
    grant_page(REF_B, b, GTF_readonly);
    CHECK_OK(hc(grant_table_op, GNTTABOP_swap_grant_ref, &swap, 1));
    CHECK_EQ(swap.status, GNTST_okay);
    CHECK_EQ(grant_v1(REF)->frame, mfn_of(b));
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(grant_v1(REF_B)->frame, mfn_of(a));
    // Not while one is in use.
    CHECK_EQ(grant_map(REF_B, window_va(0), GNTMAP_host_map, &handle), GNTST_okay);
    CHECK_OK(hc(grant_table_op, GNTTABOP_swap_grant_ref, &swap, 1));
    CHECK(swap.status < 0);
    CHECK_EQ(grant_v1(REF_B)->frame, mfn_of(a));
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    swap.ref_a = 0x7fffffff;
    CHECK_OK(hc(grant_table_op, GNTTABOP_swap_grant_ref, &swap, 1));
    CHECK_EQ(swap.status, GNTST_bad_gntref);
    CHECK(grant_end(REF) && grant_end(REF_B));
}

TEST(grant_cache_flush)
{
    uint8_t *page = page_alloc();
    struct gnttab_cache_flush f = {.length = 64, .op = GNTTAB_CACHE_CLEAN};

    f.a.dev_bus_addr = mfn_of(page) << 12;
    CHECK_OK(hc(grant_table_op, GNTTABOP_cache_flush, &f, 1));
    f.length = 0;
    CHECK_OK(hc(grant_table_op, GNTTABOP_cache_flush, &f, 1));
    f.length = PAGE_SIZE;
    f.offset = 1;
    CHECK_ERR(hc(grant_table_op, GNTTABOP_cache_flush, &f, 1), EINVAL);
    f.offset = 0;
    f.op = 0x40;
    CHECK_ERR(hc(grant_table_op, GNTTABOP_cache_flush, &f, 1), EINVAL);
    f.op = GNTTAB_CACHE_CLEAN;
    f.a.dev_bus_addr = 0x000ffffffffff000;
    CHECK_REFUSED(hc(grant_table_op, GNTTABOP_cache_flush, &f, 1));
}

TEST(grant_hostile_arguments)
{
    char argument[64] = "";

    for (unsigned op = GNTTABOP_map_grant_ref; op <= GNTTABOP_cache_flush; op++)
        if (op != GNTTABOP_dump_table)
            CHECK_EFAULT_ALL(hc(grant_table_op, op, bad, 1));
    CHECK_ERR(hc(grant_table_op, GNTTABOP_dump_table, argument, 1), ENOSYS);
    CHECK_ERR(hc(grant_table_op, 13, argument, 1), ENOSYS);
    CHECK_ERR(hc(grant_table_op, 100, argument, 1), ENOSYS);
    // Calls that take exactly one argument, and counts that are none.
    CHECK_ERR(hc(grant_table_op, GNTTABOP_setup_table, argument, 2), EINVAL);
    CHECK_ERR(hc(grant_table_op, GNTTABOP_query_size, argument, 2), EINVAL);
    CHECK_ERR(hc(grant_table_op, GNTTABOP_query_size, argument, 0), EINVAL);
    CHECK_ERR(hc(grant_table_op, GNTTABOP_map_grant_ref, argument, 0x80000000), EINVAL);
    CHECK_ERR(hc(grant_table_op, GNTTABOP_map_grant_ref, argument, 0xffffffff), EINVAL);
}
