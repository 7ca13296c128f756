// FPU and extended state (XSAVE) of vCPUs. The registers are loaded when a vCPU comes to a CPU and
// saved when it leaves. Not only when it first uses them: until then it would run with another
// guest's secrets in them, which some processors let it guess, and not every instruction that uses
// them traps in an emulator.
#pragma once

#include "core/domain.h"

void fpu_cpu_init(void);           // on each CPU
int fpu_vcpu_init(struct vcpu *v); // -ENOMEM
void fpu_vcpu_destroy(struct vcpu *v);

// Loads the vCPU's state, if it is not there, and lets it use it. The current vCPU's only.
void fpu_restore(struct vcpu *v);
// Saves the state if the registers hold it. On the CPU where v runs or ran last, at the switch.
void fpu_save(struct vcpu *v);

// A switch to v: its XCR0 and its state; trap: it wants a #NM on its first use.
void fpu_switch_to(struct vcpu *v, bool trap);

// The current vCPU's XCR0: which components the guest has enabled. False: the value is not allowed.
bool fpu_set_xcr0(struct vcpu *v, uint64_t xcr0);
// The same, of a guest whose XSETBV may not have been intercepted, as in QEMU's software emulation
// of AMD-V: what the register holds is what the guest has set. Before its state is saved.
void fpu_adopt_xcr0(struct vcpu *v);
uint64_t fpu_host_xcr0(void);

// CPUID leaf 0xd as guests are told of it: `r` holds what the processor says.
void fpu_cpuid(uint32_t subleaf, struct cpuid_regs *r);

// The legacy 512 bytes (FXSAVE image) of a vCPU that does not run.
void fpu_set_legacy(struct vcpu *v, const void *fxsave);
void fpu_get_legacy(struct vcpu *v, void *fxsave);

// The whole state of a vCPU that does not run: v->fpu is an XSAVE area in the standard format, of
// this size for the components in xcr0; 0: this machine has no XSAVE. An area is right if XRSTOR
// would not fault on it; size 0: only XCR0. -EINVAL: it is not.
size_t fpu_xstate_size(uint64_t xcr0);
bool fpu_xstate_ok(uint64_t xcr0, const void *area, size_t size);
int fpu_set_xstate(struct vcpu *v, uint64_t xcr0, const void *area, size_t size);
