// A bare PV guest, booted in domain 0's place: says when it got its first instruction, and how much
// memory there is for domains: its own first, what it can get, and what the hypervisor says is
// left. What the machine has beyond that, the hypervisor keeps for itself.
#include "pv-abi/console_io.h"
#include "pv-abi/memory.h"
#include "pv-abi/sched.h"
#include "pv-abi/start_info.h"
#include "pv-abi/sysctl.h"
#include "tests/guests/common/console.h"
#include "frontends/kernel/hypercall.h"
#include "tests/guests/common/lib.h"

void guest_main(struct start_info *info);
void secondary_main(void);

void console_write(const char *text, size_t size) // lib.c's way to print
{
    hc(console_io, CONSOLEIO_write, size, text);
}

// Takes extents of 2^order pages until the hypervisor has no more; returns how many pages it gave.
static unsigned long take_all(unsigned order)
{
    struct xen_memory_reservation want = {.extent_order = order, .domid = DOMID_SELF};
    unsigned long pages = 0;

    for (;;) {
        long got;

        want.nr_extents = order ? 1 : 64;
        got = hc(memory_op, XENMEM_increase_reservation, &want);
        if (got <= 0)
            return pages;
        pages += (unsigned long)got << order;
    }
}

static unsigned long pages_left(void)
{
    struct xen_sysctl call = {.cmd = XEN_SYSCTL_availheap,
                              .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    call.u.availheap.node = -1;
    return hc(sysctl, &call) ? 0 : call.u.availheap.avail_bytes / PAGE_SIZE;
}

void guest_main(struct start_info *info)
{
    unsigned long now = __builtin_ia32_rdtsc(), pages = info->nr_pages;
    struct sched_shutdown off = {.reason = SHUTDOWN_poweroff};

    print("BENCH guest_tsc %lu\n", now);
    for (int order = 9; order >= 0; order--)
        pages += take_all((unsigned)order);
    print("BENCH guest_pages %lu\n", pages + pages_left());
    print("BENCH-DONE\n");
    for (;;)
        hc(sched_op, SCHEDOP_shutdown, &off);
}

void secondary_main(void)
{
}
