// The ACPI registers, against the ACPI specification, 4.8.3.
//
// sources: hypervisor/hvm/platform/pm.c
#include "hvm/platform/pm.h"
#include "tests/suite.h"

static struct pm pm;
static nsec_t now;

static void start(void)
{
    now = SECONDS(77);
    pm_init(&pm, now);
}

static uint32_t r(unsigned offset, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)pm_read(&pm, offset + i, now) << i * 8;
    return value;
}

static enum pm_sleep w(unsigned offset, uint16_t value)
{
    enum pm_sleep lower = pm_write(&pm, offset, (uint8_t)value, now);
    enum pm_sleep upper = pm_write(&pm, offset + 1, (uint8_t)(value >> 8), now);

    return upper ?: lower;
}

static void test_timer(void)
{
    nsec_t half = clock_time(1ull << 31, PM_HZ);

    start();
    CU_ASSERT_EQUAL(r(8, 4), 0);
    now += SECONDS(1);
    CU_ASSERT_EQUAL(r(8, 4), 3579545);
    pm_write(&pm, 8, 0xff, now); // read-only
    CU_ASSERT_EQUAL(r(8, 4), 3579545);
    CU_ASSERT_EQUAL(pm_when(&pm), NSEC_NEVER);
    w(2, 1);
    now = pm_when(&pm);
    CU_ASSERT(now >= SECONDS(77) + half - 300 && now <= SECONDS(77) + half + 300);
    CU_ASSERT_EQUAL(r(8, 4), 0x80000000);
    CU_ASSERT(pm_sci(&pm, now));
    CU_ASSERT_EQUAL(r(0, 2), 1);
    w(0, 1);
    CU_ASSERT(!pm_sci(&pm, now));
    now = pm_when(&pm);
    CU_ASSERT_EQUAL(r(8, 4), 0); // both ways
    CU_ASSERT(pm_sci(&pm, now));
    w(0, 1);
    w(2, 0);
    now += 2 * half; // both changes were missed
    CU_ASSERT(!pm_sci(&pm, now));
    CU_ASSERT_EQUAL(r(0, 2), 1);
}

static void test_events(void)
{
    start();
    pm_press(&pm, PM_POWER_BUTTON);
    CU_ASSERT(!pm_sci(&pm, now));
    w(2, 0xffff);
    CU_ASSERT_EQUAL(r(2, 2), 0x0721);
    CU_ASSERT(pm_sci(&pm, now));
    pm_press(&pm, PM_SLEEP_BUTTON);
    CU_ASSERT_EQUAL(r(0, 4), 0x07210300);
    w(0, PM_POWER_BUTTON);
    CU_ASSERT_EQUAL(r(0, 2), PM_SLEEP_BUTTON);
    pm_write(&pm, 1, 0x02, now); // by byte
    CU_ASSERT(!pm_sci(&pm, now));
    pm_press(&pm, 0x0020);
    CU_ASSERT_EQUAL(r(0, 2), 0); // not a button
}

static void test_control(void)
{
    start();
    CU_ASSERT_EQUAL(r(4, 2), 1); // ACPI mode, always
    CU_ASSERT_EQUAL(w(4, 0x1c02), PM_AWAKE);
    CU_ASSERT_EQUAL(r(4, 2), 0x1c03);
    CU_ASSERT_EQUAL(w(4, 0x2000), PM_OFF);
    CU_ASSERT_EQUAL(r(4, 2), 1); // the bit that starts it is not kept
    CU_ASSERT_EQUAL(w(4, 0x2000 | 6 << 10), PM_OFF);
    CU_ASSERT_EQUAL(w(4, 0x2000 | 1 << 10), PM_NO_SUCH_SLEEP);
    CU_ASSERT_EQUAL(pm_write(&pm, 5, 0x20, now), PM_OFF); // its upper byte alone
}

static void test_record(void)
{
    struct hvm_hw_pmtimer s;
    struct pm other;

    start();
    pm_press(&pm, PM_POWER_BUTTON);
    w(2, 0x100);
    now += SECONDS(10);
    pm_save(&pm, &s, now);
    now += SECONDS(1000); // of which the guest sees nothing
    CU_ASSERT(pm_load(&other, &s, true, now));
    pm = other;
    CU_ASSERT_EQUAL(r(8, 4), 35795450);
    CU_ASSERT(pm_sci(&pm, now));
    s.pm1a_en = 2;
    CU_ASSERT(!pm_load(&other, &s, false, now));
    s.pm1a_en = 0;
    s.pm1a_sts = 2;
    CU_ASSERT(!pm_load(&other, &s, false, now));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"timer", test_timer},   {"events", test_events}, {"control", test_control},
        {"record", test_record}, CU_TEST_INFO_NULL,
    };

    return run_suite("ACPI registers", tests);
}
