// Ports of the hypervisor's own making: a guest's notifications end in a function call. And VIRQs
// that belong to the machine, which one domain handles for all.
#include "core/event_consumer.h"

#include "core/event_impl.h"
#include "lib/errno.h"

// A port names its function by a small number. Functions are registered once and stay.
#define MAX_CONSUMERS 7
static event_notify_fn *consumers[MAX_CONSUMERS];

void event_consumer_call(unsigned consumer, struct vcpu *v, unsigned port, bool closed)
{
    if (v)
        consumers[consumer - 1](v, port, closed);
}

// 0: no room.
static unsigned consumer_number(event_notify_fn *fn)
{
    for (unsigned i = 0; i < MAX_CONSUMERS; i++) {
        event_notify_fn *none = NULL;

        if (__atomic_compare_exchange_n(&consumers[i], &none, fn, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST) ||
            none == fn)
            return i + 1;
    }
    return 0;
}

int event_alloc_xen_port(struct domain *local, unsigned vcpu, domid_t remote,
                         event_notify_fn *notify)
{
    struct event_state *es = local->events;
    unsigned consumer = consumer_number(notify);
    struct event_port *p;
    int rc;

    if (!consumer)
        return -ENOSPC;
    if (!domain_vcpu(local, vcpu))
        return -ENOENT;
    spin_lock(&es->lock);
    rc = event_port_alloc(local, &p);
    if (!rc) {
        p->consumer = (uint8_t)consumer;
        es->nr_consumer_ports++;
        event_port_publish(p, PORT_UNBOUND, vcpu, remote);
        rc = (int)p->port;
    }
    spin_unlock(&es->lock);
    return rc;
}

void event_close_xen_port(struct domain *d, unsigned port)
{
    event_port_close(d, port, false);
}

static bool look_at_peer(struct domain *d, unsigned port, bool notify)
{
    struct event_port *p = event_port_find(d->events, port);
    bool bound;

    if (!p)
        return false;
    spin_lock(&p->lock);
    bound = p->consumer && p->state == PORT_INTERDOMAIN;
    if (bound && notify)
        event_notify_peer(p);
    spin_unlock(&p->lock);
    return bound;
}

bool event_send_xen_port(struct domain *d, unsigned port)
{
    return look_at_peer(d, port, true);
}

bool event_xen_port_bound(struct domain *d, unsigned port)
{
    return look_at_peer(d, port, false);
}

// Who handles a global VIRQ; NULL is dom0. The table holds a reference to the domain.
static struct domain *virq_handlers[NR_VIRQS];
static spinlock_t virq_handlers_lock = SPINLOCK_INIT;

void event_send_host_virq(unsigned virq)
{
    struct domain *d;

    spin_lock(&virq_handlers_lock);
    d = virq_handlers[virq] ?: dom0;
    if (d)
        event_send_global_virq(d, virq);
    spin_unlock(&virq_handlers_lock);
}

int event_set_virq_handler(struct domain *d, unsigned virq)
{
    struct domain *old;

    if (virq >= NR_VIRQS || virq_is_per_vcpu(virq))
        return -EINVAL;
    if (!domain_get(d))
        return -EINVAL;
    spin_lock(&virq_handlers_lock);
    old = virq_handlers[virq];
    virq_handlers[virq] = d;
    spin_unlock(&virq_handlers_lock);
    if (old)
        domain_put(old);
    return 0;
}

void event_drop_virq_handler(struct domain *d)
{
    for (unsigned virq = 0; virq < NR_VIRQS; virq++) {
        bool found;

        spin_lock(&virq_handlers_lock);
        found = virq_handlers[virq] == d;
        if (found)
            virq_handlers[virq] = NULL;
        spin_unlock(&virq_handlers_lock);
        if (found)
            domain_put(d);
    }
}
