/*
 * Domain control: Intel's platform shared resources: cache monitoring and allocation.
 */
#pragma once

#include "../types.h"

#define XEN_DOMCTL_PSR_CMT_OP_DETACH     0
#define XEN_DOMCTL_PSR_CMT_OP_ATTACH     1
#define XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID 2

struct xen_domctl_psr_cmt_op {
    uint32_t cmd;
    uint32_t data; /* out */
};
ABI_SIZE(struct xen_domctl_psr_cmt_op, 8);

#define XEN_DOMCTL_PSR_SET_L3_CBM    0
#define XEN_DOMCTL_PSR_GET_L3_CBM    1
#define XEN_DOMCTL_PSR_SET_L3_CODE   2
#define XEN_DOMCTL_PSR_SET_L3_DATA   3
#define XEN_DOMCTL_PSR_GET_L3_CODE   4
#define XEN_DOMCTL_PSR_GET_L3_DATA   5
#define XEN_DOMCTL_PSR_SET_L2_CBM    6
#define XEN_DOMCTL_PSR_GET_L2_CBM    7
#define XEN_DOMCTL_PSR_SET_MBA_THRTL 8
#define XEN_DOMCTL_PSR_GET_MBA_THRTL 9

struct xen_domctl_psr_alloc {
    uint32_t cmd;    /* XEN_DOMCTL_PSR_{SET,GET}_* */
    uint32_t target; /* the socket */
    uint64_t data;   /* in for set, out for get */
};
ABI_SIZE(struct xen_domctl_psr_alloc, 16);
