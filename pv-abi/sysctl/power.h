/*
 * System control: frequencies and idle states of the CPUs.
 */
#pragma once

#include "../types.h"

/* get_pmstat.type */
#define PMSTAT_CATEGORY_MASK 0xf0
#define PMSTAT_PX            0x10
#define PMSTAT_CX            0x20
#define PMSTAT_get_max_px    (PMSTAT_PX | 0x1)
#define PMSTAT_get_pxstat    (PMSTAT_PX | 0x2)
#define PMSTAT_reset_pxstat  (PMSTAT_PX | 0x3)
#define PMSTAT_get_max_cx    (PMSTAT_CX | 0x1)
#define PMSTAT_get_cxstat    (PMSTAT_CX | 0x2)
#define PMSTAT_reset_cxstat  (PMSTAT_CX | 0x3)

struct pm_px_val {
    uint64_t freq;      /* in MHz */
    uint64_t residency; /* in ns */
    uint64_t count;     /* of transitions into it */
};
typedef struct pm_px_val pm_px_val_t;
ABI_SIZE(struct pm_px_val, 24);

struct pm_px_stat {
    uint8_t total; /* performance states */
    uint8_t usable;
    uint8_t last;
    uint8_t cur;
    XEN_GUEST_HANDLE_64(uint64_t) trans_pt; /* total squared: transitions */
    XEN_GUEST_HANDLE_64(pm_px_val_t) pt;
};
ABI_SIZE(struct pm_px_stat, 24);

struct pm_cx_stat {
    uint32_t nr; /* idle states, C0 included; in and out */
    uint32_t last;
    uint64_t idle_time; /* in ns, as all here */
    XEN_GUEST_HANDLE_64(uint64_t) triggers;
    XEN_GUEST_HANDLE_64(uint64_t) residencies;
    uint32_t nr_pc; /* package and core states; in and out */
    uint32_t nr_cc;
    XEN_GUEST_HANDLE_64(uint64_t) pc;
    XEN_GUEST_HANDLE_64(uint64_t) cc;
};
ABI_SIZE(struct pm_cx_stat, 56);
ABI_OFFSET(struct pm_cx_stat, pc, 40);

struct xen_sysctl_get_pmstat {
    uint32_t type; /* PMSTAT_* */
    uint32_t cpuid;
    union {
        struct pm_px_stat getpx;
        struct pm_cx_stat getcx;
    } u;
};
ABI_SIZE(struct xen_sysctl_get_pmstat, 64);
ABI_OFFSET(struct xen_sysctl_get_pmstat, u, 8);

/* pm_op.cmd */
#define PM_PARA_CATEGORY_MASK                     0xf0
#define CPUFREQ_PARA                              0x10
#define GET_CPUFREQ_PARA                          (CPUFREQ_PARA | 0x01)
#define SET_CPUFREQ_GOV                           (CPUFREQ_PARA | 0x02)
#define SET_CPUFREQ_PARA                          (CPUFREQ_PARA | 0x03)
#define GET_CPUFREQ_AVGFREQ                       (CPUFREQ_PARA | 0x04)
#define XEN_SYSCTL_pm_op_set_sched_opt_smt        0x21
#define XEN_SYSCTL_pm_op_get_max_cstate           0x22
#define XEN_SYSCTL_pm_op_set_max_cstate           0x23
#define XEN_SYSCTL_pm_op_set_vcpu_migration_delay 0x24
#define XEN_SYSCTL_pm_op_get_vcpu_migration_delay 0x25
#define XEN_SYSCTL_pm_op_enable_turbo             0x26
#define XEN_SYSCTL_pm_op_disable_turbo            0x27

#define XEN_SYSCTL_CX_UNLIMITED 0xffffffffU

#define CPUFREQ_NAME_LEN 16

struct xen_userspace {
    uint32_t scaling_setspeed;
};
ABI_SIZE(struct xen_userspace, 4);

struct xen_ondemand {
    uint32_t sampling_rate_max; /* in us */
    uint32_t sampling_rate_min;
    uint32_t sampling_rate;
    uint32_t up_threshold; /* in percent */
};
ABI_SIZE(struct xen_ondemand, 16);

/* Frequencies are in kHz. */
struct xen_get_cpufreq_para {
    uint32_t cpu_num; /* in: room in the arrays; out: entries */
    uint32_t freq_num;
    uint32_t gov_num;
    XEN_GUEST_HANDLE_64(uint32_t) affected_cpus;
    XEN_GUEST_HANDLE_64(uint32_t) scaling_available_frequencies;
    XEN_GUEST_HANDLE_64(char) scaling_available_governors;
    char scaling_driver[CPUFREQ_NAME_LEN]; /* out from here on */
    uint32_t cpuinfo_cur_freq;
    uint32_t cpuinfo_max_freq;
    uint32_t cpuinfo_min_freq;
    uint32_t scaling_cur_freq;
    char scaling_governor[CPUFREQ_NAME_LEN];
    uint32_t scaling_max_freq;
    uint32_t scaling_min_freq;
    union {
        struct xen_userspace userspace;
        struct xen_ondemand ondemand;
    } u; /* by governor */
    int32_t turbo_enabled;
};
ABI_SIZE(struct xen_get_cpufreq_para, 120);
ABI_OFFSET(struct xen_get_cpufreq_para, affected_cpus, 16);
ABI_OFFSET(struct xen_get_cpufreq_para, scaling_governor, 72);
ABI_OFFSET(struct xen_get_cpufreq_para, turbo_enabled, 112);

struct xen_set_cpufreq_gov {
    char scaling_governor[CPUFREQ_NAME_LEN];
};
ABI_SIZE(struct xen_set_cpufreq_gov, 16);

/* set_cpufreq_para.ctrl_type */
#define SCALING_MAX_FREQ 1
#define SCALING_MIN_FREQ 2
#define SCALING_SETSPEED 3
#define SAMPLING_RATE    4
#define UP_THRESHOLD     5

struct xen_set_cpufreq_para {
    uint32_t ctrl_type;
    uint32_t ctrl_value;
};
ABI_SIZE(struct xen_set_cpufreq_para, 8);

struct xen_sysctl_pm_op {
    uint32_t cmd;
    uint32_t cpuid;
    union {
        struct xen_get_cpufreq_para get_para;
        struct xen_set_cpufreq_gov set_gov;
        struct xen_set_cpufreq_para set_para;
        uint64_t get_avgfreq; /* out */
        uint32_t set_sched_opt_smt;
        uint32_t get_max_cstate; /* of these two, cpuid 1 means sub-states, 0 states */
        uint32_t set_max_cstate;
    } u;
};
ABI_SIZE(struct xen_sysctl_pm_op, 128);
ABI_OFFSET(struct xen_sysctl_pm_op, u, 8);
