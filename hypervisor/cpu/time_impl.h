// What the files behind cpu/time.h share.
#pragma once

#include "cpu/time.h"
#include "lib/bits.h"

struct calibration {
    uint64_t tsc_hz, apic_hz;
    uint64_t tsc; // at the end of the measurement
    bool exact;   // CPUID states the frequency, and the measurement agrees
};

// Takes 2 ms, or 10 or 50 where the source is coarse or reading it is slow or uneven. Never fails.
void calibrate(const struct time_source *source, struct calibration *result);

uint64_t scale_apply(uint64_t delta, uint32_t mul, int8_t shift);

// How many ticks this CPU's TSC is ahead of the boot CPU's; 0 if no difference can be told.
int64_t tsc_sync_measure(void);
// The boot CPU's side: answers a question if there is one.
void tsc_sync_answer(void);
