// What becomes of exceptions and interrupts that strike a PV guest.
#include "cpu/traps.h"

#include "core/fpu.h"
#include "cpu/asm.h"
#include "cpu/irq.h"
#include "mm/guest.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/mmu.h"
#include "pv/soft_tlb.h"

// INT n through a gate that the guest may not use directly: the error code names the IDT entry. The
// vector is taken from the instruction, since one emulator reports a wrong one.
static bool software_interrupt(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);
    const struct trap_info *t;
    uint8_t insn[2];

    if (!(regs->error_code & 2) || copy_from_guest(insn, regs->rip, sizeof(insn)) ||
        insn[0] != 0xcd)
        return false;
    t = &v->traps[insn[1]];
    if (!t->address || TI_GET_DPL(t) < (v->kernel_mode ? 1u : 3u)) {
        regs->error_code = (uint32_t)insn[1] << 3 | 2;
        return false;
    }
    regs->rip += 2;
    pv_inject(regs, insn[1], 0);
    return true;
}

static void general_protection(struct cpu_user_regs *regs)
{
    if (likely(!regs->error_code && to_pv(current)->kernel_mode) && pv_emulate_read_base(regs))
        return;
    if (software_interrupt(regs))
        return;
    if (!regs->error_code && to_pv(current)->kernel_mode && pv_emulate_privileged(regs))
        return;
    if (!regs->error_code && !to_pv(current)->kernel_mode && pv_emulate_user(regs))
        return;
    pv_inject(regs, TRAP_GP, regs->error_code);
}

static void page_fault(struct cpu_user_regs *regs)
{
    uint64_t addr = read_cr2();

    if (unlikely(cpu_info()->soft_tlb) && soft_tlb_fault(addr, &regs->error_code))
        return;
    if (!pv_mmu_fault(regs, addr))
        pv_inject_page_fault(regs, addr, regs->error_code);
}

static void debug(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    v->dr[6] = read_dr6();
    pv_inject(regs, TRAP_DB, 0);
}

static void device_not_available(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    // Only a guest's own wish brings us here. Its handler may use the FPU.
    clts();
    v->cr0_ts = 0;
    pv_inject(regs, TRAP_NM, 0);
}

void guest_trap(struct cpu_user_regs *regs)
{
    unsigned vector = regs->entry_vector & 0xff;

    switch (vector) {
    case TRAP_PF:
        page_fault(regs);
        break;
    case FIRST_IRQ_VECTOR ... 255:
        irq_dispatch(vector);
        break;
    case TRAP_GP:
        general_protection(regs);
        break;
    case TRAP_NM:
        device_not_available(regs);
        break;
    case TRAP_UD:
        if (!pv_emulate_forced_cpuid(regs))
            pv_inject(regs, TRAP_UD, 0);
        break;
    case TRAP_DB:
        debug(regs);
        break;
    default:
        pv_inject(regs, vector, regs->error_code);
    }
}

// The hypervisor touches the guest's memory, which the software TLB may not know yet; or a switch
// loads selectors, whose descriptors may be in a page of the LDT that is not mapped yet.
static bool mend_own_fault(uint64_t addr, uint32_t error)
{
    return !is_idle(current) && (soft_tlb_fault(addr, &error) || pv_desc_fault(addr));
}

void pv_traps_init(void)
{
    hypervisor_page_fault = mend_own_fault;
}
