// A bare PV guest that says at which tick of the time-stamp counter it got its first instruction,
// and then waits for ever. Many of them fit a machine.
#include "pv-abi/sched.h"
#include "tests/guests/common/console.h"
#include "tests/guests/common/guest.h"

void guest_main(struct start_info *info);
void secondary_main(void);

// Builders put the page into the initial mapping.
static void find_console(const struct start_info *info)
{
    uint64_t pfn;

    if (info->flags & SIF_INITDOMAIN)
        return;
    pfn = ((const uint64_t *)MACH2PHYS_VIRT_START)[info->console.domU.mfn];
    console_init((void *)(KERNEL_BASE + (pfn << PAGE_SHIFT)), info->console.domU.evtchn);
}

void guest_main(struct start_info *info)
{
    unsigned long now = __builtin_ia32_rdtsc();
    struct sched_poll nothing = {.nr_ports = 0};

    find_console(info);
    print("IDLE first instruction at %lu\n", now);
    for (;;)
        hc(sched_op, SCHEDOP_poll, &nothing);
}

void secondary_main(void)
{
}
