// Between the files of the sysctl hypercall (pv-abi/sysctl.h): control of the whole machine.
#pragma once

#include "pv-abi/sysctl.h"

// The operations. The argument is the hypervisor's copy, which is written back on success where the
// table in sysctl.c says so. 0 or -errno.
int sysctl_physinfo(struct xen_sysctl *op);
int sysctl_availheap(struct xen_sysctl *op);
int sysctl_getdomaininfolist(struct xen_sysctl *op);

int sysctl_getcpuinfo(struct xen_sysctl *op);
int sysctl_cputopoinfo(struct xen_sysctl *op);
int sysctl_numainfo(struct xen_sysctl *op);
int sysctl_pcitopoinfo(struct xen_sysctl *op);
int sysctl_cpu_hotplug(struct xen_sysctl *op);

int sysctl_get_pmstat(struct xen_sysctl *op);
int sysctl_pm_op(struct xen_sysctl *op);

int sysctl_cpu_levelling_caps(struct xen_sysctl *op);
int sysctl_cpu_featureset(struct xen_sysctl *op);
int sysctl_cpu_policy(struct xen_sysctl *op);

int sysctl_sched_id(struct xen_sysctl *op);
int sysctl_scheduler_op(struct xen_sysctl *op);
int sysctl_cpupool_op(struct xen_sysctl *op);

// How the machine's threads, cores and sockets are numbered, by CPUID.
struct cpu_topology {
    unsigned threads_per_core, cores_per_socket;
    unsigned core_shift, socket_shift; // of an APIC id
};
void sysctl_topology(struct cpu_topology *t);
