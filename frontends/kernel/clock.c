#include "frontends/kernel/clock.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"

static struct list timers = LIST_INIT(timers); // the earliest first

static uint64_t to_ns(const volatile struct vcpu_time_info *info, uint64_t ticks)
{
    int8_t shift = info->tsc_shift;

    ticks = shift < 0 ? ticks >> -shift : ticks << shift;
    return (uint64_t)(((unsigned __int128)ticks * info->tsc_to_system_mul) >> 32);
}

uint64_t clock_now(void)
{
    const volatile struct vcpu_time_info *info = &shared_info->vcpu_info[0].time;
    uint32_t version;
    uint64_t ns;

    do {
        version = __atomic_load_n(&info->version, __ATOMIC_ACQUIRE);
        ns = info->system_time + to_ns(info, tsc_read() - info->tsc_timestamp);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version & 1 || version != info->version);
    return ns;
}

uint64_t clock_wall(void)
{
    const volatile struct shared_info *s = shared_info;
    uint32_t version;
    uint64_t seconds, ns;

    do {
        version = __atomic_load_n(&s->wc_version, __ATOMIC_ACQUIRE);
        seconds = s->wc_sec | (uint64_t)s->wc_sec_hi << 32;
        ns = s->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version & 1 || version != s->wc_version);
    return seconds + (ns + clock_now()) / NS_PER_S;
}

uint64_t clock_after(uint64_t ns)
{
    uint64_t now = clock_now();

    return ns > FOREVER - now ? FOREVER : now + ns;
}

static void ticked(void *unused)
{
    // The scheduler, which has called this, looks for timers next.
}

void clock_init(void)
{
    hc(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL);
    if (event_bind_virq(VIRQ_TIMER, ticked, NULL) < 0)
        panic("cannot bind the timer's event");
}

void timer_set(struct timer *timer, uint64_t deadline, void (*fire)(void *arg), void *arg)
{
    struct list *before = timers.prev;

    timer->deadline = deadline;
    timer->fire = fire;
    timer->arg = arg;
    while (before != &timers && list_entry(before, struct timer, link)->deadline > deadline)
        before = before->prev;
    list_insert(&timer->link, before, before->next);
}

void timer_stop(struct timer *timer)
{
    list_del(&timer->link);
}

static struct timer *earliest(void)
{
    return list_empty(&timers) ? NULL : list_first(&timers, struct timer, link);
}

void timers_run(void)
{
    struct timer *timer;

    while ((timer = earliest()) && timer->deadline <= clock_now()) {
        timer_stop(timer);
        timer->fire(timer->arg);
    }
}

void clock_block(void)
{
    struct timer *timer = earliest();

    hc(set_timer_op, timer && timer->deadline != FOREVER ? timer->deadline : 0);
    hc(sched_op, SCHEDOP_block, 0);
}
