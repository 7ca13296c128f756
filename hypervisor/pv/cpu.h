// The PV CPU: bouncing exceptions and events to the guest's handlers, its privileged instructions
// and its processor state.
#pragma once

#include "cpu/traps.h"
#include "pv/domain.h"

#define CR0_TS 0x00000008

void pv_traps_init(void); // once
void pv_cpu_init(void);   // on each CPU: SYSCALL's MSRs and stub

// Enters the guest whose registers are in cpu_info()->regs.
__attribute__((noreturn)) void pv_enter(void);

// Fills a page with stubs through which PV guests make hypercalls: 32 bytes each, stub n for call
// n.
void pv_hypercall_page_fill(void *page);

// domain_ops.copy_to_kernel.
int pv_copy_to_kernel(uint64_t va, const void *src, size_t len);

// Between the guest kernel's and its users' view of the processor: page tables and GS base.
void pv_to_kernel_mode(struct pv_vcpu *v);
void pv_to_user_mode(struct pv_vcpu *v);

// Makes the current guest's next instruction its handler for a vector. error is pushed for the
// vectors that have one.
void pv_inject(struct cpu_user_regs *regs, unsigned vector, uint32_t error);
void pv_inject_page_fault(struct cpu_user_regs *regs, uint64_t addr, uint32_t error);

// NMIs of guests: who handles them (0: nobody, they are lost), VCPUOP_send_nmi, and their delivery
// when the vCPU is about to enter its guest.
void pv_set_nmi_handler(struct pv_vcpu *v, uint64_t address);
void pv_send_nmi(struct vcpu *v);
void pv_nmi_init(void);

// May entry.S go to the guest's handlers directly? To be called when they or what they mask have
// changed, and when a software TLB comes into use or falls out of it: then not every fault is the
// guest's.
static inline void pv_update_fast_ways(struct pv_vcpu *v)
{
    const struct trap_info *t = &v->traps[TRAP_PF];

    v->fast_syscall = v->syscall_masks_events ? v->syscall_callback : 0;
    v->fast_page_fault = TI_GET_IF(t) && !(v->slow_iret & SLOW_IRET_SOFT) ? t->address : 0;
}

// A selector could not be loaded: the guest's failsafe callback is next.
void pv_bounce_failsafe(struct cpu_user_regs *regs);

// #GP, #UD: does what the guest's kernel tried if the ABI says that the hypervisor does it for it.
// False: the guest gets the exception.
bool pv_emulate_privileged(struct cpu_user_regs *regs);
// The same for one instruction only, RDMSR of a segment base in kernel mode, which Linux executes
// at every context switch.
bool pv_emulate_read_base(struct cpu_user_regs *regs);
bool pv_emulate_user(struct cpu_user_regs *regs);
bool pv_emulate_forced_cpuid(struct cpu_user_regs *regs);

// CPUID as a guest may see it (pv/cpuid.c).
struct cpuid_regs;
void pv_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);

// Control and debug registers.
void pv_set_ts(struct pv_vcpu *v, bool ts);
uint64_t pv_cr4_fix(uint64_t wanted);
int pv_set_debugreg(struct pv_vcpu *v, unsigned n, uint64_t value); // -EINVAL

void pv_load_debugregs(struct pv_vcpu *v);

// The vCPU whose state this CPU has loaded, though it may be idle; NULL: none.
struct pv_vcpu *pv_loaded(void);

// Makes every CPU drop what it still has loaded of a domain whose vCPUs do not run.
void pv_forget(struct domain *d);

// Does the vCPU's I/O privilege level let the code that it runs use ports, CLI and STI?
bool pv_iopl_allows(const struct pv_vcpu *v);

// MSRs (pv/msr.c). False: #GP.
bool pv_rdmsr(struct pv_vcpu *v, uint32_t msr, uint64_t *value);
bool pv_wrmsr(struct pv_vcpu *v, uint32_t msr, uint64_t value);
