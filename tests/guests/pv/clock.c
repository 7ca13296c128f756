// Time: vcpu_time_info, wall clock, and how exactly the one-shot timer keeps its time.
#include "tests/guests/common/guest.h"

static const volatile struct vcpu_time_info *info(void)
{
    return &vcpu_info_of(0)->time;
}

TEST(time_info_sane)
{
    CHECK(info()->tsc_to_system_mul != 0);
    CHECK(info()->tsc_shift >= -32 && info()->tsc_shift < 32);
    CHECK_EQ(info()->version & 1, 0);
    CHECK(info()->tsc_timestamp <= tsc_read());
    CHECK(time_now() >= info()->system_time);
    CHECK_EQ(info()->flags & XEN_PVCLOCK_GUEST_STOPPED, 0);
}

TEST(time_monotone)
{
    uint64_t last = time_now();

    for (unsigned i = 0; i < 100000; i++) {
        uint64_t now = time_now();

        if (now < last) {
            CHECK_EQ(now, last);
            return;
        }
        last = now;
    }
    CHECK(true);
}

// Over a quarter of a second in which the record is rewritten again and again, time runs as the TSC
// does, to one part in a hundred.
TEST(time_keeps_rate)
{
    uint32_t mul = info()->tsc_to_system_mul;
    int8_t shift = info()->tsc_shift;
    uint64_t tsc = tsc_read(), start = time_now(), ticks, ns;

    while (time_now() - start < 250 * NS_PER_MS)
        hc(sched_op, 0, 0);
    ticks = tsc_read() - tsc;
    ns = time_now() - start;
    ticks = shift < 0 ? ticks >> -shift : ticks << shift;
    ticks = (uint64_t)(((unsigned __int128)ticks * mul) >> 32);
    CHECK(ns > ticks - ticks / 100 && ns < ticks + ticks / 100);
}

TEST(time_version_advances_on_block)
{
    uint32_t before = info()->version;

    for (unsigned i = 0; i < 4; i++) {
        unsigned seen = event_count[timer_port];

        REQUIRE_OK(hc(set_timer_op, time_now() + 2 * NS_PER_MS));
        REQUIRE(event_wait(timer_port, seen, NS_PER_S));
    }
    CHECK(info()->version >= before);
    CHECK_EQ(info()->version & 1, 0);
}

TEST(time_wall_clock)
{
    uint64_t seconds;

    CHECK_EQ(shared_info->wc_version & 1, 0);
    CHECK(shared_info->wc_nsec < NS_PER_S);
    seconds = shared_info->wc_sec | (uint64_t)shared_info->wc_sec_hi << 32;
    seconds += time_now() / NS_PER_S;
    CHECK(seconds > 1577836800 && seconds < 4102444800); // from 2020 to 2100
}

TEST(time_timer_accuracy)
{
    static const uint64_t delays[] = {1 * NS_PER_MS, 5 * NS_PER_MS, 20 * NS_PER_MS};

    for (unsigned i = 0; i < ARRAY_SIZE(delays); i++) {
        unsigned seen = event_count[timer_port];
        uint64_t due = time_now() + delays[i];

        CHECK_OK(hc(set_timer_op, due));
        REQUIRE(event_wait(timer_port, seen, NS_PER_S));
        CHECK(time_now() >= due - 100000); // never early by more than the timers' slack
        CHECK(time_now() < due + 250 * NS_PER_MS);
    }
}

TEST(time_timer_in_the_past_fires_at_once)
{
    unsigned seen = event_count[timer_port];

    CHECK_OK(hc(set_timer_op, 1));
    CHECK(event_wait(timer_port, seen, 100 * NS_PER_MS));
    seen = event_count[timer_port];
    CHECK_OK(hc(set_timer_op, time_now() - NS_PER_MS));
    CHECK(event_wait(timer_port, seen, 100 * NS_PER_MS));
}

TEST(time_timer_zero_cancels)
{
    unsigned seen;

    CHECK_OK(hc(set_timer_op, time_now() + 30 * NS_PER_MS));
    CHECK_OK(hc(set_timer_op, 0));
    seen = event_count[timer_port];
    CHECK(!event_wait(timer_port, seen, 50 * NS_PER_MS));
}

TEST(time_timer_later_replaces_earlier)
{
    unsigned seen = event_count[timer_port];
    uint64_t start = time_now();

    CHECK_OK(hc(set_timer_op, start + 5 * NS_PER_MS));
    CHECK_OK(hc(set_timer_op, start + 25 * NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
    CHECK(time_now() - start >= 24 * NS_PER_MS);
}

// A time so far away that it looks like a guest's overflow: the hypervisor may fire soon and let
// the guest look again, but must neither refuse nor lose the timer after it.
TEST(time_timer_far_future)
{
    unsigned seen;

    CHECK_OK(hc(set_timer_op, time_now() + (1UL << 55)));
    CHECK_OK(hc(set_timer_op, 0x7fffffffffffffff));
    CHECK_OK(hc(set_timer_op, 0xfffffffffffffff0));
    seen = event_count[timer_port];
    CHECK_OK(hc(set_timer_op, time_now() + 2 * NS_PER_MS));
    CHECK(event_wait(timer_port, seen, NS_PER_S));
    CHECK_OK(hc(set_timer_op, 0));
}
