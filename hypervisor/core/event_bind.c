// Event channels: giving a new port something to carry, and choosing the vCPU that is notified.
//
// Each operation validates, then takes a port, then publishes it in its final state; a port that
// could not be bound goes back to the free list.
#include "core/event_impl.h"

#include "core/permissions.h"
#include "lib/errno.h"
#include "mm/alloc.h"

static bool virq_is_global(unsigned virq)
{
    switch (virq) {
    case VIRQ_CONSOLE:
    case VIRQ_DOM_EXC:
    case VIRQ_TBUF:
    case VIRQ_DEBUGGER:
    case VIRQ_CON_RING:
    case VIRQ_PCPU_STATE:
    case VIRQ_MEM_EVENT:
    case VIRQ_ENOMEM:
    case VIRQ_ARCH_0 ... VIRQ_ARCH_7:
        return true;
    default:
        return false;
    }
}

bool virq_is_per_vcpu(unsigned virq)
{
    return !virq_is_global(virq) && virq != VIRQ_ARGO;
}

int event_alloc_unbound(struct evtchn_alloc_unbound *a)
{
    struct event_port *p;
    struct domain *d;
    int rc = permit_domain(PERMIT_event_alloc, a->dom, &d);

    if (rc)
        return rc;
    spin_lock(&d->events->lock);
    rc = event_port_alloc(d, &p);
    if (!rc) {
        a->port = p->port;
        event_port_publish(p, PORT_UNBOUND, 0,
                           a->remote_dom == DOMID_SELF ? current->domain->id : a->remote_dom);
    }
    spin_unlock(&d->events->lock);
    domain_put(d);
    return rc;
}

// Binds two ports whose locks are held, if the remote one waits for this domain.
static int connect(struct domain *d, struct event_port *p, struct domain *rd,
                   struct event_port *peer)
{
    if (peer->state != PORT_UNBOUND || peer->number != d->id)
        return -EINVAL;
    peer->remote = d;
    peer->number = p->port;
    peer->state = PORT_INTERDOMAIN;
    p->remote = rd;
    p->number = peer->port;
    p->vcpu = 0;
    p->state = PORT_INTERDOMAIN;
    // News sent before was dropped, so the local end starts with some.
    event_port_set_pending(d, p);
    return 0;
}

static int bind_to(struct domain *rd, struct evtchn_bind_interdomain *a)
{
    struct domain *d = current->domain;
    struct event_port *p, *peer = event_port_find(rd->events, a->remote_port);
    int rc;

    if (!peer)
        return -EINVAL;
    spin_lock(&d->events->lock);
    rc = event_port_alloc(d, &p);
    if (!rc) {
        spin_lock_pair(&p->lock, &peer->lock);
        rc = connect(d, p, rd, peer);
        spin_unlock_pair(&p->lock, &peer->lock);
        if (rc)
            event_port_free(d, p);
        else
            a->local_port = p->port;
    }
    spin_unlock(&d->events->lock);
    return rc;
}

int event_bind_interdomain(struct evtchn_bind_interdomain *a)
{
    struct domain *rd = domain_get_by_id(a->remote_dom);
    int rc;

    if (!rd)
        return -ESRCH;
    rc = bind_to(rd, a);
    domain_put(rd);
    return rc;
}

int event_bind_virq(struct evtchn_bind_virq *a)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    struct event_port *p;
    int rc;

    if (a->virq >= NR_VIRQS || (!virq_is_per_vcpu(a->virq) && a->vcpu != 0))
        return -EINVAL;
    if (!v)
        return -ENOENT;
    spin_lock(&d->events->lock);
    if (v->events->virq_port[a->virq])
        rc = -EEXIST;
    else
        rc = event_port_alloc(d, &p);
    if (!rc) {
        a->port = p->port;
        event_port_publish(p, PORT_VIRQ, a->vcpu, a->virq);
        __atomic_store_n(&v->events->virq_port[a->virq], p->port, __ATOMIC_RELEASE);
    }
    spin_unlock(&d->events->lock);
    return rc;
}

int event_bind_ipi(struct evtchn_bind_ipi *a)
{
    struct domain *d = current->domain;
    struct event_port *p;
    int rc;

    if (!domain_vcpu(d, a->vcpu))
        return -ENOENT;
    spin_lock(&d->events->lock);
    rc = event_port_alloc(d, &p);
    if (!rc) {
        a->port = p->port;
        event_port_publish(p, PORT_IPI, a->vcpu, 0);
    }
    spin_unlock(&d->events->lock);
    return rc;
}

// Where the port of a PIRQ is noted; NULL if memory is short. Event lock held.
static uint32_t *pirq_slot(struct event_state *es, unsigned pirq)
{
    uint32_t **page = &es->pirq_ports[pirq / PIRQS_PER_PAGE];

    if (!*page)
        __atomic_store_n(page, pages_alloc(0), __ATOMIC_RELEASE);
    return *page ? *page + pirq % PIRQS_PER_PAGE : NULL;
}

static int bind_pirq_locked(struct domain *d, struct evtchn_bind_pirq *a)
{
    uint32_t *slot = pirq_slot(d->events, a->pirq);
    struct event_port *p;
    int rc;

    if (!slot)
        return -ENOMEM;
    if (*slot)
        return -EEXIST;
    rc = event_port_alloc(d, &p);
    if (rc)
        return rc;
    // The interrupt may come as soon as it is bound, so all must be in place before.
    event_port_publish(p, PORT_PIRQ, 0, a->pirq);
    __atomic_store_n(slot, p->port, __ATOMIC_RELEASE);
    rc = pirq_guest_bind(d->vcpus[0], a->pirq, a->flags & BIND_PIRQ__WILL_SHARE);
    if (rc) {
        __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
        event_port_publish(p, PORT_RESERVED, 0, 0);
        event_port_free(d, p);
        return rc;
    }
    event_pirq_move(d, p, NO_VCPU, 0);
    a->port = p->port;
    return 0;
}

int event_bind_pirq(struct evtchn_bind_pirq *a)
{
    struct domain *d = current->domain;
    int rc;

    if (a->pirq >= MAX_EVENT_PIRQS)
        return -EINVAL;
    spin_lock(&d->events->lock);
    rc = bind_pirq_locked(d, a);
    spin_unlock(&d->events->lock);
    return rc;
}

void event_pirq_unbind(struct domain *d, struct event_port *p)
{
    uint32_t *slot = pirq_slot(d->events, p->number);

    __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
    event_pirq_move(d, p, p->vcpu, NO_VCPU);
    pirq_guest_unbind(d, p->number);
}

void event_pirq_move(struct domain *d, struct event_port *p, unsigned from, unsigned to)
{
    uint32_t *link;

    if (from != NO_VCPU) {
        link = &d->vcpus[from]->events->first_pirq_port;
        while (*link != p->port)
            link = &event_port_find(d->events, *link)->next_pirq_port;
        *link = p->next_pirq_port;
    }
    if (to != NO_VCPU) {
        link = &d->vcpus[to]->events->first_pirq_port;
        p->next_pirq_port = *link;
        *link = p->port;
    }
}

void event_move_pirqs(struct vcpu *v)
{
    struct domain *d = v->domain;

    if (likely(!READ_ONCE(v->events->first_pirq_port)))
        return;
    spin_lock(&d->events->lock);
    for (uint32_t port = v->events->first_pirq_port; port;) {
        struct event_port *p = event_port_find(d->events, port);

        pirq_guest_set_affinity(d, p->number, v->cpu);
        port = p->next_pirq_port;
    }
    spin_unlock(&d->events->lock);
}

// May the port be told to notify another vCPU?
static bool may_move(const struct event_port *p)
{
    if (p->consumer)
        return false;
    return p->state == PORT_UNBOUND || p->state == PORT_INTERDOMAIN || p->state == PORT_PIRQ ||
           (p->state == PORT_VIRQ && !virq_is_per_vcpu(p->number));
}

// With the event lock held. Only the notified vCPU changes, never what the port is bound to, so the
// port's lock is needed only against a concurrent change by the peer.
static int set_vcpu(struct domain *d, struct event_port *p, struct vcpu *v)
{
    unsigned from = p->vcpu;
    bool moves;

    spin_lock(&p->lock);
    moves = may_move(p);
    if (moves)
        WRITE_ONCE(p->vcpu, (uint16_t)v->id);
    spin_unlock(&p->lock);
    if (moves && p->state == PORT_PIRQ && from != v->id) {
        event_pirq_move(d, p, from, v->id);
        pirq_guest_set_affinity(d, p->number, v->cpu);
    }
    return moves ? 0 : -EINVAL;
}

int event_bind_vcpu(struct evtchn_bind_vcpu *a)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    struct event_port *p = event_port_find(d->events, a->port);
    int rc;

    if (!v)
        return -ENOENT;
    if (!p)
        return -EINVAL;
    spin_lock(&d->events->lock);
    rc = set_vcpu(d, p, v);
    spin_unlock(&d->events->lock);
    return rc;
}
