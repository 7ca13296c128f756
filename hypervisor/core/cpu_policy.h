// What processors can do, as the control interface tells it: feature words
// (pv-abi/arch-x86/cpufeatureset.h) and lists of CPUID leaves.
#pragma once

#include "core/domain.h"
#include "cpu/asm.h"
#include "pv-abi/arch-x86/domain.h"

#define FEATURE_WORDS 19
#define POLICY_LEAVES 140 // more than a list ever has
#define POLICY_MSRS   1

// A processor: the machine's own, or (guest not NULL) what such a vCPU sees.
struct cpu_view {
    const struct vcpu *guest;
};

// The first n words.
void cpu_view_features(const struct cpu_view *view, uint32_t *words, unsigned n);

// Writes the list of leaves to an array of the caller with room for *n; *n is then the number
// written. 0, -EFAULT; -ENOBUFS: there are more.
int cpu_view_put_leaves(const struct cpu_view *view, uint64_t leaves, uint32_t *n);
// The same for MSRs.
int cpu_view_put_msrs(const struct cpu_view *view, uint64_t msrs, uint32_t *n);

// Can a list have such a leaf at all?
bool cpu_policy_leaf_ok(uint32_t leaf, uint32_t subleaf);
