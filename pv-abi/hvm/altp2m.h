/*
 * Alternate guest-physical address spaces: HVMOP_altp2m.
 */
#pragma once

#include "../types.h"

#define HVMOP_ALTP2M_INTERFACE_VERSION 0x00000001

/* xen_hvm_altp2m_op.cmd */
enum {
    HVMOP_altp2m_get_domain_state = 1,
    HVMOP_altp2m_set_domain_state = 2,
    HVMOP_altp2m_vcpu_enable_notify = 3,
    HVMOP_altp2m_create_p2m = 4,
    HVMOP_altp2m_destroy_p2m = 5,
    HVMOP_altp2m_switch_p2m = 6,
    HVMOP_altp2m_set_mem_access = 7,
    HVMOP_altp2m_change_gfn = 8,
    HVMOP_altp2m_set_mem_access_multi = 9,
    HVMOP_altp2m_set_suppress_ve = 10,
    HVMOP_altp2m_get_suppress_ve = 11,
    HVMOP_altp2m_get_mem_access = 12,
    HVMOP_altp2m_vcpu_disable_notify = 13,
    HVMOP_altp2m_get_p2m_idx = 14,
    HVMOP_altp2m_set_suppress_ve_multi = 15,
    HVMOP_altp2m_set_visibility = 16,
};

struct xen_hvm_altp2m_domain_state {
    uint8_t state; /* in for set, out for get: 1 if in use */
};
typedef struct xen_hvm_altp2m_domain_state xen_hvm_altp2m_domain_state_t;
ABI_SIZE(struct xen_hvm_altp2m_domain_state, 1);

struct xen_hvm_altp2m_vcpu_enable_notify {
    uint32_t vcpu_id;
    uint32_t pad;
    uint64_t gfn; /* of the #VE information area */
};
typedef struct xen_hvm_altp2m_vcpu_enable_notify xen_hvm_altp2m_vcpu_enable_notify_t;
ABI_SIZE(struct xen_hvm_altp2m_vcpu_enable_notify, 16);

struct xen_hvm_altp2m_vcpu_disable_notify {
    uint32_t vcpu_id;
};
typedef struct xen_hvm_altp2m_vcpu_disable_notify xen_hvm_altp2m_vcpu_disable_notify_t;
ABI_SIZE(struct xen_hvm_altp2m_vcpu_disable_notify, 4);

struct xen_hvm_altp2m_view {
    uint16_t view; /* out for create */
    uint16_t hvmmem_default_access;
};
typedef struct xen_hvm_altp2m_view xen_hvm_altp2m_view_t;
ABI_SIZE(struct xen_hvm_altp2m_view, 4);

struct xen_hvm_altp2m_mem_access {
    uint16_t view;
    uint16_t access; /* in for set, out for get: XENMEM_access_* */
    uint32_t pad;
    uint64_t gfn;
};
typedef struct xen_hvm_altp2m_mem_access xen_hvm_altp2m_mem_access_t;
ABI_SIZE(struct xen_hvm_altp2m_mem_access, 16);

struct xen_hvm_altp2m_set_mem_access_multi {
    uint16_t view;
    uint16_t pad;
    uint32_t nr;
    uint64_t opaque; /* 0 at first; where a preempted call goes on */
    XEN_GUEST_HANDLE(const uint64_t) pfn_list;
    XEN_GUEST_HANDLE(const uint8_t) access_list;
};
ABI_SIZE(struct xen_hvm_altp2m_set_mem_access_multi, 32);
ABI_OFFSET(struct xen_hvm_altp2m_set_mem_access_multi, opaque, 8);

struct xen_hvm_altp2m_change_gfn {
    uint16_t view;
    uint16_t pad1;
    uint32_t pad2;
    uint64_t old_gfn;
    uint64_t new_gfn; /* all ones: as in the host's view */
};
typedef struct xen_hvm_altp2m_change_gfn xen_hvm_altp2m_change_gfn_t;
ABI_SIZE(struct xen_hvm_altp2m_change_gfn, 24);

struct xen_hvm_altp2m_suppress_ve {
    uint16_t view;
    uint8_t suppress_ve; /* in for set, out for get */
    uint8_t pad1;
    uint32_t pad2;
    uint64_t gfn;
};
ABI_SIZE(struct xen_hvm_altp2m_suppress_ve, 16);

struct xen_hvm_altp2m_suppress_ve_multi {
    uint16_t view;
    uint8_t suppress_ve;
    uint8_t pad1;
    int32_t first_error; /* out */
    uint64_t first_gfn;  /* in and out */
    uint64_t last_gfn;
    uint64_t first_error_gfn; /* out */
};
ABI_SIZE(struct xen_hvm_altp2m_suppress_ve_multi, 32);

struct xen_hvm_altp2m_get_vcpu_p2m_idx {
    uint32_t vcpu_id;
    uint16_t altp2m_idx; /* out */
};
ABI_SIZE(struct xen_hvm_altp2m_get_vcpu_p2m_idx, 8);

struct xen_hvm_altp2m_set_visibility {
    uint16_t altp2m_idx;
    uint8_t visible;
    uint8_t pad;
};
ABI_SIZE(struct xen_hvm_altp2m_set_visibility, 4);

struct xen_hvm_altp2m_op {
    uint32_t version; /* HVMOP_ALTP2M_INTERFACE_VERSION */
    uint32_t cmd;
    domid_t domain;
    uint16_t pad1;
    uint32_t pad2;
    union {
        struct xen_hvm_altp2m_domain_state domain_state;
        struct xen_hvm_altp2m_vcpu_enable_notify enable_notify;
        struct xen_hvm_altp2m_view view;
        struct xen_hvm_altp2m_mem_access mem_access;
        struct xen_hvm_altp2m_change_gfn change_gfn;
        struct xen_hvm_altp2m_set_mem_access_multi set_mem_access_multi;
        struct xen_hvm_altp2m_suppress_ve suppress_ve;
        struct xen_hvm_altp2m_suppress_ve_multi suppress_ve_multi;
        struct xen_hvm_altp2m_vcpu_disable_notify disable_notify;
        struct xen_hvm_altp2m_get_vcpu_p2m_idx get_vcpu_p2m_idx;
        struct xen_hvm_altp2m_set_visibility set_visibility;
        uint8_t pad[64];
    } u;
};
typedef struct xen_hvm_altp2m_op xen_hvm_altp2m_op_t;
ABI_SIZE(struct xen_hvm_altp2m_op, 80);
ABI_OFFSET(struct xen_hvm_altp2m_op, u, 16);
