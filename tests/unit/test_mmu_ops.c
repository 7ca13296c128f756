// The PV MMU, operation by operation: results, what they leave in tables, TLBs and counts, and what
// is refused.
//
// sources: tests/unit/mmu_machine.c tests/unit/mmu_check.c hypervisor/core/rangeset.c
// sources: hypervisor/core/memory.c hypervisor/core/memory_exchange.c hypervisor/core/memory_map.c
// sources: hypervisor/core/memory_physmap.c hypervisor/core/memory_reservation.c
// sources: hypervisor/mm/buddy.c hypervisor/mm/frame.c hypervisor/mm/frame_type.c
// sources: hypervisor/mm/heap.c hypervisor/pv/desc.c hypervisor/pv/mmu_domain.c
// sources: hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c hypervisor/pv/mmu_ptwr.c
// sources: hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c hypervisor/pv/mmu_va.c
// sources: hypervisor/pv/mmuext.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "core/grant.h"
#include "core/hypercall_table.h"
#include "core/memory.h"
#include "core/rangeset.h"
#include "lib/errno.h"
#include "mm/buddy.h"
#include "mm/paging.h"
#include "mm/tlb.h"
#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"
#include "pv-abi/mmu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/ptwr_insn.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

#define PAGES 32

// The world: domain 0, privileged, runs on CPU 0; domain 1 on CPU 1. Page i of each address space
// is frame[d][i]; 1 to 4 are its tables, read-only; the others are writable.
static struct domain *dom[2];
static mfn_t frame[2][PAGES];

maddr_t hv_translate(uint64_t va)
{
    return ~0ull;
}

int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn)
{
    if (index > 3)
        return -EINVAL;
    *mfn = 0x100 + index + 0x10 * status;
    return 0;
}

unsigned grant_table_max_frames(const struct domain *d)
{
    return 4;
}

static uint64_t *table(mfn_t mfn)
{
    return mfn_to_virt(mfn);
}

static void build(unsigned n, unsigned vcpus)
{
    struct domain *d = dom[n] = machine_domain((domid_t)n, vcpus, PAGES + 32);

    for (unsigned i = 0; i < PAGES; i++)
        frame[n][i] = frame_to_mfn(frame_alloc(d, 0, 0));
    for (unsigned level = 2; level <= 4; level++)
        table(frame[n][level])[0] = frame[n][level - 1] << 12 | 7;
    for (unsigned i = 0; i < PAGES; i++)
        table(frame[n][1])[i] = frame[n][i] << 12 | PTE_P | (i > 4 ? PTE_RW : 0);
    for (unsigned i = 0; i < vcpus; i++)
        if (pv_set_roots(to_pv(d->vcpus[i]), frame[n][4], 0))
            CU_FAIL_FATAL("no root");
}

static void check(void)
{
    const char *bad = machine_check(dom, 2);

    if (bad)
        fprintf(stderr, "%s\n", bad);
    CU_ASSERT_PTR_NULL_FATAL(bad);
}

static void begin(void)
{
    machine_reset(7);
    memset(lent, 0, sizeof(lent));
    build(0, 2);
    build(1, 1);
    rangeset_add(dom[0]->io_memory, HOLE_START, HOLE_END - 1);
    run_on(1, dom[1]->vcpus[0]);
    run_on(0, dom[0]->vcpus[0]);
    check();
}

static void end(void)
{
    check();
    preempt_one_in = 0;
    machine_domain_end(dom[1]);
    machine_domain_end(dom[0]);
    CU_ASSERT_PTR_NULL(machine_check(dom, 2));
    CU_ASSERT(dom[0]->mem.nr_pages == 0 && dom[1]->mem.nr_pages == 0);
    machine_domain_free(dom[1]);
    machine_domain_free(dom[0]);
}

static long store(mfn_t mfn, unsigned index, uint64_t val)
{
    struct mmu_update r = {.ptr = mfn << 12 | index * 8, .val = val};

    return call_mmu_update(&r, 1, DOMID_SELF, NULL);
}

static long ext(unsigned cmd, uint64_t arg)
{
    struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg};

    return call_mmuext(&op, 1, DOMID_SELF, NULL);
}

// Makes page i of domain 0 read-only and empty, ready to become a table.
static mfn_t blank(unsigned i)
{
    memset(table(frame[0][i]), 0, PAGE_SIZE);
    CU_ASSERT_EQUAL(do_update_va_mapping((uint64_t)i << 12, frame[0][i] << 12 | PTE_P, UVMF_INVLPG),
                    0);
    return frame[0][i];
}

static unsigned type(mfn_t mfn)
{
    uint64_t s = frame_table[mfn].state;

    return s & FS_COUNT ? frame_type_of(s) : FT_NONE;
}

// L1 entries --------------------------------------------------------------------------------------

static void test_entry_flags(void)
{
    uint64_t *l1, e = frame[0][9] << 12;

    begin();
    e = frame[0][9] << 12;
    l1 = table(frame[0][1]);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, e | PTE_P), 0); // a kernel page
    CU_ASSERT_EQUAL(l1[20], e | PTE_P | PTE_US | PTE_GUEST_KERNEL);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, e | PTE_P | PTE_US | PTE_NX | PTE_RW), 0); // a user's
    CU_ASSERT_EQUAL(l1[20], e | PTE_P | PTE_US | PTE_G | PTE_NX | PTE_RW);
    // What the guest reads back and stores again stays what it was.
    CU_ASSERT_EQUAL(store(frame[0][1], 20, e | PTE_P), 0);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, l1[20] | PTE_RW | PTE_G), 0);
    CU_ASSERT_EQUAL(l1[20], e | PTE_P | PTE_US | PTE_GUEST_KERNEL | PTE_RW);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, 0x123456789000 | PTE_RW), 0); // not present: anything
    CU_ASSERT_EQUAL(l1[20], 0x123456789000 | PTE_RW);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, e | PTE_P | 1ull << 47), -EINVAL); // no such address
    end();
}

static void test_accessed_and_dirty(void)
{
    struct mmu_update r;
    uint64_t *l1;

    begin();
    l1 = table(frame[0][1]);
    l1[9] |= PTE_A | PTE_D; // by the processor
    r.ptr = frame[0][1] << 12 | 9 * 8 | MMU_PT_UPDATE_PRESERVE_AD;
    r.val = frame[0][9] << 12 | PTE_P;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, DOMID_SELF, NULL), 0);
    CU_ASSERT_EQUAL(l1[9] & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    r.ptr = frame[0][1] << 12 | 9 * 8;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, DOMID_SELF, NULL), 0);
    CU_ASSERT_EQUAL(l1[9] & (PTE_A | PTE_D), 0);
    end();
}

static void test_device_memory(void)
{
    mfn_t far = 0x100000;

    begin();
    CU_ASSERT_EQUAL(store(frame[0][1], 20, (uint64_t)HOLE_START << 12 | PTE_P | PTE_RW), 0);
    CU_ASSERT_EQUAL(
        store(frame[0][1], 20, (uint64_t)HOLE_START << 12 | PTE_P | PTE_RW | PTE_CACHE_UC), 0);
    CU_ASSERT_EQUAL(store(frame[0][1], 21, far << 12 | PTE_P), -EPERM);
    rangeset_add(dom[0]->io_memory, far, far);
    CU_ASSERT_EQUAL(store(frame[0][1], 21, far << 12 | PTE_P), 0);
    CU_ASSERT_EQUAL(do_update_va_mapping_otherdomain(22 << 12, far << 12 | PTE_P, 0, DOMID_IO), 0);
    run_on(1, dom[1]->vcpus[0]);
    CU_ASSERT_EQUAL(store(frame[1][1], 20, (uint64_t)HOLE_START << 12 | PTE_P), -EPERM);
    // Memory types are for those who drive devices.
    CU_ASSERT_EQUAL(store(frame[1][1], 20, frame[1][9] << 12 | PTE_P | PTE_PCD), -EINVAL);
    rangeset_add(dom[1]->io_memory, 7, 7);
    CU_ASSERT_EQUAL(store(frame[1][1], 20, frame[1][9] << 12 | PTE_P | PTE_PCD), 0);
    CU_ASSERT(frame_table[frame[1][9]].traits & FRAME_ODD_CACHE);
    end();
}

static void test_not_ones_own(void)
{
    mfn_t hypervisor = virt_to_mfn(dom[0]);

    begin();
    hypervisor = virt_to_mfn(dom[0]);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, frame[1][9] << 12 | PTE_P), -EINVAL);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, hypervisor << 12 | PTE_P), -EINVAL);
    CU_ASSERT_EQUAL(store(frame[1][1], 20, 0), -EINVAL);   // another's table
    CU_ASSERT_EQUAL(store(hypervisor, 0, 0), -EINVAL);     // not even a guest's
    CU_ASSERT_EQUAL(store(RAM_FRAMES + 5, 0, 0), -EINVAL); // beyond memory
    CU_ASSERT_EQUAL(store(HOLE_START, 0, 0), -EINVAL);     // a device
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L1_TABLE, frame[1][1]), -EINVAL);
    CU_ASSERT_EQUAL(do_update_va_mapping(1ull << 39, 0, 0), -EINVAL); // no table there
    end();
}

static void test_no_writable_table(void)
{
    begin();
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t e = frame[0][level] << 12 | PTE_P;

        CU_ASSERT_EQUAL(store(frame[0][1], 20, e | PTE_RW), -EINVAL);
        CU_ASSERT_EQUAL(do_update_va_mapping(level << 12, e | PTE_RW, 0), -EINVAL);
        CU_ASSERT_EQUAL(store(frame[0][1], 20, e), 0);
    }
    // Nor the other way round.
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L1_TABLE, frame[0][9]), -EINVAL);
    end();
}

// Tables ------------------------------------------------------------------------------------------

static void test_pin_and_unpin(void)
{
    mfn_t t;

    begin();
    t = blank(10);
    table(t)[3] = frame[0][9] << 12 | PTE_P | PTE_RW;
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, t), -EINVAL);
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L1_TABLE, t), 0);
    CU_ASSERT_EQUAL(type(t), FT_L1);
    CU_ASSERT((table(t)[3] & PTE_GUEST_KERNEL) != 0);
    check();
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L1_TABLE, t), -EINVAL); // once only
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L2_TABLE, t), -EINVAL); // as one thing only
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, t), 0);
    CU_ASSERT_EQUAL(type(t), FT_NONE);
    CU_ASSERT_EQUAL(do_update_va_mapping(10 << 12, t << 12 | PTE_P | PTE_RW, 0), 0);
    end();
}

static void test_refused_tables(void)
{
    static const uint64_t bad_flags[] = {PTE_PSE, PTE_PCD, PTE_PWT, PTE_G, 1ull << 47};
    mfn_t l1, l2;

    begin();
    l1 = blank(10);
    l2 = blank(11);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_flags); i++) {
        memset(table(l2), 0, PAGE_SIZE);
        table(l2)[0] = l1 << 12 | 7;
        table(l2)[5] = l1 << 12 | 7 | bad_flags[i];
        CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L2_TABLE, l2), -EINVAL);
        CU_ASSERT(type(l1) == FT_NONE && type(l2) == FT_NONE); // all undone
        check();
        CU_ASSERT_EQUAL(store(frame[0][2], 7, l1 << 12 | 7 | bad_flags[i]), -EINVAL);
    }
    table(l2)[5] = frame[0][1] << 12 | 7;
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L2_TABLE, l2), 0);
    CU_ASSERT_EQUAL(store(l2, 0, l1 << 12 | 7 | PTE_PCD), -EINVAL); // flags alone are checked, too
    CU_ASSERT_EQUAL(store(l2, 0, l1 << 12 | 7 | PTE_NX), 0);
    CU_ASSERT_EQUAL(store(l2, 0, frame[0][3] << 12 | 7), -EINVAL); // a table of a wrong level
    end();
}

static void test_hypervisor_slots(void)
{
    mfn_t l4;

    begin();
    l4 = blank(12);
    for (unsigned i = 250; i < 280; i++)
        table(l4)[i] = i >= 256 && i < 272 ? frame[1][9] << 12 | 7 : 0; // ignored
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
    CU_ASSERT_EQUAL(table(l4)[256], machine_pml4[256]);
    CU_ASSERT_EQUAL(PTE_TO_MFN(table(l4)[PERDOMAIN_SLOT]),
                    virt_to_mfn(to_pvd(dom[0])->perdomain_l3));
    check();
    for (unsigned i = 256; i < 272; i++)
        CU_ASSERT_EQUAL(store(l4, i, 0), -EINVAL);
    CU_ASSERT_EQUAL(store(l4, 255, frame[0][3] << 12 | 7), 0);
    CU_ASSERT_EQUAL(store(l4, 272, frame[0][3] << 12 | 7), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, l4), 0);
    CU_ASSERT_EQUAL(table(l4)[256], 0);
    end();
}

static void test_linear(void)
{
    mfn_t l4 = 0, a, b;

    begin();
    l4 = frame[0][4];
    CU_ASSERT_EQUAL(store(l4, 8, l4 << 12 | PTE_P | PTE_RW), -EINVAL);
    CU_ASSERT_EQUAL(store(l4, 8, l4 << 12 | PTE_P), 0); // itself, read-only
    check();
    CU_ASSERT_EQUAL(store(l4, 8, l4 << 12 | PTE_P | PTE_RW), -EINVAL);
    a = blank(10);
    b = blank(11);
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, a), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, b), 0);
    CU_ASSERT_EQUAL(store(a, 8, b << 12 | PTE_P), 0); // a sees b
    check();
    CU_ASSERT_EQUAL(store(b, 8, a << 12 | PTE_P), -EINVAL);  // no cycles
    CU_ASSERT_EQUAL(store(b, 8, l4 << 12 | PTE_P), -EINVAL); // and no chains
    CU_ASSERT_EQUAL(store(l4, 9, a << 12 | PTE_P), -EINVAL);
    CU_ASSERT_EQUAL(store(l4, 9, b << 12 | PTE_P), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, b), 0); // a and l4 keep it
    CU_ASSERT_EQUAL(type(b), FT_L4);
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, a), 0);
    CU_ASSERT_EQUAL(type(a), FT_NONE);
    CU_ASSERT_EQUAL(store(l4, 9, 0), 0);
    CU_ASSERT_EQUAL(type(b), FT_NONE);
    CU_ASSERT(frame_table[b].linear == 0 && frame_table[a].linear == 0);
    end();
}

// A tree of many tables, pinned and unpinned in small pieces.
static void test_preempted(void)
{
    mfn_t l4, l3, l2;
    struct pv_vcpu *v;
    unsigned done;

    begin();
    v = to_pv(dom[0]->vcpus[0]);
    l4 = blank(10);
    l3 = blank(11);
    l2 = blank(12);
    for (unsigned i = 0; i < 5; i++) {
        mfn_t l1 = blank(13 + i);

        table(l1)[i] = frame[0][9] << 12 | PTE_P | PTE_RW;
        table(l2)[i * 7] = l1 << 12 | 7;
    }
    table(l3)[1] = table(l3)[400] = l2 << 12 | 7;
    table(l4)[0] = table(l4)[300] = l3 << 12 | 7;
    preempt_one_in = 1;
    for (unsigned round = 0; round < 3; round++) {
        CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
        CU_ASSERT_EQUAL(type(l2), FT_L2);
        check();
        CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, l4), 0);
        // The rest, if any, is done before the next operation.
        CU_ASSERT_EQUAL(ext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
        CU_ASSERT_PTR_NULL(v->unfinished);
        CU_ASSERT(type(l4) == FT_NONE && type(l3) == FT_NONE && type(l2) == FT_NONE);
        check();
    }
    // What fails at the very end is undone as carefully.
    table(l4)[511] = frame[1][9] << 12 | 7;
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, l4), -EINVAL);
    CU_ASSERT(type(l4) == FT_NONE && type(l2) == FT_NONE);
    table(l4)[511] = 0;
    // A guest that does not go on does no harm, and may come back.
    abandon_one_in = 1;
    ext(MMUEXT_PIN_L4_TABLE, l4);
    CU_ASSERT((frame_table[l4].state & FS_PARTIAL) != 0);
    check();
    CU_ASSERT_EQUAL(do_update_va_mapping(10 << 12, l4 << 12 | PTE_P | PTE_RW, 0), -EINVAL);
    abandon_one_in = 0;
    CU_ASSERT_EQUAL(ext(MMUEXT_PIN_L4_TABLE, l4), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_UNPIN_TABLE, l4), 0);
    // Counted as done where they are.
    done = 99;
    {
        struct mmuext_op ops[3] = {{.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = l4},
                                   {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = l4},
                                   {.cmd = 999}};

        CU_ASSERT_EQUAL(call_mmuext(ops, 3, DOMID_SELF, &done), -ENOSYS);
        CU_ASSERT_EQUAL(done, 2);
    }
    end();
}

static void test_root_change(void)
{
    struct pv_vcpu *v;
    struct tlb_entry e;
    mfn_t l4;

    begin();
    v = to_pv(dom[0]->vcpus[0]);
    l4 = blank(10);
    table(l4)[0] = table(frame[0][4])[0];
    CU_ASSERT(cpu_access(0, 9 << 12, true, &e));
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_BASEPTR, l4), 0);
    CU_ASSERT(v->root == l4 && machine_cpus[0].cr3 == l4 << 12 &&
              cpu_info()->kernel_cr3 == l4 << 12);
    for (unsigned i = 0; i < MAX_TLB; i++) // nothing of the old one is left, global or not
        CU_ASSERT_FALSE(machine_cpus[0].tlb[i].valid);
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_USER_BASEPTR, frame[0][4]), 0);
    CU_ASSERT(v->user_root == frame[0][4] && cpu_info()->user_cr3 == frame[0][4] << 12);
    check();
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_BASEPTR, frame[0][9]), -EINVAL); // writable
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_BASEPTR, frame[1][4]), -EINVAL); // another's
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_BASEPTR, 0), -EINVAL);
    CU_ASSERT_EQUAL(v->root, l4);
    CU_ASSERT_EQUAL(pv_new_root(frame[0][4]), 0);
    CU_ASSERT_EQUAL(v->root, frame[0][4]);
    CU_ASSERT_EQUAL(type(l4), FT_NONE);
    // The M2P disappears from users' tables.
    l4 = blank(10);
    table(l4)[0] = table(frame[0][4])[0];
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_USER_BASEPTR, l4), 0);
    CU_ASSERT_EQUAL(table(l4)[256], 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_NEW_BASEPTR, l4), 0);
    CU_ASSERT_EQUAL(table(l4)[256], machine_pml4[256]);
    end();
}

// Other ways to entries ---------------------------------------------------------------------------

static void test_va_and_flushes(void)
{
    uint8_t bitmap[16] = {1};
    struct tlb_entry e;

    begin();
    CU_ASSERT(cpu_access(0, 9 << 12, true, &e));
    CU_ASSERT_EQUAL(do_update_va_mapping(9 << 12, frame[0][9] << 12 | PTE_P, UVMF_NONE), 0);
    CU_ASSERT(cpu_access(0, 9 << 12, true, &e)); // the TLB still has it
    CU_ASSERT_EQUAL(do_update_va_mapping(9 << 12, frame[0][9] << 12 | PTE_P, UVMF_INVLPG), 0);
    CU_ASSERT_FALSE(cpu_access(0, 9 << 12, true, &e));
    CU_ASSERT(cpu_access(0, 9 << 12, false, &e));
    CU_ASSERT_EQUAL(do_update_va_mapping(9 << 12, 0, UVMF_TLB_FLUSH | (uint64_t)bitmap), 0);
    CU_ASSERT_FALSE(cpu_access(0, 9 << 12, false, &e));
    CU_ASSERT_EQUAL(do_update_va_mapping(9 << 12, 0, UVMF_TLB_FLUSH | 8), -EFAULT);
    CU_ASSERT_EQUAL(do_update_va_mapping(9 << 12, 0, UVMF_INVLPG | UVMF_ALL), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_TLB_FLUSH_ALL, 0), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_INVLPG_ALL, 9 << 12), 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_MARK_SUPER, 0), -EOPNOTSUPP);
    CU_ASSERT_EQUAL(ext(14, 0), -ENOSYS);
    end();
}

static void test_ordinary_pages(void)
{
    struct mmu_update r;

    begin();
    // Pages that are no tables are simply written.
    CU_ASSERT_EQUAL(store(frame[0][9], 5, 0x1234567), 0);
    CU_ASSERT_EQUAL(table(frame[0][9])[5], 0x1234567);
    blank(10);
    CU_ASSERT_EQUAL(store(frame[0][10], 5, 42), 0); // nobody has it writable; the guest could
    CU_ASSERT_EQUAL(table(frame[0][10])[5], 42);
    CU_ASSERT_EQUAL(ext(MMUEXT_CLEAR_PAGE, frame[0][9]), 0);
    CU_ASSERT_EQUAL(table(frame[0][9])[5], 0);
    CU_ASSERT_EQUAL(ext(MMUEXT_CLEAR_PAGE, frame[0][1]), -EINVAL);
    r.ptr = frame[0][9] << 12 | MMU_MACHPHYS_UPDATE;
    r.val = 77;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, DOMID_SELF, NULL), 0);
    CU_ASSERT_EQUAL(m2p_get(frame[0][9]), 77);
    r.ptr = frame[1][9] << 12 | MMU_MACHPHYS_UPDATE;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, DOMID_SELF, NULL), -EINVAL);
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, 1, NULL), 0); // on behalf of domain 1
    end();
}

static void test_foreign(void)
{
    struct mmu_update r = {.ptr = frame[0][1] << 12 | 20 * 8};
    unsigned dom1 = 1;

    begin();
    r.ptr = frame[0][1] << 12 | 20 * 8;
    r.val = frame[1][9] << 12 | PTE_P | PTE_RW;
    lent[0][frame[1][9]] = true;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, dom1, NULL), 0);
    check();
    // Its tables, on its behalf.
    r.ptr = frame[1][1] << 12 | 20 * 8;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, (dom1 + 1) << 16 | dom1, NULL), 0);
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, (dom1 + 1) << 16 | 77, NULL), -ESRCH);
    // A page table of domain 1 can not be had writable by domain 0 either.
    r.ptr = frame[0][1] << 12 | 21 * 8;
    r.val = frame[1][1] << 12 | PTE_P | PTE_RW;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, dom1, NULL), -EINVAL);
    run_on(1, dom[1]->vcpus[0]);
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, 0, NULL), -EPERM);
    CU_ASSERT_EQUAL(do_update_va_mapping_otherdomain(20 << 12, 0, 0, 0), -EPERM);
    run_on(0, dom[0]->vcpus[0]);
    end();
}

static bool fault(const uint8_t *code, unsigned length, uint64_t va, uint64_t rcx, uint32_t error)
{
    uint8_t bytes[16] = {0};
    struct cpu_user_regs regs = {
        .rip = (uint64_t)bytes, .rcx = rcx, .rdx = va, .error_code = error};

    memcpy(bytes, code, length);
    if (!pv_mmu_fault(&regs, va))
        return false;
    CU_ASSERT_EQUAL(regs.rip, (uint64_t)bytes + length);
    return true;
}

static void test_trapped_writes(void)
{
    static const uint8_t clear_rw[] = {0xf0, 0x80, 0x22, 0xfd}, mov[] = {0x48, 0x89, 0x0a};
    uint64_t *l1, va;

    begin();
    l1 = table(frame[0][1]);
    va = (1 << 12) + 9 * 8; // page 1 is the L1 table itself
    CU_ASSERT(l1[9] & PTE_RW);
    CU_ASSERT(fault(clear_rw, sizeof(clear_rw), va, 0, 7));
    CU_ASSERT_FALSE(l1[9] & PTE_RW);
    CU_ASSERT_EQUAL(type(frame[0][9]), FT_NONE);
    check();
    CU_ASSERT(fault(mov, sizeof(mov), va, 0, 7));
    CU_ASSERT_EQUAL(l1[9], 0);
    check();
    // What may not be stored, and faults that are the guest's own.
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, frame[0][1] << 12 | 7, 7));
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, frame[1][9] << 12 | 7, 7));
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va + 4, 0, 7));   // across two entries
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 5));       // a read
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 6));       // nothing there
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), 2 << 12, 0, 7));  // an L2 table
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), 10 << 12, 0, 7)); // a writable page
    to_pv(dom[0]->vcpus[0])->kernel_mode = false;
    CU_ASSERT_FALSE(fault(mov, sizeof(mov), va, 0, 7));
    to_pv(dom[0]->vcpus[0])->kernel_mode = true;
    end();
}

// The quick ways of the commonest instructions do what the general way does.
static void test_quick_writes(void)
{
    static const struct {
        uint8_t bytes[12];
        unsigned length;
    } code[] = {
        {{0x48, 0x87, 0x0a}, 3},                   // xchg %rcx,(%rdx)
        {{0x4c, 0x87, 0x42, 0x10}, 4},             // xchg %r8,16(%rdx)
        {{0x49, 0x87, 0x4c, 0x24, 0x08}, 5},       // xchg %rcx,8(%r12)
        {{0x48, 0x87, 0x0c, 0xd5, 0, 0, 0, 0}, 8}, // xchg %rcx,0(,%rdx,8)
        {{0x48, 0x89, 0x0d, 1, 2, 3, 4}, 7},       // mov %rcx,disp(%rip)
        {{0x4c, 0x89, 0x84, 0xd1, 0, 1, 0, 0}, 8}, // mov %r8,256(%rcx,%rdx,8)
        {{0xf0, 0x80, 0x22, 0xfd}, 4},             // lock andb $0xfd,(%rdx)
        {{0xf0, 0x80, 0x62, 0x01, 0x7f}, 5},       // lock andb $0x7f,1(%rdx)
        {{0xf0, 0x41, 0x80, 0x24, 0x24, 0xfd}, 6}, // lock andb $0xfd,(%r12)
        {{0xf0, 0x80, 0xa2, 0, 1, 0, 0, 0xdf}, 8}, // lock andb $0xdf,256(%rdx)
    };
    uint64_t *l1;

    begin();
    l1 = table(frame[0][1]);
    for (unsigned n = 0; n < 3000; n++) {
        unsigned c = below(ARRAY_SIZE(code)), byte = c < 6 ? 0 : below(8);
        uint64_t va = (1 << 12) + 9 * 8 + byte, before, operand, result, mask;
        struct cpu_user_regs want, regs = {.error_code = 7, .rflags = 0x8d7};
        struct ptwr_insn i;

        regs.rip = (uint64_t)code[c].bytes;
        regs.rcx = (frame[0][9] << 12 | (random64() & (PTE_RW | PTE_A | PTE_US))) | one_in(2);
        regs.r8 = random64() & ~PTE_P;
        want = regs;
        before = l1[9];
        CU_ASSERT_FATAL(ptwr_decode_bytes(&i, code[c].bytes, sizeof(code[c].bytes), &want));
        CU_ASSERT_EQUAL(i.length, code[c].length);
        mask = i.size == 8 ? ~0ull : 0xffull << byte * 8;
        operand = (before & mask) >> byte * 8;
        CU_ASSERT(ptwr_compute(&i, operand, &result));
        result = (before & ~mask) | (result << byte * 8 & mask);
        if (result & PTE_P)
            result = l1e_adjust(result);
        ptwr_commit(&i, &want);
        if (pv_mmu_fault(&regs, va)) {
            CU_ASSERT(l1[9] == result && !memcmp(&regs, &want, sizeof(regs)));
        } else { // not allowed: then nothing has happened
            CU_ASSERT(l1[9] == before && regs.rip == (uint64_t)code[c].bytes);
        }
    }
    end();
}

static void test_grants(void)
{
    mfn_t g = 0;
    uint64_t *l1;

    begin();
    g = frame[1][9];
    l1 = table(frame[0][1]);
    lent[0][g] = true;
    CU_ASSERT(frame_get(mfn_to_frame(g), dom[1])); // as the grant does
    CU_ASSERT_EQUAL(pv_grant_map(20 << 12, g, GNTMAP_host_map | GNTMAP_readonly), GNTST_okay);
    extra_refs[g] = 1;
    check();
    // More than was granted can not be had.
    CU_ASSERT_EQUAL(store(frame[0][1], 20, g << 12 | PTE_P | PTE_RW), -EINVAL);
    CU_ASSERT_EQUAL(store(frame[0][1], 21, g << 12 | PTE_P), -EINVAL);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map, 0), GNTST_general_error);
    CU_ASSERT_EQUAL(pv_grant_unmap(21 << 12, g, GNTMAP_host_map | GNTMAP_readonly, 0),
                    GNTST_general_error);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map | GNTMAP_readonly, 0), GNTST_okay);
    CU_ASSERT_EQUAL(l1[20], 0);
    // By the entry's address; with the bits that are the guest's.
    CU_ASSERT_EQUAL(pv_grant_map(virt_to_maddr(&l1[20]), g,
                                 GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_application_map |
                                     5u << _GNTMAP_guest_avail0),
                    GNTST_okay);
    CU_ASSERT_EQUAL(l1[20], g << 12 | PTE_P | PTE_RW | PTE_US | PTE_G | PTE_A | PTE_D | 5 << 9);
    check();
    // Replaced by what is mapped at 22.
    CU_ASSERT_EQUAL(store(frame[0][1], 22, frame[0][9] << 12 | PTE_P), 0);
    CU_ASSERT_EQUAL(pv_grant_unmap(20 << 12, g, GNTMAP_host_map, 22 << 12), GNTST_okay);
    CU_ASSERT(PTE_TO_MFN(l1[20]) == frame[0][9] && l1[22] == 0);
    check();
    // A guest that overwrites the entry by itself keeps nothing.
    CU_ASSERT_EQUAL(pv_grant_map(20 << 12, g, GNTMAP_host_map), GNTST_okay);
    CU_ASSERT_EQUAL(store(frame[0][1], 20, 0), 0);
    check();
    CU_ASSERT_EQUAL(pv_grant_map(1ull << 40, g, GNTMAP_host_map), GNTST_general_error);
    CU_ASSERT_EQUAL(
        pv_grant_map(virt_to_maddr(&l1[20]) + 4, g, GNTMAP_host_map | GNTMAP_contains_pte),
        GNTST_general_error);
    extra_refs[g] = 0;
    frame_put(mfn_to_frame(g));
    end();
}

// Descriptors -------------------------------------------------------------------------------------

static void test_descriptors(void)
{
    static const uint64_t fine[] = {0, 0x00cffb000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff,
                                    0x0000000000001234};
    static const uint64_t bad[] = {0x00008b0000000067, 0x0000890000000067, 0x0000820000000fff,
                                   0x00008e0000080000, 0x0000ec0000080000};
    struct pv_vcpu *v;
    uint64_t frames[2], *t;

    begin();
    v = to_pv(dom[0]->vcpus[0]);
    frames[0] = blank(10);
    frames[1] = frame[0][11];
    t = table(frames[0]);
    for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
        t[i] = fine[i];
    t[7] = 0x00cf9b000000ffff; // ring 0: raised to 3
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 512), 0);
    CU_ASSERT_EQUAL(t[7], 0x00cffb000000ffff);
    CU_ASSERT_EQUAL(type(frames[0]), FT_DESC);
    check();
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 513), -EINVAL); // the second is writable
    CU_ASSERT_EQUAL(v->gdt_entries, 512);
    CU_ASSERT_EQUAL(do_update_va_mapping(10 << 12, frames[0] << 12 | PTE_P | PTE_RW, 0), -EINVAL);
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 7169), -EINVAL);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 64, bad[i]), -EINVAL);
        CU_ASSERT_EQUAL(t[8], 0);
    }
    CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 64, 0x00cf9b000000ffff), 0);
    CU_ASSERT_EQUAL(t[8], 0x00cffb000000ffff);
    CU_ASSERT_EQUAL(do_update_descriptor(frames[0] << 12 | 4, 0), -EINVAL);
    CU_ASSERT_EQUAL(do_update_descriptor(frame[0][1] << 12, 0), -EINVAL); // a page table
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 0), 0);
    CU_ASSERT_EQUAL(type(frames[0]), FT_NONE);
    t[20] = bad[0];
    CU_ASSERT_EQUAL(do_set_gdt((uint64_t)frames, 512), -EINVAL);
    t[20] = 0;

    // An LDT is mapped as far as it is there, the rest when it is used.
    CU_ASSERT_EQUAL(pv_set_ldt(v, 10 << 12, 1024), 0);
    CU_ASSERT_EQUAL(v->ldt_mapped, 1); // page 11 is writable
    check();
    CU_ASSERT_FALSE(pv_desc_fault(PERDOMAIN_LDT(0) + 4096));
    blank(11);
    CU_ASSERT(pv_desc_fault(PERDOMAIN_LDT(0) + 4096 + 8));
    CU_ASSERT_EQUAL(v->ldt_mapped, 3);
    CU_ASSERT_FALSE(pv_desc_fault(PERDOMAIN_LDT(0) + 8192));
    check();
    CU_ASSERT_EQUAL(pv_set_ldt(v, 10 << 12, 8193), -EINVAL);
    CU_ASSERT_EQUAL(pv_set_ldt(v, (10 << 12) + 8, 1), -EINVAL);
    CU_ASSERT_EQUAL(pv_set_ldt(v, 0, 0), 0);
    CU_ASSERT(type(frame[0][10]) == FT_NONE && type(frame[0][11]) == FT_NONE);
    end();
}

// Memory operations -------------------------------------------------------------------------------

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
    uint64_t list[2];

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
    CU_ASSERT(list[0] == 0x110);
    r.frame = 3;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), -EINVAL);
    r.nr_frames = 0;
    r.frame_list = NULL;
    CU_ASSERT_EQUAL(call_memory_op(XENMEM_acquire_resource, &r), 0);
    CU_ASSERT_EQUAL(r.nr_frames, 4);
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

// Death -------------------------------------------------------------------------------------------

static void test_death(void)
{
    struct mmu_update r;

    begin();
    // Domain 0 maps a frame of domain 1, which dies: the frame, and the domain, stay until it lets
    // go.
    r.ptr = frame[0][1] << 12 | 20 * 8;
    r.val = frame[1][9] << 12 | PTE_P | PTE_RW;
    lent[0][frame[1][9]] = true;
    CU_ASSERT_EQUAL(call_mmu_update(&r, 1, 1, NULL), 0);
    preempt_one_in = 2;
    machine_domain_end(dom[1]);
    preempt_one_in = 0;
    run_on(0, dom[0]->vcpus[0]);
    CU_ASSERT_EQUAL(dom[1]->mem.nr_pages, 1);
    CU_ASSERT_EQUAL(dom[1]->refs, 2);
    check();
    {
        struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = frame[1][9]};

        CU_ASSERT_EQUAL(store(frame[0][1], 20, frame[1][9] << 12 | PTE_P), 0); // fewer rights
        memset(table(frame[1][9]), 0, PAGE_SIZE);
        CU_ASSERT_EQUAL(call_mmuext(&op, 1, 1, NULL), 0); // too late to last
        CU_ASSERT((frame_table[frame[1][9]].state & FS_PINNED) == 0);
    }
    CU_ASSERT_EQUAL(store(frame[0][1], 20, 0), 0);
    CU_ASSERT_EQUAL(dom[1]->mem.nr_pages, 0);
    CU_ASSERT_EQUAL(dom[1]->refs, 1);
    end();
}

int main(void)
{
    CU_pSuite suite;
    unsigned failures;

    CU_initialize_registry();
    suite = CU_add_suite("PV MMU", NULL, NULL);
    CU_add_test(suite, "flags of entries", test_entry_flags);
    CU_add_test(suite, "accessed and dirty", test_accessed_and_dirty);
    CU_add_test(suite, "device memory and memory types", test_device_memory);
    CU_add_test(suite, "what is not one's own", test_not_ones_own);
    CU_add_test(suite, "no table is ever writable", test_no_writable_table);
    CU_add_test(suite, "pin and unpin", test_pin_and_unpin);
    CU_add_test(suite, "tables that are refused", test_refused_tables);
    CU_add_test(suite, "the hypervisor's slots", test_hypervisor_slots);
    CU_add_test(suite, "linear mappings", test_linear);
    CU_add_test(suite, "in small pieces", test_preempted);
    CU_add_test(suite, "root tables", test_root_change);
    CU_add_test(suite, "update_va_mapping and flushes", test_va_and_flushes);
    CU_add_test(suite, "ordinary pages", test_ordinary_pages);
    CU_add_test(suite, "other domains' frames", test_foreign);
    CU_add_test(suite, "trapped writes", test_trapped_writes);
    CU_add_test(suite, "trapped writes the quick way", test_quick_writes);
    CU_add_test(suite, "grant mappings", test_grants);
    CU_add_test(suite, "descriptor tables", test_descriptors);
    CU_add_test(suite, "reservations and claims", test_reservations);
    CU_add_test(suite, "exchange", test_exchange);
    CU_add_test(suite, "memory maps and resources", test_maps);
    CU_add_test(suite, "a domain's end", test_death);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
