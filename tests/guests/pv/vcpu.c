// HYPERVISOR_vcpu_op on the calling vCPU: timers, run state, registered areas.
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"

#include "tests/guests/common/guest.h"

static long set_singleshot(uint64_t when, uint32_t flags)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = when, .flags = flags};

    return vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
}

static long set_periodic(uint64_t period)
{
    struct vcpu_set_periodic_timer timer = {.period_ns = period};

    return vcpu_op(VCPUOP_set_periodic_timer, 0, &timer);
}

// The ABI promises no tick; if one is there before anything was asked for, it is the traditional
// one.
TEST(vcpu_initial_tick)
{
    if (first_ticks_ns)
        CHECK(first_ticks_ns > 15 * NS_PER_MS);
    else
        CHECK_EQ(first_ticks_ns, 0);
}

TEST(vcpu_is_up)
{
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 0, NULL), 1);
    CHECK_ERR(vcpu_op(VCPUOP_is_up, 4096, NULL), ENOENT);
    CHECK_ERR(vcpu_op(VCPUOP_is_up, 0xffffffff, NULL), ENOENT);
}

TEST(vcpu_up_on_oneself)
{
    CHECK_OK(vcpu_op(VCPUOP_up, 0, NULL)); // it is up already
    CHECK_ERR(vcpu_op(VCPUOP_up, 4096, NULL), ENOENT);
    CHECK_ERR(vcpu_op(VCPUOP_down, 4096, NULL), ENOENT);
}

TEST(vcpu_singleshot_timer)
{
    unsigned seen = event_count[timer_port];
    uint64_t due = time_now() + 5 * NS_PER_MS;

    CHECK_OK(set_singleshot(due, 0));
    REQUIRE(event_wait(timer_port, seen, NS_PER_S));
    CHECK(time_now() >= due - 100000);
    seen = event_count[timer_port];
    CHECK(!event_wait(timer_port, seen, 10 * NS_PER_MS)); // one shot
    CHECK_OK(set_singleshot(time_now() + 5 * NS_PER_MS, VCPU_SSHOTTMR_future));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
}

TEST(vcpu_singleshot_timer_in_the_past)
{
    unsigned seen = event_count[timer_port];

    CHECK_OK(set_singleshot(time_now() - NS_PER_MS, 0));
    CHECK(event_wait(timer_port, seen, 100 * NS_PER_MS));
    // The flag once made this an error (-ETIME); 4.17 fires here too.
    seen = event_count[timer_port];
    CHECK_OK(set_singleshot(time_now() - NS_PER_MS, VCPU_SSHOTTMR_future));
    CHECK(event_wait(timer_port, seen, 100 * NS_PER_MS));
}

TEST(vcpu_singleshot_timer_stop)
{
    unsigned seen;

    CHECK_OK(set_singleshot(time_now() + 30 * NS_PER_MS, 0));
    CHECK_OK(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL));
    seen = event_count[timer_port];
    CHECK(!event_wait(timer_port, seen, 50 * NS_PER_MS));
}

TEST(vcpu_singleshot_and_set_timer_op_are_one)
{
    unsigned seen;

    CHECK_OK(hc(set_timer_op, time_now() + 30 * NS_PER_MS));
    CHECK_OK(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL));
    seen = event_count[timer_port];
    CHECK(!event_wait(timer_port, seen, 50 * NS_PER_MS));
}

TEST(vcpu_periodic_timer)
{
    unsigned seen = event_count[timer_port];
    uint64_t start = time_now();

    CHECK_OK(set_periodic(5 * NS_PER_MS));
    // It ticks for a vCPU that runs; one that blocks need not be woken by it.
    while (event_count[timer_port] - seen < 4 && time_now() - start < NS_PER_S)
        hc(sched_op, SCHEDOP_yield, 0);
    CHECK(time_now() - start >= 14 * NS_PER_MS);
    CHECK(time_now() - start < 500 * NS_PER_MS);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    hc(sched_op, 0, 0);
    seen = event_count[timer_port];
    CHECK(!event_wait(timer_port, seen, 20 * NS_PER_MS));
}

TEST(vcpu_periodic_timer_hostile)
{
    CHECK_ERR(set_periodic(0), EINVAL);
    CHECK_ERR(set_periodic(1), EINVAL);
    CHECK_ERR(set_periodic(NS_PER_MS - 1), EINVAL);
    CHECK_ERR(set_periodic(~0UL), EINVAL);
    CHECK_OK(set_periodic(1000 * NS_PER_S));
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
}

TEST(vcpu_runstate_info)
{
    struct vcpu_runstate_info first, second;
    uint64_t total_first = 0, total_second = 0;

    REQUIRE_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &first));
    CHECK_EQ(first.state, RUNSTATE_running);
    events_sleep(10 * NS_PER_MS);
    REQUIRE_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &second));
    CHECK_EQ(second.state, RUNSTATE_running);
    CHECK(second.state_entry_time > first.state_entry_time);
    CHECK(second.time[RUNSTATE_blocked] >= first.time[RUNSTATE_blocked] + 8 * NS_PER_MS);
    for (unsigned i = 0; i < 4; i++) {
        CHECK(second.time[i] >= first.time[i]);
        total_first += first.time[i];
        total_second += second.time[i];
    }
    // Together the states account for all the time there was.
    CHECK(total_second - total_first >= 10 * NS_PER_MS);
    CHECK(total_second <= time_now());
}

TEST(vcpu_runstate_area)
{
    struct vcpu_runstate_info *area = page_alloc();
    struct vcpu_register_runstate_memory_area reg = {0};
    struct vcpu_runstate_info info;

    reg.addr.v = area;
    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg));
    CHECK_EQ(area->state, RUNSTATE_running);
    events_sleep(3 * NS_PER_MS);
    CHECK_EQ(area->state, RUNSTATE_running);
    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &info));
    CHECK(area->state_entry_time <= info.state_entry_time || area->state_entry_time == 0);
    CHECK(area->time[RUNSTATE_blocked] >= 2 * NS_PER_MS);
    // Without the assist the update flag is never seen.
    CHECK_EQ(area->state_entry_time & XEN_RUNSTATE_UPDATE, 0);
    reg.addr.v = NULL;
    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg));
    memset(area, 0, sizeof(*area));
    events_sleep(3 * NS_PER_MS);
    CHECK_EQ(area->state_entry_time, 0);
}

TEST(vcpu_time_area)
{
    struct vcpu_time_info *area = page_alloc();
    struct vcpu_register_time_memory_area reg = {0};
    uint64_t a, b;

    reg.addr.v = area;
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &reg));
    CHECK_EQ(area->version & 1, 0);
    CHECK(area->tsc_to_system_mul != 0);
    a = time_now();
    b = time_from(area);
    CHECK(b >= a && b - a < 10 * NS_PER_MS);
    reg.addr.v = NULL;
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &reg));
}

TEST(vcpu_get_physid)
{
    struct vcpu_get_physid id = {0};
    long error = vcpu_op(VCPUOP_get_physid, 0, &id);

    // Only for a vCPU that is pinned to one CPU for good.
    CHECK(error == -XEN_EINVAL || error == 0);
}

TEST(vcpu_register_vcpu_info_hostile)
{
    struct vcpu_register_vcpu_info reg = {.mfn = mfn_of(page_alloc())};

    reg.offset = PAGE_SIZE - sizeof(struct vcpu_info) + 8;
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), ENXIO);
    reg.offset = 0xffffffff;
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), ENXIO);
    reg.offset = 0;
    reg.mfn = 0x000fffffffffffff;
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), EINVAL);
    reg.mfn = kernel_root();
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &reg), EINVAL);
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 4096, &reg), ENOENT);
}

TEST(vcpu_hostile)
{
    static const unsigned with_pointer[] = {
        VCPUOP_get_runstate_info,  VCPUOP_register_runstate_memory_area,
        VCPUOP_set_periodic_timer, VCPUOP_set_singleshot_timer,
        VCPUOP_register_vcpu_info, VCPUOP_register_vcpu_time_memory_area,
    };
    char argument[64] = "";

    for (unsigned i = 0; i < ARRAY_SIZE(with_pointer); i++)
        CHECK_EFAULT_ALL(vcpu_op(with_pointer[i], 0, bad));
    CHECK_ERR(vcpu_op(14, 0, argument), ENOSYS);
    CHECK_ERR(vcpu_op(0xffff, 0, argument), ENOSYS);
    CHECK_ERR(vcpu_op(14, 4096, argument), ENOENT);
}
