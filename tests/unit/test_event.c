// Event channels: each operation, both ABIs, random sequences against a model.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/event.c hypervisor/core/event_2l.c hypervisor/core/event_bind.c
// sources: hypervisor/core/event_consumer.c hypervisor/core/event_fifo.c
// sources: hypervisor/core/event_fifo_setup.c hypervisor/core/event_op.c
// sources: hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <unistd.h>

#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/event_guest.h"

// The physical interrupt room ---------------------------------------------------------------------

static int pirq_result;
static unsigned pirq_bound, pirq_cpu;

int pirq_guest_bind(struct vcpu *v, unsigned pirq, bool will_share)
{
    if (!pirq_result)
        pirq_bound++;
    return pirq_result;
}

void pirq_guest_unbind(struct domain *d, unsigned pirq)
{
    pirq_bound--;
}

void pirq_guest_set_affinity(struct domain *d, unsigned pirq, unsigned cpu)
{
    pirq_cpu = cpu;
}

// Domains -----------------------------------------------------------------------------------------

static struct domain *make(domid_t id, unsigned vcpus, bool privileged)
{
    struct domain *d = fake_domain(id, vcpus, privileged);

    CU_ASSERT_EQUAL_FATAL(event_domain_init(d), 0);
    for (unsigned i = 0; i < vcpus; i++)
        CU_ASSERT_EQUAL_FATAL(event_vcpu_init(d->vcpus[i]), 0);
    return d;
}

static void destroy(struct domain *d)
{
    int rc;

    while ((rc = event_domain_relinquish(d)) == -ERESTART)
        ;
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(d->refs, 1);
    event_domain_destroy(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        event_vcpu_destroy(d->vcpus[i]);
    fake_domain_remove(d);
    fake_domain_free(d);
}

static bool pending(struct domain *d, unsigned port)
{
    return event_port_pending(d, port);
}

static void take_nothing(unsigned port, void *data)
{
}

static void drain(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        event_upcall_2l(d->vcpus[i], take_nothing, NULL);
}

// Operations --------------------------------------------------------------------------------------

static void test_interdomain(void)
{
    struct domain *a = make(0, 1, true), *b = make(5, 2, false);
    struct vcpu *va = a->vcpus[0], *vb = b->vcpus[0];
    int pa, pb;

    pb = guest_alloc(va, 5, 0); // dom0 makes a port in domain 5 to which it will bind
    CU_ASSERT_EQUAL(pb, 1);
    CU_ASSERT_EQUAL(guest_status(va, 5, 1).status, EVTCHNSTAT_unbound);
    CU_ASSERT_EQUAL(guest_send(vb, 1), 0); // dropped

    pa = guest_bind(va, 5, (unsigned)pb);
    CU_ASSERT_EQUAL(pa, 1);
    CU_ASSERT_TRUE(pending(a, 1)); // may have lost something
    CU_ASSERT_FALSE(pending(b, 1));
    CU_ASSERT_TRUE(event_pending(va));
    drain(a);
    CU_ASSERT_EQUAL(guest_status(vb, DOMID_SELF, 1).u.interdomain.dom, 0);

    fake_kicks = 0;
    CU_ASSERT_EQUAL(guest_send(va, 1), 0);
    CU_ASSERT_TRUE(pending(b, 1));
    CU_ASSERT_EQUAL(fake_kicks, 1);
    CU_ASSERT_PTR_EQUAL(fake_last_kicked, vb);
    CU_ASSERT_EQUAL(guest_send(va, 1), 0); // still pending: nothing new
    CU_ASSERT_EQUAL(fake_kicks, 1);

    CU_ASSERT_EQUAL(guest_bind(va, 5, 1), -EINVAL); // taken
    CU_ASSERT_EQUAL(guest_close(vb, 1), 0);
    CU_ASSERT_FALSE(pending(b, 1));
    CU_ASSERT_EQUAL(guest_status(va, 0, 1).status, EVTCHNSTAT_unbound);
    CU_ASSERT_EQUAL(guest_status(va, 0, 1).u.unbound.dom, 5);
    CU_ASSERT_EQUAL(guest_close(vb, 1), -EINVAL);
    // The other way round.
    CU_ASSERT_EQUAL(guest_bind(vb, 0, 1), 1);
    CU_ASSERT_EQUAL(guest_bind_vcpu(vb, 1, 1), 0);
    drain(b);
    CU_ASSERT_EQUAL(guest_send(va, 1), 0);
    CU_ASSERT_PTR_EQUAL(fake_last_kicked, b->vcpus[1]);
    destroy(a);
    CU_ASSERT_EQUAL(guest_status(vb, DOMID_SELF, 1).status, EVTCHNSTAT_unbound);
    destroy(b);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_permission(void)
{
    struct domain *a = make(0, 1, true), *b = make(5, 1, false), *c = make(6, 1, false);
    int port;

    CU_ASSERT_EQUAL(guest_alloc(b->vcpus[0], 0, 5), -EPERM);
    CU_ASSERT_EQUAL(guest_alloc(b->vcpus[0], 6, 5), -EPERM);
    CU_ASSERT_EQUAL(guest_alloc(b->vcpus[0], 77, 5), -ESRCH);
    CU_ASSERT_EQUAL(guest_status(b->vcpus[0], 6, 1).status, ~0u);
    port = guest_alloc(b->vcpus[0], DOMID_SELF, DOMID_SELF);
    CU_ASSERT_EQUAL(guest_status(b->vcpus[0], 5, (unsigned)port).u.unbound.dom, 5);
    CU_ASSERT_EQUAL(guest_bind(c->vcpus[0], 5, (unsigned)port), -EINVAL);
    CU_ASSERT_EQUAL(guest_bind(a->vcpus[0], 5, (unsigned)port), -EINVAL);
    CU_ASSERT_EQUAL(guest_bind(b->vcpus[0], 5, (unsigned)port), port + 1);
    CU_ASSERT_EQUAL(guest_send(b->vcpus[0], (unsigned)port), 0);
    CU_ASSERT_TRUE(pending(b, (unsigned)port + 1));
    destroy(b);
    destroy(c);
    destroy(a);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_virq(void)
{
    struct domain *d = make(0, 2, true);
    struct vcpu *v = d->vcpus[0];
    int timer, exc;

    event_send_virq(v, VIRQ_TIMER); // not bound: nothing
    CU_ASSERT_EQUAL(guest_virq(v, NR_VIRQS, 0), -EINVAL);
    CU_ASSERT_EQUAL(guest_virq(v, VIRQ_TIMER, 2), -ENOENT);
    CU_ASSERT_EQUAL(guest_virq(v, VIRQ_DOM_EXC, 1), -EINVAL);
    timer = guest_virq(v, VIRQ_TIMER, 1);
    CU_ASSERT_EQUAL(guest_virq(v, VIRQ_TIMER, 1), -EEXIST);
    exc = guest_virq(v, VIRQ_DOM_EXC, 0);
    event_send_virq(d->vcpus[0], VIRQ_TIMER);
    CU_ASSERT_FALSE(pending(d, (unsigned)timer));
    event_send_virq(d->vcpus[1], VIRQ_TIMER);
    CU_ASSERT_TRUE(pending(d, (unsigned)timer));
    CU_ASSERT_PTR_EQUAL(fake_last_kicked, d->vcpus[1]);
    CU_ASSERT_EQUAL(guest_bind_vcpu(v, (unsigned)timer, 0), -EINVAL);
    CU_ASSERT_EQUAL(guest_bind_vcpu(v, (unsigned)exc, 1), 0);
    event_send_host_virq(VIRQ_DOM_EXC);
    CU_ASSERT_TRUE(pending(d, (unsigned)exc));
    CU_ASSERT_EQUAL(guest_send(v, (unsigned)exc), -EINVAL);
    CU_ASSERT_EQUAL(guest_close(v, (unsigned)exc), 0);
    event_send_host_virq(VIRQ_DOM_EXC);
    CU_ASSERT_FALSE(pending(d, (unsigned)exc));
    CU_ASSERT_EQUAL(guest_virq(v, VIRQ_DOM_EXC, 0), exc);
    destroy(d);
    event_send_host_virq(VIRQ_DOM_EXC); // no dom0 either
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_virq_handler(void)
{
    struct domain *a = make(0, 1, true), *b = make(5, 1, false);
    int pa = guest_virq(a->vcpus[0], VIRQ_CON_RING, 0);
    int pb = guest_virq(b->vcpus[0], VIRQ_CON_RING, 0);

    CU_ASSERT_EQUAL(event_set_virq_handler(b, VIRQ_TIMER), -EINVAL);
    CU_ASSERT_EQUAL(event_set_virq_handler(b, NR_VIRQS), -EINVAL);
    CU_ASSERT_EQUAL(event_set_virq_handler(b, VIRQ_CON_RING), 0);
    event_send_host_virq(VIRQ_CON_RING);
    CU_ASSERT_FALSE(pending(a, (unsigned)pa));
    CU_ASSERT_TRUE(pending(b, (unsigned)pb));
    destroy(b); // gives the office back, and its reference
    event_send_host_virq(VIRQ_CON_RING);
    CU_ASSERT_TRUE(pending(a, (unsigned)pa));
    destroy(a);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_ipi(void)
{
    struct domain *d = make(3, 3, false);
    int port = guest_ipi(d->vcpus[0], 2);

    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 3), -ENOENT);
    CU_ASSERT_EQUAL(guest_send(d->vcpus[0], (unsigned)port), 0);
    CU_ASSERT_PTR_EQUAL(fake_last_kicked, d->vcpus[2]);
    CU_ASSERT_EQUAL(guest_bind_vcpu(d->vcpus[0], (unsigned)port, 1), -EINVAL);
    CU_ASSERT_EQUAL(guest_status(d->vcpus[1], DOMID_SELF, (unsigned)port).vcpu, 2);
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_pirq(void)
{
    struct domain *d = make(0, 2, true);
    struct vcpu *v = d->vcpus[0];
    int p1, p2, p3;

    pirq_bound = 0;
    d->vcpus[1]->cpu = 7;
    CU_ASSERT_EQUAL(guest_pirq(v, 1u << 20), -EINVAL);
    pirq_result = -EBUSY;
    CU_ASSERT_EQUAL(guest_pirq(v, 9), -EBUSY);
    CU_ASSERT_EQUAL(event_pirq_port(d, 9), 0);
    pirq_result = 0;
    CU_ASSERT_FALSE(event_send_pirq(d, 9));
    p1 = guest_pirq(v, 9);
    p2 = guest_pirq(v, 10);
    p3 = guest_pirq(v, 3000);
    CU_ASSERT_EQUAL(p1, 1);
    CU_ASSERT_EQUAL(guest_pirq(v, 9), -EEXIST);
    CU_ASSERT_EQUAL(pirq_bound, 3);
    CU_ASSERT_TRUE(event_send_pirq(d, 9));
    CU_ASSERT_TRUE(pending(d, (unsigned)p1));
    CU_ASSERT_FALSE(event_send_pirq(d, 11));
    CU_ASSERT_EQUAL(guest_bind_vcpu(v, (unsigned)p2, 1), 0);
    CU_ASSERT_EQUAL(pirq_cpu, 7);
    pirq_cpu = 0;
    d->vcpus[1]->cpu = 6;
    event_move_pirqs(d->vcpus[1]);
    CU_ASSERT_EQUAL(pirq_cpu, 6);
    CU_ASSERT_EQUAL(guest_close(v, (unsigned)p1), 0);
    CU_ASSERT_EQUAL(guest_close(v, (unsigned)p2), 0);
    CU_ASSERT_FALSE(event_send_pirq(d, 9));
    pirq_cpu = 0;
    event_move_pirqs(d->vcpus[1]);
    CU_ASSERT_EQUAL(pirq_cpu, 0);
    CU_ASSERT_EQUAL(guest_status(v, DOMID_SELF, (unsigned)p3).u.pirq, 3000);
    destroy(d);
    CU_ASSERT_EQUAL(pirq_bound, 0);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_bad_arguments(void)
{
    struct domain *d = make(0, 1, true);
    unsigned before;

    fake_run(d->vcpus[0]);
    for (unsigned cmd = 0; cmd <= EVTCHNOP_set_priority; cmd++)
        CU_ASSERT_EQUAL(do_event_channel_op(cmd, FAKE_FAULT_ADDRESS), -EFAULT);
    CU_ASSERT_EQUAL(do_event_channel_op(EVTCHNOP_set_priority + 1, FAKE_FAULT_ADDRESS), -ENOSYS);
    CU_ASSERT_EQUAL(do_event_channel_op(~0u, 0), -ENOSYS);
    for (unsigned i = 0; i < 5; i++) {
        static const unsigned ports[] = {0, 1, 127, 128, 0xffffffff};

        CU_ASSERT_EQUAL(guest_send(d->vcpus[0], ports[i]), -EINVAL);
        CU_ASSERT_EQUAL(guest_close(d->vcpus[0], ports[i]), -EINVAL);
        CU_ASSERT_EQUAL(guest_bind_vcpu(d->vcpus[0], ports[i], 0), -EINVAL);
    }
    CU_ASSERT_EQUAL(guest_bind_vcpu(d->vcpus[0], 1, 1), -ENOENT);
    CU_ASSERT_EQUAL(guest_unmask(d->vcpus[0], 128), -EINVAL);
    // Memory runs short: refused, nothing lost.
    before = fake_pages_in_use();
    for (unsigned i = 1; i < 128; i++)
        CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), (int)i);
    fake_alloc_budget = 0;
    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), -ENOMEM);
    CU_ASSERT_EQUAL(fake_pages_in_use(), before);
    fake_alloc_budget = -1;
    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), 128);
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_limits(void)
{
    struct domain *d = make(0, 1, true);
    int port, last = 0;

    while ((port = guest_ipi(d->vcpus[0], 0)) > 0)
        last = port;
    CU_ASSERT_EQUAL(port, -ENOSPC);
    CU_ASSERT_EQUAL(last, EVTCHN_2L_NR_CHANNELS - 1);
    CU_ASSERT_EQUAL(guest_close(d->vcpus[0], 77), 0);
    CU_ASSERT_EQUAL(guest_close(d->vcpus[0], 7), 0);
    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), 7); // the lowest
    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), 77);
    fake_preempt_every = 3;
    destroy(d);
    fake_preempt_every = 0;

    d = make(1, 1, false);
    event_set_limit(d, 9);
    while ((port = guest_ipi(d->vcpus[0], 0)) > 0)
        last = port;
    CU_ASSERT_EQUAL(port, -ENOSPC);
    CU_ASSERT_EQUAL(last, 9);
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_mask_2l(void)
{
    struct domain *d = make(0, 1, true);
    struct vcpu *v = d->vcpus[0];
    unsigned port = (unsigned)guest_ipi(v, 0);

    bit_set(d->shared_info->evtchn_mask, port);
    guest_send(v, port);
    CU_ASSERT_FALSE(event_pending(v));
    CU_ASSERT_TRUE(pending(d, port));
    CU_ASSERT_EQUAL(guest_unmask(v, port), 0);
    CU_ASSERT_TRUE(event_pending(v));
    CU_ASSERT_EQUAL(v->info->evtchn_pending_sel, 1);
    v->info->evtchn_upcall_mask = 1;
    CU_ASSERT_FALSE(event_pending(v));
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_poll(void)
{
    struct domain *d = make(0, 70, true);
    struct vcpu *v = d->vcpus[0], *one = d->vcpus[69], *any = d->vcpus[3];
    unsigned a = (unsigned)guest_ipi(v, 0), b = (unsigned)guest_ipi(v, 0);

    bit_set(d->shared_info->evtchn_mask, a);
    bit_set(d->shared_info->evtchn_mask, b);
    event_poll_begin(one, b);
    event_poll_begin(any, 0);
    CU_ASSERT_EQUAL(one->pause_flags, VPF_POLLING);
    guest_send(v, a);
    CU_ASSERT_EQUAL(fake_wakes, 1);
    CU_ASSERT_PTR_EQUAL(fake_last_woken, any);
    CU_ASSERT_EQUAL(any->pause_flags, 0);
    guest_send(v, b);
    CU_ASSERT_EQUAL(fake_wakes, 2);
    CU_ASSERT_PTR_EQUAL(fake_last_woken, one);
    CU_ASSERT_FALSE(event_poll_end(one));
    event_poll_begin(one, b);
    CU_ASSERT_TRUE(event_poll_end(one));
    guest_send(v, b);
    CU_ASSERT_EQUAL(fake_wakes, 2);
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

// A vCPU beyond the 32 of shared_info has no area at first.
static void test_late_info(void)
{
    struct domain *d = make(0, 40, true);
    struct vcpu *v = d->vcpus[39];
    unsigned port = (unsigned)guest_ipi(d->vcpus[0], 39), seen = 0;
    struct vcpu_info info = {0};

    CU_ASSERT_EQUAL(guest_send(d->vcpus[0], port), 0);
    CU_ASSERT_TRUE(pending(d, port));
    v->info = &info;
    event_info_moved(v);
    CU_ASSERT_TRUE(event_pending(v));
    event_upcall_2l(v, take_nothing, &seen);
    CU_ASSERT_FALSE(pending(d, port));
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static unsigned notified_port;
static struct vcpu *notified;

static bool notified_closed;

static void notify(struct vcpu *v, unsigned port, bool closed)
{
    notified_closed = closed;
    notified = v;
    notified_port = port;
}

static void test_consumer(void)
{
    struct domain *a = make(0, 1, true), *b = make(5, 2, false);
    int xen = event_alloc_xen_port(b, 1, 0, notify), port;

    CU_ASSERT_EQUAL(xen, 1);
    CU_ASSERT_EQUAL(event_alloc_xen_port(b, 2, 0, notify), -ENOENT);
    port = guest_bind(a->vcpus[0], 5, (unsigned)xen);
    drain(a);
    guest_send(a->vcpus[0], (unsigned)port);
    CU_ASSERT_EQUAL(notified_port, 1);
    CU_ASSERT_PTR_EQUAL(notified, b->vcpus[1]);
    CU_ASSERT_FALSE(pending(b, 1));
    event_send_xen_port(b, 1);
    CU_ASSERT_TRUE(pending(a, (unsigned)port));
    // The guest may not touch the hypervisor's port.
    CU_ASSERT_EQUAL(guest_send(b->vcpus[0], 1), -EINVAL);
    CU_ASSERT_EQUAL(guest_close(b->vcpus[0], 1), -EINVAL);
    CU_ASSERT_EQUAL(guest_bind_vcpu(b->vcpus[0], 1, 0), -EINVAL);
    fake_run(b->vcpus[0]);
    CU_ASSERT_EQUAL(event_reset(b), 0);
    CU_ASSERT_EQUAL(guest_status(a->vcpus[0], 5, 1).status, EVTCHNSTAT_interdomain);
    CU_ASSERT(event_xen_port_bound(b, 1));
    notified_port = 0;
    CU_ASSERT_FALSE(notified_closed);
    guest_close(a->vcpus[0], (unsigned)port); // that is news, too
    CU_ASSERT_EQUAL(notified_port, 1);
    CU_ASSERT(notified_closed);
    CU_ASSERT_FALSE(event_xen_port_bound(b, 1));
    CU_ASSERT_FALSE(event_send_xen_port(b, 1));
    port = guest_bind(a->vcpus[0], 5, (unsigned)xen);
    CU_ASSERT(event_send_xen_port(b, 1));
    event_close_xen_port(b, 1);
    CU_ASSERT_EQUAL(guest_status(a->vcpus[0], 0, (unsigned)port).status, EVTCHNSTAT_unbound);
    destroy(a);
    destroy(b);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_reset(void)
{
    struct domain *d = make(0, 1, true), *other = make(2, 1, false);
    struct evtchn_reset a = {.dom = DOMID_SELF};
    int port = 0;

    for (unsigned i = 0; i < 300; i++)
        port = guest_ipi(d->vcpus[0], 0);
    CU_ASSERT_EQUAL(port, 300);
    fake_preempt_every = 2;
    fake_run(d->vcpus[0]);
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), -ERESTART);
    CU_ASSERT_EQUAL(fake_hypercall_args[0], EVTCHNOP_reset);
    CU_ASSERT_EQUAL(fake_hypercall_args[1], guest_address(&a));
    while (evtchn(EVTCHNOP_reset, &a) == -ERESTART)
        ;
    fake_preempt_every = 0;
    CU_ASSERT_EQUAL(guest_ipi(d->vcpus[0], 0), 1);
    a.dom = 2;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), -EINVAL); // it is not paused
    other->control_paused = true;
    CU_ASSERT_EQUAL(evtchn(EVTCHNOP_reset, &a), 0);
    destroy(other);
    destroy(d);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"interdomain", test_interdomain},
        {"permission", test_permission},
        {"virq", test_virq},
        {"virq handler", test_virq_handler},
        {"ipi", test_ipi},
        {"pirq", test_pirq},
        {"bad arguments", test_bad_arguments},
        {"limits", test_limits},
        {"mask", test_mask_2l},
        {"poll", test_poll},
        {"late vcpu_info", test_late_info},
        {"hypervisor's ports", test_consumer},
        {"reset", test_reset},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("event channels", tests);
}
