// Event channels: long random sequences of operations by three domains, in both ABIs, compared
// after each step with a model that is simple enough to be believed.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/event.c hypervisor/core/event_2l.c hypervisor/core/event_bind.c
// sources: hypervisor/core/event_consumer.c hypervisor/core/event_fifo.c
// sources: hypervisor/core/event_fifo_setup.c hypervisor/core/event_op.c
// sources: hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/event_guest.h"

int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share)
{
    return pirq >= 8 ? -EINVAL : 0;
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
}

void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu)
{
}

// The model ---------------------------------------------------------------------------------------

#define DOMAINS 3
#define VCPUS   2
#define PORTS   24 // the guests hold fewer than this

struct model_port {
    unsigned status; // EVTCHNSTAT_*
    unsigned vcpu;
    unsigned remote_domain, remote_port; // domain index; unbound: who may bind
    unsigned source;                     // virq, pirq
    bool pending, masked, queued;
};

static struct {
    struct domain *d;
    bool fifo;
    struct fifo_guest guest;
    struct model_port port[PORTS];
} world[DOMAINS];

static unsigned steps;

#define CHECK(cond)                                                  \
    do {                                                             \
        if (!(cond))                                                 \
            panic("step %u: line %d: %s\n", steps, __LINE__, #cond); \
    } while (0)

static unsigned index_of(domid_t id)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        if (world[i].d->id == id)
            return i;
    panic("no domain %u\n", id);
}

static unsigned lowest_free(unsigned i)
{
    for (unsigned port = 1; port < PORTS; port++)
        if (world[i].port[port].status == EVTCHNSTAT_closed && !world[i].port[port].queued)
            return port;
    panic("the model has too few ports\n");
}

static unsigned open_ports(unsigned i)
{
    unsigned n = 0;

    for (unsigned port = 1; port < PORTS; port++)
        n += world[i].port[port].status != EVTCHNSTAT_closed || world[i].port[port].queued;
    return n;
}

static struct model_port *model_open(unsigned i, unsigned port, unsigned status, unsigned vcpu)
{
    struct model_port *m = &world[i].port[port];

    m->status = status;
    m->vcpu = vcpu;
    return m;
}

static void model_raise(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];

    m->pending = true;
    if (!m->masked)
        m->queued = world[i].fifo;
}

static void model_close(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];

    if (m->status == EVTCHNSTAT_interdomain) {
        struct model_port *peer = &world[m->remote_domain].port[m->remote_port];

        peer->status = EVTCHNSTAT_unbound;
        peer->remote_domain = i;
    }
    m->status = EVTCHNSTAT_closed;
    m->pending = false;
    m->vcpu = 0;
}

// Operations, by the hypervisor and by the model --------------------------------------------------

static struct vcpu *some_vcpu(unsigned i)
{
    return world[i].d->vcpus[fake_below(VCPUS)];
}

static void op_alloc(unsigned i, unsigned port)
{
    unsigned target = fake_below(DOMAINS), remote = fake_below(DOMAINS);
    bool allowed = target == i || i == 0;
    int rc;

    if (open_ports(target) >= PORTS - 3)
        return;
    rc = guest_alloc(some_vcpu(i), world[target].d->id, world[remote].d->id);
    if (!allowed) {
        CHECK(rc == -EPERM);
        return;
    }
    CHECK(rc == (int)lowest_free(target));
    model_open(target, (unsigned)rc, EVTCHNSTAT_unbound, 0)->remote_domain = remote;
}

static void op_bind(unsigned i, unsigned port)
{
    unsigned remote = fake_below(DOMAINS);
    struct model_port *peer = &world[remote].port[port], *m;
    bool allowed = peer->status == EVTCHNSTAT_unbound && peer->remote_domain == i;
    int rc;

    if (open_ports(i) >= PORTS - 3)
        return;
    rc = guest_bind(some_vcpu(i), world[remote].d->id, port);
    if (!allowed) {
        CHECK(rc == -EINVAL);
        return;
    }
    CHECK(rc == (int)lowest_free(i));
    m = model_open(i, (unsigned)rc, EVTCHNSTAT_interdomain, 0);
    m->remote_domain = remote;
    m->remote_port = port;
    peer->status = EVTCHNSTAT_interdomain;
    peer->remote_domain = i;
    peer->remote_port = (unsigned)rc;
    model_raise(i, (unsigned)rc);
}

static bool source_taken(unsigned i, unsigned status, unsigned source, unsigned vcpu)
{
    for (unsigned port = 1; port < PORTS; port++) {
        struct model_port *m = &world[i].port[port];

        if (m->status == status && m->source == source &&
            (m->vcpu == vcpu || status == EVTCHNSTAT_pirq || source == VIRQ_DOM_EXC))
            return true;
    }
    return false;
}

static void op_source(unsigned i, unsigned port)
{
    bool pirq = fake_below(2);
    unsigned vcpu = fake_below(VCPUS);
    unsigned source = pirq ? fake_below(9) : (unsigned[]){VIRQ_TIMER, VIRQ_DOM_EXC}[fake_below(2)];
    unsigned status = pirq ? EVTCHNSTAT_pirq : EVTCHNSTAT_virq;
    int rc;

    if (open_ports(i) >= PORTS - 3)
        return;
    rc = pirq ? guest_pirq(some_vcpu(i), source) : guest_virq(some_vcpu(i), source, vcpu);
    if ((!pirq && source == VIRQ_DOM_EXC && vcpu) || (pirq && source >= 8)) {
        CHECK(rc == -EINVAL);
    } else if (source_taken(i, status, source, vcpu)) {
        CHECK(rc == -EEXIST);
    } else {
        CHECK(rc == (int)lowest_free(i));
        model_open(i, (unsigned)rc, status, pirq ? 0 : vcpu)->source = source;
    }
}

static void op_ipi(unsigned i, unsigned port)
{
    unsigned vcpu = fake_below(VCPUS);
    int rc;

    if (open_ports(i) >= PORTS - 3)
        return;
    rc = guest_ipi(some_vcpu(i), vcpu);
    CHECK(rc == (int)lowest_free(i));
    model_open(i, (unsigned)rc, EVTCHNSTAT_ipi, vcpu);
}

static void op_close(unsigned i, unsigned port)
{
    long rc = guest_close(some_vcpu(i), port);

    CHECK(rc == (world[i].port[port].status == EVTCHNSTAT_closed ? -EINVAL : 0));
    if (!rc)
        model_close(i, port);
}

static void op_send(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];
    long rc = guest_send(some_vcpu(i), port);

    switch (m->status) {
    case EVTCHNSTAT_interdomain:
        model_raise(m->remote_domain, m->remote_port);
        break;
    case EVTCHNSTAT_ipi:
        model_raise(i, port);
        break;
    case EVTCHNSTAT_unbound:
        break;
    default:
        CHECK(rc == -EINVAL);
        return;
    }
    CHECK(rc == 0);
}

static void op_raise_source(unsigned i, unsigned unused)
{
    unsigned vcpu = fake_below(VCPUS), pirq = fake_below(8);
    bool bound = false;

    event_send_virq(world[i].d->vcpus[vcpu], VIRQ_TIMER);
    event_send_global_virq(world[i].d, VIRQ_DOM_EXC);
    for (unsigned port = 1; port < PORTS; port++) {
        struct model_port *m = &world[i].port[port];

        if (m->status == EVTCHNSTAT_virq && (m->source == VIRQ_DOM_EXC || m->vcpu == vcpu))
            model_raise(i, port);
        if (m->status == EVTCHNSTAT_pirq && m->source == pirq) {
            model_raise(i, port);
            bound = true;
        }
    }
    CHECK(event_send_pirq(world[i].d, pirq) == bound);
}

static void op_bind_vcpu(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];
    unsigned vcpu = fake_below(VCPUS + 1);
    long rc = guest_bind_vcpu(some_vcpu(i), port, vcpu);

    if (vcpu == VCPUS) {
        CHECK(rc == -ENOENT);
    } else if (m->status == EVTCHNSTAT_closed || m->status == EVTCHNSTAT_ipi ||
               (m->status == EVTCHNSTAT_virq && m->source == VIRQ_TIMER)) {
        CHECK(rc == -EINVAL);
    } else {
        CHECK(rc == 0);
        m->vcpu = vcpu;
    }
}

static void guest_mask(unsigned i, unsigned port, bool mask)
{
    struct shared_info *si = world[i].d->shared_info;

    if (world[i].fifo && mask)
        *fifo_word(&world[i].guest, port) |= WORD_BIT(MASKED);
    else if (mask)
        bit_set(si->evtchn_mask, port);
    else
        CHECK(guest_unmask(some_vcpu(i), port) == 0);
}

static void op_mask(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];
    bool mask = fake_below(2);

    guest_mask(i, port, mask);
    m->masked = mask;
    if (!mask && m->pending && world[i].fifo)
        m->queued = true;
}

static void op_priority(unsigned i, unsigned port)
{
    unsigned priority = fake_below(17);
    long rc = guest_set_priority(some_vcpu(i), port, priority);

    if (!world[i].fifo)
        CHECK(rc == -ENOSYS);
    else if (world[i].port[port].status == EVTCHNSTAT_closed)
        CHECK(rc == -EACCES);
    else
        CHECK(rc == (priority > 15 ? -EINVAL : 0));
}

static void took(unsigned port, void *data)
{
    struct model_port *m = &world[(uintptr_t)data].port[port];

    CHECK(m->pending && !m->masked);
    m->pending = false;
}

// After a guest has handled the upcalls that it was given, nothing unmasked may be left pending.
static void op_upcalls(unsigned i, unsigned unused)
{
    for (unsigned v = 0; v < VCPUS; v++) {
        if (world[i].fifo)
            fifo_upcall(&world[i].guest, world[i].d->vcpus[v], took, (void *)(uintptr_t)i);
        else
            event_upcall_2l(world[i].d->vcpus[v], took, (void *)(uintptr_t)i);
    }
    for (unsigned port = 1; port < PORTS; port++) {
        CHECK(!world[i].port[port].pending || world[i].port[port].masked);
        world[i].port[port].queued = false;
    }
}

static void check_port(unsigned i, unsigned port)
{
    struct model_port *m = &world[i].port[port];
    struct evtchn_status s = guest_status(world[0].d->vcpus[0], world[i].d->id, port);

    CHECK(event_port_pending(world[i].d, port) == m->pending);
    CHECK(s.status == m->status && s.vcpu == m->vcpu);
    switch (m->status) {
    case EVTCHNSTAT_unbound:
        CHECK(index_of(s.u.unbound.dom) == m->remote_domain);
        break;
    case EVTCHNSTAT_interdomain:
        CHECK(index_of(s.u.interdomain.dom) == m->remote_domain);
        CHECK(s.u.interdomain.port == m->remote_port);
        break;
    case EVTCHNSTAT_pirq:
        CHECK(s.u.pirq == m->source);
        break;
    case EVTCHNSTAT_virq:
        CHECK(s.u.virq == m->source);
        break;
    }
}

static void step(void)
{
    static void (*const ops[])(unsigned i, unsigned port) = {
        op_alloc, op_bind, op_bind,         op_source,    op_ipi,  op_close,    op_send, op_send,
        op_send,  op_send, op_raise_source, op_bind_vcpu, op_mask, op_priority, op_mask, op_upcalls,
    };

    ops[fake_below(ARRAY_SIZE(ops))](fake_below(DOMAINS), 1 + fake_below(PORTS - 1));
    for (unsigned i = 0; i < DOMAINS; i++)
        for (unsigned port = 1; port < PORTS; port++)
            check_port(i, port);
}

static void start(unsigned i, bool fifo)
{
    struct domain *d = fake_domain((domid_t)(i * 7), VCPUS, i == 0);

    memset(&world[i], 0, sizeof(world[i]));
    world[i].d = d;
    CHECK(event_domain_init(d) == 0);
    for (unsigned v = 0; v < VCPUS; v++)
        CHECK(event_vcpu_init(d->vcpus[v]) == 0);
    world[i].fifo = fifo;
    if (!fifo)
        return;
    for (unsigned v = 0; v < VCPUS; v++)
        CHECK(fifo_init(&world[i].guest, d->vcpus[v]) == 0);
    CHECK(fifo_expand(&world[i].guest, d->vcpus[0]) == 0);
    for (unsigned port = 0; port < PORTS; port++)
        world[i].port[port].masked = true;
}

static void end(unsigned i)
{
    struct domain *d = world[i].d;

    CHECK(event_domain_relinquish(d) == 0);
    for (unsigned port = 1; port < PORTS; port++)
        model_close(i, port);
    if (world[i].fifo)
        fifo_guest_free(&world[i].guest);
    CHECK(d->refs == 1);
}

static void run(uint64_t seed, bool fifo0, bool fifo1, bool fifo2)
{
    fake_seed(seed);
    start(0, fifo0);
    start(1, fifo1);
    start(2, fifo2);
    for (steps = 0; steps < 6000; steps++)
        step();
    end(1); // dies while the others are bound to it
    for (unsigned port = 1; port < PORTS; port++) {
        check_port(0, port);
        check_port(2, port);
    }
    end(0);
    end(2);
    for (unsigned i = 0; i < DOMAINS; i++) {
        event_domain_destroy(world[i].d);
        for (unsigned v = 0; v < VCPUS; v++)
            event_vcpu_destroy(world[i].d->vcpus[v]);
        fake_domain_free(world[i].d);
    }
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_2l(void)
{
    for (unsigned seed = 1; seed < 6; seed++)
        run(seed, false, false, false);
}

static void test_fifo(void)
{
    for (unsigned seed = 1; seed < 6; seed++)
        run(seed, true, true, true);
}

static void test_mixed(void)
{
    for (unsigned seed = 1; seed < 6; seed++)
        run(seed, seed & 1, seed & 2, seed & 4);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"2-level", test_2l},
        {"FIFO", test_fifo},
        {"both", test_mixed},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("event channels against a model", tests);
}
