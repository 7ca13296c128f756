// HYPERVISOR_memory_op: reservations, claims, exchange, memory maps, resources.
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_machine.c tests/unit/mmu_calls.c tests/unit/mmu_check.c
// sources: hypervisor/core/rangeset.c hypervisor/core/memory.c hypervisor/core/memory_exchange.c
// sources: hypervisor/core/memory_map.c hypervisor/core/memory_physmap.c
// sources: hypervisor/core/memory_reservation.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include "core/grant.h"
#include "core/memory.h"
#include "mm/buddy.h"
#include "mm/paging.h"
#include "pv-abi/memory.h"
#include "tests/suite.h"
#include "tests/unit/mmu_world.h"

maddr_t hv_translate(uint64_t va)
{
    return ~0ull;
}

int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn)
{
    if (index > (status ? 3 : 63))
        return -EINVAL;
    *mfn = 0x100 + index + 0x100 * status;
    return 0;
}

unsigned grant_table_max_frames(const struct domain *d)
{
    return 64;
}

static void test_reservations(void)
{
    uint64_t list[8];
    struct xen_memory_reservation r = {.extent_start = list, .nr_extents = 8, .domid = DOMID_SELF};
    domid_t self = DOMID_SELF;
    unsigned before;

    begin();
    before = dom[0]->mem.nr_pages;
    for (unsigned i = 0; i < 8; i++)
        list[i] = 1000 + i;
    preempt_one_in = 2;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_populate_physmap, &r), 8);
    CU_ASSERT_EQUAL(dom[0]->mem.nr_pages, before + 8);
    CU_ASSERT_EQUAL(m2p_get(list[3]), 1003);
    check();
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_current_reservation, &self), before + 8);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_maximum_reservation, &self), PAGES + 32);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_maximum_ram_page, NULL), RAM_FRAMES);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_decrease_reservation, &r), 8);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_decrease_reservation, &r), 0); // no longer its own
    CU_ASSERT_EQUAL(dom[0]->mem.nr_pages, before);
    // Up to the limit, and no further.
    r.nr_extents = 8;
    r.extent_order = 3;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_increase_reservation, &r), 4);
    CU_ASSERT_EQUAL(dom[0]->mem.nr_pages, before + 32);
    r.domid = 55;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_populate_physmap, &r), 0);
    run_on(1, dom[1]->vcpus[0]);
    r.domid = 0;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_populate_physmap, &r), 0);
    CU_ASSERT_EQUAL(dom[0]->mem.nr_pages, before + 32);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_claim_pages, &r), -EINVAL);
    run_on(0, dom[0]->vcpus[0]);
    r = (struct xen_memory_reservation){.nr_extents = 64, .domid = 1};
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_claim_pages, &r), 0);
    CU_ASSERT_EQUAL(dom[1]->mem.claimed_pages, 64 - PAGES);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_claim_pages, &r), -EINVAL); // one at a time
    r.nr_extents = 0;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_claim_pages, &r), 0);
    CU_ASSERT_EQUAL(buddy_claimed(), 0);
    end();
}

static void test_exchange(void)
{
    uint64_t in[4], out[1] = {500};
    struct xen_memory_exchange e = {
        .in = {.extent_start = in, .nr_extents = 4, .domid = DOMID_SELF},
        .out = {.extent_start = out, .nr_extents = 1, .extent_order = 2, .domid = DOMID_SELF}};

    begin();
    for (unsigned i = 0; i < 4; i++)
        in[i] = frame[0][10 + i];
    // Still mapped: nothing happens.
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_exchange, &e), -EINVAL);
    CU_ASSERT_EQUAL(e.nr_exchanged, 0);
    check();
    for (unsigned i = 0; i < 4; i++)
        do_update_va_mapping((10 + i) << 12, 0, UVMF_INVLPG);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_exchange, &e), 0);
    CU_ASSERT_EQUAL(e.nr_exchanged, 4);
    CU_ASSERT_EQUAL(out[0] & 3, 0);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(m2p_get(out[0] + i), 500 + i);
        CU_ASSERT_EQUAL(do_update_va_mapping((10 + i) << 12, (out[0] + i) << 12 | 3, 0), 0);
    }
    CU_ASSERT_EQUAL(dom[0]->mem.nr_pages, PAGES);
    e.nr_exchanged = 0;
    e.in.nr_extents = 3;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_exchange, &e), -EINVAL); // unequal sizes
    e.in.nr_extents = 4;
    e.out.domid = 1;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_exchange, &e), -EINVAL);
    end();
}

static void test_maps(void)
{
    struct e820_entry set[3] = {{0, 0x1000, 1}, {0x2000, 0x1000, 2}, {0x3000, 5, 3}}, got[3];
    struct xen_foreign_memory_map f = {.domid = 1, .map = {.nr_entries = 3, .buffer = set}};
    struct xen_memory_map m = {.nr_entries = 2, .buffer = got};
    struct xen_machphys_mapping mapping;
    struct xen_pod_target pod = {0};
    struct xen_add_to_physmap add = {.domid = 1};
    struct xen_mem_acquire_resource r = {
        .domid = 1, .type = XENMEM_resource_grant_table, .nr_frames = 2};
    uint64_t list[2], many[40];

    begin();
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_memory_map, &m), -ENOSYS);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_set_memory_map, &f), 0);
    memory_add_machine_range(0x1000, 0x2000, 1);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_machine_memory_map, &m), 0);
    CU_ASSERT(m.nr_entries == 1 && got[0].start == 0x1000 && got[0].bytes == 0x2000);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_machphys_mapping, &mapping), 0);
    CU_ASSERT_EQUAL(mapping.max_mfn, RAM_FRAMES - 1);
    r.frame_list = list;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), 0);
    CU_ASSERT(list[0] == 0x100 && list[1] == 0x101);
    r.id = XENMEM_resource_grant_table_id_status;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), 0);
    CU_ASSERT(list[0] == 0x200);
    r.id = XENMEM_resource_grant_table_id_shared;
    r.nr_frames = 40; // more than are given without a look at other work
    r.frame_list = many;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), 0);
    CU_ASSERT(many[0] == 0x100 && many[39] == 0x127);
    r.id = XENMEM_resource_grant_table_id_status;
    r.nr_frames = 2;
    r.frame = 3;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), -EINVAL);
    r.nr_frames = 0;
    r.frame_list = NULL;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), 0);
    CU_ASSERT_EQUAL(r.nr_frames, 64);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_get_pod_target, &pod), -EINVAL);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_get_pod_target, NULL), -EFAULT);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_add_to_physmap, &add), -EACCES);
    add.domid = 77;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_add_to_physmap, &add), -ESRCH);
    CU_ASSERT_EQUAL(call_memory_op(63, NULL), -ENOSYS);
    run_on(1, dom[1]->vcpus[0]);
    m.nr_entries = 2;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_memory_map, &m), 0);
    CU_ASSERT(m.nr_entries == 2 && got[1].type == 2);
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_machine_memory_map, &m), -EPERM);
    run_on(0, dom[0]->vcpus[0]);
    memory_domain_destroy(dom[1]);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"reservations and claims", test_reservations},
        {"exchange", test_exchange},
        {"memory maps and resources", test_maps},
        CU_TEST_INFO_NULL,
    };

    return run_suite("memory_op", tests);
}
