/*
 * System control: how CPUs, memory and devices hang together.
 *
 * A count is in: room in the array; out: entries there are. No array: only the count.
 */
#pragma once

#include "../physdev.h"
#include "../types.h"

#define XEN_INVALID_CORE_ID   (~0U)
#define XEN_INVALID_SOCKET_ID (~0U)
#define XEN_INVALID_NODE_ID   (~0U)

struct xen_sysctl_cputopo {
    uint32_t core;
    uint32_t socket;
    uint32_t node;
};
typedef struct xen_sysctl_cputopo xen_sysctl_cputopo_t;
ABI_SIZE(struct xen_sysctl_cputopo, 12);

struct xen_sysctl_cputopoinfo {
    uint32_t num_cpus;
    XEN_GUEST_HANDLE_64(xen_sysctl_cputopo_t) cputopo;
};
ABI_SIZE(struct xen_sysctl_cputopoinfo, 16);

#define XEN_INVALID_MEM_SZ    (~0U)
#define XEN_INVALID_NODE_DIST (~0U)

struct xen_sysctl_meminfo {
    uint64_t memsize; /* in bytes */
    uint64_t memfree;
};
typedef struct xen_sysctl_meminfo xen_sysctl_meminfo_t;
ABI_SIZE(struct xen_sysctl_meminfo, 16);

struct xen_sysctl_numainfo {
    uint32_t num_nodes;
    XEN_GUEST_HANDLE_64(xen_sysctl_meminfo_t) meminfo;
    XEN_GUEST_HANDLE_64(uint32_t) distance; /* num_nodes squared */
};
ABI_SIZE(struct xen_sysctl_numainfo, 24);

#define XEN_INVALID_DEV (XEN_INVALID_NODE_ID - 1)

struct xen_sysctl_pcitopoinfo {
    uint32_t num_devs; /* out: those done before a preemption or the end */
    XEN_GUEST_HANDLE_64(physdev_pci_device_t) devs;
    XEN_GUEST_HANDLE_64(uint32_t) nodes; /* out */
};
ABI_SIZE(struct xen_sysctl_pcitopoinfo, 24);
