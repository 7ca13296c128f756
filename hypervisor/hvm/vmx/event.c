// Events on their way into a guest (26.5), and when it can take them (24.4.2).
#include "cpu/traps.h"
#include "hvm/vmx/vmx.h"

#define CR0_PE 1u

void vmx_control(struct vmx_vcpu *x, uint32_t bits, bool on)
{
    uint32_t controls = on ? x->cpu_controls | bits : x->cpu_controls & ~bits;

    if (controls == x->cpu_controls)
        return;
    x->cpu_controls = controls;
    vmwrite(VMCS_CPU_CONTROLS, controls);
}

// Real mode knows no error codes.
void vmx_inject(struct hvm_vcpu *v, enum hvm_event_type type, uint8_t vector, int64_t error)
{
    struct vmx_vcpu *x = to_vmx(v);

    x->event = vector | (uint32_t)type << 8 | VMX_EVENT_VALID;
    if (error >= 0 && (vmread(VMCS_GUEST_CR0) & CR0_PE)) {
        x->event |= VMX_EVENT_ERROR;
        x->event_error = (uint32_t)error;
    }
}

bool vmx_is_injecting(const struct hvm_vcpu *v)
{
    return to_vmx(v)->event;
}

bool vmx_can_interrupt(const struct hvm_vcpu *v)
{
    return (cpu_info()->regs.rflags & X86_EFLAGS_IF) &&
           !(vmread(VMCS_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
}

bool vmx_can_nmi(struct hvm_vcpu *v)
{
    bool can =
        !(vmread(VMCS_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI));

    vmx_control(to_vmx(v), CPU_NMI_WINDOW, !can);
    return can;
}

void vmx_want_window(struct hvm_vcpu *v, bool want)
{
    vmx_control(to_vmx(v), CPU_INTERRUPT_WINDOW, want);
}

void vmx_event_enter(struct vmx_vcpu *x)
{
    if (likely(!x->event))
        return;
    vmwrite(VMCS_ENTRY_EVENT, x->event);
    vmwrite(VMCS_ENTRY_ERROR, x->event_error);
}

static void block_nmi(bool block)
{
    uint64_t blocked = vmread(VMCS_INTERRUPTIBILITY);

    vmwrite(VMCS_INTERRUPTIBILITY, block ? blocked | BLOCKED_BY_NMI : blocked & ~BLOCKED_BY_NMI);
}

// An event by an instruction (INT n, INT3) comes again when that is executed again.
void vmx_event_exit(struct vmx_vcpu *x)
{
    uint32_t cut_short = (uint32_t)vmread(VMCS_INTERRUPTED);

    x->event = 0;
    if (likely(!(cut_short & VMX_EVENT_VALID)) || VMX_EVENT_TYPE(cut_short) >= VMX_EVENT_SOFTWARE)
        return;
    x->event = cut_short & ~VMX_EVENT_NMI_UNBLOCK; // which means nothing here
    if (cut_short & VMX_EVENT_ERROR)
        x->event_error = (uint32_t)vmread(VMCS_INTERRUPTED_ERROR);
    if (VMX_EVENT_TYPE(cut_short) == HVM_EVENT_NMI)
        block_nmi(false); // until it is delivered
}

void vmx_nmi_still_blocked(void)
{
    block_nmi(true);
}
