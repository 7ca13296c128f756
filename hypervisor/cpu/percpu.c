#include "cpu/percpu.h"

#include "cpu/smp.h"

unsigned nr_cpus = 1;
cpumask_t cpus_online = 1;
struct cpu_info *cpu_infos[MAX_CPUS];

static void (*work_functions[NR_CPU_WORK])(void);

void work_register(enum cpu_work work, void (*fn)(void))
{
    work_functions[work] = fn;
}

void work_raise(unsigned cpu, enum cpu_work work)
{
    uint32_t bit = 1u << work;
    uint32_t old = __atomic_fetch_or(&cpu_infos[cpu]->work, bit, __ATOMIC_SEQ_CST);

    if (!(old & bit) && cpu != this_cpu())
        smp_kick(cpu);
}

void work_run(void)
{
    struct cpu_info *info = cpu_info();

    while (info->work) {
        unsigned work = (unsigned)__builtin_ctz(info->work);

        __atomic_fetch_and(&info->work, ~(1u << work), __ATOMIC_SEQ_CST);
        if (work_functions[work])
            work_functions[work]();
    }
}
