/*
 * A domain's memory: HYPERVISOR_memory_op(XENMEM_*, argument).
 *
 * Long lists are worked on in pieces: bits 6 and up of the command hold the index at which a
 * preempted call goes on, so a guest passes 0 there.
 */
#pragma once

#include "physdev.h"
#include "types.h"

enum {
    XENMEM_increase_reservation = 0,
    XENMEM_decrease_reservation = 1,
    XENMEM_maximum_ram_page = 2,    /* none; returns the highest machine frame plus one */
    XENMEM_current_reservation = 3, /* domid_t; returns pages */
    XENMEM_maximum_reservation = 4, /* domid_t; returns pages */
    XENMEM_machphys_mfn_list = 5,
    XENMEM_populate_physmap = 6,
    XENMEM_add_to_physmap = 7,
    XENMEM_memory_map = 9,
    XENMEM_machine_memory_map = 10,
    XENMEM_exchange = 11,
    XENMEM_machphys_mapping = 12,
    XENMEM_set_memory_map = 13,
    XENMEM_maximum_gpfn = 14, /* domid_t; returns a guest frame */
    XENMEM_remove_from_physmap = 15,
    XENMEM_set_pod_target = 16,
    XENMEM_get_pod_target = 17,
    XENMEM_get_sharing_freed_pages = 18,  /* none; returns pages */
    XENMEM_get_sharing_shared_pages = 19, /* none; returns pages */
    XENMEM_paging_op = 20,                /* mem_events.h */
    XENMEM_access_op = 21,                /* mem_events.h */
    XENMEM_sharing_op = 22,               /* mem_sharing.h */
    XENMEM_add_to_physmap_batch = 23,
    XENMEM_claim_pages = 24, /* xen_memory_reservation: set nr_extents pages aside */
    XENMEM_machphys_compat_mfn_list = 25,
    XENMEM_get_vnumainfo = 26,
    XENMEM_reserved_device_memory_map = 27,
    XENMEM_acquire_resource = 28,
};

/* xen_memory_reservation.mem_flags */
#define XENMEMF_address_bits(bits)      (bits) /* no frame above this many bits of address */
#define XENMEMF_get_address_bits(flags) ((flags)&0xffU)
#define XENMEMF_node(node)              ((((node) + 1) & 0xffU) << 8) /* a NUMA node to prefer */
#define XENMEMF_get_node(flags)         ((((flags) >> 8) - 1) & 0xffU)
#define XENMEMF_populate_on_demand      (1U << 16)
#define XENMEMF_exact_node_request      (1U << 17) /* no other node will do */
#define XENMEMF_exact_node(node)        (XENMEMF_node(node) | XENMEMF_exact_node_request)
#define XENMEMF_vnode                   (1U << 18) /* the node is one of the guest's own */

/*
 * Extents are blocks of 2^extent_order frames. The list holds guest frames for populate, machine
 * frames for decrease (PV), and receives machine frames. The calls return how many extents they
 * did.
 */
struct xen_memory_reservation {
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start;
    xen_ulong_t nr_extents;
    uint32_t extent_order;
    uint32_t mem_flags; /* XENMEMF_* */
    domid_t domid;
};
typedef struct xen_memory_reservation xen_memory_reservation_t;
ABI_SIZE(struct xen_memory_reservation, 32);
ABI_OFFSET(struct xen_memory_reservation, nr_extents, 8);
ABI_OFFSET(struct xen_memory_reservation, mem_flags, 20);
ABI_OFFSET(struct xen_memory_reservation, domid, 24);

/* Trade the frames of `in` for as many of another order or address width. */
struct xen_memory_exchange {
    struct xen_memory_reservation in;
    struct xen_memory_reservation out;
    xen_ulong_t nr_exchanged; /* in and out: extents of `in` that are done */
};
typedef struct xen_memory_exchange xen_memory_exchange_t;
ABI_SIZE(struct xen_memory_exchange, 72);
ABI_OFFSET(struct xen_memory_exchange, nr_exchanged, 64);

struct xen_memory_domain {
    domid_t domid;
};
ABI_SIZE(struct xen_memory_domain, 2);

/* The machine frames that hold the M2P, one for each 2 MB of the table. */
struct xen_machphys_mfn_list {
    uint32_t max_extents;
    XEN_GUEST_HANDLE(xen_pfn_t) extent_start;
    uint32_t nr_extents; /* out */
};
typedef struct xen_machphys_mfn_list xen_machphys_mfn_list_t;
ABI_SIZE(struct xen_machphys_mfn_list, 24);
ABI_OFFSET(struct xen_machphys_mfn_list, nr_extents, 16);

/* Where the M2P is mapped in the caller's address space. */
typedef struct xen_machphys_mapping {
    xen_ulong_t v_start;
    xen_ulong_t v_end;
    xen_ulong_t max_mfn;
} xen_machphys_mapping_t;
ABI_SIZE(struct xen_machphys_mapping, 24);

/* What can be put into a translated guest's physical address space. */
enum {
    XENMAPSPACE_shared_info = 0,
    XENMAPSPACE_grant_table = 1,  /* idx: frame of the table */
    XENMAPSPACE_gmfn = 2,         /* idx: guest frame, moved */
    XENMAPSPACE_gmfn_range = 3,   /* as before, `size` frames; not for batches */
    XENMAPSPACE_gmfn_foreign = 4, /* idx: guest frame of another domain; only for batches */
    XENMAPSPACE_dev_mmio = 5,     /* idx: machine frame of a device; only for batches */
};

/* With XENMAPSPACE_grant_table: the idx counts status frames instead. */
#define XENMAPIDX_grant_table_status 0x80000000U

struct xen_add_to_physmap {
    domid_t domid;
    uint16_t size;
    uint32_t space; /* XENMAPSPACE_* */
    xen_ulong_t idx;
    xen_pfn_t gpfn; /* where to put it */
};
typedef struct xen_add_to_physmap xen_add_to_physmap_t;
ABI_SIZE(struct xen_add_to_physmap, 24);
ABI_OFFSET(struct xen_add_to_physmap, idx, 8);

struct xen_add_to_physmap_batch {
    domid_t domid;
    uint16_t space; /* XENMAPSPACE_* */
    uint16_t size;  /* of the arrays */
    union xen_add_to_physmap_batch_extra {
        domid_t foreign_domid; /* for XENMAPSPACE_gmfn_foreign */
        uint16_t res0;         /* for everything else: 0 */
    } u;
    XEN_GUEST_HANDLE(xen_ulong_t) idxs;
    XEN_GUEST_HANDLE(xen_pfn_t) gpfns;
    XEN_GUEST_HANDLE(int) errs; /* out: 0 or -errno for each */
};
typedef struct xen_add_to_physmap_batch xen_add_to_physmap_batch_t;
ABI_SIZE(union xen_add_to_physmap_batch_extra, 2);
ABI_SIZE(struct xen_add_to_physmap_batch, 32);
ABI_OFFSET(struct xen_add_to_physmap_batch, u, 6);
ABI_OFFSET(struct xen_add_to_physmap_batch, errs, 24);

struct xen_remove_from_physmap {
    domid_t domid;
    xen_pfn_t gpfn;
};
typedef struct xen_remove_from_physmap xen_remove_from_physmap_t;
ABI_SIZE(struct xen_remove_from_physmap, 16);

/* An E820 map; `buffer` holds entries of the 20-byte packed kind. */
struct xen_memory_map {
    uint32_t nr_entries; /* in: room; out: entries */
    XEN_GUEST_HANDLE(void) buffer;
};
typedef struct xen_memory_map xen_memory_map_t;
ABI_SIZE(struct xen_memory_map, 16);

struct xen_foreign_memory_map {
    domid_t domid;
    struct xen_memory_map map;
};
typedef struct xen_foreign_memory_map xen_foreign_memory_map_t;
ABI_SIZE(struct xen_foreign_memory_map, 24);

/* Populate on demand: memory that is promised, and what of it exists. */
struct xen_pod_target {
    uint64_t target_pages; /* in for set */
    uint64_t tot_pages;    /* out */
    uint64_t pod_cache_pages;
    uint64_t pod_entries;
    domid_t domid; /* in */
};
typedef struct xen_pod_target xen_pod_target_t;
ABI_SIZE(struct xen_pod_target, 40);

/* Regions that a device needs identity-mapped (RMRR and the like). */
struct xen_reserved_device_memory {
    xen_pfn_t start_pfn;
    xen_ulong_t nr_pages;
};
typedef struct xen_reserved_device_memory xen_reserved_device_memory_t;
ABI_SIZE(struct xen_reserved_device_memory, 16);

#define XENMEM_RDM_ALL 1 /* of all devices, whatever `dev` says */

struct xen_reserved_device_memory_map {
    uint32_t flags;
    uint32_t nr_entries; /* in: room; out: entries there are */
    XEN_GUEST_HANDLE(xen_reserved_device_memory_t) buffer;
    union {
        physdev_pci_device_t pci;
    } dev;
};
typedef struct xen_reserved_device_memory_map xen_reserved_device_memory_map_t;
ABI_SIZE(struct xen_reserved_device_memory_map, 24);
ABI_OFFSET(struct xen_reserved_device_memory_map, dev, 16);

/* Frames that belong to a domain's workings rather than to its memory. */
enum {
    XENMEM_resource_ioreq_server = 0, /* id: server */
    XENMEM_resource_grant_table = 1,  /* id: XENMEM_resource_grant_table_id_* */
    XENMEM_resource_vmtrace_buf = 2,  /* id: vCPU */
};
#define XENMEM_resource_grant_table_id_shared           0
#define XENMEM_resource_grant_table_id_status           1
#define XENMEM_resource_ioreq_server_frame_bufioreq     0
#define XENMEM_resource_ioreq_server_frame_ioreq(index) (1 + (index))

struct xen_mem_acquire_resource {
    domid_t domid;
    uint16_t type; /* XENMEM_resource_* */
    uint32_t id;
    uint32_t nr_frames; /* with 0 and no list: out, the size of the resource */
    uint32_t pad;
    uint64_t frame;                         /* first frame wanted, within the resource */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* PV: out, machine frames; HVM: in, guest frames */
};
typedef struct xen_mem_acquire_resource xen_mem_acquire_resource_t;
ABI_SIZE(struct xen_mem_acquire_resource, 32);
ABI_OFFSET(struct xen_mem_acquire_resource, frame, 16);

/* Virtual NUMA. */
struct xen_vmemrange {
    uint64_t start; /* guest-physical addresses */
    uint64_t end;
    uint32_t flags; /* 0 */
    uint32_t nid;
};
typedef struct xen_vmemrange xen_vmemrange_t;
ABI_SIZE(struct xen_vmemrange, 24);

struct xen_vnuma_topology_info {
    domid_t domid;
    uint16_t pad;
    uint32_t nr_vnodes; /* in: room in the arrays; out: entries */
    uint32_t nr_vcpus;
    uint32_t nr_vmemranges;
    union {
        XEN_GUEST_HANDLE(uint32_t) h;
        uint64_t pad;
    } vdistance; /* nr_vnodes squared */
    union {
        XEN_GUEST_HANDLE(uint32_t) h;
        uint64_t pad;
    } vcpu_to_vnode; /* nr_vcpus */
    union {
        XEN_GUEST_HANDLE(xen_vmemrange_t) h;
        uint64_t pad;
    } vmemrange; /* nr_vmemranges */
};
typedef struct xen_vnuma_topology_info xen_vnuma_topology_info_t;
ABI_SIZE(struct xen_vnuma_topology_info, 40);
ABI_OFFSET(struct xen_vnuma_topology_info, vdistance, 16);
