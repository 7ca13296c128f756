/*
 * System control: the scheduler's own parameters, and pools of CPUs.
 */
#pragma once

#include "../types.h"

struct xen_sysctl_sched_id {
    uint32_t sched_id; /* out: XEN_SCHEDULER_* */
};
ABI_SIZE(struct xen_sysctl_sched_id, 4);

#define XEN_SYSCTL_CPUPOOL_OP_CREATE     1 /* cpupool_id (in and out), sched_id */
#define XEN_SYSCTL_CPUPOOL_OP_DESTROY    2 /* cpupool_id */
#define XEN_SYSCTL_CPUPOOL_OP_INFO       3 /* cpupool_id: the next one; fills everything */
#define XEN_SYSCTL_CPUPOOL_OP_ADDCPU     4 /* cpupool_id, cpu */
#define XEN_SYSCTL_CPUPOOL_OP_RMCPU      5 /* cpupool_id, cpu */
#define XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN 6 /* cpupool_id, domid */
#define XEN_SYSCTL_CPUPOOL_OP_FREEINFO   7 /* cpumap: CPUs in no pool */
#define XEN_SYSCTL_CPUPOOL_PAR_ANY       0xffffffffU

struct xen_sysctl_cpupool_op {
    uint32_t op; /* XEN_SYSCTL_CPUPOOL_OP_* */
    uint32_t cpupool_id;
    uint32_t sched_id;
    uint32_t domid;
    uint32_t cpu;
    uint32_t n_dom; /* out */
    struct xenctl_bitmap cpumap;
};
ABI_SIZE(struct xen_sysctl_cpupool_op, 40);
ABI_OFFSET(struct xen_sysctl_cpupool_op, cpumap, 24);

#define ARINC653_MAX_DOMAINS_PER_SCHEDULE 64

struct xen_sysctl_arinc653_schedule {
    uint64_t major_frame; /* in ns, as the runtimes */
    uint8_t num_sched_entries;
    struct {
        xen_domain_handle_t dom_handle;
        uint32_t vcpu_id;
        uint64_t runtime;
    } sched_entries[ARINC653_MAX_DOMAINS_PER_SCHEDULE];
};
typedef struct xen_sysctl_arinc653_schedule xen_sysctl_arinc653_schedule_t;
ABI_SIZE(struct xen_sysctl_arinc653_schedule, 2064);
ABI_OFFSET(struct xen_sysctl_arinc653_schedule, sched_entries, 16);

#define XEN_SYSCTL_SCHED_RATELIMIT_MAX   500000
#define XEN_SYSCTL_SCHED_RATELIMIT_MIN   100
#define XEN_SYSCTL_CSCHED_TSLICE_MAX     1000
#define XEN_SYSCTL_CSCHED_TSLICE_MIN     1
#define XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US (100 * 1000)

struct xen_sysctl_credit_schedule {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
    uint32_t vcpu_migr_delay_us;
};
ABI_SIZE(struct xen_sysctl_credit_schedule, 12);

struct xen_sysctl_credit2_schedule {
    uint32_t ratelimit_us;
};
ABI_SIZE(struct xen_sysctl_credit2_schedule, 4);

#define XEN_SYSCTL_SCHEDOP_putinfo 0
#define XEN_SYSCTL_SCHEDOP_getinfo 1

struct xen_sysctl_scheduler_op {
    uint32_t cpupool_id;
    uint32_t sched_id; /* XEN_SCHEDULER_* */
    uint32_t cmd;      /* XEN_SYSCTL_SCHEDOP_* */
    union {
        struct xen_sysctl_sched_arinc653 {
            XEN_GUEST_HANDLE_64(xen_sysctl_arinc653_schedule_t) schedule;
        } sched_arinc653;
        struct xen_sysctl_credit_schedule sched_credit;
        struct xen_sysctl_credit2_schedule sched_credit2;
    } u;
};
ABI_SIZE(struct xen_sysctl_sched_arinc653, 8);
ABI_SIZE(struct xen_sysctl_scheduler_op, 32);
ABI_OFFSET(struct xen_sysctl_scheduler_op, u, 16);
