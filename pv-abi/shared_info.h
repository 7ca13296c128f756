/*
 * What the hypervisor and a guest both write: per-vCPU state, 2-level event bits, wall clock.
 */
#pragma once

#include "arch-x86/domain.h"
#include "types.h"

/* vCPUs whose vcpu_info lies in the shared page; others must register one elsewhere. */
#define XEN_LEGACY_MAX_VCPUS 32

/* 64 words of 64 ports: what the 2-level event-channel ABI can address. */
#define EVTCHN_2L_NR_CHANNELS 4096

/*
 * The clock of one vCPU. `version` is odd while the rest is being rewritten; a reader retries
 * until it has seen the same even number before and after. Then
 *   ns = system_time + ((((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul) >> 32)
 * where a negative shift goes to the right.
 */
typedef struct vcpu_time_info {
    uint32_t version;
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time; /* ns since the hypervisor started, at tsc_timestamp */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags; /* XEN_PVCLOCK_* */
    uint8_t pad1[2];
} vcpu_time_info_t;
ABI_SIZE(struct vcpu_time_info, 32);
ABI_OFFSET(struct vcpu_time_info, tsc_timestamp, 8);
ABI_OFFSET(struct vcpu_time_info, tsc_to_system_mul, 24);
ABI_OFFSET(struct vcpu_time_info, flags, 29);

#define XEN_PVCLOCK_TSC_STABLE_BIT (1U << 0) /* readings are monotonic across vCPUs */
#define XEN_PVCLOCK_GUEST_STOPPED  (1U << 1) /* the guest was paused from outside */

/*
 * The interrupt state of one vCPU. A set bit in evtchn_pending_sel says that the word of that
 * number in shared_info.evtchn_pending is worth looking at.
 */
typedef struct vcpu_info {
    uint8_t evtchn_upcall_pending;
    uint8_t evtchn_upcall_mask; /* PV: virtual interrupt flag, inverted */
    xen_ulong_t evtchn_pending_sel;
    struct arch_vcpu_info arch;
    struct vcpu_time_info time;
} vcpu_info_t;
ABI_SIZE(struct vcpu_info, 64);
ABI_OFFSET(struct vcpu_info, evtchn_upcall_mask, 1);
ABI_OFFSET(struct vcpu_info, evtchn_pending_sel, 8);
ABI_OFFSET(struct vcpu_info, arch, 16);
ABI_OFFSET(struct vcpu_info, time, 32);

typedef struct shared_info {
    struct vcpu_info vcpu_info[XEN_LEGACY_MAX_VCPUS];
    xen_ulong_t evtchn_pending[EVTCHN_2L_NR_CHANNELS / 64];
    xen_ulong_t evtchn_mask[EVTCHN_2L_NR_CHANNELS / 64];

    /* Wall clock when system_time was 0; wc_version works as vcpu_time_info.version does. */
    uint32_t wc_version;
    uint32_t wc_sec;
    uint32_t wc_nsec;
    uint32_t wc_sec_hi; /* upper half of the seconds */

    struct arch_shared_info arch;
} shared_info_t;
ABI_SIZE(struct shared_info, 3136);
ABI_OFFSET(struct shared_info, evtchn_pending, 2048);
ABI_OFFSET(struct shared_info, evtchn_mask, 2560);
ABI_OFFSET(struct shared_info, wc_version, 3072);
ABI_OFFSET(struct shared_info, arch, 3088);
