// FIFO event channels: setting up, order, priorities, moving between queues, hostile shared memory,
// and a consumer that runs at the same time.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/event.c hypervisor/core/event_2l.c hypervisor/core/event_bind.c
// sources: hypervisor/core/event_consumer.c hypervisor/core/event_fifo.c
// sources: hypervisor/core/event_fifo_setup.c hypervisor/core/event_op.c
// sources: hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/event_guest.h"

int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share)
{
    return 0;
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
}

void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu)
{
}

static struct domain *make(domid_t id, unsigned vcpus)
{
    struct domain *d = fake_domain(id, vcpus, false);

    CU_ASSERT_EQUAL_FATAL(event_domain_init(d), 0);
    for (unsigned i = 0; i < vcpus; i++)
        CU_ASSERT_EQUAL_FATAL(event_vcpu_init(d->vcpus[i]), 0);
    return d;
}

static struct domain *make_fifo(domid_t id, unsigned vcpus, struct fifo_guest *g)
{
    struct domain *d = make(id, vcpus);

    memset(g, 0, sizeof(*g));
    for (unsigned i = 0; i < vcpus; i++)
        CU_ASSERT_EQUAL_FATAL(fifo_init(g, d->vcpus[i]), 0);
    CU_ASSERT_EQUAL_FATAL(fifo_expand(g, d->vcpus[0]), 0);
    return d;
}

static void drop(struct domain *d)
{
    CU_ASSERT_EQUAL(event_domain_relinquish(d), 0);
    event_domain_destroy(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        event_vcpu_destroy(d->vcpus[i]);
    fake_domain_remove(d);
    fake_domain_free(d);
}

// All that the domain had must be free afterwards, the guest's own frames too.
static void destroy(struct domain *d, struct fifo_guest *g)
{
    int rc;

    while ((rc = event_domain_relinquish(d)) == -ERESTART)
        ;
    CU_ASSERT_EQUAL(rc, 0);
    fake_preempt_every = 0;
    for (unsigned i = 0; g && i < g->nr_pages; i++) {
        CU_ASSERT_EQUAL(fake_frame_refs(g->frames[i]), 1);
        CU_ASSERT_EQUAL(fake_frame_types(g->frames[i]), 0);
    }
    if (g)
        fifo_guest_free(g);
    drop(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

#define MAX_TAKEN 64
struct taken {
    unsigned n, port[MAX_TAKEN];
};

static void take(unsigned port, void *data)
{
    struct taken *t = data;

    if (t->n < MAX_TAKEN)
        t->port[t->n] = port;
    t->n++;
}

// An IPI port to vCPU `vcpu`, unmasked, of a priority.
static unsigned ipi(struct fifo_guest *g, struct vcpu *v, unsigned vcpu, unsigned priority)
{
    int port = guest_ipi(v, vcpu);

    CU_ASSERT_TRUE_FATAL(port > 0);
    CU_ASSERT_EQUAL(guest_set_priority(v, (unsigned)port, priority), 0);
    if ((unsigned)port / 1024 < g->nr_pages)
        *fifo_word(g, (unsigned)port) &= ~WORD_BIT(MASKED);
    return (unsigned)port;
}

static void test_setup(void)
{
    struct fifo_guest g = {0};
    struct domain *d = make(1, 2), *other;
    struct vcpu *v = d->vcpus[0];
    struct frame *f = fake_guest_frame(d), *foreign;
    struct evtchn_init_control a = {.control_gfn = frame_to_mfn(f)};
    struct evtchn_expand_array x = {.array_gfn = frame_to_mfn(f)};
    unsigned objects = fake_objects_in_use();

    other = make(2, 1);
    foreign = fake_guest_frame(other);
    fake_run(v);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_expand_array, &x), -EOPNOTSUPP);
    CU_ASSERT_EQUAL(guest_set_priority(v, (unsigned)guest_ipi(v, 0), 3), -ENOSYS);
    a.vcpu = 2;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -ENOENT);
    a.vcpu = 0;
    a.offset = 4;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL);
    a.offset = PAGE_SIZE - 64;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL);
    a.offset = PAGE_SIZE - 72;
    a.control_gfn = frame_to_mfn(foreign);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL);
    a.control_gfn = ~0ull;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL);
    // A page table of its own is no place for a control block.
    a.control_gfn = frame_to_mfn(f);
    CU_ASSERT_EQUAL(frame_get_type(f, FT_L1, false), 0);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL);
    CU_ASSERT_EQUAL(fake_frame_refs(f), 1);
    CU_ASSERT_EQUAL(frame_put_type(f, false), 0);
    CU_ASSERT_TRUE(fake_objects_in_use() == objects + 4); // what `other` has
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), 0);
    CU_ASSERT_EQUAL(fake_frame_types(f), 1);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_init_control, &a), -EINVAL); // has one
    x.array_gfn = frame_to_mfn(foreign);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_expand_array, &x), -EINVAL);
    x.array_gfn = frame_to_mfn(f); // the same frame for both: its own problem
    for (unsigned i = 0; i < 128; i++)
        CU_ASSERT_EQUAL(evtchn(EVTCHNOP_expand_array, &x), 0);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_expand_array, &x), -ENOSPC);
    CU_ASSERT_EQUAL(guest_set_priority(v, 1, 16), -EINVAL);
    CU_ASSERT_EQUAL(guest_set_priority(v, 2, 3), -EACCES);
    CU_ASSERT_EQUAL(guest_set_priority(v, 5000, 3), -EINVAL);

    frame_put(foreign);
    drop(other);
    event_domain_relinquish(d);
    CU_ASSERT_EQUAL(fake_frame_refs(f), 1);
    frame_put(f);
    destroy(d, &g);
}

static void test_order(void)
{
    struct fifo_guest g;
    struct domain *d = make_fifo(1, 1, &g);
    struct vcpu *v = d->vcpus[0];
    unsigned low = ipi(&g, v, 0, 15), a = ipi(&g, v, 0, 7), b = ipi(&g, v, 0, 7);
    unsigned high = ipi(&g, v, 0, 0);
    struct taken t = {0};

    guest_send(v, low);
    CU_ASSERT_EQUAL(fake_kicks, 1);
    guest_send(v, b);
    guest_send(v, a);
    guest_send(v, b);
    guest_send(v, high);
    CU_ASSERT_EQUAL(fake_kicks, 1);
    CU_ASSERT_EQUAL(g.control[0]->ready, 1u << 15 | 1u << 7 | 1u << 0);
    fifo_upcall(&g, v, take, &t);
    CU_ASSERT_EQUAL(t.n, 4);
    CU_ASSERT_EQUAL(t.port[0], high);
    CU_ASSERT_EQUAL(t.port[1], b);
    CU_ASSERT_EQUAL(t.port[2], a);
    CU_ASSERT_EQUAL(t.port[3], low);
    // A port that is the tail of an emptied queue is linked again, not to itself.
    for (unsigned i = 0; i < 3; i++) {
        t.n = 0;
        guest_send(v, low);
        fifo_upcall(&g, v, take, &t);
        CU_ASSERT_EQUAL(t.n, 1);
        CU_ASSERT_EQUAL(*fifo_word(&g, low) & EVTCHN_FIFO_LINK_MASK, 0);
    }
    destroy(d, &g);
}

static void test_mask(void)
{
    struct fifo_guest g;
    struct domain *d = make_fifo(1, 1, &g);
    struct vcpu *v = d->vcpus[0];
    unsigned port = ipi(&g, v, 0, 7);
    struct taken t = {0};

    *fifo_word(&g, port) |= WORD_BIT(MASKED);
    guest_send(v, port);
    CU_ASSERT_EQUAL(g.control[0]->ready, 0);
    CU_ASSERT_FALSE(event_pending(v));
    CU_ASSERT_TRUE(event_port_pending(d, port));
    CU_ASSERT_EQUAL(guest_unmask(v, port), 0);
    CU_ASSERT_TRUE(event_pending(v));
    fifo_upcall(&g, v, take, &t);
    CU_ASSERT_EQUAL(t.n, 1);
    // Closing forgets what was pending.
    *fifo_word(&g, port) |= WORD_BIT(MASKED);
    guest_send(v, port);
    guest_close(v, port);
    CU_ASSERT_EQUAL(*fifo_word(&g, port), WORD_BIT(MASKED));
    CU_ASSERT_EQUAL(guest_ipi(v, 0), (int)port);
    // A closed port that is still queued is not given out.
    *fifo_word(&g, port) &= ~WORD_BIT(MASKED);
    guest_send(v, port);
    guest_close(v, port);
    CU_ASSERT_EQUAL(guest_ipi(v, 0), (int)port + 1);
    t.n = 0;
    fifo_upcall(&g, v, take, &t);
    CU_ASSERT_EQUAL(t.n, 0);
    CU_ASSERT_EQUAL(guest_ipi(v, 0), (int)port);
    destroy(d, &g);
}

// Interdomain ports may change vCPU and priority while queued; no event is lost or doubled.
static void test_move(void)
{
    struct fifo_guest g;
    struct domain *d = make_fifo(1, 3, &g);
    struct vcpu *v = d->vcpus[0];
    unsigned a = (unsigned)guest_alloc(v, DOMID_SELF, DOMID_SELF);
    unsigned b = (unsigned)guest_bind(v, DOMID_SELF, a);
    unsigned other = ipi(&g, v, 0, 7);
    struct taken t[3] = {0};

    *fifo_word(&g, a) &= ~WORD_BIT(MASKED);
    *fifo_word(&g, b) &= ~(WORD_BIT(MASKED) | WORD_BIT(PENDING));
    guest_send(v, b); // to a, on vCPU 0: now the tail of queue 7
    CU_ASSERT_EQUAL(guest_bind_vcpu(v, a, 1), 0);
    guest_send(v, other); // behind a
    fifo_upcall(&g, d->vcpus[1], take, &t[1]);
    CU_ASSERT_EQUAL(t[1].n, 0); // still in the former queue
    fifo_upcall(&g, d->vcpus[0], take, &t[0]);
    CU_ASSERT_EQUAL(t[0].n, 2);
    guest_send(v, b);
    fifo_upcall(&g, d->vcpus[0], take, &t[0]);
    CU_ASSERT_EQUAL(t[0].n, 2);
    fifo_upcall(&g, d->vcpus[1], take, &t[1]);
    CU_ASSERT_EQUAL(t[1].n, 1);

    // a is the tail of vCPU 1's queue, gone from it, and moves away: what comes there next must not
    // be linked behind it.
    CU_ASSERT_EQUAL(guest_bind_vcpu(v, a, 2), 0);
    guest_send(v, b);
    unsigned third = ipi(&g, v, 1, 7);
    guest_send(v, third);
    fifo_upcall(&g, d->vcpus[1], take, &t[1]);
    CU_ASSERT_EQUAL(t[1].n, 2);
    CU_ASSERT_EQUAL(t[1].port[1], third);
    fifo_upcall(&g, d->vcpus[2], take, &t[2]);
    CU_ASSERT_EQUAL(t[2].n, 1);
    // The same with priorities.
    guest_send(v, b);
    CU_ASSERT_EQUAL(guest_set_priority(v, a, 2), 0);
    fifo_upcall(&g, d->vcpus[2], take, &t[2]);
    guest_send(v, b);
    CU_ASSERT_EQUAL(g.control[2]->ready, 1u << 2);
    fifo_upcall(&g, d->vcpus[2], take, &t[2]);
    CU_ASSERT_EQUAL(t[2].n, 3);
    destroy(d, &g);
}

// Events for ports without a word wait for it.
static void test_late_array(void)
{
    struct fifo_guest g = {0};
    struct domain *d = make(1, 1);
    struct vcpu *v = d->vcpus[0];
    struct taken t = {0};
    unsigned early = (unsigned)guest_ipi(v, 0), port = 0;

    guest_send(v, early); // pending in 2-level when the guest changes over
    CU_ASSERT_EQUAL(fifo_init(&g, v), 0);
    v->info->evtchn_upcall_pending = 0;
    while (port < 1500)
        port = (unsigned)guest_ipi(v, 0);
    guest_send(v, 1500);
    guest_send(v, 700);
    CU_ASSERT_FALSE(event_pending(v));
    CU_ASSERT_FALSE(event_port_pending(d, 1500));
    CU_ASSERT_EQUAL(fifo_expand(&g, v), 0);
    CU_ASSERT_TRUE(event_port_pending(d, 700));
    CU_ASSERT_TRUE(event_port_pending(d, early));
    CU_ASSERT_EQUAL(fifo_expand(&g, v), 0);
    CU_ASSERT_TRUE(event_port_pending(d, 1500));
    guest_unmask(v, early);
    guest_unmask(v, 700);
    guest_unmask(v, 1500);
    fifo_upcall(&g, v, take, &t);
    CU_ASSERT_EQUAL(t.n, 3);
    destroy(d, &g);
}

static void test_all_ports(void)
{
    struct fifo_guest g;
    struct domain *d = make_fifo(1, 1, &g);
    int port, last = 0;

    while ((port = guest_ipi(d->vcpus[0], 0)) > 0)
        last = port;
    CU_ASSERT_EQUAL(port, -ENOSPC);
    CU_ASSERT_EQUAL(last, EVTCHN_FIFO_NR_CHANNELS - 1);
    CU_ASSERT_EQUAL(guest_send(d->vcpus[0], 131071), 0);
    CU_ASSERT_EQUAL(guest_send(d->vcpus[0], 131072), -EINVAL);
    fake_preempt_every = 5;
    destroy(d, &g);
}

static void test_reset(void)
{
    struct fifo_guest g;
    struct domain *d = make_fifo(1, 2, &g);
    struct evtchn_reset a = {.dom = DOMID_SELF};
    struct vcpu *v = d->vcpus[0];
    unsigned port = ipi(&g, v, 1, 7);

    guest_send(v, port);
    fake_run(v);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), 0);
    CU_ASSERT_EQUAL(fake_frame_refs(g.frames[0]), 1);
    CU_ASSERT_EQUAL(fake_frame_types(g.control_frames[1]), 0);
    // 2-level again, and FIFO once more.
    port = (unsigned)guest_ipi(v, 1);
    CU_ASSERT_EQUAL(guest_send(v, port), 0);
    CU_ASSERT_TRUE(bit_test(d->shared_info->evtchn_pending, port));
    fifo_guest_free(&g);
    memset(&g, 0, sizeof(g));
    CU_ASSERT_EQUAL(fifo_init(&g, v), 0);
    CU_ASSERT_EQUAL(fifo_expand(&g, v), 0);
    CU_ASSERT_TRUE(event_port_pending(d, port));
    destroy(d, &g);
}

// Rubbish in words and control blocks at any time: nothing may crash, hang or leak, and after the
// guest has put its memory in order again, a reset gives it working events.
static void test_hostile(void)
{
    for (unsigned round = 0; round < 40; round++) {
        struct fifo_guest g;
        struct domain *d = make_fifo(1, 2, &g);
        struct evtchn_reset a = {.dom = DOMID_SELF};
        struct taken t = {0};

        fake_seed(round + 1);
        for (unsigned i = 0; i < 2000; i++) {
            struct vcpu *v = d->vcpus[fake_below(2)];
            unsigned port = fake_below(20);

            switch (fake_below(8)) {
            case 0:
                *fifo_word(&g, port) = (event_word_t)fake_random();
                break;
            case 1:
                g.control[v->id]->head[fake_below(16)] = (event_word_t)fake_random();
                break;
            case 2:
                g.control[v->id]->ready = (uint32_t)fake_random();
                break;
            case 3:
                *fifo_word(&g, port) &= ~(WORD_BIT(MASKED) | WORD_BIT(LINKED));
                break;
            case 4:
                guest_close(v, port);
                break;
            case 5:
                guest_unmask(v, port);
                guest_set_priority(v, port, fake_below(16));
                guest_bind_vcpu(v, port, fake_below(2));
                break;
            case 6:
                if (fake_below(2))
                    guest_ipi(v, fake_below(2));
                else
                    guest_bind(v, DOMID_SELF, (unsigned)guest_alloc(v, DOMID_SELF, DOMID_SELF));
                break;
            default:
                guest_send(v, port);
            }
        }
        fake_run(d->vcpus[0]);
        CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), 0);
        fifo_guest_free(&g);
        memset(&g, 0, sizeof(g));
        d->vcpus[0]->info->evtchn_upcall_pending = 0;
        CU_ASSERT_EQUAL(fifo_init(&g, d->vcpus[0]), 0);
        CU_ASSERT_EQUAL(fifo_expand(&g, d->vcpus[0]), 0);
        guest_send(d->vcpus[0], ipi(&g, d->vcpus[0], 0, 3));
        fifo_upcall(&g, d->vcpus[0], take, &t);
        CU_ASSERT_EQUAL(t.n, 1);
        destroy(d, &g);
    }
}

// CPUs send while the notified vCPU consumes: no event may be lost.

#define SENDERS     3
#define SEND_PORTS  4
#define SEND_ROUNDS 20000
static struct {
    struct domain *d;
    struct fifo_guest g;
    unsigned port[SENDERS][SEND_PORTS];
    // Rounds asked for and seen, a port each: an event must make the consumer see the last round.
    unsigned sent[SENDERS][SEND_PORTS], seen[SENDERS][SEND_PORTS];
    unsigned finished;
} race;

static void race_take(unsigned port, void *data)
{
    for (unsigned s = 0; s < SENDERS; s++)
        for (unsigned i = 0; i < SEND_PORTS; i++)
            if (race.port[s][i] == port)
                race.seen[s][i] = __atomic_load_n(&race.sent[s][i], __ATOMIC_SEQ_CST);
}

static void *sender(void *arg)
{
    unsigned s = (unsigned)(uintptr_t)arg;
    struct vcpu *v = race.d->vcpus[s];

    for (unsigned n = 1; n <= SEND_ROUNDS; n++) {
        unsigned i = n % SEND_PORTS;

        __atomic_store_n(&race.sent[s][i], n, __ATOMIC_SEQ_CST);
        guest_send(v, race.port[s][i]);
    }
    __atomic_fetch_add(&race.finished, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *consumer(void *arg)
{
    struct vcpu *v = race.d->vcpus[0];
    bool last;

    do {
        last = __atomic_load_n(&race.finished, __ATOMIC_SEQ_CST) == SENDERS;
        fifo_upcall(&race.g, v, race_take, NULL);
    } while (!last);
    return NULL;
}

static void test_race(void)
{
    pthread_t threads[SENDERS + 1];

    memset(&race, 0, sizeof(race));
    race.d = make_fifo(1, SENDERS, &race.g);
    for (unsigned s = 0; s < SENDERS; s++)
        for (unsigned i = 0; i < SEND_PORTS; i++)
            race.port[s][i] = ipi(&race.g, race.d->vcpus[0], 0, 7 + (i & 1));
    for (uintptr_t s = 0; s < SENDERS; s++)
        pthread_create(&threads[s], NULL, sender, (void *)s);
    pthread_create(&threads[SENDERS], NULL, consumer, NULL);
    for (unsigned s = 0; s <= SENDERS; s++)
        pthread_join(threads[s], NULL);
    for (unsigned s = 0; s < SENDERS; s++)
        for (unsigned i = 0; i < SEND_PORTS; i++)
            CU_ASSERT_EQUAL(race.seen[s][i], race.sent[s][i]);
    destroy(race.d, &race.g);
}

// Both ends of channels are closed and bound by two CPUs at the same time, while a third sends.

static struct domain *churn[2];
static unsigned churn_stop; // atomic

static void *churner(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct vcpu *v = churn[me]->vcpus[0];

    for (unsigned i = 0; i < 20000; i++) {
        int port = guest_bind(v, churn[1 - me]->id, 1 + i % 3);

        guest_send(v, 1 + i % 3);
        guest_close(v, 1 + (i / 2) % 3);
        if (port > 3)
            guest_close(v, (unsigned)port);
        guest_alloc(v, DOMID_SELF, churn[1 - me]->id);
        if (i % 16 == 0)
            for (unsigned p = 4; p < 40; p++)
                guest_close(v, p);
    }
    return NULL;
}

static void *churn_sender(void *arg)
{
    while (!__atomic_load_n(&churn_stop, __ATOMIC_SEQ_CST))
        for (unsigned p = 1; p < 5; p++)
            guest_send(churn[0]->vcpus[1], p);
    return NULL;
}

static void test_churn(void)
{
    pthread_t threads[3];
    struct evtchn_reset a = {.dom = DOMID_SELF};

    churn_stop = 0;
    churn[0] = make(1, 2);
    churn[1] = make(2, 1);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, churner, (void *)i);
    pthread_create(&threads[2], NULL, churn_sender, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    __atomic_store_n(&churn_stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(threads[2], NULL);
    for (unsigned i = 0; i < 2; i++) {
        fake_run(churn[i]->vcpus[0]);
        CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), 0);
    }
    drop(churn[1]);
    destroy(churn[0], NULL);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"setup", test_setup},
        {"order", test_order},
        {"mask", test_mask},
        {"move", test_move},
        {"late array", test_late_array},
        {"all ports", test_all_ports},
        {"reset", test_reset},
        {"hostile memory", test_hostile},
        {"sending while consuming", test_race},
        {"binding while closing", test_churn},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("FIFO event channels", tests);
}
