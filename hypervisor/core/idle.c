// What a CPU does when no guest runs on it.
#include "core/sched.h"
#include "core/timer.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"

static uint64_t entries[MAX_CPUS]; // times that each CPU halted

uint64_t sched_idle_entries(unsigned cpu)
{
    return READ_ONCE(entries[cpu]);
}

// An interrupt that arrives after the look at the work is pending is taken when STI's shadow, which
// covers HLT, ends: it ends the HLT.
static void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void idle_loop(void)
{
    for (;;) {
        timer_poll();
        if (work_pending()) {
            work_run();
        } else {
            entries[this_cpu()]++;
            wait_for_interrupt();
        }
    }
}

void sched_start(void)
{
    work_raise(this_cpu(), WORK_SCHEDULE);
    idle_loop();
}
