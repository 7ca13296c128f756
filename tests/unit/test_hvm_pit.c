// The interval timer, against the 82C54's manual.
//
// sources: hypervisor/hvm/platform/pit.c
#include <string.h>

#include "hvm/platform/pit.h"
#include "tests/suite.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct pit pit;
static uint64_t clk; // of the PIT

// The moment at which its clock has come to where it is.
static nsec_t now(void)
{
    return clock_time(clk, PIT_HZ);
}

static void start(void)
{
    clk = 5000000;
    pit_init(&pit, now());
}

static void w(unsigned port, unsigned value)
{
    pit_write(&pit, port, (uint8_t)value, now());
}

static unsigned r(unsigned port)
{
    return pit_read(&pit, port, now());
}

static unsigned r16(unsigned port)
{
    unsigned low = r(port);

    return low | r(port) << 8;
}

static void count(unsigned n, unsigned value)
{
    w(0x40 + n, value & 0xff);
    w(0x40 + n, value >> 8);
}

// What a mode shows at a time after its count was written.
static void test_modes(void)
{
    static const struct {
        unsigned mode, count, at, reads;
        bool out;
    } rows[] = {
        {0, 1000, 0, 1000, false},    {0, 1000, 999, 1, false},    {0, 1000, 1000, 0, true},
        {0, 1000, 1001, 65535, true}, {0, 0, 65535, 1, false},     {0, 0, 65536, 0, true},
        {2, 1000, 0, 1000, true},     {2, 1000, 998, 2, true},     {2, 1000, 999, 1, false},
        {2, 1000, 1000, 1000, true},  {2, 1000, 2500, 500, true},  {6, 1000, 999, 1, false},
        {3, 1000, 0, 1000, true},     {3, 1000, 499, 2, true},     {3, 1000, 500, 1000, false},
        {3, 1000, 999, 2, false},     {3, 1000, 1000, 1000, true}, {3, 5, 2, 0, true},
        {3, 5, 3, 4, false},          {3, 5, 4, 2, false},         {3, 5, 5, 4, true},
        {4, 1000, 0, 1000, true},     {4, 1000, 999, 1, true},     {4, 1000, 1000, 0, false},
        {4, 1000, 1001, 65535, true},
    };

    for (unsigned i = 0; i < ARRAY(rows); i++) {
        unsigned reads;

        start();
        w(0x43, 0x30 | rows[i].mode << 1);
        CU_ASSERT_EQUAL(pit_output(&pit, 0, now()), rows[i].mode != 0);
        count(0, rows[i].count);
        clk += rows[i].at;
        reads = r16(0x40);
        if (reads != rows[i].reads || pit_output(&pit, 0, now()) != rows[i].out)
            printf("row %u: reads %u\n", i, reads);
        CU_ASSERT_EQUAL(reads, rows[i].reads);
        CU_ASSERT_EQUAL(pit_output(&pit, 0, now()), rows[i].out);
    }
}

static void test_access(void)
{
    struct hvm_hw_pit s;

    start();
    w(0x43, 0x14); // lower byte only, mode 2
    w(0x40, 100);
    clk += 30;
    CU_ASSERT_EQUAL(r(0x40), 70);
    CU_ASSERT_EQUAL(r(0x40), 70);
    w(0x43, 0x24); // upper byte only
    w(0x40, 2);
    clk += 1;
    CU_ASSERT_EQUAL(r(0x40), 1);
    w(0x43, 0x35); // BCD, mode 2
    count(0, 0x1234);
    clk += 235;
    CU_ASSERT_EQUAL(r16(0x40), 0x0999);
    count(0, 0); // 10000, when this one is over
    clk += 999;
    CU_ASSERT_EQUAL(r16(0x40), 0); // is how it reads
    clk += 1;
    CU_ASSERT_EQUAL(r16(0x40), 0x9999);
    CU_ASSERT_EQUAL(r(0x43), 0xff);
    w(0x43, 0x31); // what is no BCD makes a count that there can be
    count(0, 0xffff);
    pit_save(&pit, &s);
    CU_ASSERT(pit_load(&pit, &s, false, now()));
}

static void test_latch(void)
{
    start();
    w(0x43, 0x34);
    count(0, 5000);
    clk += 1000;
    w(0x43, 0x00); // latch
    clk += 1000;
    w(0x43, 0x00); // is latched already
    CU_ASSERT_EQUAL(r16(0x40), 4000);
    CU_ASSERT_EQUAL(r16(0x40), 3000);
    w(0x43, 0xb0); // channel 2, mode 0, no count yet
    w(0x43, 0xe8); // status of channel 2
    CU_ASSERT_EQUAL(r(0x42), 0x70);
    count(2, 10);
    pit_write_speaker(&pit, 1, now());
    w(0x43, 0xc2 | 0x08); // status and count of channels 0 and 2: status goes first
    clk += 20;
    CU_ASSERT_EQUAL(r(0x40), 0xb4);
    CU_ASSERT_EQUAL(r16(0x40), 3000);
    CU_ASSERT_EQUAL(r(0x42), 0x30);
    CU_ASSERT_EQUAL(r16(0x42), 10);
    w(0x43, 0xe8);
    CU_ASSERT_EQUAL(r(0x42), 0xb0);
}

// As firmware and kernels measure their clocks by it.
static void test_speaker(void)
{
    start();
    pit_write_speaker(&pit, 1, now());
    w(0x43, 0xb0);
    count(2, 1000);
    CU_ASSERT_EQUAL(pit_read_speaker(&pit, now()) & 0x2f, 0x01);
    clk += 999;
    CU_ASSERT_EQUAL(pit_read_speaker(&pit, now()) & 0x2f, 0x01);
    clk += 1;
    CU_ASSERT_EQUAL(pit_read_speaker(&pit, now()) & 0x2f, 0x21);
    pit_write_speaker(&pit, 2, now());
    CU_ASSERT_EQUAL(pit_read_speaker(&pit, now()) & 0x2f, 0x22);
    count(2, 1000); // the gate is down: it waits
    clk += 5000;
    CU_ASSERT_EQUAL(r16(0x42), 1000);
    pit_write_speaker(&pit, 1, now());
    clk += 400;
    pit_write_speaker(&pit, 0, now());
    clk += 400;
    CU_ASSERT_EQUAL(r16(0x42), 600);
    pit_write_speaker(&pit, 1, now());
    clk += 600;
    CU_ASSERT(pit_output(&pit, 2, now()));
    w(0x43, 0xb2); // one shot by the gate's rise
    count(2, 100);
    CU_ASSERT(pit_output(&pit, 2, now()));
    pit_write_speaker(&pit, 0, now());
    pit_write_speaker(&pit, 1, now());
    CU_ASSERT(!pit_output(&pit, 2, now()));
    clk += 100;
    CU_ASSERT(pit_output(&pit, 2, now()));
    w(0x43, 0xb6); // a tone that the gate starts afresh
    count(2, 100);
    clk += 70;
    CU_ASSERT(!pit_output(&pit, 2, now()));
    pit_write_speaker(&pit, 0, now());
    CU_ASSERT(pit_output(&pit, 2, now()));
    pit_write_speaker(&pit, 1, now());
    clk += 49;
    CU_ASSERT(pit_output(&pit, 2, now()));
    clk += 1;
    CU_ASSERT(!pit_output(&pit, 2, now()));
}

static unsigned refresh_changes(void)
{
    unsigned changes = 0;

    for (unsigned i = 0, last = 0; i < 1000; i++, clk += 2) {
        unsigned bit = pit_read_speaker(&pit, now()) & 0x10;

        changes += bit != last;
        last = bit;
    }
    return changes;
}

// Lets time pass until the timer asks to be called, and calls it.
static bool next_tick(enum tick_line line)
{
    clk = clock_at(pit_when(&pit), PIT_HZ);
    return pit_tick(&pit, pit_when(&pit), line);
}

static void test_ticks(void)
{
    uint64_t begin;

    start();
    CU_ASSERT(refresh_changes() >= 100);
    CU_ASSERT_EQUAL(pit_when(&pit), NSEC_NEVER);
    w(0x43, 0x34);
    count(0, 11932);
    begin = clk;
    for (unsigned i = 1; i <= 1000; i++) {
        CU_ASSERT(next_tick(TICK_FREE));
        CU_ASSERT_EQUAL(clk, begin + 11932 * i); // no drift
    }
    count(0, 2000); // from the end of this period on
    CU_ASSERT(next_tick(TICK_FREE));
    CU_ASSERT_EQUAL(clk, begin + 11932 * 1001);
    CU_ASSERT(next_tick(TICK_FREE));
    CU_ASSERT_EQUAL(clk, begin + 11932 * 1001 + 2000);
    w(0x43, 0x30); // once
    CU_ASSERT_EQUAL(pit_when(&pit), NSEC_NEVER);
    begin = clk;
    count(0, 500);
    CU_ASSERT(next_tick(TICK_PENDING));
    CU_ASSERT_EQUAL(clk, begin + 500);
    CU_ASSERT_EQUAL(pit_when(&pit), NSEC_NEVER);
    w(0x43, 0x34);
    count(0, 1); // not more often than can be served
    begin = clk;
    CU_ASSERT(next_tick(TICK_FREE));
    CU_ASSERT(next_tick(TICK_FREE));
    CU_ASSERT(clk - begin >= 60);
}

// What falls due while the guest does not take interrupts is owed, comes at four times the pace at
// most, and is bounded.
static void test_owed(void)
{
    unsigned given = 0;
    uint64_t last;

    start();
    w(0x43, 0x34);
    count(0, 10000);
    for (unsigned i = 0; i < 8; i++)
        CU_ASSERT(!next_tick(TICK_PENDING));
    CU_ASSERT_EQUAL(pit.tick.owed, 8);
    last = clk;
    for (unsigned i = 0; i < 100 && pit.tick.owed; i++)
        if (next_tick(TICK_FREE)) {
            CU_ASSERT(clk - last >= 2500);
            last = clk;
            given++;
        }
    CU_ASSERT(given >= 10); // and those that fell due meanwhile
    CU_ASSERT_EQUAL(pit.tick.owed, 0);
    clk += 10000ull * 5000;
    CU_ASSERT(pit_tick(&pit, now(), TICK_FREE));
    CU_ASSERT_EQUAL(pit.tick.owed, TICK_MAX_OWED - 1);
    clk += 10000;
    CU_ASSERT(pit_tick(&pit, now(), TICK_MASKED)); // the PIC remembers one
    CU_ASSERT_EQUAL(pit.tick.owed, 0);
}

static void test_record(void)
{
    struct hvm_hw_pit s, bad;
    struct pit other;

    start();
    w(0x43, 0x34);
    count(0, 11932);
    w(0x43, 0xb6);
    w(0x42, 0x12); // half of a count
    pit_write_speaker(&pit, 3, now());
    pit_save(&pit, &s);
    CU_ASSERT_EQUAL(s.channels[0].count, 11932);
    CU_ASSERT_EQUAL(s.channels[0].mode, 2);
    CU_ASSERT(pit_load(&other, &s, true, now()));
    pit_save(&other, &bad);
    CU_ASSERT_EQUAL(memcmp(&bad, &s, sizeof(s)), 0);
    CU_ASSERT_EQUAL(clock_at(pit_when(&other), PIT_HZ), clk + 11932);
    pit_write(&other, 0x42, 0x34, now());
    CU_ASSERT_EQUAL(other.channel[2].s.count, 0x3412);
#define BAD(field, wrong) \
    bad = s;              \
    bad.field = wrong;    \
    CU_ASSERT(!pit_load(&other, &bad, false, now()))
    BAD(channels[0].count, 0);
    BAD(channels[1].count, 65537);
    BAD(channels[2].mode, 6);
    BAD(channels[2].bcd, 2);
    BAD(channels[0].gate, 0);
    BAD(channels[0].rw_mode, 4);
    BAD(channels[0].read_state, 5);
    BAD(channels[0].write_state, 5);
    BAD(channels[0].count_latched, 5);
    BAD(speaker_data_on, 2);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"modes", test_modes},     {"access", test_access}, {"latch", test_latch},
        {"speaker", test_speaker}, {"ticks", test_ticks},   {"ticks that are owed", test_owed},
        {"record", test_record},   CU_TEST_INFO_NULL,
    };

    return run_suite("PIT", tests);
}
