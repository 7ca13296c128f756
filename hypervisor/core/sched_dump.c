// The debug key that shows the run queues.
#include "core/sched_impl.h"
#include "lib/log.h"

static void dump_vcpu(const char *what, const struct run_queue *q, const struct vcpu *v)
{
    log_info("  %s d%uv%u weight %u, %lld us behind, affinity %#llx/%#llx\n", what, v->domain->id,
             v->id, vcpu_weight(v), (long long)(q->vtime - v->sched.node.key) / 1000,
             (unsigned long long)vcpu_cpus(v), (unsigned long long)v->sched.soft_affinity);
}

static void dump_queue(struct run_queue *q)
{
    log_info("CPU%u: busy %lld ms, %llu switches, %llu wake-ups, took over %llu idle %llu busy\n",
             q->cpu, (long long)sched_cpu_busy_time(q->cpu) / 1000000,
             (unsigned long long)q->switches, (unsigned long long)q->wakes,
             (unsigned long long)q->steals, (unsigned long long)q->pulls);
    spin_lock(&q->lock);
    if (!is_idle(q->running))
        dump_vcpu("runs ", q, q->running);
    for (struct heap_node *n = q->waiting.top; n; n = heap_next(n))
        dump_vcpu("waits", q, sched_to_vcpu(n));
    spin_unlock(&q->lock);
}

static void dump_domain(struct domain *d)
{
    struct vcpu *v;

    log_info("d%u: weight %u, cap %u%%\n", d->id, d->sched.weight, d->sched.cap);
    for_each_vcpu (d, v) {
        struct vcpu_runstate_info r;

        vcpu_runstate_get(v, &r);
        log_info("  v%u on CPU%u, state %d%s; ms running %llu, runnable %llu, blocked %llu, "
                 "offline %llu\n",
                 v->id, v->cpu, r.state, v->sched.parked ? " (capped)" : "",
                 (unsigned long long)r.time[RUNSTATE_running] / 1000000,
                 (unsigned long long)r.time[RUNSTATE_runnable] / 1000000,
                 (unsigned long long)r.time[RUNSTATE_blocked] / 1000000,
                 (unsigned long long)r.time[RUNSTATE_offline] / 1000000);
    }
}

void sched_dump(void)
{
    struct domain *d;
    unsigned cpu;

    log_info("slice %lld us, ratelimit %lld us\n", (long long)sched_params.slice / 1000,
             (long long)sched_params.ratelimit / 1000);
    for_each_cpu (cpu, cpus_online)
        dump_queue(&run_queues[cpu]);
    for_each_domain (d)
        dump_domain(d);
}
