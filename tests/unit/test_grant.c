// Grant tables: each operation of both versions, refusals, death, and an owner that changes its
// entries while they are used.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/grant.c hypervisor/core/grant_pin.c hypervisor/core/grant_map.c
// sources: hypervisor/core/grant_copy.c hypervisor/core/grant_version.c
// sources: hypervisor/core/grant_op.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/grant_guest.h"

#define VA(n)  (0x10000000ull + (n)*0x1000ull)
#define HOST   GNTMAP_host_map
#define DEVICE GNTMAP_device_map
#define RO     GNTMAP_readonly

static struct domain *back, *front, *third;
static struct frame *page;

static int setup(void)
{
    back = make_domain(0, true);
    front = make_domain(5, false);
    third = make_domain(6, false);
    page = fake_guest_frame(front);
    return 0;
}

static void begin(void)
{
    setup();
    fake_tlb_flushes = 0;
    fake_on_tlb_flush = NULL;
}

// Everything must be free again once all three are gone.
static void end(void)
{
    CU_ASSERT_EQUAL(ptes_in_use(), 0);
    relinquish(back);
    relinquish(front);
    relinquish(third);
    CU_ASSERT_EQUAL(fake_frame_refs(page), 1);
    CU_ASSERT_EQUAL(fake_frame_types(page), 0);
    frame_put(page);
    CU_ASSERT_EQUAL(front->refs, 1);
    CU_ASSERT_EQUAL(third->refs, 1);
    finish(back);
    finish(front);
    finish(third);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void flags_are(unsigned ref, unsigned flags)
{
    CU_ASSERT_EQUAL(entry_v1(front, ref)->flags, flags);
}

static void still_marked(void)
{
    flags_are(8, GTF_permit_access | GTF_reading | GTF_writing);
    CU_ASSERT_TRUE(fake_frame_refs(page) > 1);
}

static void test_map(void)
{
    grant_handle_t h, h2;

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_okay);
    flags_are(8, GTF_permit_access | GTF_reading | GTF_writing);
    CU_ASSERT_EQUAL(fake_frame_types(page), 2); // the grant's and the page-table entry's
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(2), HOST | RO, &h2), GNTST_okay);
    CU_ASSERT_NOT_EQUAL(h, h2);
    fake_on_tlb_flush = still_marked;
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    CU_ASSERT_EQUAL(fake_tlb_flushes, 1);
    fake_on_tlb_flush = NULL;
    flags_are(8, GTF_permit_access | GTF_reading);
    CU_ASSERT_EQUAL(fake_frame_types(page), 0);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_bad_handle);
    CU_ASSERT_EQUAL(unmap(back, VA(3), 0, h2), GNTST_general_error); // not where it is mapped
    CU_ASSERT_EQUAL(unmap(back, VA(2), 0, h2), GNTST_okay);
    flags_are(8, GTF_permit_access);
    CU_ASSERT_EQUAL(front->refs, 1);
    end();
}

static void test_refusals(void)
{
    struct frame *foreign;
    grant_handle_t h;

    begin();
    foreign = fake_guest_frame(third);
    offer(front, 8, 0, page, GTF_permit_access | GTF_readonly);
    offer(front, 9, 6, page, GTF_permit_access);
    offer(front, 10, 0, foreign, GTF_permit_access);
    offer(front, 11, 0, page, GTF_accept_transfer);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_general_error); // read-only
    CU_ASSERT_EQUAL(map(back, 5, 9, VA(1), HOST, &h), GNTST_general_error); // for another
    CU_ASSERT_EQUAL(map(back, 5, 10, VA(1), HOST, &h), GNTST_bad_page);     // not its own
    CU_ASSERT_EQUAL(map(back, 5, 11, VA(1), HOST, &h), GNTST_general_error);
    CU_ASSERT_EQUAL(map(back, 5, 12, VA(1), HOST, &h), GNTST_general_error); // empty
    CU_ASSERT_EQUAL(map(back, 5, 512, VA(1), HOST, &h), GNTST_bad_gntref);
    CU_ASSERT_EQUAL(map(back, 5, ~0u, VA(1), HOST, &h), GNTST_bad_gntref);
    CU_ASSERT_EQUAL(map(back, 77, 8, VA(1), HOST, &h), GNTST_bad_domain);
    CU_ASSERT_EQUAL(map(back, DOMID_SELF, 8, VA(1), HOST, &h), GNTST_bad_domain);
    CU_ASSERT_EQUAL(map(back, DOMID_IO, 8, VA(1), HOST, &h), GNTST_bad_domain);
    CU_ASSERT_EQUAL(map(back, DOMID_XEN, 8, VA(1), HOST, &h), GNTST_bad_domain);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), RO, &h), GNTST_bad_gntref); // no kind of mapping
    CU_ASSERT_EQUAL(map(back, 5, 8, BAD_VA, HOST | RO, &h), GNTST_bad_virt_addr);
    for (unsigned ref = 8; ref < 13; ref++)
        CU_ASSERT_EQUAL(entry_v1(front, ref)->flags & (GTF_reading | GTF_writing), 0);
    // A page table can not be mapped writable, and may be read-only.
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(frame_get_type(page, FT_L1, false), 0);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_general_error);
    flags_are(8, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST | RO, &h), GNTST_okay);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    CU_ASSERT_EQUAL(frame_put_type(page, false), 0);
    CU_ASSERT_EQUAL(fake_frame_refs(foreign), 1);
    frame_put(foreign);
    CU_ASSERT_EQUAL(unmap(back, 0, 0, 5000), GNTST_bad_handle);
    CU_ASSERT_EQUAL(unmap(third, 0, 0, 0), GNTST_bad_handle);
    end();
}

static void test_device(void)
{
    grant_handle_t h;
    uint64_t bus;

    begin();
    bus = frame_to_mfn(page) << PAGE_SHIFT;
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST | DEVICE, &h), GNTST_okay);
    CU_ASSERT_EQUAL(unmap(back, VA(1), bus + 1, h), GNTST_general_error);
    CU_ASSERT_EQUAL(ptes_in_use(), 1); // nothing was done
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    flags_are(8, GTF_permit_access | GTF_reading | GTF_writing);
    CU_ASSERT_EQUAL(unmap(back, 0, 0, h), GNTST_okay); // nothing asked for
    CU_ASSERT_EQUAL(unmap(back, 0, bus, h), GNTST_okay);
    flags_are(8, GTF_permit_access);
    CU_ASSERT_EQUAL(unmap(back, 0, bus, h), GNTST_bad_handle);
    end();
}

static void test_replace(void)
{
    struct gnttab_unmap_and_replace op = {.host_addr = VA(1), .new_addr = VA(2)};
    grant_handle_t h, other;

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    offer(front, 9, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_okay);
    CU_ASSERT_EQUAL(map(back, 5, 9, VA(2), HOST, &other), GNTST_okay);
    op.handle = h;
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_unmap_and_replace, &op, 1), 0);
    CU_ASSERT_EQUAL(op.status, GNTST_okay);
    CU_ASSERT_EQUAL(unmap(back, VA(2), 0, other), GNTST_general_error);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, other), GNTST_okay);
    end();
}

// Once in use, an entry may change without effect on the use, and is not believed for another
// frame.
static void test_change_in_use(void)
{
    struct frame *other;
    grant_handle_t h, h2;

    begin();
    other = fake_guest_frame(front);
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_okay);
    offer(front, 8, 0, other, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(2), HOST, &h2), GNTST_okay);
    CU_ASSERT_EQUAL(ptes[pte_find(back, VA(2))].mfn, frame_to_mfn(page));
    offer(front, 8, 6, other, GTF_permit_access);
    CU_ASSERT_EQUAL(map(third, 5, 8, VA(2), HOST, &h), GNTST_general_error); // in use by another
    entry_v1(front, 8)->flags = 0xffff;
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, 0), GNTST_okay);
    CU_ASSERT_EQUAL(unmap(back, VA(2), 0, 1), GNTST_okay);
    CU_ASSERT_EQUAL(fake_frame_refs(other), 1);
    frame_put(other);
    end();
}

static void test_handles_run_out(void)
{
    static struct gnttab_map_grant_ref ops[1025];

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    for (unsigned i = 0; i < 1025; i++)
        ops[i] =
            (struct gnttab_map_grant_ref){.flags = DEVICE | RO, .ref = 8, .dom = 5, .status = 99};
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_map_grant_ref, ops, 1025), 0);
    for (unsigned i = 0; i < 1024; i++)
        CU_ASSERT_EQUAL(ops[i].status, GNTST_okay);
    CU_ASSERT_EQUAL(ops[1024].status, GNTST_no_device_space);
    CU_ASSERT_EQUAL(front->refs, 1 + 1024);
    CU_ASSERT_EQUAL(unmap(back, 0, ops[7].dev_bus_addr, ops[7].handle), GNTST_okay);
    CU_ASSERT_EQUAL(map(back, 5, 8, 0, DEVICE | RO, &ops[7].handle), GNTST_okay);
    // Memory runs short: a clean refusal.
    fake_alloc_budget = 0;
    CU_ASSERT_EQUAL(map(third, 5, 8, 0, DEVICE | RO, &ops[0].handle), GNTST_no_device_space);
    fake_alloc_budget = -1;
    fake_preempt_every = 3; // death drops them all, bit by bit
    end();
}

static void test_batches_are_preemptible(void)
{
    struct gnttab_map_grant_ref maps[100];
    struct gnttab_unmap_grant_ref unmaps[100];
    uint64_t args[3];
    long rc;

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    for (unsigned i = 0; i < 100; i++)
        maps[i] = (struct gnttab_map_grant_ref){
            .host_addr = VA(i), .flags = HOST, .ref = 8, .dom = 5, .status = 99};
    fake_preempt_every = 7;
    args[1] = guest_address(maps);
    args[2] = 100;
    do {
        fake_run(back->vcpus[0]);
        rc = do_grant_table_op(GNTTABOP_map_grant_ref, args[1], (unsigned)args[2]);
        memcpy(args, fake_hypercall_args, sizeof(args));
    } while (rc == -ERESTART);
    CU_ASSERT_EQUAL(rc, 0);
    for (unsigned i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(maps[i].status, GNTST_okay);
        unmaps[i] = (struct gnttab_unmap_grant_ref){
            .host_addr = VA(i), .handle = maps[i].handle, .status = 99};
    }
    CU_ASSERT_TRUE(fake_continued > 10);
    fake_preempt_every = 0;
    fake_tlb_flushes = 0;
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_unmap_grant_ref, unmaps, 100), 0);
    CU_ASSERT_EQUAL(fake_tlb_flushes, 4); // 32 at once
    for (unsigned i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(unmaps[i].status, GNTST_okay);
    end();
}

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

// Copies ------------------------------------------------------------------------------------------

static int copy(struct domain *d, struct gnttab_copy op)
{
    op.status = 99;
    CU_ASSERT_EQUAL(gnttab(d, GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

static void test_copy(void)
{
    struct frame *own;
    struct gnttab_copy to = {.flags = GNTCOPY_dest_gref, .len = 100};
    struct gnttab_copy from = {.flags = GNTCOPY_source_gref, .len = 100};

    begin();
    own = fake_guest_frame(back);
    offer(front, 8, 0, page, GTF_permit_access);
    offer(front, 9, 0, page, GTF_permit_access | GTF_readonly);
    memset(fake_frame_va(own), 7, PAGE_SIZE);
    to.source.u.gmfn = frame_to_mfn(own);
    to.source.domid = DOMID_SELF;
    to.dest.u.ref = 8;
    to.dest.domid = 5;
    to.dest.offset = 50;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_okay);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[49], 0);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[50], 7);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[149], 7);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[150], 0);
    flags_are(8, GTF_permit_access);
    to.dest.u.ref = 9;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_general_error);
    flags_are(9, GTF_permit_access | GTF_readonly);
    to.dest.u.ref = 8;
    to.dest.offset = PAGE_SIZE - 99;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_bad_copy_arg);
    to.dest.offset = 0;
    to.source.domid = 0; // by frame number only for oneself, named so
    CU_ASSERT_EQUAL(copy(back, to), GNTST_permission_denied);
    to.source.domid = DOMID_SELF;
    to.source.u.gmfn = frame_to_mfn(page);
    CU_ASSERT_EQUAL(copy(back, to), GNTST_bad_page);

    from.source.u.ref = 9;
    from.source.domid = 5;
    from.dest.u.gmfn = frame_to_mfn(own);
    from.dest.domid = DOMID_SELF;
    from.dest.offset = 1000;
    CU_ASSERT_EQUAL(copy(back, from), GNTST_okay);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(own))[1010], 0);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(own))[1060], 7);
    CU_ASSERT_EQUAL(copy(third, from), GNTST_general_error); // not granted to it
    from.source.domid = 77;
    CU_ASSERT_EQUAL(copy(back, from), GNTST_bad_domain);
    from.source.domid = 5;
    CU_ASSERT_EQUAL(frame_get_type(own, FT_L4, false), 0);
    CU_ASSERT_EQUAL(copy(back, from), GNTST_general_error);
    frame_put_type(own, false);
    CU_ASSERT_EQUAL(fake_frame_refs(own), 1);
    frame_put(own);
    CU_ASSERT_EQUAL(fake_frame_refs(page), 1);
    end();
}

// Several pieces of the same two pages in one call.
static void test_copy_batch(void)
{
    struct gnttab_copy ops[16];
    struct frame *own;

    begin();
    own = fake_guest_frame(back);
    offer(front, 8, 0, page, GTF_permit_access);
    for (unsigned i = 0; i < 4096; i++)
        ((uint8_t *)fake_frame_va(page))[i] = (uint8_t)(i * 31 >> 3);
    for (unsigned i = 0; i < 16; i++)
        ops[i] =
            (struct gnttab_copy){.source = {.u.ref = 8, .domid = 5, .offset = (uint16_t)(i * 256)},
                                 .dest = {.u.gmfn = frame_to_mfn(own),
                                          .domid = DOMID_SELF,
                                          .offset = (uint16_t)(i * 256)},
                                 .len = 256,
                                 .flags = GNTCOPY_source_gref,
                                 .status = 99};
    ops[7].source.u.ref = 9; // a bad one among them
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_copy, ops, 16), 0);
    CU_ASSERT_EQUAL(ops[7].status, GNTST_general_error);
    ops[7].source.u.ref = 8;
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_copy, ops + 7, 1), 0);
    CU_ASSERT_EQUAL(memcmp(fake_frame_va(own), fake_frame_va(page), PAGE_SIZE), 0);
    flags_are(8, GTF_permit_access);
    frame_put(own);
    end();
}

// Version 2 ---------------------------------------------------------------------------------------

static long set_version(struct domain *d, unsigned version)
{
    struct gnttab_set_version op = {.version = version};
    long rc = gnttab(d, GNTTABOP_set_version, &op, 1);
    struct gnttab_get_version get = {.dom = DOMID_SELF};

    CU_ASSERT_EQUAL(gnttab(d, GNTTABOP_get_version, &get, 1), 0);
    if (!rc)
        CU_ASSERT_EQUAL(get.version, version);
    return rc;
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

static void test_sub_page(void)
{
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 5, .offset = 100},
                             .dest.domid = DOMID_SELF,
                             .len = 50,
                             .flags = GNTCOPY_source_gref};
    struct frame *own;
    grant_handle_t h;

    begin();
    own = fake_guest_frame(back);
    op.dest.u.gmfn = frame_to_mfn(own);
    set_version(front, 2);
    entry_v2(front, 8)->sub_page.frame = frame_to_mfn(page);
    entry_v2(front, 8)->sub_page.page_off = 100;
    entry_v2(front, 8)->sub_page.length = 50;
    entry_v2(front, 8)->hdr.flags = GTF_permit_access | GTF_sub_page;
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_general_error);
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    op.source.offset = 99;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    op.source.offset = 101;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    op.len = 49;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    entry_v2(front, 8)->sub_page.page_off = 0xffff;
    entry_v2(front, 8)->sub_page.length = 0xffff;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    frame_put(own);
    end();
}

// third grants page 8 to front, which passes it on to back.
static void test_transitive(void)
{
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 5},
                             .dest.domid = DOMID_SELF,
                             .len = 4,
                             .flags = GNTCOPY_source_gref};
    struct frame *own, *far;
    grant_handle_t h;

    begin();
    own = fake_guest_frame(back);
    far = fake_guest_frame(third);
    memcpy(fake_frame_va(far), "far", 4);
    op.dest.u.gmfn = frame_to_mfn(own);
    set_version(front, 2);
    entry_v2(front, 8)->transitive.trans_domid = 6;
    entry_v2(front, 8)->transitive.gref = 20;
    entry_v2(front, 8)->hdr.domid = 0;
    entry_v2(front, 8)->hdr.flags = GTF_transitive;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error); // third has not granted it
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    offer(third, 20, 5, far, GTF_permit_access | GTF_readonly);
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    CU_ASSERT_EQUAL(memcmp(fake_frame_va(own), "far", 4), 0);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST | RO, &h), GNTST_general_error);
    CU_ASSERT_EQUAL(map(third, 5, 8, VA(1), HOST | RO, &h), GNTST_general_error);
    // No chains, no circles.
    set_version(third, 2);
    entry_v2(third, 20)->transitive.trans_domid = 5;
    entry_v2(third, 20)->transitive.gref = 8;
    entry_v2(third, 20)->hdr.domid = 5;
    entry_v2(third, 20)->hdr.flags = GTF_transitive;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    entry_v2(front, 8)->transitive.trans_domid = 5;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    entry_v2(front, 8)->transitive.trans_domid = 77;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_bad_domain);
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    CU_ASSERT_EQUAL(*status_of(third, 20), 0);
    CU_ASSERT_EQUAL(fake_frame_refs(far), 1);
    CU_ASSERT_EQUAL(third->refs, 1);
    frame_put(own);
    frame_put(far);
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

// Death -------------------------------------------------------------------------------------------

static void test_mapper_dies(void)
{
    grant_handle_t h;

    begin();
    offer(front, 8, 6, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(third, 5, 8, VA(1), HOST, &h), GNTST_okay);
    CU_ASSERT_EQUAL(map(third, 5, 8, VA(2), DEVICE | RO, &h), GNTST_okay);
    CU_ASSERT_EQUAL(grant_domain_relinquish(third), 0);
    flags_are(8, GTF_permit_access);
    CU_ASSERT_EQUAL(front->refs, 1);
    CU_ASSERT_EQUAL(fake_frame_refs(page), 2); // the page-table entry's
    pte_drop(pte_find(third, VA(1)));
    end();
}

// The granting domain's memory and table must outlast the mapping.
static void test_owner_dies(void)
{
    grant_handle_t h, h2;

    begin();
    offer(front, 8, 0, page, GTF_permit_access);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_okay);
    CU_ASSERT_EQUAL(grant_domain_relinquish(front), 0);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(2), HOST, &h2), GNTST_general_error); // no new uses
    CU_ASSERT_EQUAL(front->refs, 2);
    CU_ASSERT_TRUE(fake_frame_refs(page) > 1);
    CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
    CU_ASSERT_EQUAL(front->refs, 1);
    end();
}

// A hostile owner ---------------------------------------------------------------------------------

static unsigned stop; // atomic

static void *scribbler(void *arg)
{
    uint64_t x = 88172645463325252ull;
    struct grant_entry_v1 *e = arg;

    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        e->flags = (uint16_t)(x & 1 ? GTF_permit_access : x >> 8);
        if (x & 2)
            e->frame = (uint32_t)(x & 4 ? frame_to_mfn(page) : x >> 20);
        e->domid = x & 8 ? 0 : (domid_t)(x >> 40);
    }
    return NULL;
}

static void test_hostile(void)
{
    unsigned good = 0, copied = 0;
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 5},
                             .dest.domid = DOMID_SELF,
                             .len = 64,
                             .flags = GNTCOPY_source_gref};
    struct frame *own;
    pthread_t thread;

    begin();
    own = fake_guest_frame(back);
    op.dest.u.gmfn = frame_to_mfn(own);
    stop = 0;
    pthread_create(&thread, NULL, scribbler, entry_v1(front, 8));
    for (unsigned i = 0; i < 200000 || (good < 100 && i < 20000000); i++) {
        grant_handle_t h;

        if (map(back, 5, 8, VA(1), HOST | (i & 1 ? RO : 0), &h) == GNTST_okay) {
            good++;
            CU_ASSERT_EQUAL(unmap(back, VA(1), 0, h), GNTST_okay);
        }
        copied += copy(back, op) == GNTST_okay;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    CU_ASSERT_TRUE(good > 0 && copied > 0);
    CU_ASSERT_EQUAL(fake_frame_refs(own), 1);
    frame_put(own);
    end();
}

int main(void)
{
    alarm(300);
    CU_initialize_registry();
    CU_pSuite s = CU_add_suite("grants", NULL, NULL);

    CU_add_test(s, "map", test_map);
    CU_add_test(s, "refusals", test_refusals);
    CU_add_test(s, "device mappings", test_device);
    CU_add_test(s, "replace", test_replace);
    CU_add_test(s, "entry changed in use", test_change_in_use);
    CU_add_test(s, "handles run out", test_handles_run_out);
    CU_add_test(s, "preemption", test_batches_are_preemptible);
    CU_add_test(s, "faults", test_faults);
    CU_add_test(s, "setup_table", test_setup_table);
    CU_add_test(s, "copy", test_copy);
    CU_add_test(s, "copy batch", test_copy_batch);
    CU_add_test(s, "version", test_version);
    CU_add_test(s, "status frames", test_status_frames);
    CU_add_test(s, "sub-page", test_sub_page);
    CU_add_test(s, "transitive", test_transitive);
    CU_add_test(s, "small operations", test_small_operations);
    CU_add_test(s, "mapper dies", test_mapper_dies);
    CU_add_test(s, "owner dies", test_owner_dies);
    CU_add_test(s, "hostile owner", test_hostile);
    CU_basic_run_tests();
    return CU_get_number_of_failures() != 0 || CU_get_number_of_tests_run() == 0;
}
