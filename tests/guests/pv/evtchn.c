// HYPERVISOR_event_channel_op: ports, their states and delivery through the 2-level bits.
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345
#define NO_PORT   4000 // not allocated by any test that is still running

static struct evtchn_status status_of(unsigned port)
{
    struct evtchn_status status = {.dom = DOMID_SELF, .port = port};

    CHECK_OK(hc(event_channel_op, EVTCHNOP_status, &status));
    return status;
}

static long bind_vcpu(unsigned port, unsigned vcpu)
{
    struct evtchn_bind_vcpu op = {.port = port, .vcpu = vcpu};

    return hc(event_channel_op, EVTCHNOP_bind_vcpu, &op);
}

static long unmask(unsigned port)
{
    struct evtchn_unmask op = {.port = port};

    return hc(event_channel_op, EVTCHNOP_unmask, &op);
}

TEST(evtchn_alloc_unbound)
{
    long a = port_alloc_unbound(DOMID_SELF, DOMID_SELF);
    long b = port_alloc_unbound(DOMID_SELF, NO_DOMAIN);
    struct evtchn_status status;

    REQUIRE(a > 0 && b > 0 && a != b);
    status = status_of((unsigned)a);
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(status.u.unbound.dom, 0);
    CHECK_EQ(status.vcpu, 0);
    CHECK_EQ(status_of((unsigned)b).u.unbound.dom, NO_DOMAIN);
    // A notification that has nobody to go to is dropped.
    CHECK_OK(port_send((unsigned)a));
    CHECK_OK(port_close((unsigned)a));
    CHECK_OK(port_close((unsigned)b));
    CHECK_EQ(status_of((unsigned)a).status, EVTCHNSTAT_closed);
    CHECK_ERR(port_alloc_unbound(NO_DOMAIN, DOMID_SELF), ESRCH);
    CHECK_ERR(port_alloc_unbound(DOMID_XEN, DOMID_SELF), ESRCH);
}

TEST(evtchn_lowest_free_port_first)
{
    long a = port_alloc_unbound(DOMID_SELF, DOMID_SELF);
    long b = port_alloc_unbound(DOMID_SELF, DOMID_SELF);

    REQUIRE(a > 0 && b > 0);
    CHECK_OK(port_close((unsigned)a));
    CHECK_EQ(port_alloc_unbound(DOMID_SELF, DOMID_SELF), a);
    CHECK_OK(port_close((unsigned)a));
    CHECK_OK(port_close((unsigned)b));
}

TEST(evtchn_bind_interdomain)
{
    unsigned a, b;
    struct evtchn_status status;

    port_pair(&a, &b);
    status = status_of(a);
    CHECK_EQ(status.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(status.u.interdomain.dom, 0);
    CHECK_EQ(status.u.interdomain.port, b);
    status = status_of(b);
    CHECK_EQ(status.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(status.u.interdomain.port, a);
    // Already bound.
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, a), EINVAL);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, b), EINVAL);
    // One end closed leaves the other unbound for the same domain.
    CHECK_OK(port_close(a));
    status = status_of(b);
    CHECK_EQ(status.status, EVTCHNSTAT_unbound);
    CHECK_EQ(status.u.unbound.dom, 0);
    CHECK_ERR(port_close(a), EINVAL);
    CHECK_OK(port_close(b));
}

TEST(evtchn_bind_interdomain_refused)
{
    long a = port_alloc_unbound(DOMID_SELF, NO_DOMAIN);

    REQUIRE(a > 0);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, (unsigned)a), EINVAL); // meant for another
    CHECK_ERR(port_bind_interdomain(NO_DOMAIN, (unsigned)a), ESRCH);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, 0), EINVAL);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, NO_PORT), EINVAL);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, 0xffffffff), EINVAL);
    CHECK_ERR(port_bind_interdomain(DOMID_SELF, timer_port), EINVAL);
    CHECK_OK(port_close((unsigned)a));
}

TEST(evtchn_bind_raises_local_port)
{
    long a = port_alloc_unbound(DOMID_SELF, DOMID_SELF);
    long b;

    REQUIRE(a > 0);
    events_disable();
    b = port_bind_interdomain(DOMID_SELF, (unsigned)a);
    REQUIRE(b > 0);
    CHECK(port_pending((unsigned)b));
    CHECK(!port_pending((unsigned)a));
    events_enable();
    CHECK(!port_pending((unsigned)b));
    CHECK_OK(port_close((unsigned)a));
    CHECK_OK(port_close((unsigned)b));
}

TEST(evtchn_send_delivers)
{
    unsigned a, b, seen_a, seen_b;

    port_pair(&a, &b);
    seen_a = event_count[a];
    seen_b = event_count[b];
    CHECK_OK(port_send(a));
    CHECK_EQ(event_count[b], seen_b + 1);
    CHECK_EQ(event_count[a], seen_a);
    CHECK_OK(port_send(b));
    CHECK_EQ(event_count[a], seen_a + 1);
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(evtchn_vcpu_mask_defers_upcall)
{
    struct vcpu_info *info = vcpu_info_of(0);
    unsigned a, b, seen, upcalls;

    port_pair(&a, &b);
    seen = event_count[b];
    events_disable();
    upcalls = upcall_count;
    CHECK_OK(port_send(a));
    CHECK_OK(port_send(a));
    CHECK_EQ(upcall_count, upcalls);
    CHECK_EQ(event_count[b], seen);
    CHECK_EQ(info->evtchn_upcall_pending, 1);
    CHECK(info->evtchn_pending_sel & 1UL << (b / 64));
    CHECK(port_pending(b));
    events_enable();
    CHECK_EQ(event_count[b], seen + 1); // two notifications, one event
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(evtchn_port_mask)
{
    struct vcpu_info *info = vcpu_info_of(0);
    unsigned a, b, seen, upcalls;

    port_pair(&a, &b);
    port_mask(b);
    seen = event_count[b];
    upcalls = upcall_count;
    CHECK_OK(port_send(a));
    CHECK(port_pending(b));
    CHECK_EQ(info->evtchn_pending_sel & 1UL << (b / 64), 0);
    CHECK_EQ(upcall_count, upcalls);
    CHECK_EQ(event_count[b], seen);
    CHECK_OK(unmask(b));
    CHECK_EQ(event_count[b], seen + 1);
    CHECK_EQ(shared_info->evtchn_mask[b / 64] & 1UL << (b % 64), 0);
    // Nothing pending: unmasking raises nothing.
    port_mask(b);
    upcalls = upcall_count;
    CHECK_OK(unmask(b));
    CHECK_EQ(upcall_count, upcalls);
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

// The edge is what counts: a port that is still pending raises no second upcall.
TEST(evtchn_edge_triggered)
{
    unsigned a, b, upcalls;

    port_pair(&a, &b);
    port_mask(b);
    CHECK_OK(port_send(a));
    port_clear_mask(b); // pending and unmasked by hand: nobody was told
    upcalls = upcall_count;
    CHECK_OK(port_send(a));
    CHECK_EQ(upcall_count, upcalls);
    CHECK(port_pending(b));
    port_clear_pending(b);
    CHECK_OK(port_send(a));
    CHECK_EQ(upcall_count, upcalls + 1);
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(evtchn_close_clears_pending)
{
    unsigned a, b;

    port_pair(&a, &b);
    port_mask(b);
    CHECK_OK(port_send(a));
    CHECK(port_pending(b));
    CHECK_OK(port_close(b));
    CHECK(!port_pending(b));
    port_clear_mask(b);
    CHECK_OK(port_close(a));
}

TEST(evtchn_virq)
{
    long debug = port_bind_virq(VIRQ_DEBUG, 0);
    struct evtchn_status status;

    REQUIRE(debug > 0);
    status = status_of((unsigned)debug);
    CHECK_EQ(status.status, EVTCHNSTAT_virq);
    CHECK_EQ(status.u.virq, VIRQ_DEBUG);
    CHECK_EQ(status.vcpu, 0);
    CHECK_ERR(port_bind_virq(VIRQ_DEBUG, 0), EEXIST);
    CHECK_ERR(port_bind_virq(VIRQ_TIMER, 0), EEXIST);
    CHECK_ERR(port_send((unsigned)debug), EINVAL);
    CHECK_OK(port_close((unsigned)debug));
    CHECK_ERR(port_bind_virq(NR_VIRQS, 0), EINVAL);
    CHECK_ERR(port_bind_virq(0xffffffff, 0), EINVAL);
    CHECK_ERR(port_bind_virq(VIRQ_DEBUG, 4096), ENOENT);
    CHECK_ERR(port_bind_virq(VIRQ_DEBUG, 0xffffffff), ENOENT);
}

TEST(evtchn_virq_global_only_on_vcpu_0)
{
    long port;

    if (vcpu_count() < 2)
        SKIP("needs two vCPUs");
    CHECK_ERR(port_bind_virq(VIRQ_DOM_EXC, 1), EINVAL);
    CHECK_ERR(port_bind_virq(VIRQ_CONSOLE, 1), EINVAL);
    port = port_bind_virq(VIRQ_DOM_EXC, 0);
    REQUIRE(port > 0);
    CHECK_EQ(status_of((unsigned)port).u.virq, VIRQ_DOM_EXC);
    CHECK_ERR(port_bind_virq(VIRQ_DOM_EXC, 0), EEXIST);
    // It may then be moved, which a vCPU's own may not.
    CHECK_OK(bind_vcpu((unsigned)port, 1));
    CHECK_EQ(status_of((unsigned)port).vcpu, 1);
    CHECK_ERR(bind_vcpu(timer_port, 1), EINVAL);
    CHECK_OK(port_close((unsigned)port));
}

TEST(evtchn_ipi)
{
    long port = port_bind_ipi(0);
    struct evtchn_status status;
    unsigned seen;

    REQUIRE(port > 0);
    status = status_of((unsigned)port);
    CHECK_EQ(status.status, EVTCHNSTAT_ipi);
    CHECK_EQ(status.vcpu, 0);
    seen = event_count[port];
    CHECK_OK(port_send((unsigned)port));
    CHECK_EQ(event_count[port], seen + 1);
    CHECK_ERR(bind_vcpu((unsigned)port, 0), EINVAL);
    CHECK_OK(port_close((unsigned)port));
    CHECK_ERR(port_bind_ipi(4096), ENOENT);
    CHECK_ERR(port_bind_ipi(0xffffffff), ENOENT);
}

TEST(evtchn_bind_vcpu)
{
    unsigned a, b;

    port_pair(&a, &b);
    CHECK_OK(bind_vcpu(a, 0));
    CHECK_ERR(bind_vcpu(a, 4096), ENOENT);
    CHECK_ERR(bind_vcpu(0, 0), EINVAL);
    CHECK_ERR(bind_vcpu(NO_PORT, 0), EINVAL);
    if (vcpu_count() > 1) {
        CHECK_OK(bind_vcpu(a, 1));
        CHECK_EQ(status_of(a).vcpu, 1);
        CHECK_OK(bind_vcpu(a, 0));
    }
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(evtchn_pirq_refused)
{
    struct evtchn_bind_pirq op = {.pirq = 0xffffffff};

    CHECK_ERR(hc(event_channel_op, EVTCHNOP_bind_pirq, &op), EINVAL);
    op.pirq = 1 << 20;
    CHECK_ERR(hc(event_channel_op, EVTCHNOP_bind_pirq, &op), EINVAL);
}

TEST(evtchn_hostile_ports)
{
    static const unsigned ports[] = {0, NO_PORT, 4096, 131072, 0x7fffffff, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        struct evtchn_status status = {.dom = DOMID_SELF, .port = ports[i]};

        CHECK_ERR(port_send(ports[i]), EINVAL);
        CHECK_ERR(port_close(ports[i]), EINVAL);
        CHECK_ERR(bind_vcpu(ports[i], 0), EINVAL);
        if (ports[i] == 0 || ports[i] == NO_PORT)
            continue; // a closed port has a status, and may be unmasked
        CHECK_ERR(unmask(ports[i]), EINVAL);
        CHECK_ERR(hc(event_channel_op, EVTCHNOP_status, &status), EINVAL);
    }
}

TEST(evtchn_status_of_others)
{
    struct evtchn_status status = {.dom = NO_DOMAIN, .port = 1};

    CHECK_ERR(hc(event_channel_op, EVTCHNOP_status, &status), ESRCH);
}

TEST(evtchn_hostile_arguments)
{
    static const unsigned unknown[] = {15, 100, 0x7fffffff, 0xffffffff};
    char argument[64] = "";

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(hc(event_channel_op, unknown[i], argument), ENOSYS);
    for (unsigned cmd = 0; cmd <= EVTCHNOP_set_priority; cmd++)
        CHECK_EFAULT_ALL(hc(event_channel_op, cmd, bad));
}

TEST(evtchn_exhaustion)
{
    long port, last = 0;
    unsigned n = 0;

    while ((port = port_alloc_unbound(DOMID_SELF, DOMID_SELF)) > 0) {
        last = port;
        n++;
    }
    CHECK_EQ(port, -XEN_ENOSPC);
    CHECK_EQ(last, EVTCHN_2L_NR_CHANNELS - 1);
    for (port = last; n > 0; port--)
        if (status_of((unsigned)port).status == EVTCHNSTAT_unbound) {
            port_close((unsigned)port);
            n--;
        }
    port = port_alloc_unbound(DOMID_SELF, DOMID_SELF);
    CHECK(port > 0);
    CHECK_OK(port_close((unsigned)port));
}

TEST(evtchn_reset_closes_everything)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};
    unsigned a, b;
    long port;

    port_pair(&a, &b);
    CHECK_OK(hc(event_channel_op, EVTCHNOP_reset, &op));
    CHECK_EQ(status_of(a).status, EVTCHNSTAT_closed);
    CHECK_EQ(status_of(b).status, EVTCHNSTAT_closed);
    CHECK_EQ(status_of(timer_port).status, EVTCHNSTAT_closed);
    port = port_bind_virq(VIRQ_TIMER, 0);
    REQUIRE(port > 0);
    timer_port = (unsigned)port;
    op.dom = NO_DOMAIN;
    CHECK_ERR(hc(event_channel_op, EVTCHNOP_reset, &op), ESRCH);
}
