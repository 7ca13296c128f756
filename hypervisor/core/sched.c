// The scheduler.
//
// Fairness. Every vCPU has a virtual time: it advances by the time it runs, scaled by
// WEIGHT_DEFAULT / weight. Each CPU runs, of the vCPUs in its queue, the one with the least; a turn
// ends after `slice`, less if many wait, and none has an end while nobody waits. Between two vCPUs
// of one queue, always runnable, the virtual times never differ by more than a turn of each, so
// that over any period their shares are as their weights but for that (start-time fair queueing).
//
// Waking up. Who wakes up continues at his own virtual time, but no more than WAKE_CREDIT behind
// the least of those whom he joins: enough to run at once if he has used less than his share of
// late, and all that can be saved up by sleeping. A vCPU that waits is hence passed over at most
// for WAKE_CREDIT and a turn of every other, however often they wake.
//
// Several CPUs. Queues count in virtual times of their own; `offset` leads to the machine's, in
// which vCPUs of different queues are compared. Balancing (core/sched_balance.c) lets a CPU take
// over a vCPU that is more than a turn behind its own choice. Where affinities keep queues apart,
// one may advance faster for long: then the slower one's offset is raised so as to stay within
// QUEUE_LAG_MAX, which leaves the order inside untouched and bounds what there is to catch up
// should they mix again.
//
// State. A vCPU is in exactly one of these, told by its fields under the lock of its CPU's queue:
// - running: v->running. The queue's `running` is this vCPU, but for the end of a switch away.
// - waiting: sched.queued. It is in the heap of the queue, and could run.
// - parked: sched.parked. It could run but for its domain's cap.
// - asleep: none of these. It is not vcpu_runnable(), or somebody will call sched_enqueue() for it.
//
// v->cpu changes only under the locks of both queues, and never while running.
//
// Who makes a vCPU runnable changes pause_flags or a pause count first and then calls vcpu_wake().
// Under the lock that finds it asleep, and queues it, or still running: then it is either staying,
// or on its way out, and sched_switched() will look at it, under the lock, when its registers are
// saved. No wake-up is lost, and no other CPU can take a vCPU whose registers are not in memory.
//
// Locks: a queue's lock, or two in address order; inside it sched_domain.lock; inside that a
// timer's. No lock is held across context_switch().
#include "core/sched_impl.h"

#include "core/async.h"
#include "core/event.h"
#include "core/pv_time.h"
#include "cpu/asm.h"
#include "cpu/smp.h"
#include "cpu/time.h"
#include "lib/bug.h"
#include "lib/errno.h"

// Among many, turns are shorter, so that the round does not take too long.
#define ROUND     MILLISECONDS(20)
#define SLICE_MIN MILLISECONDS(2)

struct sched_params sched_params = {.slice = MILLISECONDS(10), .ratelimit = MICROSECONDS(500)};

static nsec_t slice_length(const struct run_queue *q)
{
    nsec_t slice = ROUND / (q->nr_waiting + 1);

    return MIN(MAX(slice, SLICE_MIN), sched_params.slice);
}

// The running vCPU's turn, which began at `start`, ends in time for those that wait.
static void set_slice(struct run_queue *q, nsec_t start)
{
    struct vcpu *v = q->running;
    nsec_t end = q->nr_waiting ? start + slice_length(q) : NSEC_NEVER;

    if (is_idle(v))
        end = NSEC_NEVER;
    else if (vcpu_capped(v))
        end = MIN(end, v->sched.charged + MAX(v->sched.budget, 0));
    if (end == NSEC_NEVER)
        timer_stop(&q->slice);
    else
        timer_set(&q->slice, end);
}

void sched_slice_over(void *queue)
{
    work_raise(((struct run_queue *)queue)->cpu, WORK_SCHEDULE);
}

// A vCPU has been queued: who is to notice?
static void queue_notify(struct run_queue *q, struct vcpu *v, bool wakeup, nsec_t now)
{
    struct vcpu *running = q->running;

    if (is_idle(running)) {
        work_raise(q->cpu, WORK_SCHEDULE);
        return;
    }
    if (wakeup) {
        int64_t behind = running->sched.node.key - v->sched.node.key +
                         weighted(MAX(now - running->sched.charged, 0), vcpu_weight(running));

        if (behind > sched_params.ratelimit) {
            work_raise(q->cpu, WORK_SCHEDULE);
            return;
        }
    }
    // Should the idle CPU find something better to do, the turn must still end.
    balance_kick_idle(q, v);
    if (q->nr_waiting == 1)
        set_slice(q, q->run_start);
}

static bool may_queue(const struct vcpu *v)
{
    return vcpu_runnable(v) && !v->running && !v->sched.queued && !v->sched.parked;
}

// The queue into which an idle vCPU goes, locked, with the vCPU moved to it. NULL: it may not be
// queued.
static struct run_queue *lock_destination(struct vcpu *v, bool wakeup, nsec_t now)
{
    for (;;) {
        struct run_queue *q = queue_lock_of(v), *to;
        unsigned cpu = q->cpu;

        if (!may_queue(v)) {
            spin_unlock(&q->lock);
            return NULL;
        }
        if (wakeup || !(vcpu_cpus(v) & cpumask_of(cpu)))
            cpu = balance_place(q, v, now);
        to = &run_queues[cpu];
        if (to == q)
            return q;
        spin_unlock(&q->lock);
        spin_lock_pair(&q->lock, &to->lock);
        if (v->cpu == q->cpu && may_queue(v)) {
            queue_move(q, to, v, now);
            spin_unlock(&q->lock);
            return to;
        }
        spin_unlock_pair(&q->lock, &to->lock);
        work_raise(cpu, WORK_SCHEDULE); // its idle mark may have been taken
    }
}

void sched_enqueue(struct vcpu *v, bool wakeup)
{
    nsec_t now = time_now();
    struct run_queue *q = lock_destination(v, wakeup, now);

    if (!q)
        return;
    queue_sync(q, now);
    queue_limit_lag(q, v, wakeup ? WAKE_CREDIT : QUEUE_LAG_MAX, now);
    runstate_change(v, RUNSTATE_runnable, now);
    queue_insert(q, v);
    q->wakes += wakeup;
    queue_notify(q, v, wakeup, now);
    spin_unlock(&q->lock);
}

// Whom the queue would run next; NULL: nobody. The present one keeps the CPU unless somebody is
// behind it, or it yields.
static struct vcpu *choose(struct run_queue *q)
{
    struct vcpu *v = q->running, *first = NULL;

    if (q->waiting.top)
        first = sched_to_vcpu(q->waiting.top);
    if (is_idle(v) || !vcpu_runnable(v) || v->sched.parked || !(vcpu_cpus(v) & cpumask_of(q->cpu)))
        return first;
    if (first && (v->sched.yielded || first->sched.node.key < v->sched.node.key))
        return first;
    return v;
}

// *marked: the CPU is or was marked idle.
static struct vcpu *pick(struct run_queue *q, nsec_t now, bool *marked)
{
    cpumask_t tried = 0;
    struct vcpu *v;

    for (*marked = is_idle(q->running);;) {
        v = choose(q);
        if (!v) {
            *marked = true;
            balance_mark_idle(q->cpu);
        }
        if (balance_pull(q, v, &tried, now))
            continue;
        if (!v)
            return q->idle;
        if (v->sched.queued)
            queue_remove(q, v);
        if (cap_admit(v, now))
            break;
        tried = 0;
    }
    balance_mark_busy(q->cpu);
    return v;
}

// Makes `next` the one that runs here; `prev` is on its way out.
static void hand_over(struct run_queue *q, struct vcpu *prev, struct vcpu *next, nsec_t now)
{
    runstate_change(prev, runstate_waiting(prev), now);
    runstate_change(next, RUNSTATE_running, now);
    if (vcpu_capped(prev) && !prev->sched.parked)
        cap_return(prev);
    next->sched.charged = now;
    next->running = true;
    next->context_saved = false;
    q->switches++;
}

void schedule(void)
{
    struct run_queue *q = &run_queues[this_cpu()];
    struct vcpu *prev = q->running, *next;
    nsec_t now = time_now();
    bool marked;

    ASSERT(prev == current);
    async_take_before_leaving(prev);
    spin_lock(&q->lock);
    if (!is_idle(prev))
        queue_charge(prev, now);
    next = pick(q, now, &marked);
    prev->sched.yielded = false;
    if (next != prev)
        hand_over(q, prev, next, now);
    queue_run(q, next, now);
    set_slice(q, now);
    balance_push(q, now);
    spin_unlock(&q->lock);
    if (marked && !is_idle(next))
        balance_pass_on();
    if (next == prev)
        return;
    if (!is_idle(prev)) {
        timer_stop(&prev->periodic_timer);
        runstate_publish(prev);
    }
    context_switch(prev, next);
}

// A vCPU has come to this CPU; its address space is loaded.
static void arrive(struct vcpu *v)
{
    if (v->sched.last_cpu != this_cpu()) {
        v->sched.last_cpu = this_cpu();
        event_move_pirqs(v);
    }
    pv_time_update(v);
    runstate_publish(v);
    vcpu_periodic_resume(v);
}

void sched_switched(struct vcpu *prev)
{
    struct vcpu *v = current;

    if (!is_idle(prev)) {
        struct run_queue *q = &run_queues[this_cpu()];
        bool waits;

        spin_lock(&q->lock);
        prev->context_saved = true;
        prev->running = false;
        waits = vcpu_runnable(prev);
        spin_unlock(&q->lock);
        if (waits)
            sched_enqueue(prev, false);
    }
    if (!is_idle(v))
        arrive(v);
}

void vcpu_wake(struct vcpu *v)
{
    sched_enqueue(v, true);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    struct run_queue *q = queue_lock_of(v);

    if (!vcpu_runnable(v)) {
        if (v->sched.queued)
            queue_remove(q, v);
        if (v->running)
            work_raise(v->cpu, WORK_SCHEDULE);
        else
            runstate_change(v, runstate_waiting(v), time_now());
    }
    spin_unlock(&q->lock);
}

void vcpu_sleep_sync(struct vcpu *v)
{
    ASSERT(v != current);
    vcpu_sleep_nosync(v);
    while (!vcpu_runnable(v) && v->running) {
        smp_serve();
        cpu_relax();
    }
}

void vcpu_block(void)
{
    struct vcpu *v = current;

    __atomic_fetch_or(&v->pause_flags, VPF_BLOCKED, __ATOMIC_SEQ_CST);
    // An event that came before the flag did not see it.
    if (event_pending(v))
        __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_BLOCKED, __ATOMIC_SEQ_CST);
    else
        work_raise(this_cpu(), WORK_SCHEDULE);
}

void vcpu_yield(void)
{
    current->sched.yielded = true;
    work_raise(this_cpu(), WORK_SCHEDULE);
}

void vcpu_kick(struct vcpu *v)
{
    uint64_t flags = v->pause_flags;
    bool slept = false;

    if (flags & VPF_BLOCKED)
        slept = __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_BLOCKED, __ATOMIC_SEQ_CST) &
                VPF_BLOCKED;
    if (flags & VPF_POLLING)
        slept |= event_poll_end(v);
    if (slept)
        vcpu_wake(v);
    else if (v->running && v->cpu != this_cpu())
        smp_kick(v->cpu);
}
