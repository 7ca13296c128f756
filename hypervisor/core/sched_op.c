// HYPERVISOR_sched_op: a guest's dealings with the scheduler.
#include "core/event.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "core/sched.h"
#include "cpu/time.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/sched.h"

#define MAX_POLL_PORTS 128

static long block(struct vcpu *v)
{
    v->info->evtchn_upcall_mask = 0;
    vcpu_block();
    return 0;
}

// Is any of the ports pending already? -errno for a bad port or address.
static int any_pending(struct vcpu *v, const struct sched_poll *poll)
{
    for (unsigned i = 0; i < poll->nr_ports; i++) {
        evtchn_port_t port;
        int pending;

        if (copy_from_guest(&port, (uint64_t)poll->ports + i * sizeof(port), sizeof(port)))
            return -EFAULT;
        pending = event_port_pending(v->domain, port);
        if (pending)
            return pending;
    }
    return 0;
}

// The flag goes up first and the ports are looked at then: a sender sets the port's bit first and
// looks for the flag then, so that one of the two finds the other.
static long poll(struct vcpu *v, const struct sched_poll *poll)
{
    evtchn_port_t only = 0;
    int rc;

    if (poll->nr_ports > MAX_POLL_PORTS)
        return -EINVAL;
    if (poll->nr_ports == 1 && copy_from_guest(&only, (uint64_t)poll->ports, sizeof(only)))
        return -EFAULT;
    event_poll_begin(v, only);
    rc = event_pending(v) ? 1 : any_pending(v, poll);
    if (rc) {
        event_poll_end(v);
        return MIN(rc, 0);
    }
    if (poll->timeout)
        timer_set_here(&v->poll_timer, (nsec_t)MIN(poll->timeout, (uint64_t)NSEC_NEVER));
    else
        timer_stop(&v->poll_timer);
    work_raise(this_cpu(), WORK_SCHEDULE);
    return 0;
}

static long remote_shutdown(const struct sched_remote_shutdown *s)
{
    struct domain *d;

    if (permit(PERMIT_remote_shutdown, NULL))
        return -EPERM;
    d = s->domain_id == DOMID_SELF ? NULL : domain_get_by_id(s->domain_id);
    if (!d)
        return -ESRCH;
    domain_shutdown(d, (uint8_t)s->reason);
    domain_put(d);
    return 0;
}

// What a later shutdown will be reported as.
static long latch_shutdown_code(struct domain *d, unsigned reason)
{
    spin_lock(&d->lock);
    if (!d->shutting_down) {
        d->shutdown_code = (uint8_t)reason;
        d->shutdown_code_latched = true;
    }
    spin_unlock(&d->lock);
    return 0;
}

static void watchdog_fired(void *domain)
{
    domain_shutdown(domain, SHUTDOWN_watchdog);
}

static void watchdog_set(struct domain *d, unsigned i, uint32_t seconds)
{
    struct timer *t = &d->watchdog[i];

    if (!t->fn)
        timer_init(t, watchdog_fired, d, this_cpu());
    timer_set(t, time_now() + SECONDS(seconds));
}

static long watchdog_new(struct domain *d, uint32_t seconds)
{
    for (unsigned i = 0; i < ARRAY_SIZE(d->watchdog); i++) {
        if (d->watchdog_in_use & 1u << i)
            continue;
        d->watchdog_in_use |= 1u << i;
        watchdog_set(d, i, seconds);
        return i + 1;
    }
    return -ENOSPC;
}

static long watchdog_locked(struct domain *d, const struct sched_watchdog *w)
{
    if (w->id > ARRAY_SIZE(d->watchdog))
        return -EINVAL;
    if (w->id == 0)
        return watchdog_new(d, w->timeout);
    if (!(d->watchdog_in_use & 1u << (w->id - 1)))
        return -EINVAL;
    if (w->timeout) {
        watchdog_set(d, w->id - 1, w->timeout);
    } else {
        timer_stop(&d->watchdog[w->id - 1]);
        d->watchdog_in_use &= ~(1u << (w->id - 1));
    }
    return 0;
}

static long watchdog(struct domain *d, const struct sched_watchdog *w)
{
    long rc;

    spin_lock(&d->lock);
    rc = watchdog_locked(d, w);
    spin_unlock(&d->lock);
    return rc;
}

static size_t argument_size(unsigned cmd)
{
    switch (cmd) {
    case SCHEDOP_shutdown:
    case SCHEDOP_shutdown_code:
        return sizeof(struct sched_shutdown);
    case SCHEDOP_poll:
        return sizeof(struct sched_poll);
    case SCHEDOP_remote_shutdown:
        return sizeof(struct sched_remote_shutdown);
    case SCHEDOP_watchdog:
        return sizeof(struct sched_watchdog);
    case SCHEDOP_pin_override:
        return sizeof(struct sched_pin_override);
    default:
        return 0;
    }
}

long do_sched_op(unsigned cmd, uint64_t arg)
{
    struct vcpu *v = current;
    union {
        struct sched_shutdown shutdown;
        struct sched_poll poll;
        struct sched_remote_shutdown remote;
        struct sched_watchdog watchdog;
        struct sched_pin_override pin;
    } u;

    if (argument_size(cmd) && copy_from_guest(&u, arg, argument_size(cmd)))
        return -EFAULT;
    switch (cmd) {
    case SCHEDOP_yield:
        vcpu_yield();
        return 0;
    case SCHEDOP_block:
        return block(v);
    case SCHEDOP_shutdown:
        domain_shutdown(v->domain, (uint8_t)u.shutdown.reason);
        return 0;
    case SCHEDOP_poll:
        return poll(v, &u.poll);
    case SCHEDOP_remote_shutdown:
        return remote_shutdown(&u.remote);
    case SCHEDOP_shutdown_code:
        return latch_shutdown_code(v->domain, u.shutdown.reason);
    case SCHEDOP_watchdog:
        return watchdog(v->domain, &u.watchdog);
    case SCHEDOP_pin_override:
        return permit(PERMIT_pin_override, NULL) ?: vcpu_pin_override(v, u.pin.pcpu);
    default:
        return -ENOSYS;
    }
}
