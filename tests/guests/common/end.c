// What every test guest says first and does last.
#include "pv-abi/sched.h"
#include "pv-abi/version.h"
#include "tests/guests/common/console.h"
#include "tests/guests/common/guest.h"

static bool vellum;

bool on_vellum(void)
{
    return vellum;
}

void say_version(const char *kind)
{
    char extra[XEN_EXTRAVERSION_LEN] = "";
    long version = hc(xen_version, XENVER_version, 0);

    hc(xen_version, XENVER_extraversion, extra);
    for (const char *p = extra; *p; p++)
        vellum |= strncmp(p, "vellum", 6) == 0 || strncmp(p, "Vellum", 6) == 0;
    print("vellum %s test guest on %ld.%ld%s: ", kind, version >> 16, version & 0xffff, extra);
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

void guest_end(void)
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
