// The scheduler: which vCPU runs where, and when. core/sched.c tells how.
#pragma once

#include "core/domain.h"

int sched_cpu_init(unsigned cpu); // creates the CPU's idle vCPU's place; before the CPU schedules
int sched_vcpu_init(struct vcpu *v);
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
int vcpu_set_soft_affinity(struct vcpu *v, cpumask_t mask);

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);

// WORK_SCHEDULE: picks the next vCPU and switches to it (cpu/... switch.h); returns only if the
// choice is the same vCPU.
void schedule(void);

// Provided by the layer that knows the registers (core/switch.c): leaves prev, enters next.
// Returns if prev's stack continues (never for guests): see docs/architecture.md.
void context_switch(struct vcpu *prev, struct vcpu *next);

// First entry of a CPU into scheduling: never returns.
__attribute__((noreturn)) void sched_start(void);

long do_sched_op(unsigned cmd, uint64_t arg);
