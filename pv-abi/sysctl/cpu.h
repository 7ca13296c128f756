/*
 * System control: processors: their time, their features, taking them in and out of use.
 */
#pragma once

#include "../arch-x86/domain.h"
#include "../types.h"

struct xen_sysctl_cpuinfo {
    uint64_t idletime; /* in ns */
};
typedef struct xen_sysctl_cpuinfo xen_sysctl_cpuinfo_t;
ABI_SIZE(struct xen_sysctl_cpuinfo, 8);

struct xen_sysctl_getcpuinfo {
    uint32_t max_cpus;
    XEN_GUEST_HANDLE_64(xen_sysctl_cpuinfo_t) info;
    uint32_t nr_cpus; /* out */
};
ABI_SIZE(struct xen_sysctl_getcpuinfo, 24);

#define XEN_SYSCTL_CPU_HOTPLUG_ONLINE      0
#define XEN_SYSCTL_CPU_HOTPLUG_OFFLINE     1
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE  2 /* these two for all CPUs */
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE 3

struct xen_sysctl_cpu_hotplug {
    uint32_t cpu;
    uint32_t op;
};
ABI_SIZE(struct xen_sysctl_cpu_hotplug, 8);

/* cpu_levelling_caps.caps: which CPUID leaves the hardware lets a PV guest be lied about. */
#define XEN_SYSCTL_CPU_LEVELCAP_faulting    (1UL << 0)
#define XEN_SYSCTL_CPU_LEVELCAP_ecx         (1UL << 1)
#define XEN_SYSCTL_CPU_LEVELCAP_edx         (1UL << 2)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_ecx    (1UL << 3)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_edx    (1UL << 4)
#define XEN_SYSCTL_CPU_LEVELCAP_xsave_eax   (1UL << 5)
#define XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx (1UL << 6)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax    (1UL << 7)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx    (1UL << 8)

struct xen_sysctl_cpu_levelling_caps {
    uint32_t caps; /* out */
};
ABI_SIZE(struct xen_sysctl_cpu_levelling_caps, 4);

#define XEN_SYSCTL_cpu_featureset_raw     0
#define XEN_SYSCTL_cpu_featureset_host    1
#define XEN_SYSCTL_cpu_featureset_pv      2
#define XEN_SYSCTL_cpu_featureset_hvm     3
#define XEN_SYSCTL_cpu_featureset_pv_max  4
#define XEN_SYSCTL_cpu_featureset_hvm_max 5

/* Feature bits as words, in the order of arch-x86/cpufeatureset.h. */
struct xen_sysctl_cpu_featureset {
    uint32_t index;       /* XEN_SYSCTL_cpu_featureset_* */
    uint32_t nr_features; /* in: room; out: words */
    XEN_GUEST_HANDLE_64(uint32_t) features;
};
ABI_SIZE(struct xen_sysctl_cpu_featureset, 16);

#define XEN_SYSCTL_cpu_policy_raw         0
#define XEN_SYSCTL_cpu_policy_host        1
#define XEN_SYSCTL_cpu_policy_pv_max      2
#define XEN_SYSCTL_cpu_policy_hvm_max     3
#define XEN_SYSCTL_cpu_policy_pv_default  4
#define XEN_SYSCTL_cpu_policy_hvm_default 5

struct xen_sysctl_cpu_policy {
    uint32_t index;     /* XEN_SYSCTL_cpu_policy_* */
    uint32_t nr_leaves; /* in: room; out: number */
    uint32_t nr_msrs;
    uint32_t _rsvd;
    XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves;
    XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;
};
typedef struct xen_sysctl_cpu_policy xen_sysctl_cpu_policy_t;
ABI_SIZE(struct xen_sysctl_cpu_policy, 32);
