// Start of a bare PV test guest: set up the runtime, run the tests, power off.
//
// Options on the command line: only=PREFIX:... skip=PREFIX:... verbose seed=N fuzz=N
// lines=N (prints so many numbered lines after the tests)
// off=reboot, off=crash, off=watchdog, off=soft-reset (that instead of powering off, the last words
// still in the console's ring) off=none (blocks for ever)
#include "pv-abi/features.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "pv-abi/version.h"
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
static bool vellum;

void guest_main(struct start_info *info);

bool on_vellum(void)
{
    return vellum;
}

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
    char extra[XEN_EXTRAVERSION_LEN] = "";
    long version = hc(xen_version, XENVER_version, 0);

    hc(xen_version, XENVER_extraversion, extra);
    for (const char *p = extra; *p; p++)
        vellum |= strncmp(p, "vellum", 6) == 0 || strncmp(p, "Vellum", 6) == 0;
    print("vellum PV test guest on %ld.%ld%s: %lu pages, %u vCPUs, arguments: %s\n", version >> 16,
          version & 0xffff, extra, start_info->nr_pages, vcpu_count(),
          (char *)start_info->cmd_line);
}

void stay_on_one_cpu(void)
{
    struct sched_pin_override pin = {.pcpu = 0};

    hc(sched_op, SCHEDOP_pin_override, &pin);
}

static unsigned reason_to_leave(void)
{
    static const struct {
        const char *option;
        unsigned reason;
    } ends[] = {
        {"off=reboot", SHUTDOWN_reboot},
        {"off=crash", SHUTDOWN_crash},
        {"off=watchdog", SHUTDOWN_watchdog},
        {"off=soft-reset", SHUTDOWN_soft_reset},
    };

    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (option_given(ends[i].option))
            return ends[i].reason;
    return SHUTDOWN_poweroff;
}

static void print_lines(void)
{
    unsigned long count = option_number("lines=", 0);

    for (unsigned long i = 1; i <= count; i++)
        print("line %lu\n", i);
}

static void leave(void)
{
    struct sched_shutdown shutdown = {.reason = reason_to_leave()};

    print_lines();
    if (shutdown.reason == SHUTDOWN_poweroff)
        console_flush();
    print("last words\n");
    if (option_given("off=none"))
        for (;;)
            events_block();
    for (;;)
        hc(sched_op, SCHEDOP_shutdown, &shutdown);
}

void guest_main(struct start_info *info)
{
    start_info = info;
    console_init(info);
    map_shared_info();
    trap_init();
    stay_on_one_cpu();
    memory_init();
    tell_p2m();
    events_init();
    say_hello();
    test_run_all((char *)info->cmd_line);
    leave();
}
