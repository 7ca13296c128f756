// Page faults that are the PV MMU's business: writes of the guest's kernel to its own L1 tables,
// which it has mapped read-only (VMASST_TYPE_writable_pagetables).
//
// Linux does this for every entry that it clears, ages or write-protects one at a time, fork's
// write-protection of the parent first of all, so this way is kept short. The instruction is
// decoded just far enough to know what it does to its memory operand; where that lies the fault
// address says. What is stored goes through l1e_exchange() like any other new entry, so nothing
// depends on the guest's code being what it was when it faulted.
#include "core/vm_assist.h"
#include "cpu/traps.h"
#include "mm/direct_read.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/pt.h"
#include "pv/ptwr_insn.h"

// Does the instruction to the entry: l1e_exchange's results.
static int write_entry(struct ptwr_insn *i, uint64_t addr, uint64_t *p, const struct pt_view *view)
{
    unsigned shift = (unsigned)(addr & 7) * 8;
    uint64_t mask = i->size == 8 ? ~0ull : (1ull << i->size * 8) - 1;
    int rc;

    do {
        uint64_t old = READ_ONCE(*p);
        uint64_t operand = old >> shift & mask, result;

        if (!ptwr_compute(i, operand, &result))
            return 0; // nothing to store
        result = (old & ~(mask << shift)) | (result & mask) << shift;
        rc = l1e_exchange(p, old, result, view);
    } while (rc == -EAGAIN);
    return rc;
}

static bool emulate(struct cpu_user_regs *regs, uint64_t addr, struct frame *f,
                    const struct pt_view *view)
{
    struct ptwr_insn i;
    int rc;

    if (!ptwr_decode(&i, regs) || (addr & (i.size - 1)))
        return false;
    if (!l1_lock(f, view->id))
        return false;
    rc = write_entry(&i, addr, &table_of_frame(f)[(addr & ~PAGE_MASK) / 8], view);
    frame_unlock(f);
    if (rc)
        return false;
    ptwr_commit(&i, regs);
    return true;
}

static bool table_write(struct cpu_user_regs *regs, uint64_t addr)
{
    struct domain *d = current->domain;
    struct frame *table;
    uint64_t *p, e;

    if (!vm_assist(d, VMASST_TYPE_writable_pagetables) || !pv_address_ok(addr))
        return false;
    p = pt_walk(addr, &table);
    if (!p)
        return false;
    e = direct_read(p);
    if ((e & (PTE_P | PTE_RW)) != PTE_P || !mfn_valid(PTE_TO_MFN(e)))
        return false;
    return emulate(regs, addr, mfn_to_frame(PTE_TO_MFN(e)), &to_pvd(d)->self);
}

// Loading a selector whose descriptor is not mapped.
static bool descriptor_fault(struct cpu_user_regs *regs, uint64_t addr)
{
    struct pv_vcpu *v = to_pv(current);
    uint64_t offset = addr - PERDOMAIN_LDT(v->v.id);

    if (pv_desc_fault(addr))
        return true;
    if (offset < (uint64_t)v->ldt_entries * 8) // as if the processor had looked at the guest's own
        pv_inject_page_fault(regs, v->ldt_base + offset, regs->error_code);
    else
        pv_inject(regs, TRAP_GP, (uint32_t)(addr & (PERDOMAIN_VCPU_PAGES / 2 * PAGE_SIZE - 8)));
    return true;
}

bool pv_mmu_fault(struct cpu_user_regs *regs, uint64_t addr)
{
    const uint32_t wanted = PFEC_PRESENT | PFEC_WRITE | PFEC_USER;

    if ((regs->error_code & (wanted | PFEC_RSVD)) == wanted && to_pv(current)->kernel_mode)
        return table_write(regs, addr);
    if (unlikely(!(regs->error_code & PFEC_USER) && addr >= PERDOMAIN_START &&
                 addr < PERDOMAIN_START + PML4_SLOT_SIZE))
        return descriptor_fault(regs, addr);
    return false;
}
