// Timers: a function to be called at a system time, on a CPU. core/timer.c tells how.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/time.h"
#include "lib/heap.h"

struct timer {
    struct heap_node node;  // in its CPU's heap while armed; the key is the time
    void (*fn)(void *data); // runs on `cpu` with no lock held
    void *data;
    unsigned cpu;
    uint8_t state; // private
};

// Registers the handler of WORK_TIMER; once, before the first timer.
void timer_module_init(void);

void timer_init(struct timer *t, void (*fn)(void *data), void *data, unsigned cpu);
// (Re)arms. A time in the past fires at the next chance. Callable on any CPU. Setting never fails.
void timer_set(struct timer *t, nsec_t expires);
// The same, on the CPU that executes it.
void timer_set_here(struct timer *t, nsec_t expires);
void timer_stop(struct timer *t);
bool timer_is_set(const struct timer *t);
// When it fires; meaningless unless armed.
nsec_t timer_expires(const struct timer *t);
// Moves it to another CPU, armed or not.
void timer_migrate(struct timer *t, unsigned cpu);
// Stops it and waits until its function does not run anywhere (but when called by that function
// itself). Afterwards timer_set is ignored. A timer that was never initialised is left alone.
void timer_kill(struct timer *t);

// Sees to it that this CPU's timers that are due run with its next work, interrupt or none.
void timer_poll(void);

// Prints every armed timer (debug key).
void timer_dump(void);
