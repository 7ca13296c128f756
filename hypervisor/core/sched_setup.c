// The scheduler's parameters, and the birth and death of what it schedules.
#include "core/sched_impl.h"

#include "lib/bug.h"
#include "lib/errno.h"
#include "mm/alloc.h"

void sched_module_init(void)
{
    work_register(WORK_SCHEDULE, schedule);
}

int sched_cpu_init(unsigned cpu)
{
    struct run_queue *q = &run_queues[cpu];
    struct vcpu *idle = xzalloc(struct vcpu);

    if (!idle)
        return -ENOMEM;
    idle->id = idle->cpu = cpu;
    idle->domain = &idle_domain;
    idle->running = true;
    idle->sched.hard_affinity = idle->sched.soft_affinity = cpumask_of(cpu);
    idle->runstate.state = RUNSTATE_running;
    idle->runstate.state_entry_time = (uint64_t)time_now();
    *q = (struct run_queue){.cpu = cpu, .idle = idle, .running = idle, .first_waiting = INT64_MAX};
    timer_init(&q->slice, sched_slice_over, q, cpu);
    cpu_infos[cpu]->vcpu = idle;
    return 0;
}

int sched_vcpu_init(struct vcpu *v)
{
    static unsigned next_cpu;

    v->cpu = v->sched.last_cpu = __atomic_fetch_add(&next_cpu, 1, __ATOMIC_RELAXED) % nr_cpus;
    v->context_saved = true;
    v->sched.hard_affinity = v->sched.soft_affinity = CPUMASK_ALL;
    v->sched.node.key = run_queues[v->cpu].vtime;
    list_init(&v->sched.parked_link);
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)time_now();
    vcpu_timers_init(v);
    return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
    ASSERT(!v->running && !v->sched.queued);
    vcpu_timers_kill(v);
    cap_forget(v);
}

// The affinity has changed: where the vCPU is may be forbidden now, and idle CPUs may be open to
// it.
static void follow_affinity(struct vcpu *v)
{
    struct run_queue *q = queue_lock_of(v);
    bool queued = v->sched.queued;

    if (queued)
        queue_remove(q, v);
    if (v->running && !(vcpu_cpus(v) & cpumask_of(q->cpu)))
        work_raise(q->cpu, WORK_SCHEDULE);
    spin_unlock(&q->lock);
    if (queued)
        sched_enqueue(v, false);
}

int vcpu_set_hard_affinity(struct vcpu *v, cpumask_t mask)
{
    if (!(mask & cpus_online))
        return -EINVAL;
    WRITE_ONCE(v->sched.hard_affinity, mask);
    follow_affinity(v);
    return 0;
}

int vcpu_set_soft_affinity(struct vcpu *v, cpumask_t mask)
{
    if (!(mask & cpus_online))
        return -EINVAL;
    WRITE_ONCE(v->sched.soft_affinity, mask);
    return 0;
}

int vcpu_pin_override(struct vcpu *v, int cpu)
{
    cpumask_t pin = 0;

    if (cpu >= 0) {
        if (cpu >= MAX_CPUS || !(cpus_online & cpumask_of(cpu)))
            return -EINVAL;
        if (v->sched.pin_override)
            return -EBUSY;
        pin = cpumask_of(cpu);
    } else if (!v->sched.pin_override) {
        return -EINVAL;
    }
    WRITE_ONCE(v->sched.pin_override, pin);
    follow_affinity(v);
    return 0;
}

void sched_get_params(struct sched_params *params)
{
    *params = sched_params;
}

int sched_set_params(const struct sched_params *params)
{
    if (params->slice < MILLISECONDS(1) || params->slice > MILLISECONDS(1000) ||
        params->ratelimit < 0 || params->ratelimit >= params->slice)
        return -EINVAL;
    sched_params = *params;
    return 0;
}

nsec_t sched_cpu_busy_time(unsigned cpu)
{
    struct vcpu_runstate_info idle;

    vcpu_runstate_get(run_queues[cpu].idle, &idle);
    return time_now() - (nsec_t)idle.time[RUNSTATE_running];
}
