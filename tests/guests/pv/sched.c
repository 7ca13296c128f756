// HYPERVISOR_sched_op: yielding, blocking, polling; what it refuses.
#include "pv-abi/sched.h"

#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static long poll_ports(evtchn_port_t *ports, unsigned n, uint64_t timeout)
{
    struct sched_poll poll = {.nr_ports = n, .timeout = timeout};

    poll.ports = ports;
    return hc(sched_op, SCHEDOP_poll, &poll);
}

TEST(sched_yield)
{
    for (unsigned i = 0; i < 100; i++)
        CHECK_OK(hc(sched_op, SCHEDOP_yield, 0));
}

TEST(sched_block_until_timer)
{
    unsigned seen = event_count[timer_port];
    uint64_t due = time_now() + 5 * NS_PER_MS;

    events_disable();
    CHECK_OK(hc(set_timer_op, due));
    CHECK_OK(hc(sched_op, SCHEDOP_block, 0)); // unmasks
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 0);
    CHECK_EQ(event_count[timer_port], seen + 1);
    CHECK(time_now() >= due - 100000);
    events_enable();
}

TEST(sched_block_returns_if_pending)
{
    unsigned a, b, seen;
    uint64_t start;

    port_pair(&a, &b);
    events_disable();
    seen = event_count[b];
    CHECK_OK(port_send(a));
    start = time_now();
    CHECK_OK(hc(set_timer_op, start + NS_PER_S));
    CHECK_OK(hc(sched_op, SCHEDOP_block, 0));
    CHECK_EQ(event_count[b], seen + 1);
    CHECK(time_now() - start < NS_PER_S / 2);
    CHECK_OK(hc(set_timer_op, 0));
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(sched_poll_pending_port)
{
    evtchn_port_t ports[2];
    unsigned a, b;
    uint64_t start = time_now();

    port_pair(&a, &b);
    ports[0] = timer_port;
    ports[1] = b;
    events_disable();
    CHECK_OK(port_send(a));
    CHECK_OK(poll_ports(ports, 2, start + NS_PER_S));
    CHECK_OK(poll_ports(&ports[1], 1, start + NS_PER_S));
    CHECK(time_now() - start < NS_PER_S / 2);
    CHECK_EQ(vcpu_info_of(0)->evtchn_upcall_mask, 1); // polling does not unmask
    CHECK(port_pending(b));
    events_enable();
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

TEST(sched_poll_times_out)
{
    evtchn_port_t port;
    unsigned a, b;
    uint64_t start;

    port_pair(&a, &b);
    port = b;
    events_disable();
    port_clear_pending(b);
    start = time_now();
    CHECK_OK(poll_ports(&port, 1, start + 10 * NS_PER_MS));
    CHECK(time_now() - start >= 9 * NS_PER_MS);
    CHECK(time_now() - start < NS_PER_S);
    start = time_now();
    CHECK_OK(poll_ports(&port, 0, start + 10 * NS_PER_MS)); // no port: a sleep
    CHECK(time_now() - start >= 9 * NS_PER_MS);
    CHECK_OK(poll_ports(&port, 1, 1)); // long ago
    events_enable();
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
}

// A masked port wakes its poller though it raises no upcall.
TEST(sched_poll_masked_port)
{
    evtchn_port_t port = timer_port;
    uint64_t start = time_now();

    port_mask(timer_port);
    CHECK_OK(hc(set_timer_op, start + 5 * NS_PER_MS));
    CHECK_OK(poll_ports(&port, 1, start + 2 * NS_PER_S));
    CHECK(time_now() - start < NS_PER_S);
    CHECK(port_pending(timer_port));
    port_unmask(timer_port);
    CHECK(!port_pending(timer_port));
}

TEST(sched_poll_hostile)
{
    evtchn_port_t ports[129] = {0};

    CHECK_ERR(poll_ports(ports, 129, 1), EINVAL);
    CHECK_ERR(poll_ports(ports, 0xffffffff, 1), EINVAL);
    ports[0] = 0xffffffff;
    CHECK_ERR(poll_ports(ports, 1, 1), EINVAL);
    ports[0] = 4096;
    CHECK_ERR(poll_ports(ports, 1, 1), EINVAL);
    CHECK_EFAULT_ALL(poll_ports(bad, 1, 1));
    CHECK_EFAULT_ALL(hc(sched_op, SCHEDOP_poll, bad));
}

TEST(sched_watchdog)
{
    struct sched_watchdog dog = {.id = 0, .timeout = 60};
    long first, second;

    first = hc(sched_op, SCHEDOP_watchdog, &dog);
    REQUIRE(first > 0);
    second = hc(sched_op, SCHEDOP_watchdog, &dog);
    CHECK(second > 0 && second != first);
    // Two is all a domain has. The error may come as 32 bits without their sign extension.
    CHECK_ERR((int)hc(sched_op, SCHEDOP_watchdog, &dog), ENOSPC);
    dog.id = (uint32_t)first;
    CHECK_OK(hc(sched_op, SCHEDOP_watchdog, &dog)); // a poke
    dog.timeout = 0;
    CHECK_OK(hc(sched_op, SCHEDOP_watchdog, &dog));
    CHECK_ERR(hc(sched_op, SCHEDOP_watchdog, &dog), EINVAL); // gone
    dog.id = (uint32_t)second;
    CHECK_OK(hc(sched_op, SCHEDOP_watchdog, &dog));
    // (Id 0 with timeout 0 is not refused: it is a watchdog that fires at once.)
    dog.id = 3;
    CHECK_ERR(hc(sched_op, SCHEDOP_watchdog, &dog), EINVAL);
    dog.id = 0xffffffff;
    dog.timeout = 60;
    CHECK_ERR(hc(sched_op, SCHEDOP_watchdog, &dog), EINVAL);
}

TEST(sched_pin_override)
{
    struct sched_pin_override pin = {.pcpu = 0};

    CHECK_ERR(hc(sched_op, SCHEDOP_pin_override, &pin), EBUSY); // the runtime did it
    pin.pcpu = -1;
    CHECK_OK(hc(sched_op, SCHEDOP_pin_override, &pin));
    pin.pcpu = 0;
    CHECK_OK(hc(sched_op, SCHEDOP_pin_override, &pin));
    pin.pcpu = -1;
    CHECK_OK(hc(sched_op, SCHEDOP_pin_override, &pin));
    pin.pcpu = 4000;
    CHECK_ERR(hc(sched_op, SCHEDOP_pin_override, &pin), EINVAL);
    pin.pcpu = 0x7fffffff;
    CHECK_ERR(hc(sched_op, SCHEDOP_pin_override, &pin), EINVAL);
    stay_on_one_cpu();
}

TEST(sched_remote_shutdown_refused)
{
    struct sched_remote_shutdown op = {.domain_id = NO_DOMAIN, .reason = SHUTDOWN_poweroff};

    CHECK_ERR(hc(sched_op, SCHEDOP_remote_shutdown, &op), ESRCH);
    op.domain_id = DOMID_SELF;
    // (The caller's own number would be accepted: domain 0 may shut itself down this way.)
    CHECK_ERR(hc(sched_op, SCHEDOP_remote_shutdown, &op), ESRCH);
}

TEST(sched_hostile)
{
    static const unsigned unknown[] = {8, 100, 0xffffffff};
    static const unsigned with_pointer[] = {SCHEDOP_shutdown, SCHEDOP_remote_shutdown,
                                            SCHEDOP_shutdown_code, SCHEDOP_watchdog,
                                            SCHEDOP_pin_override};
    char argument[64] = "";

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(hc(sched_op, unknown[i], argument), ENOSYS);
    for (unsigned i = 0; i < ARRAY_SIZE(with_pointer); i++)
        CHECK_EFAULT_ALL(hc(sched_op, with_pointer[i], bad));
}
