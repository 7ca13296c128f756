// Time: the paravirtual clock, and timers over the vCPU's one-shot timer.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/lib/list.h"

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
    return low | (uint64_t)high << 32;
}

void clock_init(void);
uint64_t clock_now(void);  // ns since the hypervisor started, as deadlines are
uint64_t clock_wall(void); // seconds since 1970
// The deadline NS from now; FOREVER stays what it is.
uint64_t clock_after(uint64_t ns);

// Calls fire(arg) from the scheduler, as event handlers are called, when the time has come.
struct timer {
    struct list link;
    uint64_t deadline;
    void (*fire)(void *arg);
    void *arg;
};
// A deadline of FOREVER never comes. The timer is the caller's, and not set already.
void timer_set(struct timer *timer, uint64_t deadline, void (*fire)(void *arg), void *arg);
void timer_stop(struct timer *timer); // whether it is set or not, but it must have been once

// For the scheduler: fires what is due; then blocks until there is an event or the next timer's
// time.
void timers_run(void);
void clock_block(void);
