// Timers: a function to be called at a system time, on a CPU.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/time.h"

struct timer {
    nsec_t expires;
    void (*fn)(void *data); // runs on `cpu` with no lock held
    void *data;
    unsigned cpu;
    uint32_t heap_index; // 0: not set
};

// Once per CPU, before the CPU's first timer.
int timer_cpu_init(unsigned cpu);

void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned cpu);
// (Re)arms. A time in the past fires at the next chance. Callable on any CPU. Setting never fails.
void timer_set(struct timer *t, nsec_t expires);
void timer_stop(struct timer *t);
bool timer_is_set(const struct timer *t);
// Moves it to another CPU, armed or not.
void timer_migrate(struct timer *t, unsigned cpu);
// Stops it and waits until its function does not run anywhere. Afterwards timer_set is ignored.
void timer_kill(struct timer *t);
