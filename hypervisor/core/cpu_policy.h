// What processors can do, as the control interface tells it: feature words
// (pv-abi/arch-x86/cpufeatureset.h) and lists of CPUID leaves.
#pragma once

#include "core/domain.h"
#include "cpu/asm.h"
#include "pv-abi/arch-x86/domain.h"

#define POLICY_LEAVES 140 // more than a list ever has
#define POLICY_MSRS   2

// A processor: the machine's own (kind NULL), what a guest of that kind can see at the most, or
// what this one sees.
struct cpu_view {
    const struct domain_ops *kind;
    const struct vcpu *guest; // NULL: any
};

// The first n words.
void cpu_view_features(const struct cpu_view *view, uint32_t *words, unsigned n);

// Writes the lists of leaves and MSRs to arrays of the caller with room for so many; the numbers
// become those written, or, of a list that was not asked for (0), the most there can be. 0,
// -EFAULT; -ENOBUFS: there are more.
int cpu_view_put(const struct cpu_view *view, uint64_t leaves, uint32_t *nr_leaves, uint64_t msrs,
                 uint32_t *nr_msrs);

// MSRs of a policy: they have nothing to choose, but must be known and say so. 0, -EFAULT; -ERANGE,
// -EINVAL: the culprit is unknown, or has a value that is not offered.
int cpu_policy_check_msrs(uint64_t msrs, uint32_t n, struct xen_msr_entry *culprit);

// What a policy does not show of the features in it is hidden from the domain from now on; what it
// does not speak of stays as it is. 0, -EFAULT, -ERANGE: the culprit is no leaf of a policy.
int cpu_policy_set(struct domain *d, uint64_t leaves, uint32_t n, struct xen_cpuid_leaf *culprit);
// Takes out of a leaf what is hidden from the domain.
void cpu_policy_narrow(const struct domain *d, uint32_t leaf, uint32_t subleaf,
                       struct cpuid_regs *r);

// Can a list have such a leaf at all?
bool cpu_policy_leaf_ok(uint32_t leaf, uint32_t subleaf);
