// What guests ask of the scheduler: sched_op, vcpu_op and timers, on the real scheduler and the
// real event channels in simulated time.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/sched.c hypervisor/core/sched_queue.c hypervisor/core/sched_balance.c
// sources: hypervisor/core/sched_cap.c hypervisor/core/sched_setup.c hypervisor/core/runstate.c
// sources: hypervisor/core/vcpu_timers.c hypervisor/core/timer.c hypervisor/lib/heap.c
// sources: hypervisor/core/sched_op.c hypervisor/core/vcpu_op.c hypervisor/core/vcpu_info.c
// sources: hypervisor/core/event.c hypervisor/core/event_2l.c hypervisor/core/event_bind.c
// sources: hypervisor/core/event_consumer.c hypervisor/core/event_fifo.c
// sources: hypervisor/core/event_fifo_setup.c hypervisor/core/event_op.c
// sources: hypervisor/core/event_send.c hypervisor/core/guest_frame.c
// sources: tests/unit/sched_sim.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>

#include "core/hypercall_table.h"
#include "core/vcpu_info.h"
#include "lib/errno.h"
#include "pv-abi/sched.h"
#include "pv-abi/virq.h"
#include "pv-abi/vm_assist.h"
#include "tests/suite.h"
#include "tests/unit/event_guest.h"
#include "tests/unit/sched_sim.h"

static struct domain *d, *other;
static struct vcpu *v;
static int shutdown_reason;
static struct domain *shutdown_domain;

void domain_shutdown(struct domain *who, unsigned reason)
{
    shutdown_domain = who;
    shutdown_reason = (int)reason;
}

int pirq_guest_bind(struct vcpu *w, unsigned pirq, bool will_share)
{
    return -EINVAL;
}

void pirq_guest_unbind(struct domain *w, unsigned pirq)
{
}

void pirq_guest_set_affinity(struct domain *w, unsigned pirq, unsigned cpu)
{
}

static int set_context(struct vcpu *w, const struct vcpu_guest_context *c)
{
    return c->flags == 1 ? -EINVAL : 0;
}

static struct domain *make(unsigned n, bool privileged)
{
    struct domain *made = sim_domain(n, 256, 0);
    struct vcpu *w;

    made->privileged = privileged;
    event_domain_init(made);
    for_each_vcpu (made, w) {
        event_vcpu_init(w);
        vcpu_info_init(w);
    }
    return made;
}

static void up(struct vcpu *w)
{
    w->initialised = true;
    w->pause_flags = 0;
    vcpu_wake(w);
    sim_settle();
}

// Goes on as this vCPU, which runs.
static void as(struct vcpu *w)
{
    CU_ASSERT_FATAL(w->running);
    sim_on_cpu(w->cpu);
}

static long sched_op(unsigned cmd, const void *arg)
{
    long rc;

    as(v);
    rc = do_sched_op(cmd, guest_address(arg));
    sim_settle();
    return rc;
}

static long vcpu_op(unsigned cmd, unsigned id, const void *arg)
{
    long rc;

    as(v);
    rc = do_vcpu_op(cmd, id, guest_address(arg));
    sim_settle();
    return rc;
}

static void start(void)
{
    sim_start(3);
    fake_ops.vcpu_set_context = set_context;
    d = make(3, false);
    other = make(1, false);
    v = d->vcpus[0];
    up(v);
    up(other->vcpus[0]);
    shutdown_reason = -1;
}

static void finish(void)
{
    struct domain *both[] = {d, other};
    struct vcpu *w;

    for (int i = 0; i < 2; i++) {
        while (event_domain_relinquish(both[i]) == -ERESTART)
            ;
        timer_kill(&both[i]->watchdog[0]);
        timer_kill(&both[i]->watchdog[1]);
        event_domain_destroy(both[i]);
        for_each_vcpu (both[i], w) {
            vcpu_info_destroy(w);
            event_vcpu_destroy(w);
        }
    }
    sim_stop();
    CU_ASSERT_EQUAL(fake_objects_in_use(), 0);
}

// A channel from the other domain's vCPU to v; *far is its end there.
static unsigned channel(int *far)
{
    int port;

    as(v);
    port = guest_alloc(v, DOMID_SELF, other->id);
    as(other->vcpus[0]);
    *far = guest_bind(other->vcpus[0], d->id, (unsigned)port);
    CU_ASSERT_FATAL(port > 0 && *far > 0);
    d->shared_info->evtchn_pending[0] = 0;
    v->info->evtchn_upcall_pending = 0;
    v->info->evtchn_pending_sel = 0;
    return (unsigned)port;
}

static void send(int far)
{
    as(other->vcpus[0]);
    CU_ASSERT_EQUAL(guest_send(other->vcpus[0], (unsigned)far), 0);
    sim_settle();
}

static long poll(unsigned n, const evtchn_port_t *ports, nsec_t timeout)
{
    struct sched_poll p = {
        .ports = (evtchn_port_t *)ports, .nr_ports = n, .timeout = (uint64_t)timeout};

    return sched_op(SCHEDOP_poll, &p);
}

static void test_poll_refused(void)
{
    evtchn_port_t bad[] = {4000, 0xffffff};

    start();
    CU_ASSERT_EQUAL(poll(1, bad + 1, 0), -EINVAL);
    CU_ASSERT_EQUAL(poll(2, bad, 0), -EINVAL);
    CU_ASSERT_EQUAL(poll(129, bad, 0), -EINVAL);
    CU_ASSERT_EQUAL(poll(1, (const evtchn_port_t *)FAKE_FAULT_ADDRESS, 0), -EFAULT);
    CU_ASSERT_EQUAL(poll(2, (const evtchn_port_t *)FAKE_FAULT_ADDRESS, 0), -EFAULT);
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_poll, (void *)FAKE_FAULT_ADDRESS), -EFAULT);
    CU_ASSERT(v->running && !v->pause_flags);
    finish();
}

static void test_poll_ports(void)
{
    for (unsigned n = 1; n <= 2; n++) {
        evtchn_port_t ports[2];
        int far[3];

        start();
        ports[0] = channel(&far[0]);
        ports[1] = channel(&far[1]);
        channel(&far[2]);
        d->shared_info->evtchn_mask[0] = ~0ull; // as a kernel that polls does
        // Something pending already: it does not sleep.
        send(far[n - 1]);
        CU_ASSERT_EQUAL(poll(n, ports, 0), 0);
        CU_ASSERT(v->running);
        d->shared_info->evtchn_pending[0] = 0;
        // It sleeps until one of the ports is.
        CU_ASSERT_EQUAL(poll(n, ports, 0), 0);
        CU_ASSERT(!v->running && v->pause_flags & VPF_POLLING);
        if (n == 1) { // several ports: any event of the domain's may end it
            send(far[1]);
            send(far[2]);
            CU_ASSERT(!v->running);
        }
        send(far[n - 1]);
        CU_ASSERT(v->running && !v->pause_flags);
        finish();
    }
}

static void test_poll_timeout(void)
{
    evtchn_port_t port;
    int far;

    start();
    port = channel(&far);
    CU_ASSERT_EQUAL(poll(1, &port, sim_now + MILLISECONDS(5)), 0);
    sim_run(MILLISECONDS(5) - 1);
    CU_ASSERT(!v->running);
    sim_run(1);
    CU_ASSERT(v->running && !v->pause_flags);
    // A time in the past; nothing but the time to wait for.
    CU_ASSERT_EQUAL(poll(0, NULL, 1), 0);
    sim_run(1);
    CU_ASSERT(v->running);
    // The time-out of a poll that ended before does not end the next one.
    d->shared_info->evtchn_mask[0] = ~0ull;
    CU_ASSERT_EQUAL(poll(1, &port, sim_now + MILLISECONDS(5)), 0);
    send(far);
    CU_ASSERT(v->running);
    d->shared_info->evtchn_pending[0] = 0;
    CU_ASSERT_EQUAL(poll(1, &port, 0), 0);
    sim_run(SECONDS(1));
    CU_ASSERT(!v->running);
    send(far);
    CU_ASSERT(v->running);
    finish();
}

// An event that the guest may be told of ends a poll, whatever it polls for.
static void test_poll_upcall(void)
{
    evtchn_port_t port;
    int far, elsewhere;

    start();
    port = channel(&far);
    channel(&elsewhere);
    v->info->evtchn_upcall_mask = 0;
    CU_ASSERT_EQUAL(poll(1, &port, 0), 0);
    CU_ASSERT(!v->running);
    send(elsewhere);
    CU_ASSERT(v->running);
    CU_ASSERT_EQUAL(poll(1, &port, 0), 0);
    CU_ASSERT(v->running); // still to be told
    finish();
}

static void test_block(void)
{
    int far;

    start();
    channel(&far);
    v->info->evtchn_upcall_mask = 1;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_block, NULL), 0);
    CU_ASSERT(!v->running && !v->info->evtchn_upcall_mask);
    send(far);
    CU_ASSERT(v->running);
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_block, NULL), 0);
    CU_ASSERT(v->running); // the event is still there
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_yield, NULL), 0);
    CU_ASSERT_EQUAL(sched_op(99, NULL), -ENOSYS);
    finish();
}

static void test_shutdown(void)
{
    struct sched_shutdown s = {.reason = SHUTDOWN_reboot};
    struct sched_remote_shutdown r = {.reason = SHUTDOWN_crash};

    start();
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_shutdown, &s), 0);
    CU_ASSERT(shutdown_domain == d && shutdown_reason == SHUTDOWN_reboot);
    r.domain_id = other->id;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_remote_shutdown, &r), -EPERM);
    d->privileged = true;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_remote_shutdown, &r), 0);
    CU_ASSERT(shutdown_domain == other && shutdown_reason == SHUTDOWN_crash);
    r.domain_id = 77;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_remote_shutdown, &r), -ESRCH);
    r.domain_id = DOMID_SELF; // by number only
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_remote_shutdown, &r), -ESRCH);
    s.reason = SHUTDOWN_suspend;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_shutdown_code, &s), 0);
    CU_ASSERT(d->shutdown_code_latched && d->shutdown_code == SHUTDOWN_suspend);
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_shutdown, (void *)FAKE_FAULT_ADDRESS), -EFAULT);
    finish();
}

static long watchdog(uint32_t id, uint32_t timeout)
{
    struct sched_watchdog w = {.id = id, .timeout = timeout};

    return sched_op(SCHEDOP_watchdog, &w);
}

static void test_watchdog(void)
{
    start();
    CU_ASSERT_EQUAL(watchdog(1, 5), -EINVAL); // nobody has it
    CU_ASSERT_EQUAL(watchdog(3, 5), -EINVAL);
    CU_ASSERT_EQUAL(watchdog(0, 5), 1);
    CU_ASSERT_EQUAL(watchdog(0, 50), 2);
    CU_ASSERT_EQUAL(watchdog(0, 5), -ENOSPC);
    sim_run(SECONDS(4));
    CU_ASSERT_EQUAL(watchdog(1, 5), 0); // poked
    sim_run(SECONDS(4));
    CU_ASSERT_EQUAL(watchdog(1, 0), 0); // given back
    sim_run(SECONDS(30));
    CU_ASSERT_EQUAL(shutdown_reason, -1);
    CU_ASSERT_EQUAL(watchdog(1, 5), -EINVAL);
    sim_run(SECONDS(20));
    CU_ASSERT(shutdown_domain == d && shutdown_reason == SHUTDOWN_watchdog);
    finish();
}

static void test_pin_override(void)
{
    struct sched_pin_override pin = {.pcpu = 2};

    start();
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_pin_override, &pin), -EPERM);
    d->privileged = true;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_pin_override, &pin), 0);
    CU_ASSERT(v->running && v->cpu == 2);
    pin.pcpu = -1;
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_pin_override, &pin), 0);
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_pin_override, &pin), -EINVAL);
    finish();
}

// vCPUs
// --------------------------------------------------------------------------------------------------

static void test_vcpu_life(void)
{
    static struct vcpu_guest_context c;

    start();
    c.flags = 0;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_is_up, 0, NULL), 1);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_is_up, 3, NULL), -ENOENT);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_is_up, ~0u, NULL), -ENOENT);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_up, 1, NULL), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_initialise, 1, (void *)FAKE_FAULT_ADDRESS), -EFAULT);
    c.flags = 1; // what the guest's kind refuses
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_initialise, 1, &c), -EINVAL);
    CU_ASSERT(!d->vcpus[1]->initialised);
    c.flags = 0;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_initialise, 1, &c), 0);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_initialise, 1, &c), -EEXIST);
    CU_ASSERT(!d->vcpus[1]->running);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_up, 1, NULL), 0);
    CU_ASSERT(d->vcpus[1]->running);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_down, 1, NULL), 0);
    CU_ASSERT(!d->vcpus[1]->running);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    CU_ASSERT_EQUAL(shutdown_reason, -1);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_down, 0, NULL), 0);
    CU_ASSERT(shutdown_domain == d && shutdown_reason == SHUTDOWN_poweroff);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_send_nmi, 0, NULL), -ENOSYS);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_get_physid, 0, NULL), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_op(77, 0, NULL), -ENOSYS);
    finish();
}

static void other_is_done(void)
{
    CU_ASSERT(d->vcpus[1]->pause_flags & VPF_DOWN);
    spin_unlock(&d->lock);
}

// While somebody sets a vCPU's state it does not start.
static void test_vcpu_up_waits(void)
{
    start();
    d->vcpus[1]->initialised = true;
    fake_on_wait = other_is_done;
    spin_lock(&d->lock);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_up, 1, NULL), 0);
    CU_ASSERT_FATAL(d->lock.owner == d->lock.next);
    CU_ASSERT(d->vcpus[1]->running);
    fake_on_wait = NULL;
    finish();
}

static void test_runstate(void)
{
    struct vcpu_runstate_info area, info;
    struct vcpu_register_runstate_memory_area reg = {.addr.v = &area};

    start();
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    CU_ASSERT_EQUAL(area.state, RUNSTATE_running);
    sim_run(MILLISECONDS(10));
    CU_ASSERT_EQUAL(poll(0, NULL, sim_now + MILLISECONDS(30)), 0);
    CU_ASSERT_EQUAL(area.state, RUNSTATE_blocked);
    d->vm_assist = 1ull << VMASST_TYPE_runstate_update_flag;
    sim_run(MILLISECONDS(30));
    CU_ASSERT_EQUAL(area.state, RUNSTATE_running);
    CU_ASSERT_EQUAL(area.time[RUNSTATE_running], (uint64_t)MILLISECONDS(10));
    CU_ASSERT_EQUAL(area.time[RUNSTATE_blocked], (uint64_t)MILLISECONDS(30));
    CU_ASSERT_EQUAL(area.state_entry_time, (uint64_t)sim_now);
    sim_run(MILLISECONDS(5));
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_get_runstate_info, 0, &info), 0);
    CU_ASSERT_EQUAL(info.time[RUNSTATE_running], (uint64_t)MILLISECONDS(15));
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_get_runstate_info, 0, (void *)FAKE_FAULT_ADDRESS), -EFAULT);
    reg.addr.p = FAKE_FAULT_ADDRESS;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg), -EFAULT);
    CU_ASSERT_EQUAL(v->runstate_guest, guest_address(&area));
    reg.addr.p = 0;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    finish();
}

static bool take_virq(int port)
{
    bool taken = bit_test_and_clear(d->shared_info->evtchn_pending, (unsigned)port);

    v->info->evtchn_upcall_pending = 0;
    v->info->evtchn_pending_sel = 0;
    return taken;
}

static void test_singleshot(void)
{
    struct vcpu_set_singleshot_timer set = {.flags = VCPU_SSHOTTMR_future};
    int port;

    start();
    as(v);
    port = guest_virq(v, VIRQ_TIMER, 0);
    sim_run(MILLISECONDS(1));
    set.timeout_abs_ns = (uint64_t)sim_now - 1; // as long as it fires, that is no error
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_singleshot_timer, 0, &set), 0);
    sim_run(1);
    CU_ASSERT(take_virq(port));
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_singleshot_timer, 1, &set), -EINVAL);
    set.timeout_abs_ns = (uint64_t)sim_now + 1000;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_singleshot_timer, 0, &set), 0);
    sim_run(999);
    CU_ASSERT(!take_virq(port));
    sim_run(1);
    CU_ASSERT(take_virq(port));
    set.timeout_abs_ns = (uint64_t)sim_now + 1000;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_singleshot_timer, 0, &set), 0);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
    sim_run(MILLISECONDS(10));
    CU_ASSERT(!take_virq(port));
    set.flags = 0;
    set.timeout_abs_ns = 5; // long ago: at once
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_singleshot_timer, 0, &set), 0);
    sim_run(1);
    CU_ASSERT(take_virq(port));
    finish();
}

static void test_set_timer_op(void)
{
    int port;

    start();
    as(v);
    port = guest_virq(v, VIRQ_TIMER, 0);
    CU_ASSERT_EQUAL(do_set_timer_op(sim_now + 50), 0);
    sim_run(50);
    CU_ASSERT(take_virq(port));
    as(v);
    CU_ASSERT_EQUAL(do_set_timer_op(-1), 0); // wrapped: soon
    sim_run(MILLISECONDS(101));
    CU_ASSERT(take_virq(port));
    as(v);
    CU_ASSERT_EQUAL(do_set_timer_op(INT64_MAX), 0);
    sim_run(MILLISECONDS(101));
    CU_ASSERT(take_virq(port));
    as(v);
    CU_ASSERT_EQUAL(do_set_timer_op(sim_now + 50), 0);
    CU_ASSERT_EQUAL(do_set_timer_op(0), 0);
    sim_run(MILLISECONDS(101));
    CU_ASSERT(!take_virq(port));
    // It wakes a vCPU that sleeps.
    as(v);
    v->info->evtchn_upcall_mask = 0;
    do_set_timer_op(sim_now + MILLISECONDS(3));
    CU_ASSERT_EQUAL(sched_op(SCHEDOP_block, NULL), 0);
    sim_run(MILLISECONDS(3) - 1);
    CU_ASSERT(!v->running);
    sim_run(1);
    CU_ASSERT(v->running);
    finish();
}

static void test_periodic(void)
{
    struct vcpu_set_periodic_timer set = {.period_ns = 999999};
    unsigned ticks = 0;
    int port;

    start();
    as(v);
    port = guest_virq(v, VIRQ_TIMER, 0);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_periodic_timer, 0, &set), -EINVAL);
    set.period_ns = MILLISECONDS(10);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_set_periodic_timer, 0, &set), 0);
    for (int i = 0; i < 100; i++) {
        sim_run(MILLISECONDS(1));
        ticks += take_virq(port);
    }
    CU_ASSERT_EQUAL(ticks, 10);
    // It rests while the vCPU sleeps and makes up for it with one.
    v->info->evtchn_upcall_mask = 1;
    CU_ASSERT_EQUAL(poll(0, NULL, sim_now + MILLISECONDS(95)), 0);
    sim_run(MILLISECONDS(94));
    CU_ASSERT(!take_virq(port) && !v->running);
    sim_run(MILLISECONDS(1));
    CU_ASSERT(take_virq(port) && v->running);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    sim_run(SECONDS(1));
    CU_ASSERT(!take_virq(port));
    finish();
}

static void test_register_info(void)
{
    struct frame *f, *foreign;
    struct vcpu_register_vcpu_info reg;
    struct vcpu_info *info;

    start();
    f = fake_guest_frame(d);
    foreign = fake_guest_frame(other);
    reg = (struct vcpu_register_vcpu_info){.mfn = frame_to_mfn(foreign), .offset = 64};
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), -EINVAL);
    reg.mfn = frame_to_mfn(f);
    reg.offset = PAGE_SIZE - sizeof(*info) + 8;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), -ENXIO);
    reg.offset = 65;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), -ENXIO);
    reg.offset = PAGE_SIZE - sizeof(*info);
    v->info->evtchn_upcall_mask = 1;
    v->info->arch.cr2 = 0x1234;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), 0);
    info = (struct vcpu_info *)((char *)fake_frame_va(f) + reg.offset);
    CU_ASSERT_PTR_EQUAL(v->info, info);
    CU_ASSERT_EQUAL(info->arch.cr2, 0x1234);
    CU_ASSERT(info->evtchn_upcall_mask && info->evtchn_upcall_pending);
    CU_ASSERT_EQUAL(info->evtchn_pending_sel, ~0ull);
    CU_ASSERT_EQUAL(fake_frame_types(f), 1);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), -EINVAL);
    // Another's only while it is down.
    up(d->vcpus[1]);
    reg.offset = 0;
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 1, &reg), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_op(VCPUOP_register_vcpu_info, 2, &reg), 0);
    finish();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"poll: refused", test_poll_refused},
        {"poll: ports", test_poll_ports},
        {"poll: time-out", test_poll_timeout},
        {"poll: upcall", test_poll_upcall},
        {"block", test_block},
        {"shutdown", test_shutdown},
        {"watchdog", test_watchdog},
        {"pin override", test_pin_override},
        {"a vCPU's life", test_vcpu_life},
        {"up waits", test_vcpu_up_waits},
        {"runstate", test_runstate},
        {"single-shot timer", test_singleshot},
        {"set_timer_op", test_set_timer_op},
        {"periodic timer", test_periodic},
        {"register_vcpu_info", test_register_info},
        CU_TEST_INFO_NULL,
    };

    return run_suite("sched_op and vcpu_op", tests);
}
