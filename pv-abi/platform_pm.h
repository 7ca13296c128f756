/*
 * Processor power management: what domain 0 reads from ACPI and hands to the hypervisor.
 */
#pragma once

#include "types.h"

struct xenpf_change_freq {
    uint32_t flags; /* 0 */
    uint32_t cpu;
    uint64_t freq; /* in Hz */
};
typedef struct xenpf_change_freq xenpf_change_freq_t;
ABI_SIZE(struct xenpf_change_freq, 16);

/* Idle time of the CPUs in the bitmap, in ns since boot, indexed by CPU. */
struct xenpf_getidletime {
    XEN_GUEST_HANDLE(uint8_t) cpumap_bitmap; /* in: wanted; out: answered */
    uint32_t cpumap_nr_cpus;
    XEN_GUEST_HANDLE(uint64_t) idletime;
    uint64_t now; /* out: system time */
};
typedef struct xenpf_getidletime xenpf_getidletime_t;
ABI_SIZE(struct xenpf_getidletime, 32);
ABI_OFFSET(struct xenpf_getidletime, idletime, 16);

/* Which kinds of states domain 0 left to the hypervisor: bits in start_info.flags. */
#define XEN_PROCESSOR_PM_CX 1
#define XEN_PROCESSOR_PM_PX 2
#define XEN_PROCESSOR_PM_TX 4

/* xenpf_set_processor_pminfo.type */
enum {
    XEN_PM_CX = 0,
    XEN_PM_PX = 1,
    XEN_PM_TX = 2,
    XEN_PM_PDC = 3,
};

/* xen_processor_performance.flags: which parts are valid. */
#define XEN_PX_PCT 1
#define XEN_PX_PSS 2
#define XEN_PX_PPC 4
#define XEN_PX_PSD 8

/* Idle states. Registers are ACPI generic addresses. */
struct xen_power_register {
    uint32_t space_id;
    uint32_t bit_width;
    uint32_t bit_offset;
    uint32_t access_size;
    uint64_t address;
};
ABI_SIZE(struct xen_power_register, 24);

struct xen_processor_csd {
    uint32_t domain;
    uint32_t coord_type;
    uint32_t num;
};
typedef struct xen_processor_csd xen_processor_csd_t;
ABI_SIZE(struct xen_processor_csd, 12);

struct xen_processor_cx {
    struct xen_power_register reg;
    uint8_t type;     /* n of Cn */
    uint32_t latency; /* in us */
    uint32_t power;   /* in mW */
    uint32_t dpcnt;   /* dependencies */
    XEN_GUEST_HANDLE(xen_processor_csd_t) dp;
};
typedef struct xen_processor_cx xen_processor_cx_t;
ABI_SIZE(struct xen_processor_cx, 48);
ABI_OFFSET(struct xen_processor_cx, dp, 40);

struct xen_processor_flags {
    uint32_t bm_control : 1;
    uint32_t bm_check : 1;
    uint32_t has_cst : 1;
    uint32_t power_setup_done : 1;
    uint32_t bm_rld_set : 1;
};
ABI_SIZE(struct xen_processor_flags, 4);

struct xen_processor_power {
    uint32_t count;
    struct xen_processor_flags flags;
    XEN_GUEST_HANDLE(xen_processor_cx_t) states;
};
ABI_SIZE(struct xen_processor_power, 16);

/* Performance states, ACPI's _PCT, _PSS and _PSD. */
struct xen_pct_register {
    uint8_t descriptor;
    uint16_t length;
    uint8_t space_id;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t reserved;
    uint64_t address;
};
ABI_SIZE(struct xen_pct_register, 16);
ABI_OFFSET(struct xen_pct_register, space_id, 4);

struct xen_processor_px {
    uint64_t core_frequency;     /* in MHz */
    uint64_t power;              /* in mW */
    uint64_t transition_latency; /* in us */
    uint64_t bus_master_latency; /* in us */
    uint64_t control;            /* to write into the control register */
    uint64_t status;             /* to expect in the status register */
};
typedef struct xen_processor_px xen_processor_px_t;
ABI_SIZE(struct xen_processor_px, 48);

struct xen_psd_package {
    uint64_t num_entries;
    uint64_t revision;
    uint64_t domain;
    uint64_t coord_type;
    uint64_t num_processors;
};
ABI_SIZE(struct xen_psd_package, 40);

/* xen_processor_performance.shared_type: who coordinates CPUs of one frequency domain. */
#define XEN_CPUPERF_SHARED_TYPE_HW  1
#define XEN_CPUPERF_SHARED_TYPE_ALL 2
#define XEN_CPUPERF_SHARED_TYPE_ANY 3

struct xen_processor_performance {
    uint32_t flags;          /* XEN_PX_* */
    uint32_t platform_limit; /* _PPC: the fastest state allowed */
    struct xen_pct_register control_register;
    struct xen_pct_register status_register;
    uint32_t state_count;
    XEN_GUEST_HANDLE(xen_processor_px_t) states;
    struct xen_psd_package domain_info;
    uint32_t shared_type;
};
typedef struct xen_processor_performance xen_processor_performance_t;
ABI_SIZE(struct xen_processor_performance, 104);
ABI_OFFSET(struct xen_processor_performance, states, 48);
ABI_OFFSET(struct xen_processor_performance, shared_type, 96);

struct xenpf_set_processor_pminfo {
    uint32_t id;   /* ACPI id of the CPU */
    uint32_t type; /* XEN_PM_* */
    union {
        struct xen_processor_power power;
        struct xen_processor_performance perf;
        XEN_GUEST_HANDLE(uint32_t) pdc; /* in and out: a _PDC buffer */
    } u;
};
typedef struct xenpf_set_processor_pminfo xenpf_set_processor_pminfo_t;
ABI_SIZE(struct xenpf_set_processor_pminfo, 112);
ABI_OFFSET(struct xenpf_set_processor_pminfo, u, 8);

#define XEN_CORE_PARKING_SET 1
#define XEN_CORE_PARKING_GET 2

struct xenpf_core_parking {
    uint32_t type;      /* XEN_CORE_PARKING_* */
    uint32_t idle_nums; /* in for set, out for get: CPUs kept idle */
};
typedef struct xenpf_core_parking xenpf_core_parking_t;
ABI_SIZE(struct xenpf_core_parking, 8);
