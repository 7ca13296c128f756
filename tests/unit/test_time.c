// Arithmetic of clocks: the scale from counter ticks to nanoseconds, and dates.
//
// sources: hypervisor/cpu/time_scale.c hypervisor/platform/rtc.c
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <time.h>

#include "cpu/time_impl.h"
#include "lib/log.h"
#include "platform/acpi.h"
#include "platform/rtc.h"
#include "tests/suite.h"

struct acpi_info acpi;

void log_print(enum log_level level, const char *fmt, ...)
{
}

static void check_scale(uint64_t hz)
{
    uint32_t mul;
    int8_t shift;
    uint64_t last = 0;

    scale_from_hz(hz, &mul, &shift);
    CU_ASSERT_TRUE(mul >= 0x7fffff00); // as exact as 32 bits can be
    // A second is a second to within a part in 2^30, an hour too.
    CU_ASSERT_TRUE(llabs((long long)scale_apply(hz, mul, shift) - 1000000000) <= 2);
    CU_ASSERT_TRUE(llabs((long long)scale_apply(hz * 3600, mul, shift) - 3600000000000) <= 4000);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = scale_apply(hz / 3 + i, mul, shift);

        CU_ASSERT_TRUE(now >= last);
        last = now;
    }
    // Long uptimes do not wrap: thirty years.
    CU_ASSERT_TRUE(scale_apply(hz * 86400 * 365 * 30, mul, shift) / 1000000000 >
                   86400ull * 364 * 30);
}

static void test_scale(void)
{
    static const uint64_t fixed[] = {1000000,    14318180,   50000000,   999999999,  1000000000,
                                     1000000001, 1999999999, 2000000000, 2000000001, 3579545000,
                                     4000000000, 4000000001, 5000000000};

    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        check_scale(fixed[i]);
    srandom(1);
    for (unsigned i = 0; i < 200; i++)
        check_scale(1000000 + (uint64_t)random() * 3);
}

static void test_mul_div(void)
{
    srandom(1);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t a = (uint64_t)random() << 16 ^ (uint64_t)random();
        uint64_t b = (uint64_t)random() << 16 ^ (uint64_t)random();
        uint64_t c = ((uint64_t)random() << 16 | 1) + (a > b ? a : b);

        CU_ASSERT_EQUAL(mul_div(a, b, c), (uint64_t)((unsigned __int128)a * b / c));
    }
}

static void test_dates(void)
{
    struct tm t = {.tm_year = 0, .tm_mday = 1};

    CU_ASSERT_EQUAL(days_from_date(1970, 1, 1), 0);
    CU_ASSERT_EQUAL(days_from_date(2000, 2, 29), 11016);
    for (unsigned i = 0; i < 366 * 250; i++) { // 1900 to 2150, day by day
        time_t s = timegm(&t);

        CU_ASSERT_EQUAL(
            days_from_date(t.tm_year + 1900, (unsigned)t.tm_mon + 1, (unsigned)t.tm_mday) * 86400,
            s);
        t.tm_mday++;
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"scale", test_scale},
        {"128-bit arithmetic", test_mul_div},
        {"dates", test_dates},
        CU_TEST_INFO_NULL,
    };

    return run_suite("time", tests);
}
