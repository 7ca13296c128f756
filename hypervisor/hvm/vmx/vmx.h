// VT-x with extended page tables (EPT) and unrestricted guests: hvm_ops for such processors.
// Sources are sections of the Intel SDM, volume 3.
//
// A VMCS is loaded on a CPU only while its vCPU is current there: switch_from() clears it, so that
// nobody has to ask another CPU for one. Whoever wants the state of a vCPU that does not run loads
// it in between (vmx_borrow).
#pragma once

#include "hvm/hvm.h"
#include "hvm/tlb_tag.h"
#include "hvm/vmx/insn.h"
#include "hvm/vmx/vmcs.h"

// Turns it on, on every CPU. NULL, after a message that says what is missing: it cannot be used.
const struct hvm_ops *vmx_init(void);

enum { VMX_MSR_STAR, VMX_MSR_LSTAR, VMX_MSR_CSTAR, VMX_MSR_FMASK, VMX_MSR_GS, VMX_MSRS };

struct vmx_vcpu {
    void *vmcs; // a frame of its own
    uint64_t ept_pointer;
    struct tlb_tag tag; // a VPID
    bool launched;      // since it was loaded
    uint32_t event;     // to be delivered with the next entry; 0: none
    uint32_t event_error;
    uint32_t cpu_controls, entry_controls; // as they are in the VMCS
    uint64_t cr0_shadow, cr4_shadow;       // ... and of the bits that are not the guest's
    uint64_t host_cr3, host_cr4, host_gdt; // ...
    uint64_t cr2, dr6, msrs[VMX_MSRS];     // what the processor does not switch
};

static inline struct vmx_vcpu *to_vmx(const struct hvm_vcpu *v)
{
    return v->vendor;
}

// What the processor can do and demands; the same on all CPUs (vmx.c).
struct vmx_processor {
    uint32_t revision;                           // of the VMCS
    uint32_t pin, cpu, cpu2, exit, entry;        // the controls that are used
    uint64_t cr0_set, cr0_may, cr4_set, cr4_may; // bits that must and may be 1
    uint64_t ept_flags;                          // of the EPT pointer
    maddr_t msr_bitmap;
};
extern struct vmx_processor vmx_processor;

// vmx/host.c: this CPU's state while guests run, and the other way round.
void vmx_host_cpu_init(void);              // once a CPU
void vmx_switch_to(struct hvm_vcpu *v);    // hvm_ops
void vmx_switch_from(struct hvm_vcpu *v);  // hvm_ops
void vmx_host_refresh(struct vmx_vcpu *x); // before each entry
bool vmx_borrow(const struct hvm_vcpu *v); // v's VMCS is the one that is loaded; then
void vmx_give_back(const struct hvm_vcpu *v, bool borrowed);

// vmx/state.c: the vCPU's state between the VMCS and the rest of the world.
int vmx_vcpu_init(struct hvm_vcpu *v);
void vmx_vcpu_destroy(struct hvm_vcpu *v);
uint64_t vmx_read(const struct hvm_vcpu *v, enum hvm_field field);
void vmx_get_state(const struct hvm_vcpu *v, struct hvm_hw_cpu *state);
void vmx_set_state(struct hvm_vcpu *v, const struct hvm_hw_cpu *state);

// vmx/control.c: control registers, and the modes that follow from them. The writers return false
// where the guest is to get #GP.
bool vmx_write_cr0(struct hvm_vcpu *v, uint64_t value);
bool vmx_write_cr4(struct hvm_vcpu *v, uint64_t value);
void vmx_set_efer(struct hvm_vcpu *v, uint64_t efer);
uint64_t vmx_cr0(const struct vmx_vcpu *x); // as the guest sees them
uint64_t vmx_cr4(const struct vmx_vcpu *x);
// All three at once, unchecked, into v's VMCS, which is loaded; CR3 is there already.
void vmx_load_control(struct hvm_vcpu *v, uint64_t cr0, uint64_t cr4, uint64_t efer);

// vmx/event.c: hvm_ops
void vmx_inject(struct hvm_vcpu *v, enum hvm_event_type type, uint8_t vector, int64_t error);
bool vmx_can_interrupt(const struct hvm_vcpu *v);
bool vmx_can_nmi(struct hvm_vcpu *v);
bool vmx_is_injecting(const struct hvm_vcpu *v);
void vmx_want_window(struct hvm_vcpu *v, bool want);
void vmx_control(struct vmx_vcpu *x, uint32_t bits, bool on); // of VMCS_CPU_CONTROLS
void vmx_event_enter(struct vmx_vcpu *x); // puts what is to be delivered into the VMCS
void vmx_event_exit(struct vmx_vcpu *x);  // takes back what was cut short
void vmx_nmi_still_blocked(void);         // the IRET that ended that has not been executed

// vmx/exits.c: hvm_ops
void vmx_redo(struct hvm_vcpu *v);

// vmx/failure.c: the processor refused to enter the guest.
void vmx_bad_state(struct hvm_vcpu *v, uint32_t reason);

// vmx/entry.S: runs the current vCPU, for ever; calls the three below with the guest's registers.
__attribute__((noreturn)) void vmx_enter(void);
bool vmx_prepare(struct cpu_user_regs *regs); // true: VMRESUME
void vmx_exit(struct cpu_user_regs *regs);
void vmx_refused(struct cpu_user_regs *regs);
extern char vmx_exit_entry[]; // where exits arrive
