/*
 * Control of the whole machine: HYPERVISOR_sysctl(xen_sysctl), for the tools in domain 0.
 *
 * The parameters of each operation are in sysctl/, by subject. Fields are inputs unless marked
 * "out".
 */
#pragma once

#include "sysctl/cpu.h"
#include "sysctl/debug.h"
#include "sysctl/livepatch.h"
#include "sysctl/machine.h"
#include "sysctl/power.h"
#include "sysctl/resources.h"
#include "sysctl/sched.h"
#include "sysctl/topology.h"
#include "types.h"

#define XEN_SYSCTL_INTERFACE_VERSION 0x00000015

enum {
    XEN_SYSCTL_readconsole = 1,
    XEN_SYSCTL_tbuf_op = 2,
    XEN_SYSCTL_physinfo = 3,
    XEN_SYSCTL_sched_id = 4,
    XEN_SYSCTL_perfc_op = 5,
    XEN_SYSCTL_getdomaininfolist = 6,
    XEN_SYSCTL_debug_keys = 7,
    XEN_SYSCTL_getcpuinfo = 8,
    XEN_SYSCTL_availheap = 9,
    XEN_SYSCTL_get_pmstat = 10,
    XEN_SYSCTL_cpu_hotplug = 11,
    XEN_SYSCTL_pm_op = 12,
    XEN_SYSCTL_page_offline_op = 14,
    XEN_SYSCTL_lockprof_op = 15,
    XEN_SYSCTL_cputopoinfo = 16,
    XEN_SYSCTL_numainfo = 17,
    XEN_SYSCTL_cpupool_op = 18,
    XEN_SYSCTL_scheduler_op = 19,
    XEN_SYSCTL_coverage_op = 20,
    XEN_SYSCTL_psr_cmt_op = 21,
    XEN_SYSCTL_pcitopoinfo = 22,
    XEN_SYSCTL_psr_alloc = 23,
    XEN_SYSCTL_get_cpu_levelling_caps = 25,
    XEN_SYSCTL_get_cpu_featureset = 26,
    XEN_SYSCTL_livepatch_op = 27,
    XEN_SYSCTL_get_cpu_policy = 29,
};

struct xen_sysctl {
    uint32_t cmd;               /* XEN_SYSCTL_* */
    uint32_t interface_version; /* XEN_SYSCTL_INTERFACE_VERSION */
    union {
        struct xen_sysctl_readconsole readconsole;
        struct xen_sysctl_tbuf_op tbuf_op;
        struct xen_sysctl_physinfo physinfo;
        struct xen_sysctl_cputopoinfo cputopoinfo;
        struct xen_sysctl_pcitopoinfo pcitopoinfo;
        struct xen_sysctl_numainfo numainfo;
        struct xen_sysctl_sched_id sched_id;
        struct xen_sysctl_perfc_op perfc_op;
        struct xen_sysctl_getdomaininfolist getdomaininfolist;
        struct xen_sysctl_debug_keys debug_keys;
        struct xen_sysctl_getcpuinfo getcpuinfo;
        struct xen_sysctl_availheap availheap;
        struct xen_sysctl_get_pmstat get_pmstat;
        struct xen_sysctl_cpu_hotplug cpu_hotplug;
        struct xen_sysctl_pm_op pm_op;
        struct xen_sysctl_page_offline_op page_offline;
        struct xen_sysctl_lockprof_op lockprof_op;
        struct xen_sysctl_cpupool_op cpupool_op;
        struct xen_sysctl_scheduler_op scheduler_op;
        struct xen_sysctl_coverage_op coverage_op;
        struct xen_sysctl_psr_cmt_op psr_cmt_op;
        struct xen_sysctl_psr_alloc psr_alloc;
        struct xen_sysctl_cpu_levelling_caps cpu_levelling_caps;
        struct xen_sysctl_cpu_featureset cpu_featureset;
        struct xen_sysctl_livepatch_op livepatch;
        struct xen_sysctl_cpu_policy cpu_policy;
        uint8_t pad[128];
    } u;
};
typedef struct xen_sysctl xen_sysctl_t;
ABI_SIZE(struct xen_sysctl, 136);
ABI_OFFSET(struct xen_sysctl, u, 8);
