// The debug key that shows the run queues.
#include "core/sched_impl.h"
#include "lib/log.h"

static void dump_vcpu(const char *what, const struct run_queue *q, const struct vcpu *v)
{
    log_info("  %s d%uv%u weight %u, %ld us behind, affinity %#lx/%#lx\n", what, v->domain->id,
             v->id, vcpu_weight(v), (q->vtime - v->sched.node.key) / 1000, vcpu_cpus(v),
             v->sched.soft_affinity);
}

static void dump_queue(struct run_queue *q)
{
    log_info("CPU%u: busy %ld ms, %lu switches, %lu wake-ups, took over %lu idle %lu busy\n",
             q->cpu, sched_cpu_busy_time(q->cpu) / 1000000, q->switches, q->wakes, q->steals,
             q->pulls);
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
        log_info("  v%u on CPU%u, state %d%s; ms running %lu, runnable %lu, blocked %lu, "
                 "offline %lu\n",
                 v->id, v->cpu, r.state, v->sched.parked ? " (capped)" : "",
                 r.time[RUNSTATE_running] / 1000000, r.time[RUNSTATE_runnable] / 1000000,
                 r.time[RUNSTATE_blocked] / 1000000, r.time[RUNSTATE_offline] / 1000000);
    }
}

void sched_dump(void)
{
    struct domain *d;
    unsigned cpu;

    log_info("slice %ld us, ratelimit %ld us\n", sched_params.slice / 1000,
             sched_params.ratelimit / 1000);
    for_each_cpu (cpu, cpus_online)
        dump_queue(&run_queues[cpu]);
    for_each_domain (d)
        dump_domain(d);
}
