// The PC's clock, against the MC146818's manual; dates against the C library's.
//
// sources: hypervisor/hvm/platform/rtc.c
#define _GNU_SOURCE
#include <string.h>
#include <time.h>

#include "hvm/platform/rtc.h"
#include "platform/rtc.h"
#include "tests/suite.h"

#define BASE     1795200000ll // 2026-11-20 18:40:00 UTC, a Friday
#define FRACTION MILLISECONDS(250)

static struct rtc rtc;
static nsec_t now;

// What rtc.c asks of the other room.
int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    struct tm tm = {.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};

    return timegm(&tm) / 86400;
}

static void start(void)
{
    now = SECONDS(100);
    memset(&rtc, 0, sizeof(rtc));
    rtc_init(&rtc, now);
    rtc.utc_base = SECONDS(BASE - 100);
}

static void w(unsigned index, unsigned value)
{
    CU_ASSERT(rtc_write(&rtc, 0x70, (uint8_t)index, now));
    CU_ASSERT(rtc_write(&rtc, 0x71, (uint8_t)value, now));
}

static unsigned r(unsigned index)
{
    uint8_t value;

    CU_ASSERT(rtc_write(&rtc, 0x70, (uint8_t)index, now));
    CU_ASSERT(rtc_read(&rtc, 0x71, &value, now));
    return value;
}

static bool shows(unsigned year, unsigned month, unsigned day, unsigned h, unsigned m, unsigned s)
{
    return r(9) == year && r(8) == month && r(7) == day && r(4) == h && r(2) == m && r(0) == s;
}

static void test_time(void)
{
    start();
    CU_ASSERT(shows(0x26, 0x11, 0x20, 0x18, 0x40, 0x00));
    CU_ASSERT_EQUAL(r(6), 6); // Friday
    CU_ASSERT_EQUAL(r(13), 0x80);
    now += SECONDS(5 * 3600 + 20 * 60 + 7);
    CU_ASSERT(shows(0x26, 0x11, 0x21, 0x00, 0x00, 0x07));
    w(11, 0x06); // binary
    CU_ASSERT(shows(26, 11, 21, 0, 0, 7));
    w(11, 0x00); // BCD, 12 hours
    CU_ASSERT_EQUAL(r(4), 0x12);
    now += SECONDS(12 * 3600);
    CU_ASSERT_EQUAL(r(4), 0x92);
    now += SECONDS(11 * 3600);
    CU_ASSERT_EQUAL(r(4), 0x91); // 11 p.m.
}

// Every day of a century and more, as the C library has it.
static void test_dates(void)
{
    start();
    w(11, 0x06);
    for (int64_t t = 86399; t < 4100000000ll; t += 86400) {
        struct tm tm;
        time_t c = t;

        rtc.utc_base = SECONDS(t) - now;
        gmtime_r(&c, &tm);
        if (!shows((unsigned)tm.tm_year % 100, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday, 23,
                   59, 59) ||
            r(6) != (unsigned)tm.tm_wday + 1) {
            CU_FAIL("a date");
            return;
        }
    }
}

static void test_setting(void)
{
    start();
    w(11, 0x82); // held
    now += SECONDS(1000);
    CU_ASSERT(shows(0x26, 0x11, 0x20, 0x18, 0x40, 0x00));
    w(9, 0x30);
    w(8, 0x02);
    w(7, 0x28);
    w(4, 0x23);
    w(2, 0x59);
    w(0, 0x58);
    w(11, 0x02); // goes on
    CU_ASSERT(shows(0x30, 0x02, 0x28, 0x23, 0x59, 0x58));
    now += SECONDS(2);
    CU_ASSERT(shows(0x30, 0x03, 0x01, 0x00, 0x00, 0x00));
    w(2, 0x30); // while it runs
    CU_ASSERT(shows(0x30, 0x03, 0x01, 0x00, 0x30, 0x00));
    w(10, 0x66); // the divider held
    now += SECONDS(100);
    CU_ASSERT(shows(0x30, 0x03, 0x01, 0x00, 0x30, 0x00));
    w(9, 0x99);
    w(8, 0x99); // not a date
    w(10, 0x26);
    CU_ASSERT_EQUAL(r(9), 0x99);
    CU_ASSERT(r(8) <= 0x12);
    w(9, 0x70);
    CU_ASSERT(rtc.s.rtc_offset < 0);
}

static void test_updating(void)
{
    start();
    now += SECONDS(1) - MICROSECONDS(2229);
    CU_ASSERT(!(r(10) & 0x80));
    now += MICROSECONDS(2);
    CU_ASSERT(r(10) & 0x80);
    w(11, 0x82);
    CU_ASSERT(!(r(10) & 0x80));
    w(11, 0x02);
    now += MICROSECONDS(2228);
    CU_ASSERT(!(r(10) & 0x80));
}

static nsec_t fires(void)
{
    now = rtc_when(&rtc);
    if (now == NSEC_NEVER)
        return 0;
    CU_ASSERT(rtc_interrupt(&rtc, now));
    return now;
}

static void test_update_interrupt(void)
{
    start();
    now += FRACTION;
    CU_ASSERT_EQUAL(rtc_when(&rtc), NSEC_NEVER);
    r(12);
    now += SECONDS(3);
    CU_ASSERT_EQUAL(r(12), 0x10 | 0x00); // the flag alone
    w(11, 0x12);
    CU_ASSERT_EQUAL(fires(), SECONDS(104));
    CU_ASSERT_EQUAL(r(12), 0x90);
    CU_ASSERT_EQUAL(r(12), 0);
    CU_ASSERT(!rtc_interrupt(&rtc, now));
    CU_ASSERT_EQUAL(fires(), SECONDS(105));
    CU_ASSERT_EQUAL(rtc_when(&rtc), NSEC_NEVER); // until it is read
    w(11, 0x92);                                 // SET ends it
    CU_ASSERT_EQUAL(r(11), 0x82);
    CU_ASSERT(!rtc_interrupt(&rtc, now));
}

static void test_alarm(void)
{
    static const struct {
        uint8_t h, m, s;
        unsigned after;
    } rows[] = {
        {0x18, 0x40, 0x01, 1},     {0x18, 0x40, 0x00, 86400},   {0x18, 0x41, 0x30, 90},
        {0x19, 0x00, 0x00, 1200},  {0x00, 0x00, 0x00, 19200},   {0xff, 0xff, 0xff, 1},
        {0xff, 0xff, 0x10, 10},    {0xc0, 0x39, 0x00, 59 * 60}, {0xff, 0x40, 0xff, 1},
        {0x17, 0xff, 0xff, 80400}, {0x25, 0x00, 0x00, 0},       {0x00, 0x61, 0x00, 0},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        w(5, rows[i].h);
        w(3, rows[i].m);
        w(1, rows[i].s);
        w(11, 0x22);
        CU_ASSERT_EQUAL(fires(), rows[i].after ? SECONDS(100 + rows[i].after) : 0);
        if (rows[i].after)
            CU_ASSERT_EQUAL(r(12) & 0xa0, 0xa0);
    }
    start(); // looked at late
    w(5, 0x19);
    w(3, 0);
    w(1, 0);
    now += SECONDS(1199);
    CU_ASSERT(!(r(12) & 0x20));
    now += SECONDS(5000);
    CU_ASSERT_EQUAL(r(12), 0x30);
}

// An alarm that is no time is as quickly found never to come as others when.
static void test_no_alarm(void)
{
    clock_t began = clock();

    start();
    w(5, 0xff);
    w(3, 0xff);
    w(1, 0x99);
    w(11, 0x22);
    for (unsigned i = 0; i < 2000; i++)
        CU_ASSERT_FATAL(rtc_when(&rtc) == NSEC_NEVER);
    w(3, 0x99);
    w(1, 0xff);
    for (unsigned i = 0; i < 20000; i++)
        CU_ASSERT_FATAL(rtc_when(&rtc) == NSEC_NEVER);
    CU_ASSERT(clock() - began < CLOCKS_PER_SEC / 4);
}

static void test_periodic(void)
{
    static const struct {
        unsigned rate;
        nsec_t period;
    } rows[] = {{1, 3906250}, {2, 7812500}, {3, 122070},
                {6, 976562},  {9, 7812500}, {15, 500000000}};

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        nsec_t begin;

        start();
        w(10, 0x20 | rows[i].rate);
        w(11, 0x42);
        begin = now;
        for (unsigned n = 1; n <= 3; n++) {
            CU_ASSERT_EQUAL(fires(), begin + rows[i].period * n);
            CU_ASSERT_EQUAL(r(12) & 0xc0, 0xc0);
        }
    }
    for (unsigned n = 0; n < 4; n++) // not read: owed
        rtc_interrupt(&rtc, now += SECONDS(1));
    CU_ASSERT_EQUAL(rtc.tick.owed, 7);
    r(12);
    CU_ASSERT(fires() <= now + SECONDS(1));
    w(10, 0x20);
    CU_ASSERT_EQUAL(rtc_when(&rtc), NSEC_NEVER);
}

static void test_others(void)
{
    uint8_t value = 0x5a;

    start();
    CU_ASSERT(!rtc_write(&rtc, 0x70, 0x8e, now)); // memory behind the clock: the model's
    CU_ASSERT(!rtc_write(&rtc, 0x71, 1, now));
    CU_ASSERT(!rtc_read(&rtc, 0x71, &value, now));
    CU_ASSERT_EQUAL(rtc.s.cmos_index, 14);
    w(12, 0xff);
    w(13, 0);
    CU_ASSERT_EQUAL(r(12), 0);
    CU_ASSERT_EQUAL(r(13), 0x80);
    w(10, 0xff);
    CU_ASSERT_EQUAL(r(10), 0x7f);
}

static void test_record(void)
{
    struct hvm_hw_rtc s;
    struct rtc other = {.utc_base = SECONDS(BASE - 100)};

    start();
    w(9, 0x40);
    w(11, 0x42);
    s = rtc.s;
    CU_ASSERT(rtc_load(&other, &s, true, now));
    CU_ASSERT_EQUAL(other.s.rtc_offset, rtc.s.rtc_offset);
    CU_ASSERT_EQUAL(rtc_when(&other), now + 976562);
    s.cmos_index = 0x80;
    CU_ASSERT(!rtc_load(&other, &s, false, now));
    s.cmos_index = 0x7f;
    CU_ASSERT(rtc_load(&other, &s, false, now));
    s.cmos_data[12] = 1;
    CU_ASSERT(!rtc_load(&other, &s, false, now));
    s.cmos_data[12] = 0;
    s.cmos_data[13] = 0;
    CU_ASSERT(!rtc_load(&other, &s, false, now));
    s.cmos_data[13] = 0x80;
    s.rtc_offset = RTC_MAX_OFFSET + 1;
    CU_ASSERT(!rtc_load(&other, &s, false, now));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"time", test_time},
        {"dates", test_dates},
        {"setting it", test_setting},
        {"update in progress", test_updating},
        {"update interrupt", test_update_interrupt},
        {"alarm", test_alarm},
        {"no alarm", test_no_alarm},
        {"periodic interrupt", test_periodic},
        {"other bytes", test_others},
        {"record", test_record},
        CU_TEST_INFO_NULL,
    };

    return run_suite("RTC", tests);
}
