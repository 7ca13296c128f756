// The PV clock and the one-shot timer.
#pragma once

#include <stdint.h>

#define NS_PER_MS 1000000UL
#define NS_PER_S  1000000000UL

struct vcpu_time_info;

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    return low | (uint64_t)high << 32;
}

// System time in ns that a time-info record gives at this moment.
uint64_t time_from(const volatile struct vcpu_time_info *info);
uint64_t time_now(void);
// Spins.
void time_spin(uint64_t ns);
