// Start of a bare PV test guest: set up the runtime, run the tests, power off.
//
// Options on the command line: only=PREFIX:... skip=PREFIX:... verbose seed=N fuzz=N
// lines=N (prints so many numbered lines after the tests)
// off=reboot, off=crash, off=watchdog, off=soft-reset (that instead of powering off, the last words
// still in the console's ring) off=none (blocks for ever)
#include "pv-abi/features.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "tests/guests/common/console.h"
#include "tests/guests/common/guest.h"

struct start_info *start_info;
struct shared_info *shared_info;

void *const bad_pointers[BAD_POINTERS] = {
    (void *)0x0000700000000000, (void *)0x0000000000000008, (void *)0xffff830000001000,
    (void *)0xffff800000000000, (void *)0x8000000000001000, (void *)0xfffffffffffffff8,
};

// Where shared_info is mapped: a page of the image that has given up its own frame.
static uint8_t shared_page[4096] __attribute__((aligned(4096)));
void guest_main(struct start_info *info);

unsigned vcpu_count(void)
{
    unsigned n = 0;

    while (n < MAX_TEST_VCPUS && hc(vcpu_op, VCPUOP_is_up, n, 0) >= 0)
        n++;
    return n;
}

static void map_shared_info(void)
{
    shared_info = (struct shared_info *)shared_page;
    if (hc(update_va_mapping, shared_page, start_info->shared_info | PTE_RW, UVMF_INVLPG)) {
        print("FATAL cannot map shared_info\n");
        for (;;)
            hc(sched_op, SCHEDOP_yield, 0);
    }
}

// As Linux does, so that whoever saves or dumps this guest finds its memory.
static void tell_p2m(void)
{
    if (start_info->flags & SIF_INITDOMAIN)
        return;
    shared_info->arch.max_pfn = start_info->nr_pages;
    shared_info->arch.p2m_vaddr = start_info->mfn_list;
    shared_info->arch.p2m_cr3 = xen_pfn_to_cr3(kernel_root());
}

static void say_hello(void)
{
    say_version("PV");
    print("%lu pages, %u vCPUs, arguments: %s\n", start_info->nr_pages, vcpu_count(),
          (char *)start_info->cmd_line);
}

void stay_on_one_cpu(void)
{
    struct sched_pin_override pin = {.pcpu = 0};

    hc(sched_op, SCHEDOP_pin_override, &pin);
}

// Builders put the console's page into the initial mapping.
static void find_console(void)
{
    uint64_t pfn;

    if (start_info->flags & SIF_INITDOMAIN)
        return;
    pfn = pfn_of_mfn(start_info->console.domU.mfn);
    console_init((void *)(KERNEL_BASE + (pfn << PAGE_SHIFT)), start_info->console.domU.evtchn);
}

void guest_main(struct start_info *info)
{
    start_info = info;
    find_console();
    map_shared_info();
    trap_init();
    stay_on_one_cpu();
    memory_init();
    tell_p2m();
    events_init();
    say_hello();
    test_run_all((char *)info->cmd_line);
    guest_end();
}
