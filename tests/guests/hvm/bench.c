// What exits cost (option `bench`), with tests/boot/ioreq_server.c in domain 0:
// ticks of the time-stamp counter, of which each is an instruction where the emulated machine
// counts them.
#include "pv-abi/version.h"
#include "tests/boot/ioreq_server.h"
#include "tests/guests/hvm/hvm.h"

#define GROUPS         20
#define GROUP          10 // repetitions, of which the mean counts; of the groups the cheapest
#define STRING         128
#define UNUSED_PORT    0x5000
#define EVENT_PATIENCE 1000000000ull

static unsigned from, to; // a pair of ports

static void nothing(void)
{
    __asm__ volatile("");
}

static void null_hypercall(void)
{
    hc(xen_version, XENVER_version, 0);
}

static void cpuid_exit(void)
{
    cpuid_native(hypervisor_leaf, 0);
}

static void msr_read(void)
{
    rdmsr(MSR_APIC_BASE);
}

static void port_of_nobody(void)
{
    port_out8(UNUSED_PORT, 0);
}

static void lapic_read(void)
{
    (void)*lapic(LAPIC_VERSION);
}

static void memory_of_nobody(void)
{
    (void)*(volatile uint32_t *)HOLE;
}

static void event_to_self(void)
{
    unsigned seen = event_count[from];

    port_send(to);
    if (event_count[from] == seen)
        event_wait(from, seen, EVENT_PATIENCE);
}

static void device_port(void)
{
    port_in32(IOREQ_PORTS);
}

static void device_string(void)
{
    static uint32_t __attribute__((aligned(4096))) values[STRING];
    uint32_t *at = values;
    uint64_t count = STRING;

    __asm__ volatile("rep insl" : "+D"(at), "+c"(count) : "d"(IOREQ_PORTS) : "memory");
}

static void device_memory(void)
{
    (void)*(volatile uint32_t *)IOREQ_MEMORY;
}

static uint64_t cost_of(void (*run)(void))
{
    uint64_t least = ~0ull;

    for (unsigned i = 0; i < GROUPS; i++) {
        uint64_t begin = tsc_read();

        for (unsigned k = 0; k < GROUP; k++)
            run();
        uint64_t mean = (tsc_read() - begin) / GROUP;
        least = mean < least ? mean : least;
    }
    return least;
}

static bool is_served(void)
{
    uint64_t end = time_now() + 30ull * NS_PER_S;

    while (port_in32(IOREQ_PORTS) != IOREQ_FIXED && time_now() < end)
        ;
    return port_in32(IOREQ_PORTS) == IOREQ_FIXED;
}

void bench_if_asked(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } costs[] = {
        {"null_hypercall", null_hypercall},
        {"cpuid", cpuid_exit},
        {"msr_read", msr_read},
        {"port_of_nobody", port_of_nobody},
        {"lapic_read", lapic_read},
        {"memory_of_nobody", memory_of_nobody},
        {"event_to_self", event_to_self},
        // Of domain 0's:
        {"device_port", device_port},
        {"device_string", device_string},
        {"device_memory", device_memory},
    };
    uint64_t loop = cost_of(nothing);

    if (!option_given("bench"))
        return;
    if (!is_served())
        print("no server\n");
    port_pair(&from, &to);
    events_enable();
    for (unsigned i = 0; i < ARRAY_SIZE(costs); i++)
        print("BENCH %s %lu\n", costs[i].name, cost_of(costs[i].run) - loop);
    guest_end();
}
