// A guest's side of event channels for tests: hypercalls, masks, and taking events in both ABIs the
// way a kernel does.
#pragma once

#include "core/event.h"
#include "core/hypercall_table.h"
#include "pv-abi/event_channel.h"
#include "tests/unit/fake/platform.h"

#define MAX_WORD_PAGES 4

// What a domain in the FIFO ABI shares with the hypervisor, as its kernel sees it.
struct fifo_guest {
    event_word_t *words[MAX_WORD_PAGES];
    unsigned nr_pages;
    struct frame *frames[MAX_WORD_PAGES];
    struct evtchn_fifo_control_block *control[8];
    struct frame *control_frames[8];
    uint32_t head[8][EVTCHN_FIFO_MAX_QUEUES]; // the kernel's own copy
};

static inline long evtchn(unsigned cmd, void *arg)
{
    return do_event_channel_op(cmd, guest_address(arg));
}

// These return the new port or -errno. The caller is `v`.
static inline int guest_alloc(struct vcpu *v, domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote};

    fake_run(v);
    long rc = evtchn(EVTCHNOP_alloc_unbound, &a);
    return rc ? (int)rc : (int)a.port;
}

static inline int guest_bind(struct vcpu *v, domid_t remote, unsigned port)
{
    struct evtchn_bind_interdomain a = {.remote_dom = remote, .remote_port = port};

    fake_run(v);
    long rc = evtchn(EVTCHNOP_bind_interdomain, &a);
    return rc ? (int)rc : (int)a.local_port;
}

static inline int guest_virq(struct vcpu *v, unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq a = {.virq = virq, .vcpu = vcpu};

    fake_run(v);
    long rc = evtchn(EVTCHNOP_bind_virq, &a);
    return rc ? (int)rc : (int)a.port;
}

static inline int guest_ipi(struct vcpu *v, unsigned vcpu)
{
    struct evtchn_bind_ipi a = {.vcpu = vcpu};

    fake_run(v);
    long rc = evtchn(EVTCHNOP_bind_ipi, &a);
    return rc ? (int)rc : (int)a.port;
}

static inline int guest_pirq(struct vcpu *v, unsigned pirq)
{
    struct evtchn_bind_pirq a = {.pirq = pirq};

    fake_run(v);
    long rc = evtchn(EVTCHNOP_bind_pirq, &a);
    return rc ? (int)rc : (int)a.port;
}

static inline long guest_close(struct vcpu *v, unsigned port)
{
    struct evtchn_close a = {.port = port};

    fake_run(v);
    return evtchn(EVTCHNOP_close, &a);
}

static inline long guest_send(struct vcpu *v, unsigned port)
{
    struct evtchn_send a = {.port = port};

    fake_run(v);
    return evtchn(EVTCHNOP_send, &a);
}

static inline long guest_unmask(struct vcpu *v, unsigned port)
{
    struct evtchn_unmask a = {.port = port};

    fake_run(v);
    return evtchn(EVTCHNOP_unmask, &a);
}

static inline long guest_bind_vcpu(struct vcpu *v, unsigned port, unsigned vcpu)
{
    struct evtchn_bind_vcpu a = {.port = port, .vcpu = vcpu};

    fake_run(v);
    return evtchn(EVTCHNOP_bind_vcpu, &a);
}

static inline long guest_set_priority(struct vcpu *v, unsigned port, unsigned priority)
{
    struct evtchn_set_priority a = {.port = port, .priority = priority};

    fake_run(v);
    return evtchn(EVTCHNOP_set_priority, &a);
}

static inline struct evtchn_status guest_status(struct vcpu *v, domid_t dom, unsigned port)
{
    struct evtchn_status a = {.dom = dom, .port = port};

    fake_run(v);
    a.status = evtchn(EVTCHNOP_status, &a) ? ~0u : a.status;
    return a;
}

static inline long fifo_init(struct fifo_guest *g, struct vcpu *v)
{
    struct frame *f = fake_guest_frame(v->domain);
    struct evtchn_init_control a = {.control_gfn = frame_to_mfn(f), .offset = 64, .vcpu = v->id};
    long rc;

    fake_run(v);
    rc = evtchn(EVTCHNOP_init_control, &a);
    g->control_frames[v->id] = f;
    g->control[v->id] = (void *)((char *)fake_frame_va(f) + 64);
    return rc ?: (a.link_bits == EVTCHN_FIFO_LINK_BITS ? 0 : -1);
}

static inline long fifo_expand(struct fifo_guest *g, struct vcpu *v)
{
    struct frame *f = fake_guest_frame(v->domain);
    struct evtchn_expand_array a = {.array_gfn = frame_to_mfn(f)};
    event_word_t *words = fake_frame_va(f);

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = 1u << EVTCHN_FIFO_MASKED; // as Linux does
    g->frames[g->nr_pages] = f;
    g->words[g->nr_pages] = words;
    g->nr_pages++;
    fake_run(v);
    return evtchn(EVTCHNOP_expand_array, &a);
}

static inline void fifo_guest_free(struct fifo_guest *g)
{
    for (unsigned i = 0; i < g->nr_pages; i++)
        frame_put(g->frames[i]);
    for (unsigned i = 0; i < 8; i++)
        if (g->control_frames[i])
            frame_put(g->control_frames[i]);
}

static inline event_word_t *fifo_word(struct fifo_guest *g, unsigned port)
{
    return &g->words[port / 1024][port % 1024];
}

#define WORD_BIT(name) (1u << EVTCHN_FIFO_##name)

// Takes one event off a queue; its port, or 0 if the queue turned out to be empty. Does with the
// word what a kernel does.
static inline unsigned fifo_take(struct fifo_guest *g, unsigned vcpu, unsigned priority,
                                 uint32_t *ready)
{
    uint32_t port = g->head[vcpu][priority] ?: g->control[vcpu]->head[priority];
    event_word_t *word, old;

    if (!port)
        return 0;
    word = fifo_word(g, port);
    old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(word, &old,
                                        old & ~(WORD_BIT(LINKED) | EVTCHN_FIFO_LINK_MASK), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    g->head[vcpu][priority] = old & EVTCHN_FIFO_LINK_MASK;
    if (!g->head[vcpu][priority])
        *ready &= ~(1u << priority);
    return port;
}

// Handles all events of a vCPU that has an upcall; took(port, data) for each.
static inline void fifo_upcall(struct fifo_guest *g, struct vcpu *v,
                               void (*took)(unsigned port, void *data), void *data)
{
    uint32_t ready;

    if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
        return;
    ready = __atomic_exchange_n(&g->control[v->id]->ready, 0, __ATOMIC_SEQ_CST);
    while (ready) {
        unsigned port = fifo_take(g, v->id, bit_first(ready), &ready);

        if (port) {
            event_word_t word = __atomic_load_n(fifo_word(g, port), __ATOMIC_SEQ_CST);

            if (word & WORD_BIT(PENDING) && !(word & WORD_BIT(MASKED))) {
                __atomic_fetch_and(fifo_word(g, port), ~WORD_BIT(PENDING), __ATOMIC_SEQ_CST);
                took(port, data);
            }
        } else {
            ready &= ready - 1;
        }
        ready |= __atomic_exchange_n(&g->control[v->id]->ready, 0, __ATOMIC_SEQ_CST);
    }
}

static inline void event_upcall_2l(struct vcpu *v, void (*took)(unsigned port, void *data),
                                   void *data)
{
    struct shared_info *si = v->domain->shared_info;
    uint64_t selected;

    if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
        return;
    selected = __atomic_exchange_n(&v->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; selected; selected &= selected - 1) {
        unsigned word = bit_first(selected);
        uint64_t ready = READ_ONCE(si->evtchn_pending[word]) & ~READ_ONCE(si->evtchn_mask[word]);

        for (; ready; ready &= ready - 1) {
            bit_clear(si->evtchn_pending, word * 64 + bit_first(ready));
            took(word * 64 + bit_first(ready), data);
        }
    }
}
