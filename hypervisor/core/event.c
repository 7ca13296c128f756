// Event channels: the life of ports.
//
// A port is in one of the states of enum port_state. Its structure, once made, stays until the
// domain is freed, so a port number can be looked up without a lock; what it is bound to can not be
// trusted without one. Two kinds of lock guard it:
//
//  - The domain's event lock (es->lock): every change that the domain itself makes to its ports
//    (opening, closing, moving to another vCPU), the free list, the choice between 2-level and
//    FIFO.
//  - The port's lock: every change of state. Who holds it may rely on the state, and for a port in
//    INTERDOMAIN on the peer as well: an interdomain binding is made and undone with both ends'
//    locks held. So a sender takes one lock, its own port's, and reaches the peer's port and domain
//    safely; senders on different ports never wait for each other.
//
// Lock order: es->lock of one domain at most; then port locks, of two ports in address order (a
// holder of the higher one may only try the lower one); then the FIFO queue locks, in address
// order; then the scheduler's. Interrupt handlers take port locks, never es->lock: no interrupt
// window is opened with either held.
//
// Invariants:
//  - port 0 is RESERVED for ever;
//  - INTERDOMAIN is mutual: p->remote's port p->number is INTERDOMAIN with p as its peer;
//  - virq_port[] and pirq_ports[] name ports of the domain's own in state VIRQ and PIRQ, except
//    while es->lock is held; a reader without the lock checks the port's state and number;
//  - a dying domain gets no new ports; when the last one is closed no one can find a reason to
//    deliver to it.
#include "core/event_impl.h"

#include "core/event_consumer.h"
#include "core/sched.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/alloc.h"

int event_domain_init(struct domain *d)
{
    struct event_state *es = xzalloc(struct event_state);
    struct event_port *bucket = pages_alloc(0);

    if (!es || !bucket) {
        xfree(es);
        if (bucket)
            pages_free(bucket, 0);
        return -ENOMEM;
    }
    spin_init(&es->lock);
    es->abi = &event_2l;
    es->buckets = es->small_buckets;
    es->buckets[0] = bucket;
    for (unsigned i = 0; i < PORTS_PER_BUCKET; i++)
        bucket[i].port = i;
    bucket[0].state = PORT_RESERVED;
    es->first_free = 1;
    es->max_port = EVTCHN_FIFO_NR_CHANNELS - 1;
    es->nr_ports = PORTS_PER_BUCKET;
    d->events = es;
    return 0;
}

void event_set_limit(struct domain *d, uint32_t max_port)
{
    d->events->max_port = MIN(max_port, EVTCHN_FIFO_NR_CHANNELS - 1);
}

int event_vcpu_init(struct vcpu *v)
{
    v->events = xzalloc(struct vcpu_event_state);
    if (!v->events)
        return -ENOMEM;
    spin_init(&v->events->fifo.lock);
    return 0;
}

void event_vcpu_destroy(struct vcpu *v)
{
    xfree(v->events);
    v->events = NULL;
}

int event_domain_relinquish(struct domain *d)
{
    struct event_state *es = d->events;
    int rc;

    event_drop_virq_handler(d);
    spin_lock(&es->lock);
    if (!es->closing) {
        es->closing = true;
        es->reset_next = 0;
    }
    spin_unlock(&es->lock);

    rc = event_close_all(d, false);
    if (!rc)
        event_fifo_destroy(d);
    return rc;
}

void event_domain_destroy(struct domain *d)
{
    struct event_state *es = d->events;

    if (!es)
        return;
    event_fifo_destroy(d);
    for (unsigned i = 0; i < es->nr_ports / PORTS_PER_BUCKET; i++)
        pages_free(es->buckets[i], 0);
    if (es->buckets != es->small_buckets)
        pages_free(es->buckets, LARGE_DIR_ORDER);
    for (unsigned i = 0; i < ARRAY_SIZE(es->pirq_ports); i++)
        if (es->pirq_ports[i])
            pages_free(es->pirq_ports[i], 0);
    xfree(es);
    d->events = NULL;
}

struct event_port *event_port_find(const struct event_state *es, uint32_t port)
{
    uint32_t nr = __atomic_load_n(&es->nr_ports, __ATOMIC_ACQUIRE);
    struct event_port **buckets;

    if (port >= nr)
        return NULL;
    port = (uint32_t)index_nospec(port, nr);
    buckets = __atomic_load_n(&es->buckets, __ATOMIC_ACQUIRE);
    return &buckets[port / PORTS_PER_BUCKET][port % PORTS_PER_BUCKET];
}

// Makes room for one more bucket pointer: the directory starts small, inside struct event_state,
// and is replaced once. Readers may go on using the small one for the ports it knows.
static int grow_directory(struct event_state *es)
{
    struct event_port **large;

    if (es->buckets != es->small_buckets || es->nr_ports / PORTS_PER_BUCKET < NR_SMALL_BUCKETS)
        return 0;
    large = pages_alloc(LARGE_DIR_ORDER);
    if (!large)
        return -ENOMEM;
    for (unsigned i = 0; i < NR_SMALL_BUCKETS; i++)
        large[i] = es->small_buckets[i];
    __atomic_store_n(&es->buckets, large, __ATOMIC_RELEASE);
    return 0;
}

static int add_bucket(struct event_state *es)
{
    struct event_port *bucket;
    int rc = grow_directory(es);

    if (rc)
        return rc;
    bucket = pages_alloc(0);
    if (!bucket)
        return -ENOMEM;
    for (unsigned i = 0; i < PORTS_PER_BUCKET; i++)
        bucket[i].port = es->nr_ports + i;
    es->buckets[es->nr_ports / PORTS_PER_BUCKET] = bucket;
    __atomic_store_n(&es->nr_ports, es->nr_ports + PORTS_PER_BUCKET, __ATOMIC_RELEASE);
    return 0;
}

int event_port_alloc(struct domain *d, struct event_port **out)
{
    struct event_state *es = d->events;
    uint32_t limit = MIN(es->abi->max_ports, es->max_port + 1);
    int rc;

    if (es->closing)
        return -ESRCH;
    for (uint32_t port = es->first_free; port < limit; port++) {
        struct event_port *p;

        if (port >= es->nr_ports && (rc = add_bucket(es)))
            return rc;
        p = event_port_find(es, port);
        if (p->state == PORT_FREE && es->abi->is_busy(d, p))
            continue;
        if (port == es->first_free)
            es->first_free++;
        if (p->state != PORT_FREE)
            continue;
        p->state = PORT_RESERVED;
        p->consumer = 0;
        p->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        es->nr_active++;
        *out = p;
        return 0;
    }
    return -ENOSPC;
}

void event_port_free(struct domain *d, struct event_port *p)
{
    struct event_state *es = d->events;

    // A later owner of the number shall not be greeted by the former one's news.
    p->undelivered = false;
    es->abi->clear_pending(d, p);
    es->nr_active--;
    if (p->consumer)
        es->nr_consumer_ports--;
    p->vcpu = 0;
    p->remote = NULL;
    __atomic_store_n(&p->state, PORT_FREE, __ATOMIC_RELEASE);
    es->first_free = MIN(es->first_free, p->port);
}

void event_port_publish(struct event_port *p, enum port_state state, unsigned vcpu, uint32_t number)
{
    spin_lock(&p->lock);
    p->vcpu = (uint16_t)vcpu;
    p->number = number;
    p->state = (uint8_t)state;
    spin_unlock(&p->lock);
}

// Locks a port and, if it is bound to another, that one too, which is returned. The peer exists as
// long as a lock of either end is held.
static struct event_port *lock_with_peer(struct event_port *p)
{
    for (;;) {
        struct event_port *peer;

        spin_lock(&p->lock);
        if (p->state != PORT_INTERDOMAIN)
            return NULL;
        peer = event_port_find(p->remote->events, p->number);
        if (p < peer) {
            spin_lock(&peer->lock);
            return peer;
        }
        if (spin_trylock(&peer->lock))
            return peer;
        spin_unlock(&p->lock);
        __builtin_ia32_pause();
        smp_serve();
    }
}

// Takes away what a port in VIRQ or PIRQ, now RESERVED, was bound to.
static void unbind_source(struct domain *d, struct event_port *p, enum port_state was)
{
    if (was == PORT_VIRQ)
        __atomic_store_n(
            &d->vcpus[virq_is_per_vcpu(p->number) ? p->vcpu : 0]->events->virq_port[p->number], 0,
            __ATOMIC_RELEASE);
    else if (was == PORT_PIRQ)
        event_pirq_unbind(d, p);
}

int event_port_close(struct domain *d, uint32_t port, bool by_guest)
{
    struct event_state *es = d->events;
    struct event_port *p = event_port_find(es, port), *peer;
    enum port_state was;
    int rc = -EINVAL;

    if (!p)
        return -EINVAL;
    spin_lock(&es->lock);
    peer = lock_with_peer(p);
    was = p->state;
    if (was > PORT_RESERVED && !(by_guest && p->consumer)) {
        if (peer) {
            peer->state = PORT_UNBOUND;
            peer->number = d->id;
            peer->remote = NULL;
            if (peer->consumer)
                event_consumer_call(peer->consumer, domain_vcpu(p->remote, peer->vcpu), peer->port,
                                    true);
        }
        p->state = PORT_RESERVED;
        rc = 0;
    }
    if (peer)
        spin_unlock(&peer->lock);
    spin_unlock(&p->lock);
    if (!rc) {
        // Without the port's lock: the interrupt's own lock comes before it.
        unbind_source(d, p, was);
        event_port_free(d, p);
    }
    spin_unlock(&es->lock);
    return rc;
}

int event_close_all(struct domain *d, bool by_guest)
{
    struct event_state *es = d->events;

    for (uint32_t port = MAX(es->reset_next, 1u); port < es->nr_ports; port++) {
        struct event_port *p = event_port_find(es, port);

        if (p->state > PORT_RESERVED)
            event_port_close(d, port, by_guest);
        if (port % 64 == 0 && preempt_check()) {
            es->reset_next = port + 1;
            return -ERESTART;
        }
    }
    es->reset_next = 0;
    return 0;
}
