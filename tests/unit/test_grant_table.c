// The table itself: its frames, its two versions, and what is done to entries.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/grant.c hypervisor/core/grant_pin.c hypervisor/core/grant_map.c
// sources: hypervisor/core/grant_copy.c hypervisor/core/grant_version.c
// sources: hypervisor/core/grant_op.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <unistd.h>

#include "tests/suite.h"
#include "tests/unit/grant_trio.h"

static void test_faults(void)
{
    begin();
    for (unsigned cmd = 0; cmd <= GNTTABOP_cache_flush; cmd++) {
        fake_run(back->vcpus[0]);
        CU_ASSERT_EQUAL(do_grant_table_op(cmd, FAKE_FAULT_ADDRESS, 1),
                        cmd == GNTTABOP_dump_table ? -ENOSYS : -EFAULT);
        CU_ASSERT_EQUAL(do_grant_table_op(cmd, FAKE_FAULT_ADDRESS, 0x80000000), -EINVAL);
    }
    CU_ASSERT_EQUAL(do_grant_table_op(GNTTABOP_cache_flush + 1, 0, 1), -ENOSYS);
    CU_ASSERT_EQUAL(do_grant_table_op(~0u, 0, 1), -ENOSYS);
    CU_ASSERT_EQUAL(do_grant_table_op(GNTTABOP_map_grant_ref, FAKE_FAULT_ADDRESS, 0), 0);
    CU_ASSERT_EQUAL(do_grant_table_op(GNTTABOP_setup_table, FAKE_FAULT_ADDRESS, 2), -EINVAL);
    end();
}

static void test_setup_table(void)
{
    xen_pfn_t frames[8] = {0};
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 4, .frame_list = frames};
    struct gnttab_query_size size = {.dom = DOMID_SELF};

    begin();
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_query_size, &size, 1), 0);
    CU_ASSERT_EQUAL(size.nr_frames, 1);
    CU_ASSERT_EQUAL(size.max_nr_frames, 4);
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_setup_table, &op, 1), 0);
    CU_ASSERT_EQUAL(op.status, GNTST_okay);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_PTR_EQUAL(frame_owner(mfn_to_frame(frames[i])), front);
        CU_ASSERT_PTR_EQUAL(mfn_to_virt(frames[i]), table_va(front, i));
    }
    op.nr_frames = 5;
    gnttab(front, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_general_error);
    op.nr_frames = 1;
    op.dom = 6;
    gnttab(front, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_permission_denied);
    gnttab(back, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_okay);
    op.dom = 77;
    gnttab(back, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_bad_domain);
    op.dom = 6;
    op.nr_frames = 3;
    fake_alloc_budget = 4;
    gnttab(back, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_general_error);
    fake_alloc_budget = -1;
    size.dom = 6;
    gnttab(back, GNTTABOP_query_size, &size, 1);
    CU_ASSERT_EQUAL(size.nr_frames, 1);
    gnttab(back, GNTTABOP_setup_table, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_okay);
    end();
}

static void test_version(void)
{
    struct gnttab_get_version get = {.dom = 6};
    grant_handle_t h;

    begin();
    CU_ASSERT_EQUAL(set_version(front, 3), -EINVAL);
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_get_version, &get, 1), -EPERM);
    get.dom = 77;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_get_version, &get, 1), -ESRCH);
    offer(front, 1, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 1, VA(1), HOST, &h), GNTST_okay);
    offer(front, 9, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(set_version(front, 2), 0); // reserved entries may be in use
    CU_ASSERT_EQUAL(entry_v2(front, 1)->hdr.flags, GTF_permit_access);
    CU_ASSERT_EQUAL(entry_v2(front, 1)->full_page.frame, frame_to_mfn(page));
    CU_ASSERT_EQUAL(*status_of(front, 1), GTF_reading | GTF_writing);
    CU_ASSERT_EQUAL(entry_v2(front, 9)->hdr.flags, 0); // others do not survive
    CU_ASSERT_EQUAL(set_version(front, 1), 0);
    flags_are(1, GTF_permit_access | GTF_reading | GTF_writing);
    CU_ASSERT_EQUAL(set_version(front, 2), 0);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    CU_ASSERT_EQUAL(*status_of(front, 1), 0);
    entry_v2(front, 8)->full_page.frame = frame_to_mfn(page);
    entry_v2(front, 8)->hdr.domid = 0;
    entry_v2(front, 8)->hdr.flags = GTF_permit_access;
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST | RO, &h), GNTST_okay);
    CU_ASSERT_EQUAL(entry_v2(front, 8)->hdr.flags, GTF_permit_access);
    CU_ASSERT_EQUAL(*status_of(front, 8), GTF_reading);
    CU_ASSERT_EQUAL(set_version(front, 1), -EBUSY);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    entry_v2(front, 2)->hdr.flags = GTF_transitive;
    CU_ASSERT_EQUAL(set_version(front, 1), -EINVAL);
    entry_v2(front, 2)->hdr.flags = GTF_permit_access;
    entry_v2(front, 2)->full_page.frame = 1ull << 32;
    CU_ASSERT_EQUAL(set_version(front, 1), -ERANGE);
    entry_v2(front, 2)->hdr.flags = 0;
    CU_ASSERT_EQUAL(set_version(front, 1), 0);
    end();
}

static void test_status_frames(void)
{
    uint64_t frames[4];
    struct gnttab_get_status_frames op = {.dom = DOMID_SELF, .nr_frames = 1, .frame_list = frames};

    begin();
    gnttab(front, GNTTABOP_get_status_frames, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_general_error); // version 1 has none
    set_version(front, 2);
    gnttab(front, GNTTABOP_get_status_frames, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_okay);
    CU_ASSERT_PTR_EQUAL(mfn_to_virt(frames[0]), status_of(front, 0));
    op.nr_frames = 2;
    gnttab(front, GNTTABOP_get_status_frames, &op, 1);
    CU_ASSERT_EQUAL(op.status, GNTST_general_error);
    end();
}

static void test_small_operations(void)
{
    struct gnttab_swap_grant_ref swap = {8, 9, 99};
    struct gnttab_transfer transfer[2] = {{.status = 99}, {.status = 99}};
    struct gnttab_cache_flush flush = {.length = 100, .op = GNTTAB_CACHE_CLEAN};
    grant_handle_t h;

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_swap_grant_ref, &swap, 1), 0);
    CU_ASSERT_EQUAL(swap.status, GNTST_okay);
    flags_are(8, 0);
    flags_are(9, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 9, VA(1), HOST, &h), GNTST_okay);
    gnttab(front, GNTTABOP_swap_grant_ref, &swap, 1);
    CU_ASSERT_EQUAL(swap.status, GNTST_eagain);
    swap.ref_b = 512;
    gnttab(front, GNTTABOP_swap_grant_ref, &swap, 1);
    CU_ASSERT_EQUAL(swap.status, GNTST_bad_gntref);

    transfer[1].mfn = frame_to_mfn(page);
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_transfer, transfer, 2), 0);
    CU_ASSERT_EQUAL(transfer[0].status, GNTST_bad_page); // not its own
    CU_ASSERT_EQUAL(transfer[1].status, GNTST_general_error);

    flush.a.dev_bus_addr = frame_to_mfn(page) << PAGE_SHIFT;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_cache_flush, &flush, 1), 0); // its own
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_cache_flush, &flush, 1), 0);  // mapped by grant
    CU_ASSERT_EQUAL(gnttab(third, GNTTABOP_cache_flush, &flush, 1), -EPERM);
    flush.op = GNTTAB_CACHE_INVAL;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_cache_flush, &flush, 1), -EOPNOTSUPP);
    flush.op = 4;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_cache_flush, &flush, 1), -EINVAL);
    flush.op = GNTTAB_CACHE_CLEAN;
    flush.offset = PAGE_SIZE - 99;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_cache_flush, &flush, 1), -EINVAL);
    flush.offset = 0;
    flush.a.dev_bus_addr = ~0ull;
    CU_ASSERT_EQUAL(gnttab(front, GNTTABOP_cache_flush, &flush, 1), -EINVAL);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"faults", test_faults},
        {"setup_table", test_setup_table},
        {"version", test_version},
        {"status frames", test_status_frames},
        {"small operations", test_small_operations},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("grant tables", tests);
}
