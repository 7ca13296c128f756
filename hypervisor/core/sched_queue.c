// Run queues and virtual time: the arithmetic of fairness. The invariants stand in core/sched.c.
#include "core/sched_impl.h"

struct run_queue run_queues[MAX_CPUS];

static int64_t machine_vtime; // the furthest that any queue has come

int64_t weighted(nsec_t ns, unsigned weight)
{
    return weight == WEIGHT_DEFAULT ? ns : ns * WEIGHT_DEFAULT / (int64_t)weight;
}

unsigned vcpu_weight(const struct vcpu *v)
{
    unsigned weight = READ_ONCE(v->domain->sched.weight);

    return weight ? weight : WEIGHT_DEFAULT;
}

struct run_queue *queue_lock_of(struct vcpu *v)
{
    for (;;) {
        unsigned cpu = READ_ONCE(v->cpu);

        spin_lock(&run_queues[cpu].lock);
        if (likely(v->cpu == cpu))
            return &run_queues[cpu];
        spin_unlock(&run_queues[cpu].lock);
    }
}

static void publish_waiting(struct run_queue *q)
{
    WRITE_ONCE(q->first_waiting, q->waiting.top ? q->waiting.top->key + q->offset : INT64_MAX);
}

void queue_insert(struct run_queue *q, struct vcpu *v)
{
    heap_insert(&q->waiting, &v->sched.node);
    v->sched.queued = true;
    WRITE_ONCE(q->nr_waiting, q->nr_waiting + 1);
    publish_waiting(q);
}

void queue_remove(struct run_queue *q, struct vcpu *v)
{
    heap_remove(&q->waiting, &v->sched.node);
    v->sched.queued = false;
    WRITE_ONCE(q->nr_waiting, q->nr_waiting - 1);
    publish_waiting(q);
}

struct vcpu *queue_first_for(struct run_queue *q, unsigned cpu)
{
    struct vcpu *first = NULL;

    for (struct heap_node *n = q->waiting.top; n; n = heap_next(n)) {
        struct vcpu *v = sched_to_vcpu(n);

        if (!(vcpu_cpus(v) & cpumask_of(cpu)))
            continue;
        if (n == q->waiting.top)
            return v;
        if (!first || n->key - first->sched.node.key < 0)
            first = v;
    }
    return first;
}

void queue_charge(struct vcpu *v, nsec_t now)
{
    nsec_t ran = now - v->sched.charged;

    if (ran <= 0)
        return;
    v->sched.charged = now;
    v->sched.node.key += weighted(ran, vcpu_weight(v));
    if (vcpu_capped(v))
        cap_charge(v, ran);
}

int64_t queue_least(const struct run_queue *q, nsec_t now)
{
    const struct vcpu *v = q->running;
    int64_t least = q->vtime;

    if (!is_idle(v))
        least = v->sched.node.key + weighted(MAX(now - v->sched.charged, 0), vcpu_weight(v));
    if (q->waiting.top && (is_idle(v) || q->waiting.top->key < least))
        least = q->waiting.top->key;
    return least;
}

void queue_sync(struct run_queue *q, nsec_t now)
{
    int64_t most = __atomic_load_n(&machine_vtime, __ATOMIC_RELAXED), mine, shift;

    q->vtime = MAX(q->vtime, queue_least(q, now));
    mine = q->vtime + q->offset;
    while (mine > most)
        if (__atomic_compare_exchange_n(&machine_vtime, &most, mine, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return;
    shift = most - mine - QUEUE_LAG_MAX;
    if (shift > 0) {
        q->offset += shift;
        WRITE_ONCE(q->run_vtime, q->run_vtime + shift);
        publish_waiting(q);
    }
}

void queue_run(struct run_queue *q, struct vcpu *v, nsec_t now)
{
    WRITE_ONCE(q->running, v);
    queue_sync(q, now);
    WRITE_ONCE(q->run_weight, 0);
    WRITE_ONCE(q->run_vtime, v->sched.node.key + q->offset);
    WRITE_ONCE(q->run_start, now);
    WRITE_ONCE(q->run_weight, is_idle(v) ? 0 : vcpu_weight(v));
}

int64_t queue_running_vtime(const struct run_queue *q, nsec_t now)
{
    unsigned weight = READ_ONCE(q->run_weight);

    if (!weight)
        return INT64_MAX;
    return READ_ONCE(q->run_vtime) + weighted(MAX(now - READ_ONCE(q->run_start), 0), weight);
}

void queue_move(struct run_queue *from, struct run_queue *to, struct vcpu *v, nsec_t now)
{
    queue_sync(from, now);
    queue_sync(to, now);
    v->sched.node.key += from->offset - to->offset;
    v->cpu = to->cpu;
}

void queue_limit_lag(struct run_queue *q, struct vcpu *v, int64_t most, nsec_t now)
{
    v->sched.node.key = MAX(v->sched.node.key, MIN(q->vtime, queue_least(q, now)) - most);
}
