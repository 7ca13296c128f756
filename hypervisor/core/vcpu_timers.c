// The timers that every vCPU has: periodic, single-shot, and the end of a SCHEDOP_poll. The first
// two raise VIRQ_TIMER.
#include "core/event.h"
#include "core/hypercall_table.h"
#include "core/sched_impl.h"
#include "pv-abi/virq.h"

static void periodic_fired(void *vcpu)
{
    struct vcpu *v = vcpu;
    nsec_t period = READ_ONCE(v->periodic_period);

    v->periodic_last = time_now();
    event_send_virq(v, VIRQ_TIMER);
    if (period && v->running)
        timer_set(&v->periodic_timer, v->periodic_last + period);
}

static void singleshot_fired(void *vcpu)
{
    event_send_virq(vcpu, VIRQ_TIMER);
}

static void poll_fired(void *vcpu)
{
    if (event_poll_end(vcpu))
        vcpu_wake(vcpu);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->periodic_timer, periodic_fired, v, v->cpu);
    timer_init(&v->singleshot_timer, singleshot_fired, v, v->cpu);
    timer_init(&v->poll_timer, poll_fired, v, v->cpu);
}

void vcpu_timers_kill(struct vcpu *v)
{
    timer_kill(&v->periodic_timer);
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->poll_timer);
}

void vcpu_periodic_resume(struct vcpu *v)
{
    nsec_t period = READ_ONCE(v->periodic_period), now;

    if (!period)
        return;
    now = time_now();
    if (now - v->periodic_last >= period) {
        v->periodic_last = now;
        event_send_virq(v, VIRQ_TIMER);
    }
    timer_set_here(&v->periodic_timer, v->periodic_last + period);
}

void vcpu_set_periodic(struct vcpu *v, nsec_t period)
{
    struct run_queue *q = queue_lock_of(v);

    WRITE_ONCE(v->periodic_period, period);
    v->periodic_last = time_now();
    if (!period)
        timer_stop(&v->periodic_timer);
    else if (v->running)
        timer_set(&v->periodic_timer, v->periodic_last + period);
    spin_unlock(&q->lock);
}

long do_set_timer_op(int64_t timeout)
{
    struct vcpu *v = current;
    nsec_t now;

    if (timeout == 0) {
        timer_stop(&v->singleshot_timer);
        return 0;
    }
    // A time before boot or 13 days ahead is a guest's arithmetic gone wrong: it gets a chance
    // soon.
    now = time_now();
    if (timeout < 0 || (timeout - now) >> 50 > 0)
        timeout = now + MILLISECONDS(100);
    timer_set_here(&v->singleshot_timer, timeout);
    return 0;
}
