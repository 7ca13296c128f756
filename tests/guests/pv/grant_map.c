// Mapping grants: the domain maps what it grants to itself.
#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345
#define REF       GRANT_FIRST_REF
#define HOST      GNTMAP_host_map
#define HOST_RO   (GNTMAP_host_map | GNTMAP_readonly)

static volatile uint64_t *at(unsigned slot)
{
    return (volatile uint64_t *)window_va(slot);
}

TEST(grant_setup)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF};
    xen_pfn_t frames[64] = {0};

    CHECK_OK(hc(grant_table_op, GNTTABOP_query_size, &size, 1));
    CHECK_EQ(size.status, GNTST_okay);
    CHECK(size.max_nr_frames >= 1 && size.nr_frames <= size.max_nr_frames);
    setup.frame_list = frames;
    setup.nr_frames = 1;
    CHECK_OK(hc(grant_table_op, GNTTABOP_setup_table, &setup, 1));
    CHECK_EQ(setup.status, GNTST_okay);
    CHECK(frames[0] != 0);
    setup.nr_frames = size.max_nr_frames + 1;
    CHECK_OK(hc(grant_table_op, GNTTABOP_setup_table, &setup, 1));
    CHECK_EQ(setup.status, GNTST_general_error);
    setup.nr_frames = 1;
    setup.dom = NO_DOMAIN;
    CHECK_OK(hc(grant_table_op, GNTTABOP_setup_table, &setup, 1));
    CHECK_EQ(setup.status, GNTST_bad_domain);
    size.dom = NO_DOMAIN;
    CHECK_OK(hc(grant_table_op, GNTTABOP_query_size, &size, 1));
    CHECK_EQ(size.status, GNTST_bad_domain);
    grant_init();
}

TEST(grant_map_and_unmap)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    page[3] = 33;
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_okay);
    CHECK_EQ(*(at(0) + 3), 33);
    at(0)[4] = 44;
    CHECK_EQ(page[4], 44);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_MFN | PTE_P | PTE_W),
             pte_make(mfn_of(page), PTE_P | PTE_W));
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access);
    CHECK_EQ(FAULT_OF((void)*at(0)), VEC_PF);
    CHECK_EQ(*pte_of(window_va(0), 1) & PTE_P, 0);
    CHECK(grant_end(REF));
}

TEST(grant_read_only)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, GTF_readonly);
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_general_error);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(grant_map(REF, window_va(0), HOST_RO, &handle), GNTST_okay);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_readonly | GTF_reading);
    CHECK_EQ(FAULT_OF((void)*at(0)), NO_FAULT);
    CHECK_EQ(FAULT_OF(*at(0) = 1), VEC_PF);
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    // A writable grant may be mapped for reading alone.
    CHECK(grant_end(REF));
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, window_va(0), HOST_RO, &handle), GNTST_okay);
    CHECK_EQ(FAULT_OF(*at(0) = 1), VEC_PF);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_reading);
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    CHECK(grant_end(REF));
}

// Two mappings of one grant: the flags go with the last.
TEST(grant_map_twice)
{
    uint64_t *page = page_alloc();
    grant_handle_t a = 0, b = 0;

    grant_init();
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &a), GNTST_okay);
    CHECK_EQ(grant_map(REF, window_va(1), HOST_RO, &b), GNTST_okay);
    CHECK(a != b);
    *at(0) = 7;
    CHECK_EQ(*at(1), 7);
    CHECK_EQ(grant_unmap(a, window_va(0), 0), GNTST_okay);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_reading);
    CHECK(!grant_end(REF));
    CHECK_EQ(grant_unmap(b, window_va(1), 0), GNTST_okay);
    CHECK(grant_end(REF));
}

TEST(grant_map_by_entry)
{
    uint64_t *page = page_alloc();
    uint64_t maddr = pte_maddr(window_va(0), 1);
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, maddr, HOST | GNTMAP_contains_pte, &handle), GNTST_okay);
    *at(0) = 5;
    CHECK_EQ(*page, 5);
    CHECK_EQ(grant_unmap(handle, maddr, 0), GNTST_okay);
    CHECK_EQ(FAULT_OF(*at(0) = 5), VEC_PF);
    // Entries outside the guest's tables.
    CHECK(grant_map(REF, kernel_root() << 12, HOST | GNTMAP_contains_pte, &handle) < 0);
    CHECK(grant_map(REF, 0x000ffffffffff000, HOST | GNTMAP_contains_pte, &handle) < 0);
    CHECK(grant_map(REF, maddr + 4, HOST | GNTMAP_contains_pte, &handle) < 0);
    CHECK(grant_map(REF, mfn_of(page) << 12, HOST | GNTMAP_contains_pte, &handle) < 0);
    CHECK(grant_end(REF));
}

TEST(grant_map_for_device)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;
    uint64_t bus = 0;

    grant_init();
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map_of(GRANT_OWN_DOMAIN, REF, 0, GNTMAP_device_map, &handle, &bus), GNTST_okay);
    CHECK_EQ(bus, mfn_of(page) << 12);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(grant_unmap(handle, 0, bus), GNTST_okay);
    CHECK(grant_end(REF));
}

TEST(grant_map_available_bits)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, window_va(0), HOST | 5U << _GNTMAP_guest_avail0, &handle), GNTST_okay);
    CHECK_EQ(*pte_of(window_va(0), 1) >> 9 & 7, 5);
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    CHECK(grant_end(REF));
}

TEST(grant_map_bad_references)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_v1(REF)->flags = 0;
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_general_error);
    CHECK_EQ(grant_map(0x7fffffff, window_va(0), HOST, &handle), GNTST_bad_gntref);
    CHECK_EQ(grant_map(0xffffffff, window_va(0), HOST, &handle), GNTST_bad_gntref);
    // Meant for another domain.
    grant_frame(REF, NO_DOMAIN, mfn_of(page), 0);
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_general_error);
    // Not for access, or no flags of a mapping.
    grant_v1(REF)->domid = GRANT_OWN_DOMAIN;
    grant_v1(REF)->flags = GTF_accept_transfer;
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_general_error);
    grant_page(REF, page, 0);
    CHECK_EQ(grant_map(REF, window_va(0), 0, &handle), GNTST_bad_gntref);
    CHECK_EQ(grant_map_of(NO_DOMAIN, REF, window_va(0), HOST, &handle, NULL), GNTST_bad_domain);
    CHECK_EQ(*pte_of(window_va(0), 1), 0);
    CHECK(grant_end(REF));
}

// What one may not map oneself cannot be had by granting it to oneself.
TEST(grant_map_bad_frames)
{
    grant_handle_t handle = 0;

    grant_init();
    grant_frame(REF, GRANT_OWN_DOMAIN, 0xffffffff, 0);
    CHECK(grant_map(REF, window_va(0), HOST, &handle) < 0);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access);
    grant_frame(REF, GRANT_OWN_DOMAIN, kernel_root(), 0);
    CHECK(grant_map(REF, window_va(0), HOST, &handle) < 0);
    grant_frame(REF, GRANT_OWN_DOMAIN, mfn_of(window_l1()), 0);
    CHECK(grant_map(REF, window_va(0), HOST, &handle) < 0);
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access);
    CHECK_EQ(grant_map(REF, window_va(0), HOST_RO, &handle), GNTST_okay);
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    grant_frame(REF, GRANT_OWN_DOMAIN, 0xfee00, 0);
    CHECK(grant_map(REF, window_va(0), HOST, &handle) < 0);
    CHECK(grant_end(REF));
}

TEST(grant_map_bad_addresses)
{
    static const uint64_t va[] = {0xffff830000000000, 0xffff800000000000, 0x8000000000000000,
                                  0x0000300000000000};
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
        CHECK(grant_map(REF, va[i], HOST, &handle) < 0);
        CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access);
    }
    CHECK(grant_end(REF));
}

TEST(grant_unmap_hostile)
{
    uint64_t *page = page_alloc();
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    CHECK_EQ(grant_unmap(0x7fffffff, window_va(0), 0), GNTST_bad_handle);
    CHECK_EQ(grant_unmap(0xffffffff, window_va(0), 0), GNTST_bad_handle);
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_okay);
    CHECK_EQ(grant_unmap(handle, window_va(1), 0), GNTST_general_error); // another address
    CHECK_EQ(grant_v1(REF)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    *at(0) = 1;
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_okay);
    CHECK_EQ(grant_unmap(handle, window_va(0), 0), GNTST_bad_handle);
    CHECK(grant_end(REF));
}

// A batch goes on after a bad entry; each has a status of its own.
TEST(grant_batches)
{
    static struct gnttab_map_grant_ref maps[100];
    static struct gnttab_unmap_grant_ref unmaps[100];
    uint64_t *page = page_alloc();

    grant_init();
    grant_page(REF, page, 0);
    for (unsigned i = 0; i < 100; i++) {
        maps[i] = (struct gnttab_map_grant_ref){
            .host_addr = window_va(i), .flags = HOST, .ref = i == 50 ? 0xffffffff : REF};
        maps[i].dom = GRANT_OWN_DOMAIN;
    }
    CHECK_OK(hc(grant_table_op, GNTTABOP_map_grant_ref, maps, 100));
    for (unsigned i = 0; i < 100; i++) {
        if (maps[i].status != (i == 50 ? GNTST_bad_gntref : GNTST_okay))
            CHECK_EQ(maps[i].status, GNTST_okay);
        unmaps[i] =
            (struct gnttab_unmap_grant_ref){.host_addr = window_va(i), .handle = maps[i].handle};
        if (i == 50)
            unmaps[i].handle = GRANT_NO_HANDLE;
    }
    *at(99) = 17;
    CHECK_EQ(*page, 17);
    CHECK_OK(hc(grant_table_op, GNTTABOP_unmap_grant_ref, unmaps, 100));
    for (unsigned i = 0; i < 100; i++)
        if (unmaps[i].status != (i == 50 ? GNTST_bad_handle : GNTST_okay))
            CHECK_EQ(unmaps[i].status, GNTST_okay);
    CHECK(grant_end(REF));
    CHECK_OK(hc(grant_table_op, GNTTABOP_map_grant_ref, maps, 0));
}

TEST(grant_unmap_and_replace)
{
    uint64_t *page = page_alloc(), *other = page_alloc();
    struct gnttab_unmap_and_replace op = {0};
    grant_handle_t handle = 0;

    grant_init();
    grant_page(REF, page, 0);
    *other = 0x0712;
    CHECK_EQ(grant_map(REF, window_va(0), HOST, &handle), GNTST_okay);
    CHECK_OK(window_map(1, mfn_of(other), PTE_RW));
    op.host_addr = window_va(0);
    op.new_addr = window_va(1);
    op.handle = handle;
    CHECK_OK(hc(grant_table_op, GNTTABOP_unmap_and_replace, &op, 1));
    CHECK_EQ(op.status, GNTST_okay);
    CHECK_EQ(*at(0), 0x0712);                      // moved there
    CHECK_EQ(*pte_of(window_va(1), 1) & PTE_P, 0); // from here
    CHECK(grant_end(REF));
    CHECK_OK(window_unmap(0));
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
    CHECK_OK(hc(grant_table_op, GNTTABOP_unmap_and_replace, &op, 1));
    CHECK_EQ(op.status, GNTST_bad_handle);
}
