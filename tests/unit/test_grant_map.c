// Mapping by grant: what is allowed and refused, in one call and in many, the death of either side,
// and an owner that changes its entries while they are used.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/grant.c hypervisor/core/grant_pin.c hypervisor/core/grant_map.c
// sources: hypervisor/core/grant_copy.c hypervisor/core/grant_version.c
// sources: hypervisor/core/grant_op.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/unit/grant_trio.h"

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
    static CU_TestInfo tests[] = {
        {"map", test_map},
        {"refusals", test_refusals},
        {"device mappings", test_device},
        {"replace", test_replace},
        {"entry changed in use", test_change_in_use},
        {"handles run out", test_handles_run_out},
        {"preemption", test_batches_are_preemptible},
        {"mapper dies", test_mapper_dies},
        {"owner dies", test_owner_dies},
        {"hostile owner", test_hostile},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("mapping by grant", tests);
}
