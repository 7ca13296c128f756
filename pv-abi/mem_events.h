/*
 * Tools that watch or page out another domain's memory: XENMEM_paging_op, XENMEM_access_op.
 */
#pragma once

#include "types.h"

enum {
    XENMEM_paging_op_nominate = 0,
    XENMEM_paging_op_evict = 1,
    XENMEM_paging_op_prep = 2,
};

struct xen_mem_paging_op {
    uint8_t op; /* XENMEM_paging_op_* */
    domid_t domain;
    XEN_GUEST_HANDLE_64(const uint8_t) buffer; /* prep: the page's contents, or none */
    uint64_t gfn;
};
typedef struct xen_mem_paging_op xen_mem_paging_op_t;
ABI_SIZE(struct xen_mem_paging_op, 24);
ABI_OFFSET(struct xen_mem_paging_op, gfn, 16);

enum {
    XENMEM_access_op_set_access = 0,
    XENMEM_access_op_get_access = 1,
    XENMEM_access_op_set_access_multi = 4,
};

typedef enum {
    XENMEM_access_n = 0,
    XENMEM_access_r = 1,
    XENMEM_access_w = 2,
    XENMEM_access_rw = 3,
    XENMEM_access_x = 4,
    XENMEM_access_rx = 5,
    XENMEM_access_wx = 6,
    XENMEM_access_rwx = 7,
    XENMEM_access_rx2rw = 8,    /* rx, turning to rw at the first write */
    XENMEM_access_n2rwx = 9,    /* none, turning to rwx at the first access */
    XENMEM_access_default = 10, /* what new pages get */
} xenmem_access_t;

struct xen_mem_access_op {
    uint8_t op;     /* XENMEM_access_op_* */
    uint8_t access; /* XENMEM_access_* */
    domid_t domid;
    uint32_t nr;
    uint64_t pfn; /* the first of nr; all ones: the default for new pages */
    XEN_GUEST_HANDLE(const uint64_t) pfn_list; /* set_access_multi */
    XEN_GUEST_HANDLE(const uint8_t) access_list;
};
typedef struct xen_mem_access_op xen_mem_access_op_t;
ABI_SIZE(struct xen_mem_access_op, 32);
ABI_OFFSET(struct xen_mem_access_op, pfn, 8);
