// Per-CPU data of a test program: each thread is a CPU.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/layout.h"
#include "lib/bits.h"
#include "pv-abi/xen.h"

struct vcpu;

typedef uint64_t cpumask_t;
#define CPUMASK_ALL   (~0ull)
#define cpumask_of(c) (1ull << (c))

enum cpu_work { WORK_TIMER, WORK_TASK, WORK_SCHEDULE, NR_CPU_WORK };

struct guest_access;

struct cpu_info {
    struct cpu_user_regs regs;
    struct vcpu *vcpu;
    uint32_t cpu;
    volatile uint32_t work;
    uint64_t kernel_cr3, user_cr3;
    void *soft_tlb;
    struct vcpu *fpu_owner;
    const struct guest_access *guest_access;
};

extern __thread struct cpu_info fake_cpu_info;

static inline struct cpu_info *cpu_info(void)
{
    return &fake_cpu_info;
}

static inline unsigned this_cpu(void)
{
    return fake_cpu_info.cpu;
}

static inline struct vcpu *current_vcpu(void)
{
    return fake_cpu_info.vcpu;
}

static inline void fake_run(struct vcpu *v) // this thread now executes a hypercall of v
{
    fake_cpu_info.vcpu = v;
}
#define current current_vcpu()

extern unsigned nr_cpus;
extern cpumask_t cpus_online;
extern struct cpu_info *cpu_infos[MAX_CPUS]; // whoever runs several CPUs sets them

#define for_each_cpu(cpu, mask) \
    for (cpumask_t m_ = (mask); m_ && ((cpu) = bit_first(m_), 1); m_ &= m_ - 1)

void work_raise(unsigned cpu, enum cpu_work work);
void work_register(enum cpu_work work, void (*fn)(void));
void work_run(void);

static inline bool work_pending(void)
{
    return fake_cpu_info.work != 0;
}
