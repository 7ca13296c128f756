// Is a CPU's TSC in step with the boot CPU's? The new CPU asks the boot CPU for its TSC several
// times. In the fastest exchange the answer lies between the two readings of the asker; if it does
// so, no difference can be told, otherwise the middle of the two readings is taken for the time of
// the answer.
#include "cpu/asm.h"
#include "cpu/time_impl.h"

#define ROUNDS   16
#define MAX_WAIT 100000000ull // TSC ticks: the boot CPU does not listen

static volatile bool asked;
static volatile uint64_t answer;

void tsc_sync_answer(void)
{
    if (!asked)
        return;
    answer = rdtsc_ordered();
    __asm__ volatile("mfence" : : : "memory");
    asked = false;
}

int64_t tsc_sync_measure(void)
{
    uint64_t best_width = ~0ull;
    int64_t ahead = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = rdtsc_ordered(), after;

        asked = true;
        while (asked) {
            cpu_relax();
            if (rdtsc() - before > MAX_WAIT) {
                asked = false;
                return 0;
            }
        }
        after = rdtsc_ordered();
        if (after - before < best_width) {
            int64_t early = (int64_t)(before - answer), late = (int64_t)(after - answer);

            best_width = after - before;
            ahead = early <= 0 && late >= 0 ? 0 : early + (late - early) / 2;
        }
    }
    return ahead;
}
