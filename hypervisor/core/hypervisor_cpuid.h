// The CPUID leaves by which a guest finds the hypervisor: pv-abi/arch-x86/cpuid.h, pv-abi/async.h.
#pragma once

#include "core/domain.h"
#include "cpu/asm.h"

// Is it one of them? Then *r holds what guests of every kind are told. v NULL: no guest's, so it is
// not.
bool hypervisor_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r);
