/*
 * Domain control: the processor that a domain is shown: CPUID and MSR policy, TSC.
 */
#pragma once

#include "../arch-x86/domain.h"
#include "../types.h"

#define XEN_CPUID_INPUT_UNUSED 0xffffffffU

/* On failure of a set, the err_* fields name the culprit; all ones where there is none. */
typedef struct xen_domctl_cpu_policy {
    uint32_t nr_leaves; /* in: room or number; out of get: number */
    uint32_t nr_msrs;
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves;
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;
    uint32_t err_leaf; /* out */
    uint32_t err_subleaf;
    uint32_t err_msr;
} xen_domctl_cpu_policy_t;
ABI_SIZE(struct xen_domctl_cpu_policy, 40);
ABI_OFFSET(struct xen_domctl_cpu_policy, err_leaf, 24);

struct xen_domctl_tsc_info {
    uint32_t tsc_mode; /* 0: native where it is as good, 1: emulated, 2: native */
    uint32_t gtsc_khz;
    uint32_t incarnation; /* times that the domain was restored */
    uint32_t pad;
    uint64_t elapsed_nsec;
};
ABI_SIZE(struct xen_domctl_tsc_info, 24);
