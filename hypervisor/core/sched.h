// The scheduler: which vCPU runs where, and when. core/sched.c tells how.
#pragma once

#include "core/domain.h"

// Once, before any CPU: default parameters, handlers.
void sched_module_init(void);
// Creates the CPU's run queue and idle vCPU and makes that the CPU's current; before the CPU
// schedules.
int sched_cpu_init(unsigned cpu);
void sched_domain_init(struct domain *d);
// No vCPU of the domain may run any more.
void sched_domain_destroy(struct domain *d);
// Gives a new vCPU, which is down, a CPU, its affinities and its timers.
int sched_vcpu_init(struct vcpu *v);
// The vCPU has stopped for good.
void sched_vcpu_destroy(struct vcpu *v);

static inline bool vcpu_runnable(const struct vcpu *v)
{
    return !v->pause_flags && !v->pause_count && !v->domain->pause_count;
}

// Puts the vCPU on a run queue if it is runnable and not there; a boosted wake-up.
void vcpu_wake(struct vcpu *v);
// Makes sure that the vCPU stops running soon / waits until it has, if it is not runnable any more.
void vcpu_sleep_nosync(struct vcpu *v);
void vcpu_sleep_sync(struct vcpu *v);
// SCHEDOP_block and _yield of the current vCPU. Block re-checks for events.
void vcpu_block(void);
void vcpu_yield(void);
// An event became pending: unblocks, or has the CPU where the vCPU runs look at it.
void vcpu_kick(struct vcpu *v);

int vcpu_set_hard_affinity(struct vcpu *v, cpumask_t mask); // -EINVAL: no CPU in it is online
int vcpu_set_soft_affinity(struct vcpu *v, cpumask_t mask); // the same
// Overrides the hard affinity by one CPU, or ends that if cpu is negative. -EINVAL: no such CPU;
// -EBUSY: is overridden already.
int vcpu_pin_override(struct vcpu *v, int cpu);

// Parameters of a domain (XEN_DOMCTL_scheduler_op, credit). weight: 1 .. 65535; cap: per cent of
// one CPU, 0: none. -EINVAL beyond; nothing has changed then.
int sched_set_domain(struct domain *d, unsigned weight, unsigned cap);

// Parameters of the scheduler (XEN_SYSCTL_scheduler_op, credit).
struct sched_params {
    nsec_t slice;     // longest turn while others wait
    nsec_t ratelimit; // a wake-up interrupts a vCPU only if it is this much behind
};
void sched_get_params(struct sched_params *params);
int sched_set_params(
    const struct sched_params *params); // -EINVAL: slice 1..1000 ms, ratelimit < slice

// Where the vCPU's time has gone up to now.
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
// Time for which a CPU has had something to do, since boot.
nsec_t sched_cpu_busy_time(unsigned cpu);
// How often it has gone to sleep for want of that.
uint64_t sched_idle_entries(unsigned cpu);

// WORK_SCHEDULE: picks the next vCPU and switches to it (cpu/... switch.h); returns only if the
// choice is the same vCPU.
void schedule(void);

// Provided by the layer that knows the registers (core/switch.c): leaves prev, enters next.
// Returns if prev's stack continues (never for guests): see docs/architecture.md. On the way, once
// prev's registers are saved and next is current with its address space loaded, it calls
// sched_switched(prev).
void context_switch(struct vcpu *prev, struct vcpu *next);
void sched_switched(struct vcpu *prev);

// First entry of a CPU into scheduling: never returns.
__attribute__((noreturn)) void sched_start(void);
// What the idle vCPU does, on an empty stack: where a switch to it ends.
__attribute__((noreturn)) void idle_loop(void);

// Refreshes the current vCPU's runstate area in guest memory, if it has one.
void runstate_publish(struct vcpu *v);
// Writes to an area that the current vCPU registered by an address in its kernel (at most a page
// long). 0 or -EFAULT.
int vcpu_area_write(uint64_t va, const void *src, size_t len);
// Starts, changes or stops (period 0) the periodic timer.
void vcpu_set_periodic(struct vcpu *v, nsec_t period);

// Debug keys: run queues; timers are in core/timer.h.
void sched_dump(void);
