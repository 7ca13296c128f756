/*
 * A guest's dealings with the scheduler: HYPERVISOR_sched_op(SCHEDOP_*, argument).
 */
#pragma once

#include "event_channel.h"
#include "types.h"

enum {
    SCHEDOP_yield = 0,           /* no argument */
    SCHEDOP_block = 1,           /* no argument: unmask events and sleep until one comes */
    SCHEDOP_shutdown = 2,        /* sched_shutdown */
    SCHEDOP_poll = 3,            /* sched_poll */
    SCHEDOP_remote_shutdown = 4, /* sched_remote_shutdown */
    SCHEDOP_shutdown_code = 5,   /* sched_shutdown: what a later shutdown will give as reason */
    SCHEDOP_watchdog = 6,        /* sched_watchdog */
    SCHEDOP_pin_override = 7,    /* sched_pin_override */
};

/* Why a domain stopped. */
enum {
    SHUTDOWN_poweroff = 0,
    SHUTDOWN_reboot = 1,
    SHUTDOWN_suspend = 2,
    SHUTDOWN_crash = 3,
    SHUTDOWN_watchdog = 4,
    SHUTDOWN_soft_reset = 5,
    SHUTDOWN_MAX = 5,
};

typedef struct sched_shutdown {
    uint32_t reason; /* SHUTDOWN_* */
} sched_shutdown_t;
ABI_SIZE(struct sched_shutdown, 4);

/* Sleep, events masked, until one of the ports is pending or the time has come. */
typedef struct sched_poll {
    XEN_GUEST_HANDLE(evtchn_port_t) ports;
    uint32_t nr_ports;
    uint64_t timeout; /* system time in ns; 0: none */
} sched_poll_t;
ABI_SIZE(struct sched_poll, 24);
ABI_OFFSET(struct sched_poll, timeout, 16);

typedef struct sched_remote_shutdown {
    domid_t domain_id;
    uint32_t reason; /* SHUTDOWN_* */
} sched_remote_shutdown_t;
ABI_SIZE(struct sched_remote_shutdown, 8);

/* id 0 takes a new watchdog and returns its id; timeout 0 gives one back; else it is poked. */
typedef struct sched_watchdog {
    uint32_t id;
    uint32_t timeout; /* in seconds */
} sched_watchdog_t;
ABI_SIZE(struct sched_watchdog, 8);

/* Domain 0 only: run the calling vCPU on this CPU alone, or on its own affinity if negative. */
typedef struct sched_pin_override {
    int32_t pcpu;
} sched_pin_override_t;
ABI_SIZE(struct sched_pin_override, 4);
