// What an HVM guest does that its processor does not do for it.
#include "core/fpu.h"
#include "core/hypercall.h"
#include "core/sched.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "pv-abi/sched.h"

void hvm_exit_cpuid(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    struct cpuid_regs r;

    hvm_cpuid(&v->v, (uint32_t)regs->rax, (uint32_t)regs->rcx, &r);
    regs->rax = r.a;
    regs->rbx = r.b;
    regs->rcx = r.c;
    regs->rdx = r.d;
    regs->rip += length;
}

void hvm_exit_msr(struct hvm_vcpu *v, struct cpu_user_regs *regs, bool write, unsigned length)
{
    uint64_t value = regs->rdx << 32 | (uint32_t)regs->rax;
    uint32_t msr = (uint32_t)regs->rcx;
    bool done = write ? hvm_write_msr(v, msr, value) : hvm_read_msr(v, msr, &value);

    if (!done) {
        guest_debug("%s of MSR %#x refused\n", write ? "write" : "read", msr);
        hvm_fault(v, TRAP_GP, 0);
        return;
    }
    if (!write) {
        regs->rax = (uint32_t)value;
        regs->rdx = value >> 32;
    }
    regs->rip += length;
}

void hvm_exit_xsetbv(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    uint64_t value = regs->rdx << 32 | (uint32_t)regs->rax;

    if (hvm_ops->read(v, HVM_CPL) || (uint32_t)regs->rcx || !fpu_set_xcr0(&v->v, value))
        hvm_fault(v, TRAP_GP, 0);
    else
        regs->rip += length;
}

void hvm_exit_triple_fault(struct hvm_vcpu *v)
{
    struct domain *d = v->v.domain;
    unsigned reason = (unsigned)to_hvmd(d)->params[HVM_PARAM_TRIPLE_FAULT_REASON];

    if (reason == SHUTDOWN_crash) {
        domain_crash(d, "triple fault");
        return;
    }
    guest_warn("triple fault at %#lx (RSP %#lx, CR2 %#lx, CR3 %#lx)\n", cpu_info()->regs.rip,
               cpu_info()->regs.rsp, hvm_ops->read(v, HVM_CR2), hvm_ops->read(v, HVM_CR3));
    domain_shutdown(d, reason);
}

// With interrupts disabled nothing but INIT should end it: so the kernel stops a processor, and
// with the last one the machine.
void hvm_exit_halt(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    struct vcpu *self = &v->v;

    regs->rip += length;
    if (!(regs->rflags & X86_EFLAGS_IF) && !v->nmi_pending) {
        vcpu_down(self);
        return;
    }
    __atomic_fetch_or(&self->pause_flags, VPF_BLOCKED, __ATOMIC_SEQ_CST);
    // What came before the flag did not see it.
    if (hvm_interrupt_pending(v))
        __atomic_fetch_and(&self->pause_flags, ~(uint64_t)VPF_BLOCKED, __ATOMIC_SEQ_CST);
    else
        work_raise(this_cpu(), WORK_SCHEDULE);
}

// From the kernel only.
void hvm_exit_hypercall(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    regs->rip += length;
    if (hvm_ops->read(v, HVM_CPL))
        regs->rax = (uint64_t)-EPERM;
    else if (!hvm_ops->read(v, HVM_CS_L))
        hvm_hypercall_32(v, regs, length);
    else
        hypercall_from_guest(regs);
    if (unlikely(READ_ONCE(to_hvmd(v->v.domain)->map_shrunk)) &&
        __atomic_exchange_n(&to_hvmd(v->v.domain)->map_shrunk, false, __ATOMIC_SEQ_CST))
        ioreq_invalidate(v);
}
