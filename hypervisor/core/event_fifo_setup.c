// The FIFO event channel ABI: registering control blocks and array pages, and going back to
// 2-level.
//
// Both are guest frames, held by a reference and a writable type for as long as they are in use and
// reached through the direct map. Changes are made with the domain's event lock held. Array pages
// only ever come, until all ports are closed.
#include "core/event_impl.h"

#include "core/guest_frame.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/alloc.h"

event_word_t *event_fifo_word(const struct domain *d, uint32_t port)
{
    const struct fifo_domain *fifo = d->events->fifo;
    unsigned page = port / WORDS_PER_PAGE;

    if (page >= __atomic_load_n(&fifo->nr_pages, __ATOMIC_ACQUIRE))
        return NULL;
    return &fifo->words[page][port % WORDS_PER_PAGE];
}

static int map_control_block(struct vcpu *v, uint64_t gfn, uint32_t offset)
{
    struct fifo_vcpu *q = &v->events->fifo;
    struct frame *frame;
    void *va;
    int rc;

    if (q->control)
        return -EINVAL;
    rc = guest_area_get(v->domain, gfn, &frame, &va);
    if (rc)
        return rc;
    spin_lock(&q->lock);
    q->control_frame = frame;
    q->control = (struct evtchn_fifo_control_block *)((char *)va + offset);
    spin_unlock(&q->lock);
    return 0;
}

static void unmap_control_block(struct vcpu *v)
{
    struct fifo_vcpu *q = &v->events->fifo;
    struct frame *frame;

    spin_lock(&q->lock);
    frame = q->control_frame;
    q->control = NULL;
    q->control_frame = NULL;
    for (unsigned i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        q->tail[i] = 0;
    spin_unlock(&q->lock);
    if (frame)
        guest_area_put(frame);
}

static void nothing(void *arg)
{
}

// From now on the domain's events lie in event words. What was pending in the 2-level bits is
// delivered when the guest supplies the words.
static void switch_to_fifo(struct domain *d)
{
    struct event_state *es = d->events;

    __atomic_store_n(&es->abi, &event_fifo, __ATOMIC_SEQ_CST);
    // A sender that chose 2-level just before must be through before the bits are looked at. It
    // serves no calls between that choice and setting the bit.
    smp_call(cpus_online, nothing, NULL);
    for (uint32_t port = 1; port < MIN(es->nr_ports, (uint32_t)EVTCHN_2L_NR_CHANNELS); port++)
        if (bit_test(d->shared_info->evtchn_pending, port))
            event_port_find(es, port)->undelivered = true;
}

static int init_control_locked(struct vcpu *v, const struct evtchn_init_control *a)
{
    struct event_state *es = v->domain->events;
    struct fifo_domain *fifo = NULL;
    int rc;

    if (!es->fifo) {
        fifo = xzalloc(struct fifo_domain);
        if (!fifo)
            return -ENOMEM;
        es->fifo = fifo;
    }
    rc = map_control_block(v, a->control_gfn, a->offset);
    if (fifo && rc) {
        es->fifo = NULL;
        xfree(fifo);
    } else if (fifo) {
        switch_to_fifo(v->domain);
    }
    return rc;
}

int event_fifo_init_control(struct evtchn_init_control *a)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
    int rc;

    a->link_bits = EVTCHN_FIFO_LINK_BITS;
    if (!v)
        return -ENOENT;
    if (a->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || a->offset % 8)
        return -EINVAL;
    spin_lock(&d->events->lock);
    rc = d->events->closing ? -ESRCH : init_control_locked(v, a);
    spin_unlock(&d->events->lock);
    return rc;
}

static int add_array_page(struct domain *d, uint64_t gfn)
{
    struct event_state *es = d->events;
    struct fifo_domain *fifo = es->fifo;
    unsigned page;
    void *va;
    int rc;

    if (!fifo)
        return -EOPNOTSUPP;
    page = fifo->nr_pages;
    if (page >= FIFO_ARRAY_PAGES)
        return -ENOSPC;
    rc = guest_area_get(d, gfn, &fifo->frames[page], &va);
    if (rc)
        return rc;
    fifo->words[page] = va;
    __atomic_store_n(&fifo->nr_pages, page + 1, __ATOMIC_SEQ_CST);

    for (unsigned i = 0; i < WORDS_PER_PAGE; i++) {
        struct event_port *p = event_port_find(es, page * WORDS_PER_PAGE + i);

        if (!p)
            break;
        if (__atomic_exchange_n(&p->undelivered, false, __ATOMIC_SEQ_CST) &&
            p->state > PORT_RESERVED)
            event_port_set_pending(d, p);
    }
    return 0;
}

int event_fifo_expand_array(struct evtchn_expand_array *a)
{
    struct domain *d = current->domain;
    int rc;

    spin_lock(&d->events->lock);
    rc = d->events->closing ? -ESRCH : add_array_page(d, a->array_gfn);
    spin_unlock(&d->events->lock);
    return rc;
}

void event_fifo_destroy(struct domain *d)
{
    struct event_state *es = d->events;
    struct fifo_domain *fifo;
    struct vcpu *v;

    spin_lock(&es->lock);
    fifo = es->fifo;
    es->abi = &event_2l;
    es->fifo = NULL;
    spin_unlock(&es->lock);
    if (!fifo)
        return;
    for_each_vcpu (d, v)
        if (v->events)
            unmap_control_block(v);
    for (unsigned i = 0; i < fifo->nr_pages; i++)
        guest_area_put(fifo->frames[i]);
    xfree(fifo);
}
