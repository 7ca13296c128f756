/*
 * System control: Intel's platform shared resources: what the machine can monitor and allot.
 */
#pragma once

#include "../types.h"

#define XEN_SYSCTL_PSR_CMT_get_total_rmid          0
#define XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor 1
#define XEN_SYSCTL_PSR_CMT_get_l3_cache_size       2 /* in bytes, of l3_cache.cpu */
#define XEN_SYSCTL_PSR_CMT_enabled                 3
#define XEN_SYSCTL_PSR_CMT_get_l3_event_mask       4

struct xen_sysctl_psr_cmt_op {
    uint32_t cmd;
    uint32_t flags; /* 0 */
    union {
        uint64_t data; /* out */
        struct {
            uint32_t cpu;
            uint32_t rsvd;
        } l3_cache;
    } u;
};
ABI_SIZE(struct xen_sysctl_psr_cmt_op, 16);
ABI_OFFSET(struct xen_sysctl_psr_cmt_op, u, 8);

#define XEN_SYSCTL_PSR_get_l3_info  0
#define XEN_SYSCTL_PSR_get_l2_info  1
#define XEN_SYSCTL_PSR_get_mba_info 2

#define XEN_SYSCTL_PSR_CAT_L3_CDP (1U << 0)
#define XEN_SYSCTL_PSR_MBA_LINEAR (1U << 0)

struct xen_sysctl_psr_alloc {
    uint32_t cmd;
    uint32_t target; /* the socket */
    union {
        struct {
            uint32_t cbm_len;
            uint32_t cos_max;
            uint32_t flags; /* XEN_SYSCTL_PSR_CAT_* */
        } cat_info;
        struct {
            uint32_t thrtl_max;
            uint32_t cos_max;
            uint32_t flags; /* XEN_SYSCTL_PSR_MBA_* */
        } mba_info;
    } u; /* out */
};
ABI_SIZE(struct xen_sysctl_psr_alloc, 20);
