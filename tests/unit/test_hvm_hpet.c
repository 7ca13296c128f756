// The high-precision event timers, against the IA-PC HPET specification 1.0a.
//
// sources: hypervisor/hvm/platform/hpet.c
#include "hvm/platform/hpet.h"
#include "tests/suite.h"

#define CONFIG(n) (0x100u + 0x20 * (n))
#define CMP(n)    (0x108u + 0x20 * (n))
#define ALL       UINT64_MAX
#define LOW       UINT32_MAX

static struct hpet hpet;
static nsec_t now;

static void start(void)
{
    now = SECONDS(50);
    hpet_init(&hpet);
}

static void w(unsigned offset, uint64_t value)
{
    hpet_write(&hpet, offset, value, ALL, now);
}

static uint64_t r(unsigned offset)
{
    return hpet_read(&hpet, offset, now);
}

static void pass(uint64_t ticks)
{
    now += (nsec_t)ticks * 16;
}

// Lets time pass until it wants to be called; how many ticks later that was; 0: never.
static uint64_t wait(void)
{
    nsec_t when = hpet_when(&hpet), begin = now;

    if (when == NSEC_NEVER)
        return 0;
    now = when;
    return (uint64_t)(now - begin) / 16;
}

static bool tick(unsigned n)
{
    return hpet_tick(&hpet, n, now, TICK_FREE);
}

static void test_counter(void)
{
    start();
    CU_ASSERT_EQUAL(r(0), 0x00f424008086a201); // 16 ns
    pass(100);
    CU_ASSERT_EQUAL(r(0xf0), 0);
    w(0x10, 0xff);
    CU_ASSERT_EQUAL(r(0x10), 3);
    pass(100);
    CU_ASSERT_EQUAL(r(0xf0), 100);
    w(0x10, 0);
    pass(100);
    CU_ASSERT_EQUAL(r(0xf0), 100);
    hpet_write(&hpet, 0xf0, 5ull << 32, ALL << 32, now); // half of it
    CU_ASSERT_EQUAL(r(0xf0), 5ull << 32 | 100);
    w(0x10, 1);
    pass(7);
    CU_ASSERT_EQUAL(r(0xf0), 5ull << 32 | 107);
    CU_ASSERT_EQUAL(r(0x30), 0);
    CU_ASSERT_EQUAL(r(0x168), 0);
}

static void test_config(void)
{
    start();
    CU_ASSERT_EQUAL(r(CONFIG(0)), 0x00f0000000000030);
    CU_ASSERT_EQUAL(r(CMP(2)), ALL);
    w(CONFIG(2), ALL);
    CU_ASSERT_EQUAL(r(CONFIG(2)), 0x00f0000000003f7e);
    CU_ASSERT_EQUAL(r(CMP(2)), LOW);
    CU_ASSERT_EQUAL(hpet_line(&hpet, 0), -1);
    for (unsigned route = 0; route < 32; route++) {
        w(CONFIG(1), 4 | route << 9);
        CU_ASSERT_EQUAL(hpet_line(&hpet, 1), route >= 20 && route < 24 ? (int)route : -1);
    }
    w(0x10, 2);
    CU_ASSERT_EQUAL(hpet_line(&hpet, 1), 8);
    w(CONFIG(0), 4);
    CU_ASSERT_EQUAL(hpet_line(&hpet, 0), 0);
    w(CONFIG(2), 4 | 22 << 9);
    CU_ASSERT_EQUAL(hpet_line(&hpet, 2), 22);
}

static void test_once(void)
{
    start();
    w(CONFIG(0), 4);
    w(CMP(0), 5000);
    CU_ASSERT_EQUAL(wait(), 0); // stands still
    w(0x10, 1);
    CU_ASSERT_EQUAL(wait(), 5000);
    CU_ASSERT(tick(0));
    CU_ASSERT_EQUAL(wait(), 0); // 64 bits: never again
    w(CMP(0), 4000);
    CU_ASSERT_EQUAL(wait(), 0); // has been
    w(CONFIG(0), 4 | 0x100);
    w(CMP(0), 6000);
    CU_ASSERT_EQUAL(wait(), 1000);
    CU_ASSERT(tick(0));
    CU_ASSERT_EQUAL(wait(), 1ull << 32); // 32 bits: when it comes round
    CU_ASSERT(tick(0));
    w(CMP(0), 5999);
    CU_ASSERT_EQUAL(wait(), (1ull << 32) - 1);
    w(CONFIG(0), 0x100);
    CU_ASSERT_EQUAL(wait(), 0); // disabled
}

// As Linux does: the comparator by the set bit, then the period.
static void test_periodic(void)
{
    start();
    w(0x10, 1);
    w(CONFIG(0), 4 | 8 | 0x40 | 0x100);
    w(CMP(0), 10000);
    CU_ASSERT_EQUAL(r(CONFIG(0)) & 0x40, 0);
    w(CMP(0), 62500);
    CU_ASSERT_EQUAL(r(CMP(0)), 10000);
    CU_ASSERT_EQUAL(wait(), 10000);
    CU_ASSERT(tick(0));
    for (unsigned i = 1; i < 1000; i++) {
        CU_ASSERT_EQUAL(wait(), 62500);
        CU_ASSERT(tick(0));
    }
    CU_ASSERT_EQUAL(r(CMP(0)), 10000 + 1000 * 62500);
    pass(62500 * 3 + 100);
    CU_ASSERT_EQUAL(r(CMP(0)), 10000 + 1003 * 62500 + 0ull);
    CU_ASSERT(tick(0));
    CU_ASSERT_EQUAL(hpet.tick[0].owed, 2);
    w(CONFIG(0), 4 | 8 | 0x40);
    w(CMP(0), 1); // behind: at a multiple of the period to come, and not too often
    CU_ASSERT(wait() > 0);
    CU_ASSERT(tick(0));
    CU_ASSERT(wait() >= 3125);
    w(CONFIG(0), 4 | 8 | 0x40);
    w(CMP(0), 0); // no period
    CU_ASSERT_EQUAL(wait(), 0);
}

static void test_level(void)
{
    start();
    w(0x10, 1);
    w(CONFIG(1), 4 | 2 | 8 | 0x40 | 20 << 9);
    w(CMP(1), 10000);
    wait();
    CU_ASSERT(!tick(1)); // no edge
    CU_ASSERT_EQUAL(r(0x20), 2);
    CU_ASSERT_EQUAL(hpet_levels(&hpet), 1ull << 20);
    wait();
    CU_ASSERT(!tick(1)); // still up: owed
    CU_ASSERT_EQUAL(hpet.tick[1].owed, 1);
    w(0x20, 5);
    CU_ASSERT_EQUAL(r(0x20), 2);
    w(0x20, 2);
    CU_ASSERT_EQUAL(hpet_levels(&hpet), 0);
    wait();
    tick(1);
    CU_ASSERT_EQUAL(hpet_levels(&hpet), 1ull << 20);
    w(CONFIG(1), 2 | 8 | 20 << 9);
    CU_ASSERT_EQUAL(hpet_levels(&hpet), 0);
    w(CONFIG(1), 4 | 8 | 20 << 9);
    CU_ASSERT_EQUAL(r(0x20), 0);
}

static void test_record(void)
{
    struct hvm_hw_hpet s, bad;
    struct hpet other;

    start();
    hpet_init(&other);
    w(0x10, 1);
    w(CONFIG(0), 4 | 8 | 0x40);
    w(CMP(0), 62500);
    pass(70000);
    hpet_save(&hpet, &s, now);
    CU_ASSERT_EQUAL(s.mc64, 70000);
    CU_ASSERT_EQUAL(s.timers[0].cmp, 125000);
    CU_ASSERT_EQUAL(s.period[0], 62500);
    now += SECONDS(1000);
    CU_ASSERT(hpet_load(&other, &s, true, now));
    hpet = other;
    CU_ASSERT_EQUAL(r(0xf0), 70000);
    CU_ASSERT_EQUAL(wait(), 55000);
#define BAD(field, wrong) \
    bad = s;              \
    bad.field = wrong;    \
    CU_ASSERT(!hpet_load(&other, &bad, false, now))
    BAD(capability, 0);
    BAD(config, 4);
    BAD(isr, 8);
    BAD(timers[1].config, 0x30);
    BAD(timers[2].config, 0x00f0000000004030);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"counter", test_counter},   {"configuration", test_config}, {"once", test_once},
        {"periodic", test_periodic}, {"level", test_level},          {"record", test_record},
        CU_TEST_INFO_NULL,
    };

    return run_suite("HPET", tests);
}
