#include "hvm/platform/hpet.h"

#include "lib/string.h"

enum { R_CAPABILITY = 0x00, R_CONFIG = 0x10, R_STATUS = 0x20, R_COUNTER = 0xf0, R_TIMERS = 0x100 };
enum { T_CONFIG = 0x00, T_COMPARATOR = 0x08, T_BYTES = 0x20 };

// Period in femtoseconds; Intel's number; legacy routes, 64 bits, three timers, revision 1.
#define CAPABILITY (1000000000000000ull / HPET_HZ << 32 | 0x8086a201u)
#define ENABLED    0x1u
#define LEGACY     0x2u
#define LEVEL      0x002u
#define INTERRUPT  0x004u
#define PERIODIC   0x008u
#define SET_VALUE  0x040u // the next write of the comparator sets it, not the period alone
#define MODE_32    0x100u
#define WRITABLE   0x3f4eu
#define FIXED      (0x00f00000ull << 32 | 0x30u) // inputs 20 to 23; 64 bits, can be periodic
#define FAR        (1ull << 62)                  // beyond all time

static uint64_t clock(nsec_t now)
{
    return clock_at(now, HPET_HZ);
}

static bool is_enabled(const struct hpet *h)
{
    return h->s.config & ENABLED;
}

bool hpet_is_legacy(const struct hpet *h)
{
    return h->s.config & LEGACY;
}

static uint64_t counter(const struct hpet *h, nsec_t now)
{
    return is_enabled(h) ? clock(now) + h->offset : h->s.mc64;
}

static uint64_t width(const struct hpet *h, unsigned timer)
{
    return h->s.timers[timer].config & MODE_32 ? UINT32_MAX : UINT64_MAX;
}

// Moves the comparator of a periodic timer beyond the counter. A comparator more than half of all
// values ahead is taken to be behind.
static void catch_up(struct hpet *h, unsigned timer, nsec_t now)
{
    uint64_t mask = width(h, timer), period = h->s.period[timer] & mask;
    uint64_t *cmp = &h->s.timers[timer].cmp, behind = (counter(h, now) - *cmp) & mask;

    if (!(h->s.timers[timer].config & PERIODIC) || !period || !is_enabled(h) || behind > mask / 2)
        return;
    *cmp = (*cmp + (behind / period + 1) * period) & mask;
}

static void restart(struct hpet *h, unsigned timer, nsec_t now)
{
    uint64_t mask = width(h, timer), config = h->s.timers[timer].config, ahead;
    uint64_t period = config & PERIODIC ? h->s.period[timer] & mask : 0;

    tick_stop(&h->tick[timer]);
    if (!is_enabled(h) || !(config & (INTERRUPT | LEVEL)) || ((config & PERIODIC) && !period))
        return;
    catch_up(h, timer, now);
    ahead = (h->s.timers[timer].cmp - counter(h, now)) & mask;
    if (ahead < FAR)
        tick_start(&h->tick[timer], clock(now) + ahead, MIN(period, FAR / 2), HPET_HZ);
}

static void restart_all(struct hpet *h, nsec_t now)
{
    for (unsigned i = 0; i < HPET_TIMER_NUM; i++)
        restart(h, i, now);
}

uint64_t hpet_read(struct hpet *h, unsigned offset, nsec_t now)
{
    unsigned timer = (offset - R_TIMERS) / T_BYTES;

    switch (offset) {
    case R_CAPABILITY:
        return h->s.capability;
    case R_CONFIG:
        return h->s.config;
    case R_STATUS:
        return h->s.isr;
    case R_COUNTER:
        return counter(h, now);
    }
    if (offset < R_TIMERS || timer >= HPET_TIMER_NUM)
        return 0;
    timer = (unsigned)index_nospec(timer, HPET_TIMER_NUM);
    switch (offset % T_BYTES) {
    case T_CONFIG:
        return h->s.timers[timer].config;
    case T_COMPARATOR:
        catch_up(h, timer, now);
        return h->s.timers[timer].cmp;
    default:
        return 0; // messages of its own it does not send
    }
}

// The counter goes on from where it is, or from `value`.
static void set_counter(struct hpet *h, uint64_t config, uint64_t value, nsec_t now)
{
    h->s.config = config & (ENABLED | LEGACY);
    h->s.mc64 = value;
    h->offset = value - clock(now);
    restart_all(h, now);
}

static void write_comparator(struct hpet *h, unsigned timer, uint64_t value, uint64_t mask)
{
    uint64_t *config = &h->s.timers[timer].config, *cmp = &h->s.timers[timer].cmp;

    if (!(*config & PERIODIC) || (*config & SET_VALUE))
        *cmp = ((*cmp & ~mask) | (value & mask)) & width(h, timer);
    if (*config & PERIODIC)
        h->s.period[timer] = ((h->s.period[timer] & ~mask) | (value & mask)) & width(h, timer);
    *config &= ~(uint64_t)SET_VALUE;
}

static void write_timer(struct hpet *h, unsigned timer, unsigned offset, uint64_t value,
                        uint64_t mask, nsec_t now)
{
    uint64_t *config = &h->s.timers[timer].config;

    catch_up(h, timer, now);
    if (offset == T_COMPARATOR) {
        write_comparator(h, timer, value, mask);
    } else if (offset == T_CONFIG) {
        *config = (*config & ~(mask & WRITABLE)) | (value & mask & WRITABLE);
        h->s.timers[timer].cmp &= width(h, timer);
        if (!(*config & LEVEL))
            h->s.isr &= ~(1ull << timer);
    }
    restart(h, timer, now);
}

void hpet_write(struct hpet *h, unsigned offset, uint64_t value, uint64_t mask, nsec_t now)
{
    unsigned timer = (offset - R_TIMERS) / T_BYTES;

    value &= mask;
    if (offset == R_CONFIG)
        set_counter(h, (h->s.config & ~mask) | value, counter(h, now), now);
    else if (offset == R_STATUS)
        h->s.isr &= ~value; // written as 1 they go out
    else if (offset == R_COUNTER)
        set_counter(h, h->s.config, (counter(h, now) & ~mask) | value, now);
    else if (offset >= R_TIMERS && timer < HPET_TIMER_NUM)
        write_timer(h, (unsigned)index_nospec(timer, HPET_TIMER_NUM), offset % T_BYTES, value, mask,
                    now);
}

int hpet_line(const struct hpet *h, unsigned timer)
{
    unsigned route = h->s.timers[timer].config >> 9 & 31;

    if (!(h->s.timers[timer].config & INTERRUPT))
        return -1;
    if (hpet_is_legacy(h) && timer < 2)
        return timer ? 8 : 0;
    return FIXED >> 32 >> route & 1 ? (int)route : -1;
}

bool hpet_tick(struct hpet *h, unsigned timer, nsec_t now, enum tick_line line)
{
    struct tick *t = &h->tick[timer];
    uint64_t config = h->s.timers[timer].config, due = t->next;
    bool waits = h->s.isr >> timer & 1;

    if (!tick_take(t, clock(now), config & LEVEL ? (waits ? TICK_PENDING : TICK_FREE) : line))
        return false;
    if (!(config & PERIODIC) && (config & MODE_32)) // it comes round again
        tick_start(t, due + (1ull << 32), 0, HPET_HZ);
    if (config & LEVEL)
        h->s.isr |= 1ull << timer;
    return !(config & LEVEL);
}

uint64_t hpet_levels(const struct hpet *h)
{
    uint64_t lines = 0;

    for (unsigned i = 0; i < HPET_TIMER_NUM; i++)
        if ((h->s.isr >> i & 1) && hpet_line(h, i) >= 0)
            lines |= 1ull << hpet_line(h, i);
    return lines;
}

nsec_t hpet_when(const struct hpet *h)
{
    uint64_t when = TICK_NEVER;

    for (unsigned i = 0; i < HPET_TIMER_NUM; i++)
        when = MIN(when, tick_when(&h->tick[i]));
    return clock_time(when, HPET_HZ);
}

void hpet_init(struct hpet *h)
{
    memset(h, 0, sizeof(*h));
    h->s.capability = CAPABILITY;
    for (unsigned i = 0; i < HPET_TIMER_NUM; i++) {
        h->s.timers[i].config = FIXED;
        h->s.timers[i].cmp = UINT64_MAX;
        tick_stop(&h->tick[i]);
    }
}

void hpet_save(struct hpet *h, struct hvm_hw_hpet *s, nsec_t now)
{
    for (unsigned i = 0; i < HPET_TIMER_NUM; i++)
        catch_up(h, i, now);
    *s = h->s;
    s->mc64 = counter(h, now);
}

bool hpet_load(struct hpet *h, const struct hvm_hw_hpet *s, bool commit, nsec_t now)
{
    if (s->capability != CAPABILITY || (s->config & ~(uint64_t)(ENABLED | LEGACY)) ||
        s->isr >> HPET_TIMER_NUM)
        return false;
    for (unsigned i = 0; i < HPET_TIMER_NUM; i++)
        if ((s->timers[i].config & ~(uint64_t)WRITABLE) != FIXED)
            return false;
    if (commit) {
        h->s = *s;
        set_counter(h, s->config, s->mc64, now);
    }
    return true;
}
