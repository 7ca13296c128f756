// The processor refused to enter a guest: what it says, and what is wrong, into the log. The guest
// ends.
#include "cpu/features.h"
#include "hvm/vmx/explain.h"
#include "hvm/vmx/vmx.h"
#include "lib/log.h"

static void collect_segments(struct vmx_guest_state *s)
{
    for (unsigned i = 0; i < VMX_SEGMENTS; i++)
        s->segments[i] = (struct vmx_segment_state){
            .selector = (uint32_t)vmread(VMCS_GUEST_SELECTOR + 2 * i),
            .limit = (uint32_t)vmread(VMCS_GUEST_LIMIT + 2 * i),
            .attributes = (uint32_t)vmread(VMCS_GUEST_ATTRIBUTES + 2 * i),
            .base = vmread(VMCS_GUEST_BASE + 2 * i),
        };
}

static void collect(struct vmx_guest_state *s)
{
    *s = (struct vmx_guest_state){
        .cr0 = vmread(VMCS_GUEST_CR0),
        .cr3 = vmread(VMCS_GUEST_CR3),
        .cr4 = vmread(VMCS_GUEST_CR4),
        .efer = vmread(VMCS_GUEST_EFER),
        .dr7 = vmread(VMCS_GUEST_DR7),
        .debugctl = vmread(VMCS_GUEST_DEBUGCTL),
        .rip = vmread(VMCS_GUEST_RIP),
        .rflags = vmread(VMCS_GUEST_RFLAGS),
        .pending_debug = vmread(VMCS_PENDING_DEBUG),
        .link = vmread(VMCS_LINK),
        .sysenter_esp = vmread(VMCS_GUEST_SYSENTER_ESP),
        .sysenter_eip = vmread(VMCS_GUEST_SYSENTER_EIP),
        .gdtr_base = vmread(VMCS_GUEST_GDTR_BASE),
        .gdtr_limit = (uint32_t)vmread(VMCS_GUEST_GDTR_LIMIT),
        .idtr_base = vmread(VMCS_GUEST_IDTR_BASE),
        .idtr_limit = (uint32_t)vmread(VMCS_GUEST_IDTR_LIMIT),
        .interruptibility = (uint32_t)vmread(VMCS_INTERRUPTIBILITY),
        .activity = (uint32_t)vmread(VMCS_ACTIVITY),
        .entry_controls = (uint32_t)vmread(VMCS_ENTRY_CONTROLS),
        .event = (uint32_t)vmread(VMCS_ENTRY_EVENT),
        .event_error = (uint32_t)vmread(VMCS_ENTRY_ERROR),
        .event_length = (uint32_t)vmread(VMCS_ENTRY_LENGTH),
        .cr0_set = vmx_processor.cr0_set,
        .cr0_may = vmx_processor.cr0_may,
        .cr4_set = vmx_processor.cr4_set,
        .cr4_may = vmx_processor.cr4_may,
        .phys_bits = cpu_features.phys_bits,
    };
    for (unsigned i = 0; i < 4; i++)
        s->pdptes[i] = vmread(VMCS_GUEST_PDPTE + 2 * i);
    collect_segments(s);
}

static void complain(void *unused, const char *field, uint64_t value, const char *rule)
{
    log_guest(LOG_ERR, "VM entry: %s %#lx %s\n", field, value, rule);
}

static void explain(void)
{
    struct vmx_guest_state s;

    collect(&s);
    if (!vmx_explain(&s, complain, NULL))
        log_guest(LOG_ERR, "VM entry: no rule is known that the guest's state breaks\n");
}

void vmx_bad_state(struct hvm_vcpu *v, uint32_t reason)
{
    explain();
    domain_crash(v->v.domain, "the processor refuses its state: %s (qualification %#lx)",
                 reason == VMX_EXIT_BAD_STATE       ? "invalid guest state"
                 : reason == VMX_EXIT_BAD_MSR       ? "MSR loading"
                 : reason == VMX_EXIT_MACHINE_CHECK ? "a machine check"
                                                    : "for a reason unknown",
                 vmread(VMCS_QUALIFICATION));
}

void vmx_refused(struct cpu_user_regs *regs)
{
    struct hvm_vcpu *v = to_hvm(current);
    uint32_t error = (uint32_t)vmread(VMCS_INSTRUCTION_ERROR);

    explain();
    log_guest(LOG_ERR, "VM entry: controls: pin %#lx cpu %#lx %#lx exit %#lx entry %#lx\n",
              vmread(VMCS_PIN_CONTROLS), vmread(VMCS_CPU_CONTROLS), vmread(VMCS_CPU_CONTROLS_2),
              vmread(VMCS_EXIT_CONTROLS), vmread(VMCS_ENTRY_CONTROLS));
    domain_crash(v->v.domain, "the processor refuses to enter it: error %u, %s", error,
                 vmx_instruction_error(error));
}
