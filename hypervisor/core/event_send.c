// Event channels: delivery, from whatever source, up to the vCPU's pending flag.
//
// The path of EVTCHNOP_send is the hot one: look up, lock the sender's port, set the peer's bit in
// guest memory, kick, unlock.
#include "core/event_impl.h"

#include "core/event_consumer.h"
#include "core/sched.h"
#include "lib/errno.h"

void event_mark_pending(struct vcpu *v)
{
    struct vcpu_info *info = __atomic_load_n(&v->info, __ATOMIC_SEQ_CST);

    // Without an area there is nothing to mark yet; event_info_moved() makes up for it.
    if (info && !__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
}

void event_info_moved(struct vcpu *v)
{
    struct vcpu_info *info = v->info;

    // A sender that still saw the old area has set the port's own bit before, so everything that
    // may have been lost is found by a guest that looks at every word.
    __atomic_store_n(&info->evtchn_pending_sel, ~0ull, __ATOMIC_SEQ_CST);
    __atomic_store_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
    vcpu_kick(v);
}

void event_port_set_pending(struct domain *d, struct event_port *p)
{
    struct vcpu *v = domain_vcpu(d, READ_ONCE(p->vcpu));

    if (likely(v))
        d->events->abi->set_pending(d, v, p);
}

void event_poll_begin(struct vcpu *v, unsigned port)
{
    v->poll_port = port;
    __atomic_fetch_or(&v->pause_flags, VPF_POLLING, __ATOMIC_SEQ_CST);
    bit_set(v->domain->pollers, v->id);
}

bool event_poll_end(struct vcpu *v)
{
    bit_clear(v->domain->pollers, v->id);
    return __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_POLLING, __ATOMIC_SEQ_CST) &
           VPF_POLLING;
}

static void wake_pollers_of_word(struct domain *d, unsigned word, uint32_t port)
{
    for (uint64_t left = READ_ONCE(d->pollers[word]); left; left &= left - 1) {
        struct vcpu *v = d->vcpus[word * 64 + bit_first(left)];
        unsigned wanted = READ_ONCE(v->poll_port);

        if ((wanted == 0 || wanted == port) && event_poll_end(v))
            vcpu_wake(v);
    }
}

void event_wake_pollers(struct domain *d, uint32_t port)
{
    for (unsigned word = 0; word < ARRAY_SIZE(d->pollers); word++)
        if (unlikely(READ_ONCE(d->pollers[word])))
            wake_pollers_of_word(d, word, port);
}

void event_notify_peer(const struct event_port *p)
{
    struct domain *d = p->remote;
    struct event_port *peer = event_port_find(d->events, p->number);

    if (unlikely(peer->consumer))
        event_consumer_call(peer->consumer, domain_vcpu(d, READ_ONCE(peer->vcpu)), peer->port,
                            false);
    else
        event_port_set_pending(d, peer);
}

int event_send(struct domain *d, uint32_t port)
{
    struct event_port *p = event_port_find(d->events, port);
    int rc = 0;

    if (unlikely(!p))
        return -EINVAL;
    spin_lock(&p->lock);
    if (likely(p->state == PORT_INTERDOMAIN && !p->consumer))
        event_notify_peer(p);
    else if (p->state == PORT_IPI)
        event_port_set_pending(d, p);
    else if (p->state != PORT_UNBOUND || p->consumer) // unbound: nobody listens yet, drop it
        rc = -EINVAL;
    spin_unlock(&p->lock);
    return rc;
}

// Delivers to a port that was looked up without a lock, if it still is what it was taken for.
static bool deliver(struct domain *d, uint32_t port, enum port_state state, uint32_t number)
{
    struct event_port *p = port ? event_port_find(d->events, port) : NULL;
    bool bound;

    if (!p)
        return false;
    spin_lock(&p->lock);
    bound = p->state == state && p->number == number;
    if (bound)
        event_port_set_pending(d, p);
    spin_unlock(&p->lock);
    return bound;
}

void event_send_virq(struct vcpu *v, unsigned virq)
{
    deliver(v->domain, __atomic_load_n(&v->events->virq_port[virq], __ATOMIC_ACQUIRE), PORT_VIRQ,
            virq);
}

void event_send_global_virq(struct domain *d, unsigned virq)
{
    struct vcpu *v = domain_vcpu(d, 0);

    if (v)
        event_send_virq(v, virq);
}

uint32_t event_pirq_port(struct domain *d, unsigned pirq)
{
    uint32_t *page;

    if (pirq >= MAX_EVENT_PIRQS)
        return 0;
    page = __atomic_load_n(&d->events->pirq_ports[pirq / PIRQS_PER_PAGE], __ATOMIC_ACQUIRE);
    return page ? __atomic_load_n(&page[pirq % PIRQS_PER_PAGE], __ATOMIC_ACQUIRE) : 0;
}

bool event_send_pirq(struct domain *d, unsigned pirq)
{
    return deliver(d, event_pirq_port(d, pirq), PORT_PIRQ, pirq);
}

int event_port_pending(struct domain *d, unsigned port)
{
    struct event_port *p = event_port_find(d->events, port);
    bool pending;

    if (!p)
        return -EINVAL;
    spin_lock(&d->events->lock);
    pending = d->events->abi->is_pending(d, p);
    spin_unlock(&d->events->lock);
    return pending;
}
