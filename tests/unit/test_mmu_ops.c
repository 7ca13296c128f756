// The PV MMU, operation by operation: results, what they leave in tables, TLBs and counts, and what
// is refused.
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_machine.c tests/unit/mmu_calls.c tests/unit/mmu_check.c
// sources: hypervisor/core/rangeset.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include "pv/desc.h"
#include "tests/suite.h"
#include "tests/unit/mmu_world.h"

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
    static CU_TestInfo tests[] = {
        {"flags of entries", test_entry_flags},
        {"accessed and dirty", test_accessed_and_dirty},
        {"device memory and memory types", test_device_memory},
        {"what is not one's own", test_not_ones_own},
        {"no table is ever writable", test_no_writable_table},
        {"pin and unpin", test_pin_and_unpin},
        {"tables that are refused", test_refused_tables},
        {"the hypervisor's slots", test_hypervisor_slots},
        {"linear mappings", test_linear},
        {"in small pieces", test_preempted},
        {"root tables", test_root_change},
        {"update_va_mapping and flushes", test_va_and_flushes},
        {"ordinary pages", test_ordinary_pages},
        {"other domains' frames", test_foreign},
        {"a domain's end", test_death},
        CU_TEST_INFO_NULL,
    };

    return run_suite("PV MMU", tests);
}
