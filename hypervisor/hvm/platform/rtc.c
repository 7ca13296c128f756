// The clock shows the machine's wall clock, moved by an offset of whole seconds. It is kept in its
// registers only while it is held (SET, or its divider is off): then they are what it will go on
// from.
//
// Not as the manual has it: a second's update takes no time, the last part of a second only looks
// like it (UIP); the divider's reset does not move the beginning of seconds; daylight saving never
// comes. A year below 70 is of the 21st century.
#include "hvm/platform/rtc.h"

#include "lib/string.h"
#include "platform/rtc.h"

enum { SEC, SEC_ALARM, MIN_, MIN_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };

#define A_UPDATING  0x80
#define A_DIVIDER   0x70
#define A_RUNNING   0x20 // the divider for a crystal of 32768 Hz
#define A_RATE      0x0f
#define B_SET       0x80
#define B_PERIODIC  0x40 // these three bits of B enable those of C
#define B_ALARM     0x20
#define B_UPDATE    0x10
#define B_BINARY    0x04
#define B_24_HOURS  0x02
#define FLAGS       (B_PERIODIC | B_ALARM | B_UPDATE)
#define C_IRQ       0x80
#define D_VALID     0x80
#define PM          0x80
#define ANY         0xc0 // from here on an alarm byte stands for every value
#define DAY_SECONDS 86400
#define UPDATE_NS   MICROSECONDS(244 + 1984)

static bool is_running(const struct rtc *r)
{
    return (r->s.cmos_data[A] & A_DIVIDER) == A_RUNNING && !(r->s.cmos_data[B] & B_SET);
}

// What it shows, in ns since 1970, at a system time. Never before then.
static int64_t shown(const struct rtc *r, nsec_t now)
{
    return MAX(r->utc_base + now + SECONDS(r->s.rtc_offset), 0);
}

static uint8_t coded(const struct rtc *r, unsigned n)
{
    return (uint8_t)(r->s.cmos_data[B] & B_BINARY ? n : n / 10 << 4 | n % 10);
}

static unsigned decoded(const struct rtc *r, uint8_t n)
{
    return r->s.cmos_data[B] & B_BINARY ? n : (unsigned)(n >> 4) * 10 + (n & 15);
}

static uint8_t coded_hour(const struct rtc *r, unsigned hour)
{
    if (r->s.cmos_data[B] & B_24_HOURS)
        return coded(r, hour);
    return coded(r, hour % 12 ?: 12) | (hour >= 12 ? PM : 0);
}

static unsigned decoded_hour(const struct rtc *r, uint8_t n)
{
    if (r->s.cmos_data[B] & B_24_HOURS)
        return decoded(r, n);
    return decoded(r, n & 0x7f) % 12 + (n & PM ? 12 : 0);
}

// Puts the time into the registers.
static void show(struct rtc *r, nsec_t now)
{
    int64_t seconds = shown(r, now) / SECONDS(1), days = seconds / DAY_SECONDS;
    unsigned in_day = (unsigned)(seconds % DAY_SECONDS), month = 1;
    int64_t year = 1970 + days / 366;
    uint8_t *c = r->s.cmos_data;

    while (days_from_date(year + 1, 1, 1) <= days)
        year++;
    while (month < 12 && days_from_date(year, month + 1, 1) <= days)
        month++;
    c[SEC] = coded(r, in_day % 60);
    c[MIN_] = coded(r, in_day / 60 % 60);
    c[HOUR] = coded_hour(r, in_day / 3600);
    c[WEEKDAY] = coded(r, (unsigned)((days + 4) % 7 + 1)); // Sunday is 1
    c[DAY] = coded(r, (unsigned)(days - days_from_date(year, month, 1) + 1));
    c[MONTH] = coded(r, month);
    c[YEAR] = coded(r, (unsigned)(year % 100));
}

// Goes on from what the registers say, which need not be a date.
static void set_time(struct rtc *r, nsec_t now)
{
    const uint8_t *c = r->s.cmos_data;
    unsigned year = decoded(r, c[YEAR]), month = decoded(r, c[MONTH]);
    int64_t days = days_from_date(year + (year < 70 ? 2000 : 1900), MIN(MAX(month, 1u), 12u), 1);
    int64_t seconds = (days + decoded(r, c[DAY]) - 1) * DAY_SECONDS +
                      decoded_hour(r, c[HOUR]) * 3600 + decoded(r, c[MIN_]) * 60 +
                      decoded(r, c[SEC]);

    r->s.rtc_offset = MAX(seconds, 0) - (r->utc_base + now) / SECONDS(1);
}

static bool alarm_is(uint8_t alarm, unsigned wanted, unsigned value)
{
    return alarm >= ANY || wanted == value;
}

// Seconds until the alarm is met, from a second of the day on; 0: never.
static unsigned until_alarm(const struct rtc *r, unsigned from)
{
    const uint8_t *c = r->s.cmos_data;
    unsigned hour = decoded_hour(r, c[HOUR_ALARM]), minute = decoded(r, c[MIN_ALARM]);
    unsigned second = decoded(r, c[SEC_ALARM]);

    if ((c[MIN_ALARM] < ANY && minute > 59) || (c[SEC_ALARM] < ANY && second > 59))
        return 0; // not to be looked for in all of a day
    for (unsigned n = 1; n <= DAY_SECONDS;) {
        unsigned t = (from + n) % DAY_SECONDS;

        if (!alarm_is(c[HOUR_ALARM], hour, t / 3600))
            n += 3600 - t % 3600;
        else if (!alarm_is(c[MIN_ALARM], minute, t / 60 % 60))
            n += 60 - t % 60;
        else if (!alarm_is(c[SEC_ALARM], second, t % 60))
            n++;
        else
            return n;
    }
    return 0;
}

static void raise(struct rtc *r, uint8_t flags)
{
    uint8_t *c = r->s.cmos_data;

    c[C] |= flags;
    c[C] = c[C] & FLAGS & c[B] ? c[C] | C_IRQ : c[C] & (uint8_t)~C_IRQ;
}

// The flags of what has happened since it was looked at last.
static void look(struct rtc *r, nsec_t now)
{
    int64_t before = shown(r, r->looked) / SECONDS(1), after = shown(r, now) / SECONDS(1);
    bool waits = r->s.cmos_data[C] & r->s.cmos_data[B] & B_PERIODIC;
    uint8_t flags = 0;

    if (is_running(r) && after > before) {
        unsigned alarm = until_alarm(r, (unsigned)(before % DAY_SECONDS));

        flags = B_UPDATE | (alarm && alarm <= after - before ? B_ALARM : 0);
    }
    // The flag is what waits: a guest that has not read it has not seen the tick before.
    if (tick_take(&r->tick, (uint64_t)now, waits ? TICK_PENDING : TICK_FREE))
        flags |= B_PERIODIC;
    r->looked = now;
    raise(r, flags);
}

bool rtc_interrupt(struct rtc *r, nsec_t now)
{
    look(r, now);
    return r->s.cmos_data[C] & C_IRQ;
}

// Only for interrupts that are enabled and not up yet: flags alone are made when they are read.
nsec_t rtc_when(const struct rtc *r)
{
    uint8_t wanted = r->s.cmos_data[B] & (uint8_t)~r->s.cmos_data[C];
    int64_t second = shown(r, r->looked) / SECONDS(1);
    uint64_t when = tick_when(&r->tick);
    unsigned n = 0;

    if (is_running(r) && (wanted & B_UPDATE))
        n = 1;
    else if (is_running(r) && (wanted & B_ALARM))
        n = until_alarm(r, (unsigned)(second % DAY_SECONDS));
    if (n) // from the time shown back to system time
        when = MIN(when, (uint64_t)MAX(SECONDS(second + n - r->s.rtc_offset) - r->utc_base, 0));
    return (nsec_t)MIN(when, (uint64_t)NSEC_NEVER);
}

// Rates 1 and 2 are those of 8 and 9.
static void restart_tick(struct rtc *r, nsec_t now)
{
    unsigned rate = r->s.cmos_data[A] & A_RATE;
    uint64_t period = (uint64_t)SECONDS(1) << ((rate < 3 ? rate + 7 : rate) - 1) >> 15;

    tick_stop(&r->tick);
    if (rate && (r->s.cmos_data[B] & B_PERIODIC) && (r->s.cmos_data[A] & A_DIVIDER) == A_RUNNING)
        tick_start(&r->tick, (uint64_t)now + period, period, SECONDS(1));
}

static bool is_time(unsigned index)
{
    return index <= YEAR && (index >= WEEKDAY || !(index & 1));
}

// Writes one of A and B. Where the clock stops, its registers hold the time; where it starts, it
// goes on from there.
static void write_control(struct rtc *r, unsigned index, uint8_t value, nsec_t now)
{
    uint8_t *c = r->s.cmos_data, old = c[index];
    bool was_running = is_running(r);

    if (was_running)
        show(r, now);
    if (index == A)
        c[A] = value & (uint8_t)~A_UPDATING;
    else
        c[B] = value & B_SET ? value & (uint8_t)~B_UPDATE : value;
    if (!was_running && is_running(r))
        set_time(r, now);
    if ((index == A && c[A] != old) || ((old ^ c[index]) & B_PERIODIC))
        restart_tick(r, now);
    raise(r, 0);
}

bool rtc_write(struct rtc *r, unsigned port, uint8_t value, nsec_t now)
{
    unsigned index = r->s.cmos_index;

    if (!(port & 1)) {
        r->s.cmos_index = value & 0x7f;
        return r->s.cmos_index < RTC_CMOS_SIZE;
    }
    if (index >= RTC_CMOS_SIZE)
        return false;
    look(r, now);
    if (index == A || index == B) {
        write_control(r, index, value, now);
    } else if (is_time(index) && is_running(r)) {
        show(r, now);
        r->s.cmos_data[index] = value;
        set_time(r, now);
    } else if (index < A) {
        r->s.cmos_data[index] = value;
    }
    return true;
}

static uint8_t read_register(struct rtc *r, unsigned index, nsec_t now)
{
    uint8_t *c = r->s.cmos_data, value;

    look(r, now);
    if (is_time(index) && is_running(r))
        show(r, now);
    value = c[index];
    if (index == A && is_running(r) && shown(r, now) % SECONDS(1) >= SECONDS(1) - UPDATE_NS)
        value |= A_UPDATING;
    if (index == C)
        c[C] = 0;
    return value;
}

// The index is not to be read.
bool rtc_read(struct rtc *r, unsigned port, uint8_t *value, nsec_t now)
{
    *value = 0xff;
    if (port & 1 && r->s.cmos_index < RTC_CMOS_SIZE)
        *value = read_register(r, r->s.cmos_index, now);
    return r->s.cmos_index < RTC_CMOS_SIZE;
}

void rtc_init(struct rtc *r, nsec_t now)
{
    memset(r, 0, sizeof(*r));
    r->s.cmos_data[A] = A_RUNNING | 6; // 1024 Hz
    r->s.cmos_data[B] = B_24_HOURS;
    r->s.cmos_data[D] = D_VALID;
    r->looked = now;
    tick_stop(&r->tick);
}

bool rtc_load(struct rtc *r, const struct hvm_hw_rtc *s, bool commit, nsec_t now)
{
    const uint8_t *c = s->cmos_data;

    if (s->cmos_index > 0x7f || (c[C] & 0x0f) || c[D] != D_VALID ||
        s->rtc_offset > RTC_MAX_OFFSET || s->rtc_offset < -RTC_MAX_OFFSET)
        return false;
    if (!commit)
        return true;
    r->s = *s;
    r->s.cmos_data[A] &= (uint8_t)~A_UPDATING;
    r->looked = now;
    restart_tick(r, now);
    raise(r, 0);
    return true;
}
