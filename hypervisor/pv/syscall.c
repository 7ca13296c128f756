// SYSCALL on each CPU.
//
// The instruction leaves the stack pointer alone and the GS base is the guest's, so nothing in the
// processor says where this CPU's stack is. Each CPU therefore enters at a stub of its own, made
// here, that has the addresses as immediates.
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/msr.h"
#include "cpu/percpu.h"
#include "cpu/traps.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "pv/cpu.h"

#define STUB_SIZE 64

extern char pv_syscall_entry[], pv_syscall32_entry[];

// In the image's text: the mapping that executes it is read-only, the direct map writes it at boot.
static const uint8_t stubs[MAX_CPUS][2][STUB_SIZE]
    __attribute__((aligned(4096), section(".text.stubs")));

static uint8_t *emit(uint8_t *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

static void stub_make(const uint8_t *stub, const char *target)
{
    struct cpu_info *info = cpu_info();
    uint64_t scratch = (uint64_t)&info->scratch, stack = (uint64_t)&info->regs.es;
    uint32_t ss = FLAT_USER_SS64;
    uint8_t *const start = maddr_to_virt((uint64_t)stub - IMAGE_START), *p = start;
    int32_t rel;

    p = emit(p, "\x48\xa3", 2); // movabs %rax, scratch
    p = emit(p, &scratch, 8);
    p = emit(p, "\x48\x89\xe0", 3); // mov %rsp, %rax
    p = emit(p, "\x48\xbc", 2);     // movabs $stack, %rsp
    p = emit(p, &stack, 8);
    p = emit(p, "\x68", 1); // push $ss
    p = emit(p, &ss, 4);
    p = emit(p, "\x50\xe9", 2); // push %rax; jmp target
    rel = (int32_t)((uint64_t)target - ((uint64_t)stub + (uint64_t)(p - start) + 4));
    p = emit(p, &rel, 4);
    ASSERT(p - start <= STUB_SIZE);
}

void pv_cpu_init(void)
{
    unsigned cpu = this_cpu();

    stub_make(stubs[cpu][0], pv_syscall_entry);
    stub_make(stubs[cpu][1], pv_syscall32_entry);
    wrmsr(MSR_STAR, (uint64_t)FLAT_RING3_CS32 << 48 | (uint64_t)HV_CS << 32);
    wrmsr(MSR_LSTAR, (uint64_t)stubs[cpu][0]);
    wrmsr(MSR_CSTAR, (uint64_t)stubs[cpu][1]);
    wrmsr(MSR_FMASK, X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_AC |
                         X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_IOPL);
    wrmsr_safe(MSR_SYSENTER_CS, 0); // SYSENTER is #GP
}
