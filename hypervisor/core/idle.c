// What a CPU does when no guest runs on it.
#include "core/sched.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"

// An interrupt that arrives after the look at the work is pending is taken when STI's shadow, which
// covers HLT, ends: it ends the HLT.
static void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void idle_loop(void)
{
    for (;;) {
        if (work_pending())
            work_run();
        else
            wait_for_interrupt();
    }
}

void sched_start(void)
{
    work_raise(this_cpu(), WORK_SCHEDULE);
    idle_loop();
}
