// The FIFO event channel ABI: delivery.
//
// Each port has an event word in guest memory. Each vCPU has sixteen queues, one a priority: singly
// linked lists of ports through the link fields of their words, whose heads lie in the vCPU's
// control block, also in guest memory. The hypervisor appends, the guest removes from the head,
// both without a common lock; `ready` in the control block says which queues became non-empty.
//
// What may be trusted: the tails, which the hypervisor keeps for itself. Words and heads may change
// at any time into anything. A link read from guest memory is never followed here, only written, so
// a hostile guest can lose and disorder its own events and no more; each loop is bounded.
//
// The word of the tail tells whether the tail still is in the queue: the guest clears LINKED when
// it takes a port out. If LINKED is still set, the new port's number goes into the tail's link
// field, by a compare-and-exchange that fails if the guest has been at the word. If not, the queue
// is empty and the new port becomes its head. A guest that keeps changing other bits of the word
// could make that loop endless; BUSY asks it to refrain, and after a few tries the event is
// dropped.
//
// A port whose vCPU or priority changes stays in the queue it is linked into and moves the next
// time that it is linked. It may still be the former queue's tail then, though no longer in it; so
// linking takes both queues' locks and makes the former forget it.
#include "core/event_impl.h"

#include "lib/log.h"

#define W_PENDING   (1u << EVTCHN_FIFO_PENDING)
#define W_MASKED    (1u << EVTCHN_FIFO_MASKED)
#define W_LINKED    (1u << EVTCHN_FIFO_LINKED)
#define W_BUSY      (1u << EVTCHN_FIFO_BUSY)
#define LINK_TRIES  4
#define QUEUE_TRIES 3

static event_word_t word_set(event_word_t *word, event_word_t bits)
{
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static event_word_t word_clear(event_word_t *word, event_word_t bits)
{
    return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

// One try: 1: linked; 0: the tail is no longer queued; -1: the word changed meanwhile.
static int try_link(event_word_t *tail, uint32_t port)
{
    event_word_t old = __atomic_load_n(tail, __ATOMIC_SEQ_CST), new;

    if (!(old & W_LINKED))
        return 0;
    new = (old & ~(W_BUSY | EVTCHN_FIFO_LINK_MASK)) | port;
    return __atomic_compare_exchange_n(tail, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
               ? 1
               : -1;
}

// Links port behind the tail. false: the queue is empty, port must become the head.
static bool link_behind(struct domain *d, event_word_t *tail, uint32_t port)
{
    int rc = try_link(tail, port);

    if (likely(rc >= 0))
        return rc;
    word_set(tail, W_BUSY);
    for (unsigned tries = 0; tries < LINK_TRIES; tries++) {
        rc = try_link(tail, port);
        if (rc > 0)
            return true;
        if (rc == 0)
            break;
    }
    word_clear(tail, W_BUSY);
    if (rc < 0)
        guest_warn("d%u: event on port %u dropped, its queue does not hold still\n", d->id, port);
    return rc < 0;
}

// Locks the queues of v and those which the port was linked into last, returned in *old.
static bool lock_queues(struct domain *d, struct vcpu *v, struct event_port *p,
                        struct fifo_vcpu **old)
{
    for (unsigned tries = 0; tries < QUEUE_TRIES; tries++) {
        unsigned queue = READ_ONCE(p->queue);

        *old = &d->vcpus[queue / EVTCHN_FIFO_MAX_QUEUES]->events->fifo;
        spin_lock_pair(&v->events->fifo.lock, &(*old)->lock);
        if (likely(p->queue == queue))
            return true;
        spin_unlock_pair(&v->events->fifo.lock, &(*old)->lock);
    }
    guest_warn("d%u: event on port %u dropped, it changes its queue too fast\n", d->id, p->port);
    return false;
}

// With both locks held: appends the port to its queue. Tells whether the queue was empty.
static bool append(struct domain *d, struct vcpu *v, struct fifo_vcpu *old, struct event_port *p,
                   unsigned priority)
{
    struct fifo_vcpu *q = &v->events->fifo;
    uint32_t *old_tail = &old->tail[p->queue % EVTCHN_FIFO_MAX_QUEUES];
    uint32_t tail;
    bool linked;

    if (*old_tail == p->port)
        *old_tail = 0;
    WRITE_ONCE(p->queue, (uint16_t)(v->id * EVTCHN_FIFO_MAX_QUEUES + priority));
    tail = q->tail[priority];
    linked = tail && link_behind(d, event_fifo_word(d, tail), p->port);
    if (!linked)
        __atomic_store_n(&q->control->head[priority], p->port, __ATOMIC_SEQ_CST);
    q->tail[priority] = p->port;
    return !linked;
}

static void enqueue(struct domain *d, struct vcpu *v, struct event_port *p, event_word_t *word)
{
    struct fifo_vcpu *q = &v->events->fifo, *old;
    unsigned priority = READ_ONCE(p->priority);
    bool was_empty = false;

    if (!lock_queues(d, v, p, &old))
        return;
    // Without a control block the event waits as PENDING until the guest looks. And another CPU may
    // have linked it meanwhile.
    if (likely(q->control) && !(word_set(word, W_LINKED) & W_LINKED))
        was_empty = append(d, v, old, p, priority);
    spin_unlock_pair(&q->lock, &old->lock);

    if (was_empty &&
        !(__atomic_fetch_or(&q->control->ready, 1u << priority, __ATOMIC_SEQ_CST) & 1u << priority))
        event_mark_pending(v);
}

static void set_pending_fifo(struct domain *d, struct vcpu *v, struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, p->port);
    bool was_pending;

    if (unlikely(!word)) {
        // Whoever adds the array page delivers what it finds undelivered; if it came just now, it
        // may have looked before.
        __atomic_store_n(&p->undelivered, true, __ATOMIC_SEQ_CST);
        word = event_fifo_word(d, p->port);
        if (!word)
            return;
    }
    was_pending = word_set(word, W_PENDING) & W_PENDING;
    if (!(__atomic_load_n(word, __ATOMIC_SEQ_CST) & (W_MASKED | W_LINKED)))
        enqueue(d, v, p, word);
    if (!was_pending)
        event_wake_pollers(d, p->port);
}

static void clear_pending_fifo(struct domain *d, struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, p->port);

    if (word)
        word_clear(word, W_PENDING);
}

static void unmask_fifo(struct domain *d, struct vcpu *v, struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, p->port);

    if (word && word_clear(word, W_MASKED) & W_PENDING)
        set_pending_fifo(d, v, p);
}

static event_word_t word_read(struct domain *d, const struct event_port *p)
{
    event_word_t *word = event_fifo_word(d, p->port);

    return word ? __atomic_load_n(word, __ATOMIC_SEQ_CST) : W_MASKED;
}

static bool is_pending_fifo(struct domain *d, const struct event_port *p)
{
    return word_read(d, p) & W_PENDING;
}

static bool is_masked_fifo(struct domain *d, const struct event_port *p)
{
    return word_read(d, p) & W_MASKED;
}

static bool is_busy_fifo(struct domain *d, const struct event_port *p)
{
    return word_read(d, p) & W_LINKED;
}

const struct event_abi event_fifo = {
    .max_ports = EVTCHN_FIFO_NR_CHANNELS,
    .set_pending = set_pending_fifo,
    .clear_pending = clear_pending_fifo,
    .unmask = unmask_fifo,
    .is_pending = is_pending_fifo,
    .is_masked = is_masked_fifo,
    .is_busy = is_busy_fifo,
};
