// MC146818 real-time clock.
#include "platform/rtc.h"

#include <stdbool.h>

#include "cpu/asm.h"
#include "lib/log.h"
#include "lib/string.h"
#include "platform/acpi.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

enum {
    REG_SECONDS = 0,
    REG_MINUTES = 2,
    REG_HOURS = 4,
    REG_DAY = 7,
    REG_MONTH = 8,
    REG_YEAR = 9,
    REG_A = 10,
    REG_B = 11,
};
#define A_UPDATING 0x80
#define B_BINARY   0x04
#define B_24_HOURS 0x02
#define HOURS_PM   0x80
// An update takes about 2 ms; a read about 1 us.
#define UPDATE_PATIENCE 100000
#define READ_ATTEMPTS   8

struct rtc_time {
    uint8_t seconds, minutes, hours, day, month, year, century;
};

static uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

static void read_registers(struct rtc_time *t)
{
    for (unsigned i = 0; i < UPDATE_PATIENCE && (cmos_read(REG_A) & A_UPDATING); i++)
        ;
    t->seconds = cmos_read(REG_SECONDS);
    t->minutes = cmos_read(REG_MINUTES);
    t->hours = cmos_read(REG_HOURS);
    t->day = cmos_read(REG_DAY);
    t->month = cmos_read(REG_MONTH);
    t->year = cmos_read(REG_YEAR);
    t->century = acpi.fixed.rtc_century ? cmos_read(acpi.fixed.rtc_century) : 0;
}

static unsigned number(uint8_t v, bool binary)
{
    return binary ? v : (unsigned)(v >> 4) * 10 + (v & 15);
}

static unsigned hour(uint8_t v, uint8_t mode)
{
    unsigned h = number(v & ~HOURS_PM, mode & B_BINARY);

    if (mode & B_24_HOURS)
        return number(v, mode & B_BINARY);
    return h % 12 + (v & HOURS_PM ? 12 : 0);
}

// Counts years from March on, so that the leap day comes last.
int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t to_seconds(const struct rtc_time *t, uint8_t mode)
{
    bool binary = mode & B_BINARY;
    unsigned month = number(t->month, binary), day = number(t->day, binary);
    unsigned year = number(t->year, binary), century = number(t->century, binary);
    unsigned h = hour(t->hours, mode), m = number(t->minutes, binary);
    unsigned s = number(t->seconds, binary);

    if (century < 19 || century > 99)
        century = year < 70 ? 20 : 19;
    if (month < 1 || month > 12 || day < 1 || day > 31 || h > 23 || m > 59 || s > 59 || year > 99)
        return 0;
    return ((days_from_date(century * 100 + year, month, day) * 24 + h) * 60 + m) * 60 + s;
}

int64_t wallclock_read(void)
{
    struct rtc_time a, b;
    int64_t seconds;

    if (acpi.fixed.present && acpi.fixed.no_rtc)
        return 0;
    read_registers(&a);
    for (unsigned i = 0; i < READ_ATTEMPTS; i++) {
        b = a;
        read_registers(&a);
        if (!memcmp(&a, &b, sizeof(a)))
            break; // twice the same: no update came between
    }
    seconds = to_seconds(&a, cmos_read(REG_B));
    if (!seconds)
        log_warn("the CMOS clock makes no sense\n");
    return seconds;
}
