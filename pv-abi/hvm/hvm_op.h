/*
 * What HVM guests and their device models ask: HYPERVISOR_hvm_op(HVMOP_*, argument).
 */
#pragma once

#include "../types.h"
#include "altp2m.h"

enum {
    HVMOP_set_param = 0,  /* xen_hvm_param */
    HVMOP_get_param = 1,  /* xen_hvm_param */
    HVMOP_flush_tlbs = 5, /* none */
    HVMOP_pagetable_dying = 9,
    HVMOP_get_time = 10,
    HVMOP_xentrace = 11,
    HVMOP_set_mem_access = 12, /* gone */
    HVMOP_get_mem_access = 13, /* gone */
    HVMOP_get_mem_type = 15,
    HVMOP_set_evtchn_upcall_vector = 23,
    HVMOP_guest_request_vm_event = 24, /* none */
    HVMOP_altp2m = 25,                 /* altp2m.h */
};

struct xen_hvm_param {
    domid_t domid;
    uint16_t pad;
    uint32_t index; /* HVM_PARAM_* */
    uint64_t value; /* in for set, out for get */
};
typedef struct xen_hvm_param xen_hvm_param_t;
ABI_SIZE(struct xen_hvm_param, 16);
ABI_OFFSET(struct xen_hvm_param, value, 8);

typedef enum {
    HVMMEM_ram_rw = 0,
    HVMMEM_ram_ro = 1,
    HVMMEM_mmio_dm = 2, /* the device model emulates it */
    HVMMEM_unused = 3,
    HVMMEM_ioreq_server = 4, /* an ioreq server has claimed accesses */
} hvmmem_type_t;

/* The page table at gpa will not be used any more. */
struct xen_hvm_pagetable_dying {
    domid_t domid;
    uint16_t pad[3];
    uint64_t gpa;
};
typedef struct xen_hvm_pagetable_dying xen_hvm_pagetable_dying_t;
ABI_SIZE(struct xen_hvm_pagetable_dying, 16);

struct xen_hvm_get_time {
    uint64_t now; /* out: system time in ns */
};
typedef struct xen_hvm_get_time xen_hvm_get_time_t;
ABI_SIZE(struct xen_hvm_get_time, 8);

struct xen_hvm_xentrace {
    uint16_t event;
    uint16_t extra_bytes;
    uint8_t extra[28];
};
typedef struct xen_hvm_xentrace xen_hvm_xentrace_t;
ABI_SIZE(struct xen_hvm_xentrace, 32);

struct xen_hvm_get_mem_type {
    domid_t domid;
    uint16_t mem_type; /* out: hvmmem_type_t */
    uint16_t pad[2];
    uint64_t pfn;
};
typedef struct xen_hvm_get_mem_type xen_hvm_get_mem_type_t;
ABI_SIZE(struct xen_hvm_get_mem_type, 16);
ABI_OFFSET(struct xen_hvm_get_mem_type, pfn, 8);

/* Events for this vCPU arrive by this vector, through its local APIC. */
struct xen_hvm_evtchn_upcall_vector {
    uint32_t vcpu;
    uint8_t vector;
};
typedef struct xen_hvm_evtchn_upcall_vector xen_hvm_evtchn_upcall_vector_t;
ABI_SIZE(struct xen_hvm_evtchn_upcall_vector, 8);
