// What the files behind cpu/time.h share.
#pragma once

#include "cpu/time.h"

struct calibration {
    uint64_t tsc_hz, apic_hz;
    uint64_t tsc; // at the end of the measurement
    bool exact;   // CPUID states the frequency, and the measurement agrees
};

// a * b / c, which must fit in 64 bits; the product need not.
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t lo, hi;

    __asm__("mulq %2" : "=a"(lo), "=d"(hi) : "r"(b), "0"(a) : "cc");
    __asm__("divq %2" : "+a"(lo), "+d"(hi) : "r"(c) : "cc");
    return lo;
}

// Takes 2 ms, or 10 or 50 where the source is coarse or reading it is slow or uneven. Never fails.
void calibrate(const struct time_source *source, struct calibration *result);

// The ABI's scale (struct tsc_scale) of a counter of hz: mul is at least 2^31.
void scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift);
uint64_t scale_apply(uint64_t delta, uint32_t mul, int8_t shift);

// How many ticks this CPU's TSC is ahead of the boot CPU's; 0 if no difference can be told.
int64_t tsc_sync_measure(void);
// The boot CPU's side: answers a question if there is one.
void tsc_sync_answer(void);
