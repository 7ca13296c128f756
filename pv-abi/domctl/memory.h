/*
 * Domain control: memory limits, page tables seen from outside, dirty tracking, NUMA.
 */
#pragma once

#include "../memory.h"
#include "../types.h"

struct xen_domctl_max_mem {
    uint64_t max_memkb;
};
ABI_SIZE(struct xen_domctl_max_mem, 8);

/* Memory for shadow or nested page tables. */
struct xen_domctl_paging_mempool {
    uint64_t size; /* in bytes; out for get */
};
ABI_SIZE(struct xen_domctl_paging_mempool, 8);

/* getpageframeinfo3: frame numbers in, these types out. */
#define XEN_DOMCTL_PFINFO_LTAB_SHIFT    28
#define XEN_DOMCTL_PFINFO_NOTAB         (0x0U << 28)
#define XEN_DOMCTL_PFINFO_L1TAB         (0x1U << 28)
#define XEN_DOMCTL_PFINFO_L2TAB         (0x2U << 28)
#define XEN_DOMCTL_PFINFO_L3TAB         (0x3U << 28)
#define XEN_DOMCTL_PFINFO_L4TAB         (0x4U << 28)
#define XEN_DOMCTL_PFINFO_LTABTYPE_MASK (0x7U << 28)
#define XEN_DOMCTL_PFINFO_LPINTAB       (0x1U << 31) /* pinned */
#define XEN_DOMCTL_PFINFO_XTAB          (0xfU << 28) /* no such frame */
#define XEN_DOMCTL_PFINFO_XALLOC        (0xeU << 28) /* known, without memory */
#define XEN_DOMCTL_PFINFO_BROKEN        (0xdU << 28) /* memory is damaged */
#define XEN_DOMCTL_PFINFO_LTAB_MASK     (0xfU << 28)

struct xen_domctl_getpageframeinfo3 {
    uint64_t num; /* at most 1024 */
    XEN_GUEST_HANDLE_64(xen_pfn_t) array;
};
ABI_SIZE(struct xen_domctl_getpageframeinfo3, 16);

/* shadow_op.op */
#define XEN_DOMCTL_SHADOW_OP_OFF             0
#define XEN_DOMCTL_SHADOW_OP_ENABLE_TEST     1
#define XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY 2
#define XEN_DOMCTL_SHADOW_OP_CLEAN           11 /* read the dirty bits and clear them */
#define XEN_DOMCTL_SHADOW_OP_PEEK            12 /* read them */
#define XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION  30
#define XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION  31
#define XEN_DOMCTL_SHADOW_OP_ENABLE          32

/* shadow_op.mode, for ENABLE. */
#define XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT  (1U << 1)
#define XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY (1U << 2)
#define XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE (1U << 3)
#define XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL  (1U << 4)

/* shadow_op.mode, for CLEAN and PEEK: the domain is paused and this is the last round. */
#define XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL (1U << 0)

struct xen_domctl_shadow_op_stats {
    uint32_t fault_count;
    uint32_t dirty_count;
};
ABI_SIZE(struct xen_domctl_shadow_op_stats, 8);

struct xen_domctl_shadow_op {
    uint32_t op;
    uint32_t mode;
    uint32_t mb; /* allocation in megabytes, in for set, out for get */
    XEN_GUEST_HANDLE_64(uint8_t) dirty_bitmap;
    uint64_t pages;                          /* bits in it; out: bits filled in */
    struct xen_domctl_shadow_op_stats stats; /* out */
};
ABI_SIZE(struct xen_domctl_shadow_op, 40);
ABI_OFFSET(struct xen_domctl_shadow_op, dirty_bitmap, 16);
ABI_OFFSET(struct xen_domctl_shadow_op, stats, 32);

struct xen_domctl_cacheflush {
    xen_pfn_t start_pfn;
    xen_pfn_t nr_pfns;
};
ABI_SIZE(struct xen_domctl_cacheflush, 16);

struct xen_domctl_set_broken_page_p2m {
    uint64_t pfn;
};
ABI_SIZE(struct xen_domctl_set_broken_page_p2m, 8);

/* Inconsistencies that a check of M2P and P2M against each other found. */
struct xen_domctl_audit_p2m {
    uint64_t orphans; /* out */
    uint64_t m2p_bad;
    uint64_t p2m_bad;
};
ABI_SIZE(struct xen_domctl_audit_p2m, 24);

/* Nodes that its memory should come from. */
struct xen_domctl_nodeaffinity {
    struct xenctl_bitmap nodemap;
};
ABI_SIZE(struct xen_domctl_nodeaffinity, 16);

/* Virtual NUMA, what XENMEM_get_vnumainfo tells the guest. */
struct xen_domctl_vnuma {
    uint32_t nr_vnodes;
    uint32_t nr_vmemranges;
    uint32_t nr_vcpus;
    uint32_t pad;
    XEN_GUEST_HANDLE_64(uint32_t) vdistance;      /* nr_vnodes squared */
    XEN_GUEST_HANDLE_64(uint32_t) vcpu_to_vnode;  /* nr_vcpus */
    XEN_GUEST_HANDLE_64(uint32_t) vnode_to_pnode; /* nr_vnodes */
    XEN_GUEST_HANDLE_64(xen_vmemrange_t) vmemrange;
};
ABI_SIZE(struct xen_domctl_vnuma, 48);
ABI_OFFSET(struct xen_domctl_vnuma, vdistance, 16);

#define XEN_DOMCTL_MEM_SHARING_CONTROL 0

struct xen_domctl_mem_sharing_op {
    uint8_t op;
    union {
        uint8_t enable;
    } u;
};
ABI_SIZE(struct xen_domctl_mem_sharing_op, 2);
