/*
 * What a device model does to its guest: HYPERVISOR_dm_op(domain, count, buffers).
 *
 * The first buffer holds a xen_dm_op; some operations take data in further buffers. Fields are
 * inputs unless marked "out"; padding must be 0.
 */
#pragma once

#include "../event_channel.h"
#include "../types.h"

struct xen_dm_op_buf {
    XEN_GUEST_HANDLE(void) h;
    xen_ulong_t size; /* in bytes */
};
typedef struct xen_dm_op_buf xen_dm_op_buf_t;
ABI_SIZE(struct xen_dm_op_buf, 16);

typedef uint16_t ioservid_t; /* names an ioreq server within its domain */

enum {
    XEN_DMOP_create_ioreq_server = 1,
    XEN_DMOP_get_ioreq_server_info = 2,
    XEN_DMOP_map_io_range_to_ioreq_server = 3,
    XEN_DMOP_unmap_io_range_from_ioreq_server = 4,
    XEN_DMOP_set_ioreq_server_state = 5,
    XEN_DMOP_destroy_ioreq_server = 6,
    XEN_DMOP_track_dirty_vram = 7,
    XEN_DMOP_set_pci_intx_level = 8,
    XEN_DMOP_set_isa_irq_level = 9,
    XEN_DMOP_set_pci_link_route = 10,
    XEN_DMOP_modified_memory = 11,
    XEN_DMOP_set_mem_type = 12,
    XEN_DMOP_inject_event = 13,
    XEN_DMOP_inject_msi = 14,
    XEN_DMOP_map_mem_type_to_ioreq_server = 15,
    XEN_DMOP_remote_shutdown = 16,
    XEN_DMOP_relocate_memory = 17,
    XEN_DMOP_pin_memory_cacheattr = 18,
    XEN_DMOP_set_irq_level = 19,
    XEN_DMOP_nr_vcpus = 20,
};

/* create_ioreq_server.handle_bufioreq: is there a buffered page, and how are its pointers read? */
#define HVM_IOREQSRV_BUFIOREQ_OFF    0
#define HVM_IOREQSRV_BUFIOREQ_LEGACY 1
#define HVM_IOREQSRV_BUFIOREQ_ATOMIC 2

struct xen_dm_op_create_ioreq_server {
    uint8_t handle_bufioreq;
    uint8_t pad[3];
    ioservid_t id; /* out */
};
typedef struct xen_dm_op_create_ioreq_server xen_dm_op_create_ioreq_server_t;
ABI_SIZE(struct xen_dm_op_create_ioreq_server, 6);

#define _XEN_DMOP_no_gfns 0 /* ask for the port only */
#define XEN_DMOP_no_gfns  (1U << _XEN_DMOP_no_gfns)

struct xen_dm_op_get_ioreq_server_info {
    ioservid_t id;
    uint16_t flags;
    evtchn_port_t bufioreq_port; /* out */
    uint64_t ioreq_gfn;          /* out */
    uint64_t bufioreq_gfn;       /* out */
};
typedef struct xen_dm_op_get_ioreq_server_info xen_dm_op_get_ioreq_server_info_t;
ABI_SIZE(struct xen_dm_op_get_ioreq_server_info, 24);
ABI_OFFSET(struct xen_dm_op_get_ioreq_server_info, ioreq_gfn, 8);

#define XEN_DMOP_IO_RANGE_PORT   0
#define XEN_DMOP_IO_RANGE_MEMORY 1
#define XEN_DMOP_IO_RANGE_PCI    2 /* of sbdfs */

#define XEN_DMOP_PCI_SBDF(segment, bus, device, function) \
    ((((segment)&0xffff) << 16) | (((bus)&0xff) << 8) | (((device)&0x1f) << 3) | ((function)&0x07))

struct xen_dm_op_ioreq_server_range {
    ioservid_t id;
    uint16_t pad;
    uint32_t type;
    uint64_t start;
    uint64_t end; /* the last, itself included */
};
typedef struct xen_dm_op_ioreq_server_range xen_dm_op_ioreq_server_range_t;
ABI_SIZE(struct xen_dm_op_ioreq_server_range, 24);

struct xen_dm_op_set_ioreq_server_state {
    ioservid_t id;
    uint8_t enabled;
    uint8_t pad;
};
typedef struct xen_dm_op_set_ioreq_server_state xen_dm_op_set_ioreq_server_state_t;
ABI_SIZE(struct xen_dm_op_set_ioreq_server_state, 4);

struct xen_dm_op_destroy_ioreq_server {
    ioservid_t id;
    uint16_t pad;
};
typedef struct xen_dm_op_destroy_ioreq_server xen_dm_op_destroy_ioreq_server_t;
ABI_SIZE(struct xen_dm_op_destroy_ioreq_server, 4);

/* Second buffer: out, a bitmap of the frames written to since the last call. */
struct xen_dm_op_track_dirty_vram {
    uint32_t nr; /* 0: stop */
    uint32_t pad;
    uint64_t first_pfn;
};
typedef struct xen_dm_op_track_dirty_vram xen_dm_op_track_dirty_vram_t;
ABI_SIZE(struct xen_dm_op_track_dirty_vram, 16);

struct xen_dm_op_set_pci_intx_level {
    uint16_t domain;
    uint8_t bus;
    uint8_t device;
    uint8_t intx; /* 0 to 3: INTA to INTD */
    uint8_t level;
};
typedef struct xen_dm_op_set_pci_intx_level xen_dm_op_set_pci_intx_level_t;
ABI_SIZE(struct xen_dm_op_set_pci_intx_level, 6);

struct xen_dm_op_set_isa_irq_level {
    uint8_t isa_irq;
    uint8_t level;
};
typedef struct xen_dm_op_set_isa_irq_level xen_dm_op_set_isa_irq_level_t;
ABI_SIZE(struct xen_dm_op_set_isa_irq_level, 2);

struct xen_dm_op_set_pci_link_route {
    uint8_t link; /* 0 to 3: PIRQA to PIRQD */
    uint8_t isa_irq;
};
typedef struct xen_dm_op_set_pci_link_route xen_dm_op_set_pci_link_route_t;
ABI_SIZE(struct xen_dm_op_set_pci_link_route, 2);

/* Second buffer: the extents. The device model has written there; mark them dirty. */
struct xen_dm_op_modified_memory {
    uint32_t nr_extents;
    uint32_t opaque; /* in and out: extents done, from the end of a preempted call */
};
typedef struct xen_dm_op_modified_memory xen_dm_op_modified_memory_t;
ABI_SIZE(struct xen_dm_op_modified_memory, 8);

struct xen_dm_op_modified_memory_extent {
    uint32_t nr;
    uint32_t pad;
    uint64_t first_pfn;
};
ABI_SIZE(struct xen_dm_op_modified_memory_extent, 16);

struct xen_dm_op_set_mem_type {
    uint32_t nr;
    uint16_t mem_type; /* HVMMEM_* */
    uint16_t pad;
    uint64_t first_pfn;
};
typedef struct xen_dm_op_set_mem_type xen_dm_op_set_mem_type_t;
ABI_SIZE(struct xen_dm_op_set_mem_type, 16);

/* The numbers of VT-x's and AMD-V's event types. */
#define XEN_DMOP_EVENT_ext_int    0
#define XEN_DMOP_EVENT_nmi        2
#define XEN_DMOP_EVENT_hw_exc     3
#define XEN_DMOP_EVENT_sw_int     4
#define XEN_DMOP_EVENT_pri_sw_exc 5
#define XEN_DMOP_EVENT_sw_exc     6

struct xen_dm_op_inject_event {
    uint32_t vcpuid;
    uint8_t vector;
    uint8_t type;     /* XEN_DMOP_EVENT_* */
    uint8_t insn_len; /* for the software ones */
    uint8_t pad0;
    uint32_t error_code; /* all ones: none */
    uint32_t pad1;
    uint64_t cr2; /* for page faults */
};
typedef struct xen_dm_op_inject_event xen_dm_op_inject_event_t;
ABI_SIZE(struct xen_dm_op_inject_event, 24);
ABI_OFFSET(struct xen_dm_op_inject_event, cr2, 16);

struct xen_dm_op_inject_msi {
    uint32_t data;
    uint32_t pad;
    uint64_t addr;
};
typedef struct xen_dm_op_inject_msi xen_dm_op_inject_msi_t;
ABI_SIZE(struct xen_dm_op_inject_msi, 16);

#define XEN_DMOP_IOREQ_MEM_ACCESS_READ  (1U << 0)
#define XEN_DMOP_IOREQ_MEM_ACCESS_WRITE (1U << 1)

struct xen_dm_op_map_mem_type_to_ioreq_server {
    ioservid_t id;
    uint16_t type;   /* HVMMEM_ioreq_server */
    uint32_t flags;  /* XEN_DMOP_IOREQ_MEM_ACCESS_*; 0: unmap */
    uint64_t opaque; /* 0 at first */
};
typedef struct xen_dm_op_map_mem_type_to_ioreq_server xen_dm_op_map_mem_type_to_ioreq_server_t;
ABI_SIZE(struct xen_dm_op_map_mem_type_to_ioreq_server, 16);

struct xen_dm_op_remote_shutdown {
    uint32_t reason; /* SHUTDOWN_* */
};
typedef struct xen_dm_op_remote_shutdown xen_dm_op_remote_shutdown_t;
ABI_SIZE(struct xen_dm_op_remote_shutdown, 4);

struct xen_dm_op_relocate_memory {
    uint32_t size; /* in frames; in and out: those left to do */
    uint32_t pad;
    uint64_t src_gfn;
    uint64_t dst_gfn;
};
typedef struct xen_dm_op_relocate_memory xen_dm_op_relocate_memory_t;
ABI_SIZE(struct xen_dm_op_relocate_memory, 24);

#define XEN_DMOP_MEM_CACHEATTR_UC     0
#define XEN_DMOP_MEM_CACHEATTR_WC     1
#define XEN_DMOP_MEM_CACHEATTR_WT     4
#define XEN_DMOP_MEM_CACHEATTR_WP     5
#define XEN_DMOP_MEM_CACHEATTR_WB     6
#define XEN_DMOP_MEM_CACHEATTR_UCM    7
#define XEN_DMOP_DELETE_MEM_CACHEATTR (~(uint32_t)0)

struct xen_dm_op_pin_memory_cacheattr {
    uint64_t start; /* frames; `end` is the last, itself included */
    uint64_t end;
    uint32_t type; /* XEN_DMOP_MEM_CACHEATTR_* */
    uint32_t pad;
};
typedef struct xen_dm_op_pin_memory_cacheattr xen_dm_op_pin_memory_cacheattr_t;
ABI_SIZE(struct xen_dm_op_pin_memory_cacheattr, 24);

struct xen_dm_op_set_irq_level {
    uint32_t irq;
    uint8_t level;
    uint8_t pad[3];
};
typedef struct xen_dm_op_set_irq_level xen_dm_op_set_irq_level_t;
ABI_SIZE(struct xen_dm_op_set_irq_level, 8);

struct xen_dm_op_nr_vcpus {
    uint32_t vcpus; /* out */
};
typedef struct xen_dm_op_nr_vcpus xen_dm_op_nr_vcpus_t;
ABI_SIZE(struct xen_dm_op_nr_vcpus, 4);

struct xen_dm_op {
    uint32_t op; /* XEN_DMOP_* */
    uint32_t pad;
    union {
        xen_dm_op_create_ioreq_server_t create_ioreq_server;
        xen_dm_op_get_ioreq_server_info_t get_ioreq_server_info;
        xen_dm_op_ioreq_server_range_t map_io_range_to_ioreq_server;
        xen_dm_op_ioreq_server_range_t unmap_io_range_from_ioreq_server;
        xen_dm_op_set_ioreq_server_state_t set_ioreq_server_state;
        xen_dm_op_destroy_ioreq_server_t destroy_ioreq_server;
        xen_dm_op_track_dirty_vram_t track_dirty_vram;
        xen_dm_op_set_pci_intx_level_t set_pci_intx_level;
        xen_dm_op_set_isa_irq_level_t set_isa_irq_level;
        xen_dm_op_set_irq_level_t set_irq_level;
        xen_dm_op_set_pci_link_route_t set_pci_link_route;
        xen_dm_op_modified_memory_t modified_memory;
        xen_dm_op_set_mem_type_t set_mem_type;
        xen_dm_op_inject_event_t inject_event;
        xen_dm_op_inject_msi_t inject_msi;
        xen_dm_op_map_mem_type_to_ioreq_server_t map_mem_type_to_ioreq_server;
        xen_dm_op_remote_shutdown_t remote_shutdown;
        xen_dm_op_relocate_memory_t relocate_memory;
        xen_dm_op_pin_memory_cacheattr_t pin_memory_cacheattr;
        xen_dm_op_nr_vcpus_t nr_vcpus;
    } u;
};
ABI_SIZE(struct xen_dm_op, 32);
ABI_OFFSET(struct xen_dm_op, u, 8);
