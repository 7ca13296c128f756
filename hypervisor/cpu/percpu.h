// What each CPU has of its own, and how code finds it.
//
// The GS base belongs to the guest, so per-CPU data hangs off the stack: struct cpu_info lies at
// the top of the CPU's stack block (cpu/layout.h) and any stack pointer inside the block leads to
// it. The guest's registers at entry lie in it too, at the very top, where the processor and the
// entry code push them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/layout.h"
#include "lib/bits.h"
#include "pv-abi/xen.h"

struct vcpu;
struct guest_access;

typedef uint64_t cpumask_t;
#define CPUMASK_ALL   (~0ull)
#define cpumask_of(c) (1ull << (c))

// Things to be done on a CPU before it next enters a guest or idles. Highest priority first.
enum cpu_work { WORK_TIMER, WORK_TASK, WORK_SCHEDULE, WORK_NMI, NR_CPU_WORK };

struct cpu_info {
    struct cpu_user_regs regs; // the interrupted guest's, valid inside the hypervisor
    struct vcpu *vcpu;         // whose registers those are; the idle vCPU where there is no guest
    uint64_t scratch;          // entry stubs park a register here
    uint32_t cpu;              // this CPU's number, 0 .. nr_cpus - 1
    volatile uint32_t work;    // bit per enum cpu_work
    uint64_t kernel_cr3;       // of the PV vCPU that runs here: what its kernel mode uses
    uint64_t user_cr3;         // ... and its user mode
    void *soft_tlb;            // these are not its own, but of pv/soft_tlb.c; NULL mostly
    struct vcpu *fpu_owner;    // whose FPU state the registers hold, NULL: nobody's
    // How the vCPU's memory is reached by its own addresses; NULL: they are mapped (mm/guest.h).
    const struct guest_access *guest_access;
    uint64_t host_state;    // of hvm/: machine address of what it puts aside for a guest
    uint64_t segments_lost; // of the PV vCPU whose state is loaded: hvm/ has changed them. So wide
                            // for the hardware frame's place, below
};
// The processor aligns the stack to 16 bytes before it pushes: the frame must fall into place.
_Static_assert((sizeof(struct cpu_info) - offsetof(struct cpu_user_regs, es)) % 16 == 0,
               "the hardware frame ends at regs.es");

static inline struct cpu_info *cpu_info(void)
{
    uintptr_t sp;

    // Not volatile: within a function the answer never changes.
    __asm__("lea (%%rsp), %0" : "=r"(sp));
    return (struct cpu_info *)((sp | (STACK_BLOCK_SIZE - 1)) + 1) - 1;
}

static inline unsigned this_cpu(void)
{
    return cpu_info()->cpu;
}

static inline struct vcpu *current_vcpu(void)
{
    return cpu_info()->vcpu;
}
#define current current_vcpu()

extern unsigned nr_cpus; // CPUs that are up; numbered without gaps
extern cpumask_t cpus_online;
extern struct cpu_info *cpu_infos[MAX_CPUS];

#define for_each_cpu(cpu, mask) \
    for (cpumask_t m_ = (mask); m_ && ((cpu) = bit_first(m_), 1); m_ &= m_ - 1)

// Asks for work to be done on a CPU; another CPU is interrupted. Callable anywhere.
void work_raise(unsigned cpu, enum cpu_work work);
// Names the function that does a kind of work: called with no lock held.
void work_register(enum cpu_work work, void (*fn)(void));
// Does all work pending on this CPU.
void work_run(void);

static inline bool work_pending(void)
{
    return cpu_info()->work != 0;
}
