/*
 * Sharing of equal pages between HVM domains, and forking them: XENMEM_sharing_op.
 */
#pragma once

#include "types.h"

enum {
    XENMEM_sharing_op_nominate_gfn = 0,
    XENMEM_sharing_op_nominate_gref = 1,
    XENMEM_sharing_op_share = 2,
    XENMEM_sharing_op_debug_gfn = 3,
    XENMEM_sharing_op_debug_mfn = 4,
    XENMEM_sharing_op_debug_gref = 5,
    XENMEM_sharing_op_add_physmap = 6,
    XENMEM_sharing_op_audit = 7,
    XENMEM_sharing_op_range_share = 8,
    XENMEM_sharing_op_fork = 9,
    XENMEM_sharing_op_fork_reset = 10,
};

/* The source's, or the client's, handle was stale. */
#define XENMEM_SHARING_OP_S_HANDLE_INVALID (-10)
#define XENMEM_SHARING_OP_C_HANDLE_INVALID (-9)

/* A gfn field may hold a grant reference, marked by this bit. */
#define XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG (1ULL << 62)
#define XENMEM_SHARING_OP_FIELD_MAKE_GREF(field, gref) \
    ((field) = (XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG | (gref)))
#define XENMEM_SHARING_OP_FIELD_IS_GREF(field)  ((field)&XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG)
#define XENMEM_SHARING_OP_FIELD_GET_GREF(field) ((field) & (~XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG))

/* mem_sharing_op_fork.flags */
#define XENMEM_FORK_WITH_IOMMU_ALLOWED (1U << 0)
#define XENMEM_FORK_BLOCK_INTERRUPTS   (1U << 1)
#define XENMEM_FORK_RESET_STATE        (1U << 2)
#define XENMEM_FORK_RESET_MEMORY       (1U << 3)

struct xen_mem_sharing_op {
    uint8_t op; /* XENMEM_sharing_op_* */
    domid_t domain;
    union {
        struct mem_sharing_op_nominate {
            union {
                uint64_t gfn;
                uint32_t grant_ref;
            } u;
            uint64_t handle; /* out */
        } nominate;
        struct mem_sharing_op_share {
            uint64_t source_gfn;
            uint64_t source_handle;
            uint64_t client_gfn;
            uint64_t client_handle;
            domid_t client_domain;
        } share;
        struct mem_sharing_op_range {
            uint64_t first_gfn;
            uint64_t last_gfn;
            uint64_t opaque; /* 0 at first */
            domid_t client_domain;
            uint16_t _pad[3];
        } range;
        struct mem_sharing_op_debug {
            union {
                uint64_t gfn;
                uint64_t mfn;
                uint32_t gref;
            } u;
        } debug;
        struct mem_sharing_op_fork {
            domid_t parent_domain;
            uint16_t flags; /* XENMEM_FORK_* */
            uint32_t pad;
        } fork;
    } u;
};
typedef struct xen_mem_sharing_op xen_mem_sharing_op_t;
ABI_SIZE(struct mem_sharing_op_nominate, 16);
ABI_SIZE(struct mem_sharing_op_share, 40);
ABI_SIZE(struct mem_sharing_op_range, 32);
ABI_SIZE(struct mem_sharing_op_debug, 8);
ABI_SIZE(struct mem_sharing_op_fork, 8);
ABI_SIZE(struct xen_mem_sharing_op, 48);
ABI_OFFSET(struct xen_mem_sharing_op, u, 8);
ABI_OFFSET(struct xen_mem_sharing_op, u.share.client_domain, 40);
