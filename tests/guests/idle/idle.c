// A bare PV guest that says at which tick of the time-stamp counter it got its first instruction,
// and then waits for ever. Many of them fit a machine.
#include "pv-abi/sched.h"
#include "tests/guests/common/console.h"
#include "tests/guests/common/guest.h"

void guest_main(struct start_info *info);
void secondary_main(void);

uint64_t pfn_of_mfn(uint64_t mfn) // for console.c
{
    return ((const uint64_t *)MACH2PHYS_VIRT_START)[mfn];
}

void guest_main(struct start_info *info)
{
    unsigned long now = __builtin_ia32_rdtsc();
    struct sched_poll nothing = {.nr_ports = 0};

    console_init(info);
    print("IDLE first instruction at %lu\n", now);
    for (;;)
        hc(sched_op, SCHEDOP_poll, &nothing);
}

void secondary_main(void)
{
}
