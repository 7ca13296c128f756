/*
 * Operations on one vCPU: HYPERVISOR_vcpu_op(VCPUOP_*, vcpu, argument).
 */
#pragma once

#include "shared_info.h"
#include "types.h"

enum {
    VCPUOP_initialise = 0, /* vcpu_guest_context, or vcpu_hvm_context for HVM */
    VCPUOP_up = 1,         /* none */
    VCPUOP_down = 2,       /* none */
    VCPUOP_is_up = 3,      /* none; returns 1 or 0 */
    VCPUOP_get_runstate_info = 4,
    VCPUOP_register_runstate_memory_area = 5,
    VCPUOP_set_periodic_timer = 6,
    VCPUOP_stop_periodic_timer = 7, /* none */
    VCPUOP_set_singleshot_timer = 8,
    VCPUOP_stop_singleshot_timer = 9, /* none */
    VCPUOP_register_vcpu_info = 10,
    VCPUOP_send_nmi = 11, /* none */
    VCPUOP_get_physid = 12,
    VCPUOP_register_vcpu_time_memory_area = 13,
};

/* vcpu_runstate_info.state */
enum {
    RUNSTATE_running = 0,
    RUNSTATE_runnable = 1, /* wants a CPU and has none */
    RUNSTATE_blocked = 2,
    RUNSTATE_offline = 3,
};

/*
 * Where a vCPU's time goes. With VMASST_TYPE_runstate_update_flag, XEN_RUNSTATE_UPDATE is set
 * in state_entry_time while a registered copy is being rewritten.
 */
#define XEN_RUNSTATE_UPDATE (1ULL << 63)

typedef struct vcpu_runstate_info {
    int32_t state;             /* RUNSTATE_* */
    uint64_t state_entry_time; /* system time in ns */
    uint64_t time[4];          /* ns in each state, up to state_entry_time */
} vcpu_runstate_info_t;
ABI_SIZE(struct vcpu_runstate_info, 48);
ABI_OFFSET(struct vcpu_runstate_info, state_entry_time, 8);
ABI_OFFSET(struct vcpu_runstate_info, time, 16);

/* The hypervisor keeps a copy at this linear address, whenever the vCPU is scheduled in. */
typedef struct vcpu_register_runstate_memory_area {
    union {
        XEN_GUEST_HANDLE(vcpu_runstate_info_t) h;
        struct vcpu_runstate_info *v;
        uint64_t p;
    } addr;
} vcpu_register_runstate_memory_area_t;
ABI_SIZE(struct vcpu_register_runstate_memory_area, 8);

typedef struct vcpu_set_periodic_timer {
    uint64_t period_ns;
} vcpu_set_periodic_timer_t;
ABI_SIZE(struct vcpu_set_periodic_timer, 8);

/* vcpu_set_singleshot_timer.flags: a time that has passed is an error, -ETIME. */
#define _VCPU_SSHOTTMR_future 0
#define VCPU_SSHOTTMR_future  (1U << _VCPU_SSHOTTMR_future)

typedef struct vcpu_set_singleshot_timer {
    uint64_t timeout_abs_ns; /* system time */
    uint32_t flags;          /* VCPU_SSHOTTMR_* */
} vcpu_set_singleshot_timer_t;
ABI_SIZE(struct vcpu_set_singleshot_timer, 16);

/* Move the vCPU's vcpu_info out of shared_info; once only, and not across a page boundary. */
typedef struct vcpu_register_vcpu_info {
    uint64_t mfn; /* guest frame number for a translated guest */
    uint32_t offset;
    uint32_t rsvd;
} vcpu_register_vcpu_info_t;
ABI_SIZE(struct vcpu_register_vcpu_info, 16);

/* For a vCPU pinned to one CPU: that CPU's APIC id below, and ACPI id above, bit 32. */
typedef struct vcpu_get_physid {
    uint64_t phys_id;
} vcpu_get_physid_t;
ABI_SIZE(struct vcpu_get_physid, 8);

#define xen_vcpu_physid_to_x86_apicid(physid) ((uint32_t)(physid))
#define xen_vcpu_physid_to_x86_acpiid(physid) ((uint32_t)((physid) >> 32))

/* The hypervisor keeps a copy of vcpu_info.time at this linear address too. */
typedef struct vcpu_register_time_memory_area {
    union {
        XEN_GUEST_HANDLE(vcpu_time_info_t) h;
        struct vcpu_time_info *v;
        uint64_t p;
    } addr;
} vcpu_register_time_memory_area_t;
ABI_SIZE(struct vcpu_register_time_memory_area, 8);
