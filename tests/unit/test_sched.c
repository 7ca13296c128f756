// The scheduler in a simulated machine: shares as the weights say, on one CPU and several; caps;
// bounded waits; affinities never violated, no CPU idle while somebody waits for it, no wake-up
// lost.
//
// sources: hypervisor/core/sched.c hypervisor/core/sched_queue.c hypervisor/core/sched_balance.c
// sources: hypervisor/core/sched_cap.c hypervisor/core/sched_setup.c hypervisor/core/runstate.c
// sources: hypervisor/core/vcpu_timers.c hypervisor/core/timer.c hypervisor/lib/heap.c
// sources: tests/unit/sched_sim.c tests/unit/fake/platform.c
#include <CUnit/Basic.h>
#include <stdio.h>

#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/sched_sim.h"

// The domain's share of all CPU time, in tenths of a per cent.
static int share(const struct domain *d, nsec_t duration)
{
    return (int)(sim_domain_ran(d) * 1000 / (duration * nr_cpus));
}

static void assert_share(const struct domain *d, nsec_t duration, int want, int tolerance)
{
    int got = share(d, duration);

    if (got < want - tolerance || got > want + tolerance)
        fprintf(stderr, "\n  d%u: share %d/1000 instead of %d", d->id, got, want);
    CU_ASSERT(got >= want - tolerance && got <= want + tolerance);
}

static void finish(void)
{
    CU_ASSERT_EQUAL(sim_violations, 0);
    sim_stop();
}

static void test_alone(void)
{
    struct domain *d;

    sim_start(1);
    d = sim_domain(1, 256, 0);
    sim_spin(d);
    sim_run(SECONDS(1));
    CU_ASSERT_EQUAL(sim_domain_ran(d), SECONDS(1));
    // Nothing happens while nobody waits: tickless.
    CU_ASSERT(run_queues[0].switches <= 1);
    finish();
}

static void test_weights_on_one_cpu(void)
{
    const unsigned weights[] = {64, 256, 512, 1024};
    struct domain *d[4];

    sim_start(1);
    for (int i = 0; i < 4; i++)
        sim_spin(d[i] = sim_domain(1, weights[i], 0));
    sim_run(SECONDS(20));
    for (int i = 0; i < 4; i++)
        assert_share(d[i], SECONDS(20), (int)(weights[i] * 1000 / 1856), 5);
    finish();
}

static void test_extreme_weights(void)
{
    struct domain *a, *b;

    sim_start(1);
    sim_spin(a = sim_domain(1, 65535, 0));
    sim_spin(b = sim_domain(1, 1, 0));
    sim_run(SECONDS(2000));
    CU_ASSERT(sim_domain_ran(b) > 0);
    assert_share(a, SECONDS(2000), 1000, 1);
    finish();
}

static void test_more_vcpus_than_cpus(void)
{
    for (unsigned cpus = 2; cpus <= 5; cpus++)
        for (unsigned n = cpus + 1; n <= 2 * cpus + 1; n++) {
            struct domain *d[16];

            sim_start(cpus);
            for (unsigned i = 0; i < n; i++)
                sim_spin(d[i] = sim_domain(1, 256, 0));
            sim_run(SECONDS(20));
            for (unsigned i = 0; i < n; i++)
                assert_share(d[i], SECONDS(20), (int)(1000 / n), 8);
            finish();
        }
}

static void test_weights_on_four_cpus(void)
{
    const unsigned weights[] = {128, 256, 512};
    struct domain *d[3];

    sim_start(4);
    for (int i = 0; i < 3; i++)
        sim_spin(d[i] = sim_domain(8, weights[i], 0));
    sim_run(SECONDS(20));
    for (int i = 0; i < 3; i++)
        assert_share(d[i], SECONDS(20), (int)(weights[i] * 1000 / 896), 15);
    finish();
}

// A vCPU can not use more than one CPU, whatever its weight.
static void test_weight_beyond_a_cpu(void)
{
    struct domain *big, *small;

    sim_start(2);
    sim_spin(big = sim_domain(1, 4096, 0));
    sim_spin(small = sim_domain(3, 256, 0));
    sim_run(SECONDS(10));
    assert_share(big, SECONDS(10), 500, 5);
    assert_share(small, SECONDS(10), 500, 5);
    finish();
}

static void test_change_of_weight(void)
{
    struct domain *a, *b;

    sim_start(1);
    sim_spin(a = sim_domain(1, 256, 0));
    sim_spin(b = sim_domain(1, 256, 0));
    sim_run(SECONDS(5));
    CU_ASSERT_EQUAL(sched_set_domain(a, 0, 0), -EINVAL);
    CU_ASSERT_EQUAL(sched_set_domain(a, 65536, 0), -EINVAL);
    CU_ASSERT_EQUAL(sched_set_domain(a, 768, 0), 0);
    sim_run(MILLISECONDS(100));
    sim_reset_counts();
    sim_run(SECONDS(10));
    assert_share(a, SECONDS(10), 750, 5);
    assert_share(b, SECONDS(10), 250, 5);
    finish();
}

static void test_caps(void)
{
    struct domain *a, *b, *c;

    sim_start(2);
    sim_spin(a = sim_domain(1, 256, 30));
    sim_spin(b = sim_domain(4, 256, 50)); // half a CPU for all four
    sim_run(SECONDS(20));
    assert_share(a, SECONDS(20), 150, 3);
    assert_share(b, SECONDS(20), 250, 3);
    // Others get what is left; lifting a cap has effect.
    sim_spin(c = sim_domain(2, 256, 0));
    CU_ASSERT_EQUAL(sched_set_domain(a, 256, 0), 0);
    sim_reset_counts();
    sim_run(SECONDS(20));
    CU_ASSERT(share(b, SECONDS(20)) <= 253);
    CU_ASSERT(share(a, SECONDS(20)) >= 240);
    CU_ASSERT(share(a, SECONDS(20)) + share(b, SECONDS(20)) + share(c, SECONDS(20)) >= 997);
    finish();
}

static void test_cap_of_two_cpus(void)
{
    struct domain *d;

    sim_start(4);
    sim_spin(d = sim_domain(4, 256, 200));
    sim_run(SECONDS(10));
    assert_share(d, SECONDS(10), 500, 5);
    finish();
}

// Those who wake up often and run little are served at once, among any number who always run.
static void test_wakeup_latency(void)
{
    struct sim_guest *g;

    sim_start(2);
    for (int i = 0; i < 6; i++)
        sim_spin(sim_domain(1, 256, 0));
    g = sim_up(sim_domain(1, 256, 0)->vcpus[0], MICROSECONDS(100), MILLISECONDS(5), 50);
    sim_run(MILLISECONDS(100));
    sim_reset_counts();
    sim_run(SECONDS(10));
    CU_ASSERT(g->wakeups > 1000);
    CU_ASSERT_EQUAL(g->longest_wait, 0);
    finish();
}

// Sleepers' boosts do not starve who never sleeps, and do not give them more than their share.
static void test_boost_is_bounded(void)
{
    struct sim_guest *spinner;
    struct domain *greedy;
    nsec_t waited = 0, before;

    sim_start(1);
    greedy = sim_domain(4, 256, 0);
    for (int i = 0; i < 4; i++)
        sim_up(greedy->vcpus[i], MILLISECONDS(9), MICROSECONDS(200), 20);
    spinner = sim_up(sim_domain(1, 256, 0)->vcpus[0], 0, 0, 0);
    sim_run(MILLISECONDS(200));
    sim_reset_counts();
    for (int i = 0; i < 10000; i++) {
        before = spinner->ran;
        sim_run(MILLISECONDS(1));
        waited = spinner->ran == before ? waited + MILLISECONDS(1) : 0;
        if (waited > MILLISECONDS(100))
            break;
    }
    CU_ASSERT(waited <= MILLISECONDS(100));
    // 1000 ms of 5 vCPUs that all want the CPU: a fifth each.
    CU_ASSERT(spinner->ran >= SECONDS(10) * 18 / 100);
    finish();
}

static void test_affinity(void)
{
    struct domain *a, *b, *c;

    sim_start(4);
    sim_spin(a = sim_domain(4, 256, 0));
    sim_spin(b = sim_domain(4, 256, 0));
    sim_spin(c = sim_domain(2, 256, 0));
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(vcpu_set_hard_affinity(a->vcpus[i], 1), 0); // all on CPU 0
    CU_ASSERT_EQUAL(vcpu_set_hard_affinity(a->vcpus[0], 1ull << 60), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_set_soft_affinity(c->vcpus[0], 2), 0);
    sim_run(MILLISECONDS(300)); // to get over what they were allowed before
    sim_reset_counts();
    sim_run(SECONDS(20));
    // The other six share three CPUs: half of one each.
    assert_share(a, SECONDS(20), 250, 8);
    assert_share(b, SECONDS(20), 500, 15);
    assert_share(c, SECONDS(20), 250, 8);
    for (int i = 0; i < 4; i++)
        vcpu_set_hard_affinity(a->vcpus[i], CPUMASK_ALL);
    sim_run(SECONDS(2));
    sim_reset_counts();
    sim_run(SECONDS(20));
    assert_share(a, SECONDS(20), 400, 8);
    finish();
}

// After hours apart, two groups that mix owe each other nothing.
static void test_long_separation(void)
{
    struct domain *slow, *fast;

    sim_start(2);
    sim_spin(slow = sim_domain(3, 256, 0));
    sim_spin(fast = sim_domain(1, 256, 0));
    for (int i = 0; i < 3; i++)
        vcpu_set_hard_affinity(slow->vcpus[i], 1);
    vcpu_set_hard_affinity(fast->vcpus[0], 2);
    sim_run(SECONDS(1000));
    for (int i = 0; i < 3; i++)
        vcpu_set_hard_affinity(slow->vcpus[i], CPUMASK_ALL);
    vcpu_set_hard_affinity(fast->vcpus[0], CPUMASK_ALL);
    sim_reset_counts();
    sim_run(MILLISECONDS(500));
    CU_ASSERT(sim_domain_ran(fast) >= MILLISECONDS(100));
    sim_run(SECONDS(4));
    sim_reset_counts();
    sim_run(SECONDS(10));
    assert_share(fast, SECONDS(10), 250, 10);
    finish();
}

static void test_soft_affinity_is_preferred(void)
{
    struct domain *d;

    sim_start(4);
    d = sim_domain(2, 256, 0);
    vcpu_set_soft_affinity(d->vcpus[0], 4);
    vcpu_set_soft_affinity(d->vcpus[1], 4);
    sim_up(d->vcpus[0], MILLISECONDS(1), MILLISECONDS(1), 30);
    sim_run(MILLISECONDS(50));
    CU_ASSERT_EQUAL(d->vcpus[0]->cpu, 2);
    // Both want it at once: one goes elsewhere rather than wait.
    sim_up(d->vcpus[1], 0, 0, 0);
    sim_run(SECONDS(1));
    CU_ASSERT(sim_domain_ran(d) >= MILLISECONDS(1400));
    finish();
}

static void test_pin_override(void)
{
    struct vcpu *v;

    sim_start(3);
    v = sim_domain(1, 256, 0)->vcpus[0];
    sim_up(v, 0, 0, 0);
    sim_run(MILLISECONDS(10));
    CU_ASSERT_EQUAL(vcpu_pin_override(v, -1), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_pin_override(v, 3), -EINVAL);
    CU_ASSERT_EQUAL(vcpu_pin_override(v, 2), 0);
    CU_ASSERT_EQUAL(vcpu_pin_override(v, 1), -EBUSY);
    sim_run(MILLISECONDS(10));
    CU_ASSERT(v->cpu == 2 && v->running);
    CU_ASSERT_EQUAL(vcpu_pin_override(v, -1), 0);
    CU_ASSERT_EQUAL(vcpu_cpus(v), 7);
    finish();
}

static void test_yield(void)
{
    struct domain *a, *b;
    struct vcpu *first;

    sim_start(1);
    sim_spin(a = sim_domain(1, 256, 0));
    sim_spin(b = sim_domain(1, 256, 0));
    sim_run(MILLISECONDS(1));
    first = run_queues[0].running;
    sim_on_cpu(0);
    vcpu_yield();
    sim_settle();
    CU_ASSERT(run_queues[0].running != first && !is_idle(run_queues[0].running));
    sim_run(SECONDS(10));
    assert_share(a, SECONDS(10), 500, 5);
    assert_share(b, SECONDS(10), 500, 5);
    finish();
}

static void test_pause(void)
{
    struct domain *d;
    struct vcpu_runstate_info r;
    nsec_t busy[2];
    struct vcpu *v;

    sim_start(2);
    for (unsigned cpu = 0; cpu < 2; cpu++)
        busy[cpu] = sched_cpu_busy_time(cpu);
    sim_spin(d = sim_domain(3, 256, 0));
    sim_run(MILLISECONDS(100));
    d->pause_count = 1;
    for_each_vcpu (d, v)
        vcpu_sleep_nosync(v);
    sim_run(MILLISECONDS(100));
    CU_ASSERT_EQUAL(sim_domain_ran(d), MILLISECONDS(200));
    for_each_vcpu (d, v) {
        uint64_t sum = 0;

        vcpu_runstate_get(v, &r);
        CU_ASSERT_EQUAL(r.state, RUNSTATE_offline);
        CU_ASSERT_EQUAL(r.time[RUNSTATE_offline], (uint64_t)MILLISECONDS(100));
        for (int i = 0; i < 4; i++)
            sum += r.time[i];
        CU_ASSERT_EQUAL(sum, (uint64_t)MILLISECONDS(200));
    }
    CU_ASSERT_EQUAL(sched_cpu_busy_time(0) - busy[0], MILLISECONDS(100));
    CU_ASSERT_EQUAL(sched_cpu_busy_time(1) - busy[1], MILLISECONDS(100));
    d->pause_count = 0;
    for_each_vcpu (d, v)
        vcpu_wake(v);
    sim_run(MILLISECONDS(100));
    CU_ASSERT_EQUAL(sim_domain_ran(d), MILLISECONDS(400));
    finish();
}

static void test_params(void)
{
    struct sched_params p, bad;

    sched_get_params(&p);
    bad = p;
    bad.slice = MICROSECONDS(999);
    CU_ASSERT_EQUAL(sched_set_params(&bad), -EINVAL);
    bad = p;
    bad.ratelimit = bad.slice;
    CU_ASSERT_EQUAL(sched_set_params(&bad), -EINVAL);
    CU_ASSERT_EQUAL(sched_set_params(&p), 0);
}

// Anything at all, checked at every moment.
static void random_operation(void)
{
    struct sim_guest *g = &sim_guests[fake_below(sim_nr_guests)];
    struct vcpu *v = g->v;

    sim_on_cpu(fake_below(nr_cpus));
    switch (fake_below(8)) {
    case 0:
        vcpu_set_hard_affinity(v, fake_random() | cpumask_of(fake_below(nr_cpus)));
        break;
    case 1:
        vcpu_set_hard_affinity(v, cpumask_of(fake_below(nr_cpus)));
        break;
    case 2:
        vcpu_set_soft_affinity(v, fake_random() | cpumask_of(fake_below(nr_cpus)));
        break;
    case 3:
        v->pause_count++;
        vcpu_sleep_nosync(v);
        break;
    case 4:
    case 5:
        if (v->pause_count && --v->pause_count == 0)
            vcpu_wake(v);
        break;
    case 6:
        sched_set_domain(v->domain, 1 + fake_below(2000), fake_below(2) ? 0 : 1 + fake_below(300));
        break;
    default:
        if (!is_idle(current))
            vcpu_yield();
    }
}

static void test_random(void)
{
    for (unsigned round = 0; round < 300; round++) {
        fake_seed(round + 1);
        sim_start(1 + fake_below(8));
        for (unsigned i = 0; i < 5; i++) {
            struct domain *d = sim_domain(1 + fake_below(4), 1 + fake_below(1000),
                                          fake_below(3) ? 0 : 10 + fake_below(200));
            struct vcpu *v;

            for_each_vcpu (d, v)
                sim_up(v, fake_below(3) ? MICROSECONDS(1 + fake_below(20000)) : 0,
                       MICROSECONDS(1 + fake_below(10000)), fake_below(100));
        }
        for (unsigned i = 0; i < 300; i++) {
            random_operation();
            sim_run(MICROSECONDS(fake_below(5000)));
        }
        CU_ASSERT_EQUAL(sim_violations, 0);
        sim_stop();
        CU_ASSERT_EQUAL(fake_pages_in_use() + fake_objects_in_use(), 0);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"alone", test_alone},
        {"weights on one CPU", test_weights_on_one_cpu},
        {"extreme weights", test_extreme_weights},
        {"more vCPUs than CPUs", test_more_vcpus_than_cpus},
        {"weights on four CPUs", test_weights_on_four_cpus},
        {"a weight beyond a CPU", test_weight_beyond_a_cpu},
        {"change of weight", test_change_of_weight},
        {"caps", test_caps},
        {"cap of two CPUs", test_cap_of_two_cpus},
        {"wake-up latency", test_wakeup_latency},
        {"the boost is bounded", test_boost_is_bounded},
        {"affinity", test_affinity},
        {"long separation", test_long_separation},
        {"soft affinity", test_soft_affinity_is_preferred},
        {"pin override", test_pin_override},
        {"yield", test_yield},
        {"pause", test_pause},
        {"parameters", test_params},
        {"random", test_random},
        CU_TEST_INFO_NULL,
    };

    return run_suite("scheduler", tests);
}
