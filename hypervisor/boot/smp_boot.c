// One CPU is started at a time: it takes its stack from ap_stack (boot/head.S), initialises itself
// and says so in `alive`. The trampoline runs from a page below 1 MB and uses the boot page tables'
// identity mapping, which goes away afterwards.
#include "boot/smp_boot.h"

#include "core/fpu.h"
#include "core/sched.h"
#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/features.h"
#include "cpu/percpu.h"
#include "cpu/time.h"
#include "cpu/traps.h"
#include "lib/bug.h"
#include "lib/cmdline.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/paging.h"
#include "platform/acpi.h"
#include "pv/cpu.h"

#define TRAMPOLINE  0x8000 // conventional memory on every PC
#define START_LIMIT MILLISECONDS(1000)

// Pages of a stack block that have memory: the exception stacks and the main stack.
#define BACKED                                                                                 \
    (1u << STACK_DF_PAGE | 1u << STACK_NMI_PAGE | 1u << STACK_MCE_PAGE | 1u << STACK_DB_PAGE | \
     0xfu << STACK_MAIN_PAGE)

static unsigned opt_maxcpus = MAX_CPUS;
CMDLINE_UINT("maxcpus", opt_maxcpus, "use at most this many CPUs");

extern char trampoline_start[], trampoline_end[];
extern uint64_t ap_stack;
static volatile bool alive;

__attribute__((noreturn)) void ap_main(void);

void ap_main(void)
{
    unsigned cpu = this_cpu();
    uint64_t block_end = (uint64_t)(cpu_info() + 1);

    features_cpu_init();
    desc_cpu_init(cpu, block_end);
    traps_cpu_init();
    apic_cpu_init();
    time_cpu_init();
    fpu_cpu_init();
    pv_cpu_init();
    __atomic_fetch_or(&cpus_online, cpumask_of(cpu), __ATOMIC_SEQ_CST);
    alive = true;
    sched_start();
}

static bool start(unsigned cpu, uint32_t id)
{
    char *block = vmap_stack_block(BACKED);
    struct cpu_info *info;
    nsec_t limit;

    if (!block)
        return false;
    info = (struct cpu_info *)(block + STACK_BLOCK_SIZE) - 1;
    info->cpu = cpu;
    cpu_infos[cpu] = info;
    apic_register_cpu(cpu, id);
    if (sched_cpu_init(cpu))
        return false;
    ap_stack = (uint64_t)info & ~15ull;
    alive = false;
    apic_start_cpu(id, TRAMPOLINE);
    for (limit = time_now() + START_LIMIT; !alive && time_now() < limit;)
        time_sync_serve();
    return alive;
}

void smp_start_all(void)
{
    memcpy(maddr_to_virt(TRAMPOLINE), trampoline_start,
           (size_t)(trampoline_end - trampoline_start));
    for (unsigned i = 0; i < acpi.nr_cpus && nr_cpus < opt_maxcpus; i++) {
        if (acpi.cpus[i].apic_id == apic_id())
            continue;
        if (start(nr_cpus, acpi.cpus[i].apic_id))
            nr_cpus++;
        else
            log_warn("CPU with APIC id %u did not start\n", acpi.cpus[i].apic_id);
    }
}
