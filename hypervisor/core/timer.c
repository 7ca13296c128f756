// Timers.
//
// Each CPU keeps its armed timers in a heap by time of expiry, and its hardware timer set to the
// earliest of them. A timer's links lie inside it, so arming one needs no memory and can not fail.
//
// timer.cpu says whose heap a timer is or would be in. It changes only with the locks of both heaps
// held, so whoever holds the lock of the timer's own CPU may rely on it.
//
// The hardware is only ever programmed by the CPU it belongs to. `deadline` is what it was told; it
// is never later than the earliest timer's time, unless WORK_TIMER is pending there, whose handler
// sets that right. It may be earlier: a timer that is stopped or put off leaves the hardware alone,
// which costs a needless interrupt where otherwise every set would cost a register write.
//
// A function runs without the lock and may arm, stop or kill any timer. `running` names its timer
// meanwhile, for timer_kill alone: the timer may be gone when the function returns.
//
// A deadline that has passed is met by timer_poll() too, where a CPU goes idle and where an HVM
// guest left for an interrupt's sake. QEMU may lose an interrupt that arrives while it executes
// VMRUN with a virtual interrupt pending; nothing would wake the CPU again.
#include "core/timer.h"

#include "cpu/asm.h"
#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/symbols.h"

enum { UNUSED, IDLE, ARMED, KILLED }; // timer.state; unused is what zeroed memory is

struct timer_queue {
    spinlock_t lock;
    struct heap heap;
    nsec_t deadline; // 0: never programmed
    struct timer *volatile running;
} __attribute__((aligned(64)));

static struct timer_queue queues[MAX_CPUS];

static struct timer_queue *lock_queue(struct timer *t)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);

        spin_lock(&queues[cpu].lock);
        if (likely(t->cpu == cpu))
            return &queues[cpu];
        spin_unlock(&queues[cpu].lock);
    }
}

static void disarm(struct timer_queue *q, struct timer *t)
{
    if (t->state != ARMED)
        return;
    heap_remove(&q->heap, &t->node);
    t->state = IDLE;
}

static void arm(struct timer_queue *q, struct timer *t, nsec_t expires)
{
    t->node.key = MAX(expires, 0);
    t->state = ARMED;
    heap_insert(&q->heap, &t->node);
}

static void program(struct timer_queue *q, nsec_t when)
{
    q->deadline = when;
    time_set_deadline(when);
}

// The earliest timer may have become an earlier one.
static void check_deadline(struct timer_queue *q, unsigned cpu)
{
    if (!q->heap.top || (q->heap.top->key >= q->deadline && q->deadline != 0))
        return;
    if (cpu == this_cpu())
        program(q, q->heap.top->key);
    else
        work_raise(cpu, WORK_TIMER);
}

void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned cpu)
{
    *t = (struct timer){.fn = fn, .data = data, .cpu = cpu, .state = IDLE};
}

void timer_set(struct timer *t, nsec_t expires)
{
    struct timer_queue *q = lock_queue(t);

    if (t->state != KILLED) {
        disarm(q, t);
        arm(q, t, expires);
        check_deadline(q, t->cpu);
    }
    spin_unlock(&q->lock);
}

void timer_set_here(struct timer *t, nsec_t expires)
{
    if (t->cpu != this_cpu())
        timer_migrate(t, this_cpu());
    timer_set(t, expires);
}

void timer_stop(struct timer *t)
{
    struct timer_queue *q = lock_queue(t);

    disarm(q, t);
    spin_unlock(&q->lock);
}

bool timer_is_set(const struct timer *t)
{
    return t->state == ARMED;
}

nsec_t timer_expires(const struct timer *t)
{
    return t->node.key;
}

void timer_migrate(struct timer *t, unsigned cpu)
{
    struct timer_queue *to = &queues[cpu];

    for (;;) {
        unsigned old = READ_ONCE(t->cpu);
        struct timer_queue *from = &queues[old];

        spin_lock_pair(&from->lock, &to->lock);
        if (likely(t->cpu == old)) {
            bool armed = t->state == ARMED;

            disarm(from, t);
            t->cpu = cpu;
            if (armed) {
                arm(to, t, t->node.key);
                check_deadline(to, cpu);
            }
            spin_unlock_pair(&from->lock, &to->lock);
            return;
        }
        spin_unlock_pair(&from->lock, &to->lock);
    }
}

void timer_kill(struct timer *t)
{
    struct timer_queue *q;
    unsigned cpu;

    if (t->state == UNUSED)
        return;
    q = lock_queue(t);
    disarm(q, t);
    t->state = KILLED;
    spin_unlock(&q->lock);
    // Where it runs need not be where it would be armed now.
    for_each_cpu (cpu, cpus_online & ~cpumask_of(this_cpu())) {
        while (queues[cpu].running == t) {
            smp_serve();
            cpu_relax();
        }
    }
}

// WORK_TIMER: runs what is due, then programs the hardware for what comes next.
static void run_due(void)
{
    struct timer_queue *q = &queues[this_cpu()];
    nsec_t now = time_now();

    spin_lock(&q->lock);
    while (q->heap.top && q->heap.top->key <= now) {
        struct timer *t = container_of(q->heap.top, struct timer, node);
        void (*fn)(void *) = t->fn;
        void *data = t->data;

        disarm(q, t);
        q->running = t;
        spin_unlock(&q->lock);
        fn(data);
        spin_lock(&q->lock);
        q->running = NULL;
    }
    program(q, q->heap.top ? q->heap.top->key : NSEC_NEVER);
    spin_unlock(&q->lock);
}

void timer_poll(void)
{
    const struct timer_queue *q = &queues[this_cpu()];

    if (q->deadline != 0 && q->deadline <= time_now())
        work_raise(this_cpu(), WORK_TIMER);
}

void timer_module_init(void)
{
    work_register(WORK_TIMER, run_due);
}

void timer_dump(void)
{
    nsec_t now = time_now();
    unsigned cpu;

    for_each_cpu (cpu, cpus_online) {
        struct timer_queue *q = &queues[cpu];

        spin_lock(&q->lock);
        log_info("CPU%u timers, deadline in %ld us:\n", cpu, (q->deadline - now) / 1000);
        for (struct heap_node *n = q->heap.top; n; n = heap_next(n)) {
            struct timer *t = container_of(n, struct timer, node);

            log_info("  in %ld us: %s(%p)\n", (n->key - now) / 1000,
                     symbol_describe((uint64_t)(uintptr_t)t->fn), t->data);
        }
        spin_unlock(&q->lock);
    }
}
