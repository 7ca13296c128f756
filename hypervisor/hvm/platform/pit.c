// A channel is not counted down but computed, from the clock when its count began.
//
// Not as the manual has it: modes 1 and 5 of channels 0 and 1, whose gates are always up, never
// start; a count takes effect at once and not with the clock after; BCD counts in binary between
// what is written and what is read.
#include "hvm/platform/pit.h"

#include "lib/string.h"

enum { RW_LSB = 1, RW_MSB = 2, RW_WORD = 3, RW_WORD_MSB = 4 }; // of read_state and write_state
#define NULL_COUNT 0x40      // of the status: no count has been written
enum { GATE = 1, DATA = 2 }; // the speaker's port
#define REFRESH_NS 15085     // bit 4 of it changes: DRAM refresh

static uint64_t clock(nsec_t now)
{
    return clock_at(now, PIT_HZ);
}

static bool is_periodic(const struct pit_channel *c)
{
    return c->s.mode == 2 || c->s.mode == 3;
}

// Modes in which the gate's rise starts the count.
static bool is_triggered(const struct pit_channel *c)
{
    return c->s.mode == 1 || c->s.mode == 5;
}

// Clocks since the count began, and the count that counts.
static uint64_t passed(const struct pit_channel *c, uint64_t now, uint32_t *count)
{
    *count = c->s.count;
    if (!c->s.gate && !is_triggered(c))
        return c->held;
    if (now >= c->start)
        return now - c->start;
    *count = c->previous;
    return c->previous - MIN(c->start - now, (uint64_t)c->previous);
}

// Mode 3 is up for the longer half.
static bool output(const struct pit_channel *c, uint64_t now)
{
    uint32_t count;
    uint64_t n = passed(c, now, &count);

    if (c->s.status & NULL_COUNT)
        return c->s.mode != 0;
    switch (c->s.mode) {
    case 2:
        return !c->s.gate || n % count != count - 1;
    case 3:
        return !c->s.gate || n % count < (count + 1) / 2;
    case 4:
    case 5:
        return n != count;
    default:
        return n >= count;
    }
}

static uint32_t to_bcd(uint32_t n)
{
    return n % 10 | n / 10 % 10 << 4 | n / 100 % 10 << 8 | n / 1000 % 10 << 12;
}

static uint32_t from_bcd(uint32_t n)
{
    return (n & 15) + (n >> 4 & 15) * 10 + (n >> 8 & 15) * 100 + (n >> 12 & 15) * 1000;
}

// What can be read: at 0 it goes on from the top.
static uint16_t counter(const struct pit_channel *c, uint64_t now)
{
    uint32_t count, top = c->s.bcd ? 10000 : 0x10000;
    uint64_t n = passed(c, now, &count);

    if (c->s.mode == 3) {
        uint32_t at = (uint32_t)(n % count), half = (count + 1) / 2;

        count = (count & ~1u) - 2 * (at < half ? at : at - half);
    } else if (c->s.mode == 2) {
        count -= (uint32_t)(n % count);
    } else {
        count = (uint32_t)(count + top - n % top);
    }
    return (uint16_t)(c->s.bcd ? to_bcd(count % top) : count);
}

static void restart_tick(struct pit *p, uint64_t now)
{
    const struct pit_channel *c = &p->channel[0];

    tick_stop(&p->tick);
    if (is_periodic(c))
        tick_start(&p->tick, c->start > now ? c->start : c->start + c->s.count, c->s.count, PIT_HZ);
    else if (!is_triggered(c) && c->start + c->s.count > now)
        tick_start(&p->tick, c->start + c->s.count, 0, PIT_HZ);
}

static void load_count(struct pit *p, unsigned n, uint16_t value, nsec_t time)
{
    struct pit_channel *c = &p->channel[n];
    uint32_t count = c->s.bcd ? from_bcd(value) % 10000 : value, old; // digits may be none
    uint64_t now = clock(time), begun = passed(c, now, &old);
    bool counting = is_periodic(c) && !(c->s.status & NULL_COUNT) && c->s.gate && now >= c->start;

    c->s.count = count ?: c->s.bcd ? 10000 : 0x10000;
    c->start =
        is_triggered(c) ? now - MIN(now, c->s.count + 1ull) : now; // over, until the gate rises
    c->held = 0;
    if (counting) {
        c->start = now + (old - begun % old);
        c->previous = old;
    }
    c->s.status &= (uint8_t)~NULL_COUNT;
    if (n == 0)
        restart_tick(p, now);
}

static uint8_t status(const struct pit_channel *c, uint64_t now)
{
    return (uint8_t)(output(c, now) << 7 | (c->s.status & NULL_COUNT) | c->s.rw_mode << 4 |
                     c->s.mode << 1 | c->s.bcd);
}

static void latch_count(struct pit_channel *c, uint64_t now)
{
    if (c->s.count_latched)
        return;
    c->s.latched_count = counter(c, now);
    c->s.count_latched = c->s.rw_mode;
}

static void latch_status(struct pit_channel *c, uint64_t now)
{
    if (c->s.status_latched)
        return;
    c->s.status = status(c, now);
    c->s.status_latched = 1;
}

static void read_back(struct pit *p, uint8_t value, uint64_t now)
{
    for (unsigned i = 0; i < 3; i++) {
        if (!(value >> (i + 1) & 1))
            continue;
        if (!(value & 0x20))
            latch_count(&p->channel[i], now);
        if (!(value & 0x10))
            latch_status(&p->channel[i], now);
    }
}

// Until a count is written it counts from the top; modes 6 and 7 are 2 and 3.
static void set_mode(struct pit *p, unsigned n, uint8_t value, uint64_t now)
{
    struct pit_channel *c = &p->channel[n];
    unsigned mode = value >> 1 & 7;

    c->s.rw_mode = value >> 4 & 3;
    c->s.read_state = c->s.write_state = c->s.rw_mode;
    c->s.mode = (uint8_t)(mode > 5 ? mode - 4 : mode);
    c->s.bcd = value & 1;
    c->s.count = c->s.bcd ? 10000 : 0x10000;
    c->s.count_latched = c->s.status_latched = 0;
    c->s.status = NULL_COUNT;
    c->start = now;
    c->held = 0;
    if (n == 0)
        tick_stop(&p->tick);
}

static void write_control(struct pit *p, uint8_t value, uint64_t now)
{
    unsigned n = value >> 6;

    if (n == 3)
        read_back(p, value, now);
    else if (!(value & 0x30))
        latch_count(&p->channel[n], now);
    else
        set_mode(p, n, value, now);
}

void pit_write(struct pit *p, unsigned port, uint8_t value, nsec_t now)
{
    unsigned n = port & 3;
    struct pit_channel *c = &p->channel[n % 3];

    if (n == 3) {
        write_control(p, value, clock(now));
        return;
    }
    switch (c->s.write_state) {
    case RW_LSB:
        load_count(p, n, value, now);
        break;
    case RW_MSB:
        load_count(p, n, (uint16_t)(value << 8), now);
        break;
    case RW_WORD:
        c->s.write_latch = value;
        c->s.write_state = RW_WORD_MSB;
        break;
    case RW_WORD_MSB:
        c->s.write_state = RW_WORD;
        load_count(p, n, (uint16_t)(c->s.write_latch | value << 8), now);
        break;
    }
}

// Of a count of two bytes the lower goes first.
static uint8_t read_latched(struct hvm_hw_pit_channel *s)
{
    bool lower = s->count_latched == RW_LSB || s->count_latched == RW_WORD;

    s->count_latched = s->count_latched == RW_WORD ? RW_WORD_MSB : 0;
    return (uint8_t)(lower ? s->latched_count : s->latched_count >> 8);
}

uint8_t pit_read(struct pit *p, unsigned port, nsec_t now)
{
    struct pit_channel *c = &p->channel[(port & 3) % 3];
    uint16_t count;

    if ((port & 3) == 3)
        return 0xff; // is not to be read
    if (c->s.status_latched) {
        c->s.status_latched = 0;
        return c->s.status;
    }
    if (c->s.count_latched)
        return read_latched(&c->s);
    count = counter(c, clock(now));
    if (c->s.read_state >= RW_WORD)
        c->s.read_state ^= RW_WORD ^ RW_WORD_MSB;
    // Of two bytes it was the lower one's turn if it is now the upper one's.
    return (uint8_t)(c->s.read_state == RW_LSB || c->s.read_state == RW_WORD_MSB ? count
                                                                                 : count >> 8);
}

bool pit_output(const struct pit *p, unsigned channel, nsec_t now)
{
    return output(&p->channel[channel], clock(now));
}

static void set_gate(struct pit_channel *c, bool gate, uint64_t now)
{
    uint32_t count;

    if (gate == c->s.gate)
        return;
    if (!gate)
        c->held = (uint32_t)MIN(passed(c, now, &count), (uint64_t)UINT32_MAX);
    else
        c->start = is_triggered(c) || is_periodic(c) ? now : now - MIN(now, (uint64_t)c->held);
    c->s.gate = gate;
}

uint8_t pit_read_speaker(struct pit *p, nsec_t now)
{
    return (uint8_t)(p->channel[2].s.gate | p->speaker << 1 | (now / REFRESH_NS & 1) << 4 |
                     pit_output(p, 2, now) << 5);
}

void pit_write_speaker(struct pit *p, uint8_t value, nsec_t now)
{
    p->speaker = value & DATA;
    set_gate(&p->channel[2], value & GATE, clock(now));
}

bool pit_tick(struct pit *p, nsec_t now, enum tick_line line)
{
    return tick_take(&p->tick, clock(now), line);
}

nsec_t pit_when(const struct pit *p)
{
    return clock_time(tick_when(&p->tick), PIT_HZ);
}

void pit_init(struct pit *p, nsec_t now)
{
    memset(p, 0, sizeof(*p));
    for (unsigned i = 0; i < 3; i++) {
        set_mode(p, i, RW_WORD << 4 | 3 << 1, clock(now));
        p->channel[i].s.gate = i != 2;
    }
}

void pit_save(const struct pit *p, struct hvm_hw_pit *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 3; i++)
        s->channels[i] = p->channel[i].s;
    s->speaker_data_on = p->speaker;
}

static bool channel_ok(const struct hvm_hw_pit_channel *s)
{
    return s->mode <= 5 && s->bcd <= 1 && s->gate <= 1 && s->count &&
           s->count <= (s->bcd ? 10000u : 0x10000u) && s->rw_mode <= RW_WORD &&
           s->read_state <= RW_WORD_MSB && s->write_state <= RW_WORD_MSB &&
           s->count_latched <= RW_WORD_MSB && s->status_latched <= 1;
}

bool pit_load(struct pit *p, const struct hvm_hw_pit *s, bool commit, nsec_t now)
{
    for (unsigned i = 0; i < 3; i++)
        if (!channel_ok(&s->channels[i]))
            return false;
    if (!s->channels[0].gate || !s->channels[1].gate || s->speaker_data_on > 1)
        return false;
    if (!commit)
        return true;
    for (unsigned i = 0; i < 3; i++)
        p->channel[i] = (struct pit_channel){.s = s->channels[i], .start = clock(now)};
    p->speaker = s->speaker_data_on;
    tick_stop(&p->tick);
    if (!(s->channels[0].status & NULL_COUNT))
        restart_tick(p, clock(now));
    return true;
}
