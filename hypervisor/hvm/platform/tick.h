// Interrupts that fall due by a clock, once or again and again, as the guest is to see them.
//
// A guest counts the ticks of its periodic timer, so none may be lost while its vCPU does not run
// or is slow: a tick that falls due while the one before it still waits is owed, and given later,
// one after the other, at most four times as fast as the timer ticks. What is owed is bounded: a
// guest that has slept for long is not to be flooded. While nobody listens (the line is masked)
// ticks are lost, as on real hardware. The device's time itself always goes on with system time.
//
// Pure: clocks are numbers of the device's own ticks, passed in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/timer.h"
#include "lib/bits.h"

#define TICK_NEVER    UINT64_MAX
#define TICK_MAX_OWED 1000
// No interrupt source comes faster: a period that no CPU could serve would hold one for ever.
#define TICK_MIN_NS MICROSECONDS(50)

// What has become of the interrupt before.
enum tick_line { TICK_FREE, TICK_PENDING, TICK_MASKED };

struct tick {
    uint64_t next;   // when it falls due; TICK_NEVER
    uint64_t period; // 0: once
    uint64_t gap;    // at least between two
    uint64_t earliest;
    unsigned owed;
};

static inline void tick_stop(struct tick *t)
{
    *t = (struct tick){.next = TICK_NEVER, .earliest = TICK_NEVER};
}

// From `next` on, every `period`; hz: ticks in a second. Periods shorter than can be are multiplied
// until they are not.
static inline void tick_start(struct tick *t, uint64_t next, uint64_t period, uint64_t hz)
{
    uint64_t least = DIV_ROUND_UP(hz * (uint64_t)TICK_MIN_NS, SECONDS(1));

    *t = (struct tick){.next = next, .earliest = TICK_NEVER};
    if (!period)
        return;
    t->period = period < least ? period * DIV_ROUND_UP(least, period) : period;
    t->gap = MAX(t->period / 4, least);
}

// Has it fallen due since it was asked last, and how often? `next` moves on.
static inline uint64_t tick_count(struct tick *t, uint64_t now)
{
    uint64_t n = 1;

    if (now < t->next)
        return 0;
    if (t->period)
        n += (now - t->next) / t->period;
    t->next = t->period ? t->next + n * t->period : TICK_NEVER;
    return n;
}

// Is an interrupt to be given now?
static inline bool tick_take(struct tick *t, uint64_t now, enum tick_line line)
{
    uint64_t due = tick_count(t, now);

    if (!t->period)
        return due;
    t->owed = (unsigned)MIN(t->owed + due, (uint64_t)TICK_MAX_OWED);
    if (line == TICK_MASKED) {
        t->owed = 0;
        return due;
    }
    if (!t->owed || (!due && now < t->earliest))
        return false;
    if (line == TICK_PENDING) {
        t->earliest = TICK_NEVER; // asked again at the next tick
        return false;
    }
    t->owed--;
    t->earliest = t->owed ? now + t->gap : TICK_NEVER;
    return true;
}

// When to ask again.
static inline uint64_t tick_when(const struct tick *t)
{
    return MIN(t->next, t->earliest);
}

// System time as a number of ticks of a clock of hz, and the first moment of such a tick.
static inline uint64_t clock_at(nsec_t now, uint32_t hz)
{
    uint64_t ns = (uint64_t)now, second = SECONDS(1);

    return ns / second * hz + ns % second * hz / second;
}

static inline nsec_t clock_time(uint64_t ticks, uint32_t hz)
{
    uint64_t seconds = ticks / hz;

    if (seconds >= NSEC_NEVER / SECONDS(1))
        return NSEC_NEVER;
    return SECONDS(seconds) + (nsec_t)DIV_ROUND_UP(ticks % hz * SECONDS(1), (uint64_t)hz);
}
