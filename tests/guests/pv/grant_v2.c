// Version 2 of the grant table: entries of 16 bytes, and the state in frames of their own.
#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

#define NO_DOMAIN   12345
#define REF         GRANT_FIRST_REF
#define STATUS_SLOT 507

static long set_version(unsigned version)
{
    struct gnttab_set_version op = {.version = version};

    return hc(grant_table_op, GNTTABOP_set_version, &op, 1);
}

static unsigned version_now(void)
{
    struct gnttab_get_version op = {.dom = DOMID_SELF};

    CHECK_OK(hc(grant_table_op, GNTTABOP_get_version, &op, 1));
    return op.version;
}

static void need_version_2(void)
{
    grant_init();
    if (set_version(2))
        SKIP("version 2 is not offered");
}

static volatile uint16_t *status_of(grant_ref_t ref)
{
    return (volatile uint16_t *)window_va(STATUS_SLOT) + ref;
}

static void map_status(void)
{
    uint64_t frame = 0;
    struct gnttab_get_status_frames op = {.nr_frames = 1, .dom = DOMID_SELF};

    op.frame_list = &frame;
    REQUIRE_OK(hc(grant_table_op, GNTTABOP_get_status_frames, &op, 1));
    REQUIRE_OK(op.status);
    REQUIRE_OK(window_map(STATUS_SLOT, frame, PTE_RW));
}

static void full_page(grant_ref_t ref, const void *page, unsigned flags)
{
    volatile union grant_entry_v2 *entry = grant_v2(ref);

    entry->full_page.frame = mfn_of(page);
    entry->hdr.domid = GRANT_OWN_DOMAIN;
    __atomic_store_n(&entry->hdr.flags, (uint16_t)(GTF_permit_access | flags), __ATOMIC_SEQ_CST);
}

static void back_to_version_1(void)
{
    CHECK_OK(window_unmap(STATUS_SLOT));
    CHECK_OK(set_version(1));
}

TEST(grant_version)
{
    struct gnttab_get_version op = {.dom = NO_DOMAIN};

    grant_init();
    CHECK_OK(set_version(1));
    CHECK_EQ(version_now(), 1);
    CHECK_ERR(set_version(0), EINVAL);
    CHECK_ERR(set_version(3), EINVAL);
    CHECK_ERR(set_version(0xffffffff), EINVAL);
    CHECK_ERR(hc(grant_table_op, GNTTABOP_get_version, &op, 1), ESRCH);
    CHECK_EQ(version_now(), 1);
    need_version_2();
    CHECK_EQ(version_now(), 2);
    CHECK_OK(set_version(1));
    CHECK_EQ(version_now(), 1);
}

TEST(grant_v2_map)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    need_version_2();
    map_status();
    full_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, window_va(0), GNTMAP_host_map, &handle), GNTST_okay);
    *(volatile uint64_t *)window_va(0) = 8;
    CHECK_EQ(*page, 8);
    CHECK_EQ(*status_of(REF), GTF_reading | GTF_writing);
    CHECK_EQ(grant_v2(REF)->hdr.flags, GTF_permit_access); // the state is elsewhere
    CHECK_ERR(set_version(1), EBUSY);                      // in use
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    CHECK_EQ(*status_of(REF), 0);
    grant_v2(REF)->hdr.flags = 0;
    back_to_version_1();
}

TEST(grant_v2_sub_page)
{
    uint8_t *from = page_alloc(), *to = page_alloc();
    struct gnttab_copy c = {.len = 16, .flags = GNTCOPY_source_gref, .status = 99};
    grant_handle_t handle = 0;

    need_version_2();
    map_status();
    memset(from, 0x33, PAGE_SIZE);
    grant_v2(REF)->sub_page.page_off = 128;
    grant_v2(REF)->sub_page.length = 64;
    full_page(REF, from, GTF_sub_page | GTF_readonly);
    CHECK(grant_map(REF, window_va(0), GNTMAP_host_map | GNTMAP_readonly, &handle) < 0);
    c.source.u.ref = REF;
    c.source.domid = GRANT_OWN_DOMAIN;
    c.dest.u.gmfn = mfn_of(to);
    c.dest.domid = DOMID_SELF;
    c.source.offset = 128;
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, &c, 1));
    CHECK_EQ(c.status, GNTST_okay);
    CHECK_EQ(to[15], 0x33);
    c.source.offset = 128 + 56; // runs out of it
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, &c, 1));
    CHECK(c.status < 0);
    c.source.offset = 100; // begins before it
    CHECK_OK(hc(grant_table_op, GNTTABOP_copy, &c, 1));
    CHECK(c.status < 0);
    CHECK_EQ(*status_of(REF), 0);
    grant_v2(REF)->hdr.flags = 0;
    back_to_version_1();
}

TEST(grant_v2_status_frames)
{
    uint64_t frames[4] = {0};
    struct gnttab_get_status_frames op = {.nr_frames = 1, .dom = DOMID_SELF, .status = 99};

    op.frame_list = frames;
    grant_init();
    CHECK_OK(set_version(1));
    CHECK_OK(hc(grant_table_op, GNTTABOP_get_status_frames, &op, 1)); // none in version 1
    CHECK(op.status < 0);
    need_version_2();
    CHECK_OK(hc(grant_table_op, GNTTABOP_get_status_frames, &op, 1));
    CHECK_EQ(op.status, GNTST_okay);
    CHECK(frames[0] != 0);
    op.nr_frames = 100000;
    CHECK_OK(hc(grant_table_op, GNTTABOP_get_status_frames, &op, 1));
    CHECK(op.status < 0);
    op.nr_frames = 1;
    op.dom = NO_DOMAIN;
    CHECK_OK(hc(grant_table_op, GNTTABOP_get_status_frames, &op, 1));
    CHECK_EQ(op.status, GNTST_bad_domain);
    CHECK_OK(set_version(1));
}
