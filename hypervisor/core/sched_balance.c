// Where vCPUs run: placing those that wake up, and evening out between the CPUs.
//
// No CPU looks around at regular intervals. Work moves at four moments: a vCPU wakes up (place), a
// CPU has nothing to do (pull), a CPU chooses at the end of a turn (pull), and leaves others
// waiting (push, which only asks another CPU to pull).
//
// That no CPU idles while a vCPU waits that it might run rests on an order: a CPU marks itself idle
// and then looks at the queues; who queues a vCPU does that first and then looks for the mark. One
// of the two sees the other.
#include "core/sched_impl.h"

static cpumask_t
    idle_cpus; // a CPU whose mark was taken away has been, or will be, told to schedule

cpumask_t vcpu_cpus(const struct vcpu *v)
{
    cpumask_t mask = v->sched.pin_override ? v->sched.pin_override : v->sched.hard_affinity;

    mask &= cpus_online;
    return mask ? mask : cpus_online;
}

static cpumask_t preferred_cpus(const struct vcpu *v)
{
    cpumask_t mask = vcpu_cpus(v);

    return mask & v->sched.soft_affinity ? mask & v->sched.soft_affinity : mask;
}

void balance_mark_idle(unsigned cpu)
{
    __atomic_fetch_or(&idle_cpus, cpumask_of(cpu), __ATOMIC_SEQ_CST);
}

void balance_mark_busy(unsigned cpu)
{
    if (READ_ONCE(idle_cpus) & cpumask_of(cpu))
        __atomic_fetch_and(&idle_cpus, ~cpumask_of(cpu), __ATOMIC_SEQ_CST);
}

// Takes an idle CPU of mask, `near` if possible, else the next above it. -1: none.
static int claim_idle(cpumask_t mask, unsigned near)
{
    cpumask_t avail;

    while ((avail = READ_ONCE(idle_cpus) & mask)) {
        unsigned cpu = avail >> near ? near + bit_first(avail >> near) : bit_first(avail);

        if (__atomic_fetch_and(&idle_cpus, ~cpumask_of(cpu), __ATOMIC_SEQ_CST) & cpumask_of(cpu))
            return (int)cpu;
    }
    return -1;
}

// The CPU of mask whose vCPU is furthest on in virtual time; *vtime: how far.
static unsigned furthest_running(cpumask_t mask, bool alone, nsec_t now, int64_t *vtime)
{
    unsigned cpu, best = 0;

    *vtime = INT64_MIN;
    for_each_cpu (cpu, mask) {
        int64_t t = queue_running_vtime(&run_queues[cpu], now);

        if (t == INT64_MAX || (alone && READ_ONCE(run_queues[cpu].nr_waiting)))
            continue;
        if (t > *vtime) {
            *vtime = t;
            best = cpu;
        }
    }
    return best;
}

static unsigned shortest_queue(cpumask_t mask)
{
    unsigned cpu, best = bit_first(mask);

    for_each_cpu (cpu, mask)
        if (READ_ONCE(run_queues[cpu].nr_waiting) < READ_ONCE(run_queues[best].nr_waiting))
            best = cpu;
    return best;
}

unsigned balance_place(struct run_queue *q, struct vcpu *v, nsec_t now)
{
    cpumask_t preferred = preferred_cpus(v);
    int64_t floor = MIN(q->vtime, queue_least(q, now)) - WAKE_CREDIT;
    int64_t vtime = MAX(v->sched.node.key, floor) + q->offset, furthest;
    int idle = claim_idle(preferred, q->cpu);
    unsigned cpu;

    if (idle >= 0)
        return (unsigned)idle;
    vtime += sched_params.ratelimit;
    if (preferred & cpumask_of(q->cpu) && vtime < queue_running_vtime(q, now))
        return q->cpu;
    idle = claim_idle(vcpu_cpus(v), q->cpu);
    if (idle >= 0)
        return (unsigned)idle;
    cpu = furthest_running(preferred, false, now, &furthest);
    if (vtime < furthest)
        return cpu;
    return preferred & cpumask_of(q->cpu) ? q->cpu : shortest_queue(preferred);
}

// Is this vCPU, which waits in queue `from`, so far behind that it should run in q's CPU's next
// turn?
static bool worth_pulling(struct run_queue *q, struct run_queue *from, struct vcpu *v,
                          struct vcpu *candidate)
{
    if (!candidate)
        return true;
    if (!(preferred_cpus(v) & cpumask_of(q->cpu)))
        return false;
    return v->sched.node.key + from->offset + weighted(sched_params.slice, vcpu_weight(v)) <
           candidate->sched.node.key + q->offset;
}

// The queue not tried yet whose first vCPU is furthest behind; NULL if none promises anything.
static struct run_queue *find_victim(struct run_queue *q, struct vcpu *candidate, cpumask_t tried)
{
    int64_t least = candidate ? candidate->sched.node.key + q->offset : INT64_MAX;
    struct run_queue *best = NULL;
    unsigned cpu;

    for_each_cpu (cpu, cpus_online & ~tried & ~cpumask_of(q->cpu)) {
        int64_t first = READ_ONCE(run_queues[cpu].first_waiting);

        if (first < least) {
            least = first;
            best = &run_queues[cpu];
        }
    }
    return best;
}

bool balance_pull(struct run_queue *q, struct vcpu *candidate, cpumask_t *tried, nsec_t now)
{
    struct run_queue *from = find_victim(q, candidate, *tried);
    struct vcpu *v;

    if (likely(!from))
        return false;
    *tried |= cpumask_of(from->cpu);
    spin_unlock(&q->lock);
    spin_lock_pair(&q->lock, &from->lock);
    v = queue_first_for(from, q->cpu);
    if (v && worth_pulling(q, from, v, candidate)) {
        queue_remove(from, v);
        queue_move(from, q, v, now);
        queue_limit_lag(q, v, QUEUE_LAG_MAX, now);
        queue_insert(q, v);
        if (candidate)
            q->pulls++;
        else
            q->steals++;
    }
    spin_unlock(&from->lock);
    return true;
}

// Has an idle CPU fetch one of those that wait in the queue. false: none is idle that could.
static bool push_to_idle(struct run_queue *q)
{
    for (struct heap_node *n = q->waiting.top; n && READ_ONCE(idle_cpus); n = heap_next(n)) {
        int idle = claim_idle(vcpu_cpus(sched_to_vcpu(n)), q->cpu);

        if (idle < 0)
            continue;
        work_raise((unsigned)idle, WORK_SCHEDULE);
        return true;
    }
    return false;
}

void balance_push(struct run_queue *q, nsec_t now)
{
    int64_t furthest;
    struct vcpu *v;
    unsigned cpu;

    if (!q->waiting.top || push_to_idle(q))
        return;
    // A CPU with nobody waiting has no turns that would end.
    v = sched_to_vcpu(q->waiting.top);
    cpu = furthest_running(preferred_cpus(v) & ~cpumask_of(q->cpu), true, now, &furthest);
    if (furthest > q->first_waiting + weighted(sched_params.slice, vcpu_weight(v)))
        work_raise(cpu, WORK_SCHEDULE);
}

void balance_pass_on(void)
{
    unsigned cpu;

    if (likely(!(READ_ONCE(idle_cpus) & cpus_online)))
        return;
    for_each_cpu (cpu, cpus_online) {
        struct run_queue *q = &run_queues[cpu];

        if (READ_ONCE(q->first_waiting) == INT64_MAX)
            continue;
        spin_lock(&q->lock);
        push_to_idle(q);
        spin_unlock(&q->lock);
    }
}

void balance_kick_idle(struct run_queue *q, struct vcpu *v)
{
    int idle;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); // the vCPU is queued before the marks are looked at
    idle = claim_idle(vcpu_cpus(v), q->cpu);
    if (idle >= 0)
        work_raise((unsigned)idle, WORK_SCHEDULE);
}
