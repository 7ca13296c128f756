// Between the files of the platform_op hypercall (pv-abi/platform.h).
#pragma once

#include "pv-abi/platform.h"

// The operations; the argument is the hypervisor's copy, which is written back where the table in
// platform_op.c says so.
int platform_get_cpuinfo(struct xen_platform_op *op);
int platform_get_cpu_version(struct xen_platform_op *op);
int platform_cpu_online(struct xen_platform_op *op);
int platform_cpu_offline(struct xen_platform_op *op);
int platform_set_pminfo(struct xen_platform_op *op);
