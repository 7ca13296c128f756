// AMD-V with nested paging: hvm_ops for such processors. Sources are sections of the AMD64
// Architecture Programmer's Manual, volume 2.
#pragma once

#include "hvm/hvm.h"
#include "hvm/svm/vmcb.h"
#include "hvm/tlb_tag.h"

// Turns it on, on every CPU. NULL, after a message that says what is missing: it cannot be used.
const struct hvm_ops *svm_init(void);

struct svm_vcpu {
    struct vmcb *vmcb;  // a frame of its own
    struct tlb_tag tag; // an address-space identifier (15.15)
};

static inline struct svm_vcpu *to_svm(const struct hvm_vcpu *v)
{
    return v->vendor;
}

// What guests may touch without an exit: shared by all (15.10, 15.11).
struct svm_maps {
    maddr_t io_permissions, msr_permissions;
};
extern struct svm_maps svm_maps;

extern unsigned svm_nr_asids;
extern bool svm_tells_next_rip; // at exits that an instruction is the reason of

// svm/state.c: the vCPU's state between the VMCB and the rest of the world.
int svm_vcpu_init(struct hvm_vcpu *v);
void svm_vcpu_destroy(struct hvm_vcpu *v);
uint64_t svm_read(const struct hvm_vcpu *v, enum hvm_field field);
void svm_get_state(const struct hvm_vcpu *v, struct hvm_hw_cpu *state);
void svm_set_state(struct hvm_vcpu *v, const struct hvm_hw_cpu *state);

// svm/entry.S: runs the current vCPU, for ever; calls the two below with the guest's registers.
__attribute__((noreturn)) void svm_enter(void);
maddr_t svm_prepare(struct cpu_user_regs *regs); // the VMCB's address
void svm_exit(struct cpu_user_regs *regs);
void svm_redo(struct hvm_vcpu *v); // hvm_ops.redo
