// Why a guest's turn ended, and what follows.
#include "core/insn.h"
#include "core/timer.h"
#include "cpu/asm.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/vmx/vmx.h"
#include "lib/log.h"

#define VPIDS (1u << 16)

// Translations of guest-physical addresses carry no VPID but the table's address, so a fresh VPID
// alone does not get rid of them. What does drops all that was made of them too, whatever its VPID:
// hence nothing more is to be done when a CPU begins anew with those.
static void tag_tlb(struct hvm_vcpu *v)
{
    struct vmx_vcpu *x = to_vmx(v);

    if (likely(tlb_tag_take(v, &x->tag, VPIDS) == TLB_TAG_KEPT))
        return;
    vmwrite(VMCS_VPID, x->tag.tag);
    invept(x->ept_pointer);
}

bool vmx_prepare(struct cpu_user_regs *regs)
{
    struct hvm_vcpu *v = to_hvm(current);
    struct vmx_vcpu *x = to_vmx(v);
    bool launched;

    hvm_prepare(v);
    tag_tlb(v);
    vmx_event_enter(x);
    vmx_host_refresh(x);
    vmwrite(VMCS_GUEST_RIP, regs->rip);
    vmwrite(VMCS_GUEST_RSP, regs->rsp);
    vmwrite(VMCS_GUEST_RFLAGS, regs->rflags);
    if (read_cr2() != x->cr2)
        write_cr2(x->cr2);
    launched = x->launched;
    x->launched = true;
    return launched;
}

// The machine's own: the hypervisor's handler meets it as if it had come just now.
static void exit_exception(struct hvm_vcpu *v)
{
    uint32_t event = (uint32_t)vmread(VMCS_EXIT_EVENT);

    if (VMX_EVENT_TYPE(event) == HVM_EVENT_NMI)
        __asm__ volatile("int $2" : : : "memory");
    else if (VMX_EVENT_VECTOR(event) == TRAP_MC)
        __asm__ volatile("int $18" : : : "memory");
    else
        domain_crash(v->v.domain, "unexpected exception exit %#x", event);
}

static void exit_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    const struct hvm_io io = {
        .port = VMX_IO_PORT(q),
        .bytes = (uint8_t)VMX_IO_SIZE(q),
        .in = q & VMX_IO_IN,
        .string = q & VMX_IO_STRING,
        .next_rip = regs->rip + length,
    };

    hvm_exit_io(v, regs, &io);
}

static bool write_cr(struct hvm_vcpu *v, unsigned number, uint64_t value)
{
    switch (number) {
    case 0:
        return vmx_write_cr0(v, value);
    case 4:
        return vmx_write_cr4(v, value);
    case 8:
        if (value >> 4)
            return false;
        lapic_set_cr8(v, (uint8_t)value);
        return true;
    default: // the processor does CR3 itself
        return false;
    }
}

static void exit_cr(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    uint64_t *reg = insn_reg(regs, VMX_CR_REG(q));

    if (VMX_CR_ACCESS(q) == VMX_CR_READ && VMX_CR_NUMBER(q) == 8) {
        *reg = lapic_get_cr8(v);
    } else if (VMX_CR_ACCESS(q) != VMX_CR_WRITE) { // CLTS, LMSW: the guest's own
        domain_crash(v->v.domain, "unexpected exit by a control register (%#lx)", q);
        return;
    } else if (!write_cr(v, VMX_CR_NUMBER(q), vmx_read(v, HVM_CS_L) ? *reg : (uint32_t)*reg)) {
        hvm_fault(v, TRAP_GP, 0);
        return;
    }
    regs->rip += length;
}

static void exit_ept_violation(struct hvm_vcpu *v, struct cpu_user_regs *regs)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    uint32_t cut_short = (uint32_t)vmread(VMCS_INTERRUPTED);
    const struct hvm_memory_exit e = {
        .address = vmread(VMCS_GUEST_PHYSICAL),
        .event = cut_short & VMX_EVENT_VALID ? cut_short : 0,
        .write = q & EPT_WRITE,
        .of_tables = (q & (EPT_LINEAR | EPT_TRANSLATED)) != (EPT_LINEAR | EPT_TRANSLATED),
    };

    if ((q & EPT_IRET_UNBLOCKED) && !e.event) // with an event it is undefined
        vmx_nmi_still_blocked();
    hvm_exit_memory(v, regs, &e);
}

static void exit_instruction(struct hvm_vcpu *v, struct cpu_user_regs *regs, uint32_t reason,
                             unsigned length)
{
    switch (reason) {
    case VMX_EXIT_CPUID:
        hvm_exit_cpuid(v, regs, length);
        break;
    case VMX_EXIT_HLT:
        hvm_exit_halt(v, regs, length);
        break;
    case VMX_EXIT_VMCALL:
        hvm_exit_hypercall(v, regs, length);
        break;
    case VMX_EXIT_RDMSR:
    case VMX_EXIT_WRMSR:
        hvm_exit_msr(v, regs, reason == VMX_EXIT_WRMSR, length);
        break;
    case VMX_EXIT_XSETBV:
        hvm_exit_xsetbv(v, regs, length);
        break;
    case VMX_EXIT_CR:
        exit_cr(v, regs, length);
        break;
    case VMX_EXIT_IO:
        exit_io(v, regs, length);
        break;
    case VMX_EXIT_INVD: // caches need no flushing: the guest has no device that would not see them
    case VMX_EXIT_WBINVD:
        regs->rip += length;
        break;
    case VMX_EXIT_RDPMC:
        hvm_fault(v, TRAP_GP, 0);
        break;
    default: // virtualization within, SMX, MONITOR, MWAIT
        hvm_fault(v, TRAP_UD, -1);
    }
}

static bool is_by_instruction(uint32_t reason)
{
    switch (reason) {
    case VMX_EXIT_CPUID ... VMX_EXIT_INVD:
    case VMX_EXIT_RDPMC:
    case VMX_EXIT_VMCALL ... VMX_EXIT_CR:
    case VMX_EXIT_IO ... VMX_EXIT_WRMSR:
    case VMX_EXIT_MWAIT:
    case VMX_EXIT_MONITOR:
    case VMX_EXIT_INVEPT:
    case VMX_EXIT_INVVPID ... VMX_EXIT_XSETBV:
    case VMX_EXIT_VMFUNC:
        return true;
    default:
        return false;
    }
}

static void exit_event(struct hvm_vcpu *v, struct cpu_user_regs *regs, uint32_t reason)
{
    switch (reason) {
    case VMX_EXIT_EXCEPTION:
        exit_exception(v);
        break;
    case VMX_EXIT_INTERRUPT:
        interrupt_window(); // it is still pending, and the machine's
        break;
    case VMX_EXIT_INIT: // the machine's, which stays pending; nobody sends it
    case VMX_EXIT_SIPI:
        break;
    case VMX_EXIT_INTERRUPT_WINDOW: // the guest can take what waits: hvm_prepare() gives it
    case VMX_EXIT_NMI_WINDOW:
        vmx_control(to_vmx(v), CPU_NMI_WINDOW, false);
        timer_poll();
        break;
    case VMX_EXIT_EPT_VIOLATION:
        exit_ept_violation(v, regs);
        break;
    case VMX_EXIT_TASK:
        domain_crash(v->v.domain, "a hardware task switch, which is not emulated");
        break;
    case VMX_EXIT_TRIPLE_FAULT:
        hvm_exit_triple_fault(v);
        break;
    case VMX_EXIT_EPT_MISCONFIG:
        domain_crash(v->v.domain, "the processor cannot make out the map of memory at %#lx",
                     vmread(VMCS_GUEST_PHYSICAL));
        break;
    default:
        domain_crash(v->v.domain, "unexpected exit %u (%#lx)", reason, vmread(VMCS_QUALIFICATION));
    }
}

// An instruction is behind the guest that the processor has not executed: what it would have ended
// has ended, and what it would have begun begins.
static void stepped(struct cpu_user_regs *regs)
{
    uint64_t blocked = vmread(VMCS_INTERRUPTIBILITY);

    regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    if (blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS))
        vmwrite(VMCS_INTERRUPTIBILITY, blocked & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
    if (regs->rflags & X86_EFLAGS_TF)
        vmwrite(VMCS_PENDING_DEBUG, vmread(VMCS_PENDING_DEBUG) | PENDING_DEBUG_STEP);
}

static void dispatch(struct hvm_vcpu *v, struct cpu_user_regs *regs, uint32_t reason)
{
    uint64_t rip = regs->rip;

    if (unlikely(reason & VMX_EXIT_ENTRY_FAILED))
        vmx_bad_state(v, reason & ~VMX_EXIT_ENTRY_FAILED);
    else if (is_by_instruction(reason))
        exit_instruction(v, regs, reason, (unsigned)vmread(VMCS_EXIT_LENGTH));
    else
        exit_event(v, regs, reason);
    if (regs->rip != rip)
        stepped(regs);
}

// What is read of the exit stays in the VMCS, be it unloaded in between.
void vmx_redo(struct hvm_vcpu *v)
{
    dispatch(v, &cpu_info()->regs, (uint32_t)vmread(VMCS_EXIT_REASON));
}

void vmx_exit(struct cpu_user_regs *regs)
{
    struct hvm_vcpu *v = to_hvm(current);
    struct vmx_vcpu *x = to_vmx(v);

    x->cr2 = read_cr2();
    regs->rip = vmread(VMCS_GUEST_RIP);
    regs->rsp = vmread(VMCS_GUEST_RSP);
    regs->rflags = vmread(VMCS_GUEST_RFLAGS);
    vmx_event_exit(x);
    dispatch(v, regs, (uint32_t)vmread(VMCS_EXIT_REASON));
}
