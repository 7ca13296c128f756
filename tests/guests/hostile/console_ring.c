// A guest that abuses its console: floods it, and lies about where it is.
#include "pv-abi/io/console.h"
#include "pv-abi/sched.h"

#include "tests/guests/common/console.h"
#include "tests/guests/common/guest.h"

static volatile struct xencons_interface *ring(void)
{
    return (void *)(KERNEL_BASE + (pfn_of_mfn(start_info->console.domU.mfn) << PAGE_SHIFT));
}

TEST(console_flood)
{
    static char line[80];

    memset(line, '#', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (unsigned i = 0; i < 2000; i++)
        console_write(line, sizeof(line));
    console_flush();
    print("     the flood is over\n");
}

TEST(console_zz_indices)
{
    XENCONS_RING_IDX out_prod;

    console_flush();
    out_prod = ring()->out_prod;
    ring()->in_cons = ring()->in_prod + 100000;
    for (unsigned i = 0; i < 1000; i++) {
        ring()->out_prod = out_prod + i * 0x10001 + 4096;
        port_send(start_info->console.domU.evtchn);
        hc(sched_op, SCHEDOP_yield, 0);
    }
    ring()->in_cons = ring()->in_prod;
    ring()->out_prod = ring()->out_cons;
    port_send(start_info->console.domU.evtchn);
    print("     the console is sane again\n");
}
