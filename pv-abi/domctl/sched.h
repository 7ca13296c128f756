/*
 * Domain control: scheduling parameters and affinity.
 */
#pragma once

#include "../types.h"

/* Which schedulers there are. */
#define XEN_SCHEDULER_CREDIT   5
#define XEN_SCHEDULER_CREDIT2  6
#define XEN_SCHEDULER_ARINC653 7
#define XEN_SCHEDULER_RTDS     8
#define XEN_SCHEDULER_NULL     9

struct xen_domctl_sched_credit {
    uint16_t weight; /* 256: normal */
    uint16_t cap;    /* in percent of one CPU; 0: none */
};
ABI_SIZE(struct xen_domctl_sched_credit, 4);

struct xen_domctl_sched_credit2 {
    uint16_t weight;
    uint16_t cap;
};
ABI_SIZE(struct xen_domctl_sched_credit2, 4);

#define _XEN_DOMCTL_SCHEDRT_extra 0 /* may use what nobody else wants */
#define XEN_DOMCTL_SCHEDRT_extra  (1U << _XEN_DOMCTL_SCHEDRT_extra)

struct xen_domctl_sched_rtds {
    uint32_t period; /* in us */
    uint32_t budget; /* in us, per period */
    uint32_t flags;
};
ABI_SIZE(struct xen_domctl_sched_rtds, 12);

typedef struct xen_domctl_schedparam_vcpu {
    union {
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
    } u;
    uint32_t vcpuid;
} xen_domctl_schedparam_vcpu_t;
ABI_SIZE(struct xen_domctl_schedparam_vcpu, 16);

#define XEN_DOMCTL_SCHEDOP_putinfo     0
#define XEN_DOMCTL_SCHEDOP_getinfo     1
#define XEN_DOMCTL_SCHEDOP_putvcpuinfo 2
#define XEN_DOMCTL_SCHEDOP_getvcpuinfo 3

struct xen_domctl_scheduler_op {
    uint32_t sched_id; /* XEN_SCHEDULER_* */
    uint32_t cmd;      /* XEN_DOMCTL_SCHEDOP_* */
    union {
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
        struct {
            XEN_GUEST_HANDLE_64(xen_domctl_schedparam_vcpu_t) vcpus;
            uint32_t nr_vcpus; /* in and out */
            uint32_t padding;
        } v;
    } u;
};
ABI_SIZE(struct xen_domctl_scheduler_op, 24);
ABI_OFFSET(struct xen_domctl_scheduler_op, u, 8);

/* vcpuaffinity.flags */
#define _XEN_VCPUAFFINITY_HARD  0 /* where it may run */
#define XEN_VCPUAFFINITY_HARD   (1U << _XEN_VCPUAFFINITY_HARD)
#define _XEN_VCPUAFFINITY_SOFT  1 /* where it should */
#define XEN_VCPUAFFINITY_SOFT   (1U << _XEN_VCPUAFFINITY_SOFT)
#define _XEN_VCPUAFFINITY_FORCE 2 /* override a temporary pinning */
#define XEN_VCPUAFFINITY_FORCE  (1U << _XEN_VCPUAFFINITY_FORCE)

struct xen_domctl_vcpuaffinity {
    uint32_t vcpu;
    uint32_t flags;
    struct xenctl_bitmap cpumap_hard; /* in for set; out: what came of it */
    struct xenctl_bitmap cpumap_soft;
};
ABI_SIZE(struct xen_domctl_vcpuaffinity, 40);
ABI_OFFSET(struct xen_domctl_vcpuaffinity, cpumap_soft, 24);
