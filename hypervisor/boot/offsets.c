// Offsets and constants for assembly. Compiled to text, from which the build makes offsets.h.
#include "core/domain.h"
#include "core/hypercall.h"
#include "cpu/percpu.h"
#include "lib/errno.h"
#include "pv/domain.h"
#include "pv-abi/xen.h"

#define DEFINE(name, value)        __asm__ volatile("\n.ascii \"@" #name " %0\"" : : "i"(value))
#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member))

void offsets(void);
void offsets(void)
{
    OFFSET(REGS_R11, struct cpu_user_regs, r11);
    OFFSET(REGS_R10, struct cpu_user_regs, r10);
    OFFSET(REGS_R9, struct cpu_user_regs, r9);
    OFFSET(REGS_R8, struct cpu_user_regs, r8);
    OFFSET(REGS_RAX, struct cpu_user_regs, rax);
    OFFSET(REGS_RCX, struct cpu_user_regs, rcx);
    OFFSET(REGS_RDX, struct cpu_user_regs, rdx);
    OFFSET(REGS_RSI, struct cpu_user_regs, rsi);
    OFFSET(REGS_RDI, struct cpu_user_regs, rdi);
    OFFSET(REGS_ERROR, struct cpu_user_regs, error_code);
    OFFSET(REGS_RIP, struct cpu_user_regs, rip);
    OFFSET(REGS_CS, struct cpu_user_regs, cs);
    OFFSET(REGS_RFLAGS, struct cpu_user_regs, rflags);
    OFFSET(REGS_RSP, struct cpu_user_regs, rsp);
    OFFSET(REGS_SS, struct cpu_user_regs, ss);
    OFFSET(REGS_ES, struct cpu_user_regs, es);
    DEFINE(CPU_INFO_SIZE, sizeof(struct cpu_info));
    OFFSET(CPU_REGS, struct cpu_info, regs);
    OFFSET(CPU_CURRENT, struct cpu_info, vcpu);
    OFFSET(CPU_SCRATCH, struct cpu_info, scratch);
    OFFSET(CPU_HOST_STATE, struct cpu_info, host_state);
    OFFSET(CPU_WORK, struct cpu_info, work);
    OFFSET(CPU_KERNEL_CR3, struct cpu_info, kernel_cr3);
    OFFSET(CPU_USER_CR3, struct cpu_info, user_cr3);
    OFFSET(VCPU_INFO, struct vcpu, info);
    OFFSET(VCPU_PENDING, struct vcpu_info, evtchn_upcall_pending);
    OFFSET(VCPU_MASK, struct vcpu_info, evtchn_upcall_mask);
    OFFSET(PV_KERNEL_MODE, struct pv_vcpu, kernel_mode);
    OFFSET(PV_SLOW_IRET, struct pv_vcpu, slow_iret);
    OFFSET(PV_KERNEL_SP, struct pv_vcpu, kernel_sp);
    OFFSET(PV_EVENT_CALLBACK, struct pv_vcpu, event_callback);
    OFFSET(PV_FAST_SYSCALL, struct pv_vcpu, fast_syscall);
    OFFSET(PV_FAST_PAGE_FAULT, struct pv_vcpu, fast_page_fault);
    OFFSET(VCPU_CR2, struct vcpu_info, arch.cr2);
    DEFINE(HYPERCALL_SLOTS, HYPERCALL_SLOTS);
    DEFINE(ENOSYS, ENOSYS);
    DEFINE(ERESTART, ERESTART);
    DEFINE(HYPERCALL_IRET, __HYPERVISOR_iret);
    DEFINE(USER_CS64, FLAT_USER_CS64);
    DEFINE(USER_CS32, FLAT_USER_CS32);
    DEFINE(USER_SS, FLAT_USER_SS64);
}
