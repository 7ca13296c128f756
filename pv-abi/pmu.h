/*
 * The virtual performance monitor: HYPERVISOR_xenpmu_op(XENPMU_*, xen_pmu_params).
 */
#pragma once

#include "types.h"

#define XENPMU_VER_MAJ 0
#define XENPMU_VER_MIN 1

enum {
    XENPMU_mode_get = 0,
    XENPMU_mode_set = 1,
    XENPMU_feature_get = 2,
    XENPMU_feature_set = 3,
    XENPMU_init = 4,
    XENPMU_finish = 5,
    XENPMU_lvtpc_set = 6,
    XENPMU_flush = 7,
};

struct xen_pmu_params {
    struct {
        uint32_t maj;
        uint32_t min;
    } version; /* in and out */
    uint64_t val;
    uint32_t vcpu;
    uint32_t pad;
};
typedef struct xen_pmu_params xen_pmu_params_t;
ABI_SIZE(struct xen_pmu_params, 24);

#define XENPMU_MODE_OFF  0
#define XENPMU_MODE_SELF (1 << 0) /* a domain profiles itself */
#define XENPMU_MODE_HV   (1 << 1) /* domain 0 profiles itself and the hypervisor */
#define XENPMU_MODE_ALL  (1 << 2) /* domain 0 profiles everything */

#define XENPMU_FEATURE_INTEL_BTS (1 << 0)
#define XENPMU_FEATURE_IPC_ONLY  (1 << 1)
#define XENPMU_FEATURE_ARCH_ONLY (1 << 2)

/* The counters of each vendor; regs[] is the storage that the two first fields point into. */
struct xen_pmu_amd_ctxt {
    uint32_t counters; /* offset from the start of this structure, in bytes */
    uint32_t ctrls;
    uint64_t regs[];
};
typedef struct xen_pmu_amd_ctxt xen_pmu_amd_ctxt_t;
ABI_SIZE(struct xen_pmu_amd_ctxt, 8);

struct xen_pmu_cntr_pair {
    uint64_t counter;
    uint64_t control;
};
typedef struct xen_pmu_cntr_pair xen_pmu_cntr_pair_t;
ABI_SIZE(struct xen_pmu_cntr_pair, 16);

struct xen_pmu_intel_ctxt {
    uint32_t fixed_counters;
    uint32_t arch_counters;
    uint64_t global_ctrl;
    uint64_t global_ovf_ctrl;
    uint64_t global_status;
    uint64_t fixed_ctrl;
    uint64_t ds_area;
    uint64_t pebs_enable;
    uint64_t debugctl;
    uint64_t regs[];
};
typedef struct xen_pmu_intel_ctxt xen_pmu_intel_ctxt_t;
ABI_SIZE(struct xen_pmu_intel_ctxt, 64);

/* What was interrupted when the sample was taken. */
struct xen_pmu_regs {
    uint64_t ip;
    uint64_t sp;
    uint64_t flags;
    uint16_t cs;
    uint16_t ss;
    uint8_t cpl;
    uint8_t pad[3];
};
typedef struct xen_pmu_regs xen_pmu_regs_t;
ABI_SIZE(struct xen_pmu_regs, 32);

/* xen_pmu_arch.pmu_flags */
#define PMU_CACHED      (1 << 0) /* registers live in memory until XENPMU_flush */
#define PMU_SAMPLE_USER (1 << 1)
#define PMU_SAMPLE_REAL (1 << 2)
#define PMU_SAMPLE_PV   (1 << 3)

#define XENPMU_REGS_PAD_SZ 64
#define XENPMU_CTXT_PAD_SZ 128

__extension__ struct xen_pmu_arch {
    union {
        struct xen_pmu_regs regs;
        uint8_t pad[XENPMU_REGS_PAD_SZ];
    } r;
    uint64_t pmu_flags; /* PMU_* */
    union {
        uint32_t lapic_lvtpc;
        uint64_t pad;
    } l;
    union {
        struct xen_pmu_amd_ctxt amd;
        struct xen_pmu_intel_ctxt intel;
        uint8_t pad[XENPMU_CTXT_PAD_SZ];
    } c;
};
typedef struct xen_pmu_arch xen_pmu_arch_t;
ABI_SIZE(struct xen_pmu_arch, 208);
ABI_OFFSET(struct xen_pmu_arch, pmu_flags, 64);
ABI_OFFSET(struct xen_pmu_arch, c, 80);

/* The page shared between a vCPU and the hypervisor. */
struct xen_pmu_data {
    uint32_t vcpu_id; /* whom the sample concerns */
    uint32_t pcpu_id;
    domid_t domain_id;
    uint8_t pad[6];
    struct xen_pmu_arch pmu;
};
ABI_SIZE(struct xen_pmu_data, 224);
ABI_OFFSET(struct xen_pmu_data, pmu, 16);
