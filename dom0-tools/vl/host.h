// The machine.
#pragma once

#include "config/cpu_list.h"
#include "vl/vl.h"

// Ends the program if the hypervisor does not tell.
struct xen_sysctl_physinfo vl_physinfo(void);

// The machine's CPUs and their nodes; the array is the caller's.
struct cpu_topology vl_topology(void);

// How many NUMA nodes it has, at least 1.
uint32_t vl_nodes(void);

// The scheduler's number, and its name ("credit").
uint32_t vl_scheduler(void);
const char *vl_scheduler_name(uint32_t id);
