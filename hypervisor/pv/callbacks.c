// Hypercalls by which a guest tells where its handlers are, and the small ones about its processor
// state.
#include "core/hypercall_table.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/callback.h"
#include "pv-abi/nmi.h"
#include "pv/cpu.h"
#include "pv/desc.h"

static int register_callback(struct pv_vcpu *v, const struct callback_register *c)
{
    bool masks = c->flags & CALLBACKF_mask_events;

    if (!pv_address_ok(c->address))
        return -EINVAL;
    switch (c->type) {
    case CALLBACKTYPE_event:
        v->event_callback = c->address;
        break;
    case CALLBACKTYPE_failsafe:
        v->failsafe_callback = c->address;
        v->failsafe_masks_events = masks;
        break;
    case CALLBACKTYPE_syscall:
        v->syscall_callback = c->address;
        v->syscall_masks_events = masks;
        pv_update_fast_ways(v);
        break;
    case CALLBACKTYPE_syscall32:
        v->syscall32_callback = c->address;
        v->syscall32_masks_events = masks;
        break;
    case CALLBACKTYPE_sysenter:
        v->sysenter_callback = c->address;
        v->sysenter_masks_events = masks;
        break;
    case CALLBACKTYPE_nmi:
        pv_set_nmi_handler(v, c->address);
        break;
    default:
        return -ENOSYS;
    }
    return 0;
}

static int unregister_callback(struct pv_vcpu *v, unsigned type)
{
    switch (type) {
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_syscall:
    case CALLBACKTYPE_sysenter:
    case CALLBACKTYPE_syscall32:
        return -EINVAL; // a guest cannot be without
    case CALLBACKTYPE_nmi:
        pv_set_nmi_handler(v, 0);
        return 0;
    default:
        return -ENOSYS;
    }
}

long do_callback_op(unsigned cmd, uint64_t arg)
{
    struct callback_register reg;
    struct callback_unregister unreg;

    switch (cmd) {
    case CALLBACKOP_register:
        if (copy_from_guest(&reg, arg, sizeof(reg)))
            return -EFAULT;
        return register_callback(to_pv(current), &reg);
    case CALLBACKOP_unregister:
        if (copy_from_guest(&unreg, arg, sizeof(unreg)))
            return -EFAULT;
        return unregister_callback(to_pv(current), unreg.type);
    default:
        return -ENOSYS;
    }
}

// Superseded by callback_op. What is not an address is passed over; the call does not fail.
long do_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall)
{
    struct pv_vcpu *v = to_pv(current);
    struct callback_register c = {.type = CALLBACKTYPE_event, .address = event};

    register_callback(v, &c);
    c = (struct callback_register){.type = CALLBACKTYPE_failsafe, .address = failsafe};
    register_callback(v, &c);
    c = (struct callback_register){.type = CALLBACKTYPE_syscall, .address = syscall};
    register_callback(v, &c);
    return 0;
}

long do_nmi_op(unsigned cmd, uint64_t arg)
{
    struct xennmi_callback cb;

    switch (cmd) {
    case XENNMI_register_callback:
        if (copy_from_guest(&cb, arg, sizeof(cb)))
            return -EFAULT;
        if (current->id != 0 || !pv_address_ok(cb.handler_address))
            return -EINVAL;
        pv_set_nmi_handler(to_pv(current), cb.handler_address);
        return 0;
    case XENNMI_unregister_callback:
        pv_set_nmi_handler(to_pv(current), 0);
        return 0;
    default:
        return -ENOSYS;
    }
}

// HYPERVISOR_iret, where entry.S did not take its short way.
long do_iret(void)
{
    struct cpu_user_regs *regs = &cpu_info()->regs;
    struct pv_vcpu *v = to_pv(current);
    struct iret_context c;

    if (copy_from_guest(&c, regs->rsp, sizeof(c))) {
        domain_crash(v->v.domain, "iret: no frame at %016lx", regs->rsp);
        return -EFAULT;
    }
    if ((c.cs & 3) == 3 && !v->user_root) {
        domain_crash(v->v.domain, "iret to user mode without page tables for it");
        return -EINVAL;
    }
    regs->rip = c.rip;
    regs->cs = (uint16_t)(c.cs | 3);
    regs->rflags = (c.rflags & ~(uint64_t)(X86_EFLAGS_IOPL | X86_EFLAGS_VM)) | X86_EFLAGS_IF;
    regs->rsp = c.rsp;
    regs->ss = (uint16_t)(c.ss | 3);
    // From a system call the program expects what SYSRET leaves in them.
    regs->r11 = c.flags & VGCF_in_syscall ? c.rflags : c.r11;
    regs->rcx = c.flags & VGCF_in_syscall ? c.rip : c.rcx;
    v->v.info->evtchn_upcall_mask = !(c.rflags & X86_EFLAGS_IF);
    v->slow_iret &= (uint8_t)~SLOW_IRET_NMI;
    if (v->nmi_pending)
        work_raise(this_cpu(), WORK_NMI);
    if ((c.cs & 3) == 3)
        pv_to_user_mode(v);
    return (long)c.rax; // the way back puts it where the guest wants it
}

static long set_traps(struct pv_vcpu *v, uint64_t table)
{
    struct trap_info t;

    for (unsigned n = 0; n < 257; n++, table += sizeof(t)) {
        if (copy_from_guest(&t, table, sizeof(t)))
            return -EFAULT;
        if (!t.address)
            return 0;
        if (!pv_address_ok(t.address))
            return -EINVAL;
        t.cs = FLAT_KERNEL_CS64;
        v->traps[t.vector] = t;
    }
    return -E2BIG;
}

// All entries are copied as they are checked; a bad one ends the call with those before it in
// force.
long do_set_trap_table(uint64_t table)
{
    struct pv_vcpu *v = to_pv(current);
    long rc = 0;

    if (table)
        rc = set_traps(v, table);
    else
        memset(v->traps, 0, sizeof(v->traps));
    pv_update_fast_ways(v);
    return rc;
}

long do_stack_switch(uint64_t ss, uint64_t sp)
{
    struct pv_vcpu *v = to_pv(current);

    // A frame is written below sp without another look: no part of it may be the hypervisor's.
    if (!pv_address_ok(sp) || !pv_address_ok(sp - PAGE_SIZE))
        return -EPERM;
    v->kernel_ss = ss | 3;
    v->kernel_sp = sp;
    return 0;
}

long do_fpu_taskswitch(unsigned set)
{
    pv_set_ts(to_pv(current), set);
    return 0;
}

// Loads a selector into the user GS, whose base is the inactive one now. A selector that cannot be
// loaded becomes the null selector.
static void load_user_gs(uint16_t selector)
{
    __asm__ volatile("swapgs\n"
                     "1: mov %w0, %%gs\n"
                     "2: swapgs\n"
                     ".pushsection .ex_table, \"a\"\n"
                     ".long 1b - ., 2b - ., 3f - .\n"
                     ".popsection\n"
                     ".pushsection .text.fixup, \"ax\"\n"
                     "3: xor %0, %0\n jmp 1b\n"
                     ".popsection"
                     : "+r"(selector)
                     :
                     : "memory");
}

long do_set_segment_base(unsigned which, uint64_t base)
{
    if (which != SEGBASE_GS_USER_SEL && !canonical(base))
        return -EINVAL;
    switch (which) {
    case SEGBASE_FS:
        wrmsr(MSR_FS_BASE, base);
        return 0;
    case SEGBASE_GS_USER: // the guest's kernel is running: the user's base is the inactive one
        wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        wrmsr(MSR_GS_BASE, base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        load_user_gs((uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}

// Breakpoints may not lie in the hypervisor, and general detect and reserved bits may not be set.
int pv_set_debugreg(struct pv_vcpu *v, unsigned n, uint64_t value)
{
    switch (n) {
    case 0 ... 3:
        if (!pv_address_ok(value))
            return -EPERM;
        break;
    case 4:
    case 6:
        n = 6;
        value = (value & 0xffffefff & ~0x1000ull) | 0xffff0ff0;
        break;
    case 5:
    case 7:
        n = 7;
        if (value >> 32)
            return -EPERM;
        value = (value & ~0xd800ull & ~0x2000ull) | 0x400;
        for (unsigned i = 0; i < 4; i++) { // an I/O breakpoint needs CR4.DE, which the guest lacks
            unsigned rw = value >> (16 + i * 4) & 3;

            if ((value >> (i * 2) & 3) && rw == 2)
                return -EPERM;
        }
        break;
    default:
        return -EINVAL;
    }
    v->dr[n] = value;
    if (&v->v == current)
        pv_load_debugregs(v);
    return 0;
}

long do_set_debugreg(unsigned n, uint64_t value)
{
    return n > 7 ? -ENODEV : pv_set_debugreg(to_pv(current), n, value);
}

long do_get_debugreg(unsigned n)
{
    struct pv_vcpu *v = to_pv(current);

    if (n > 7)
        return -ENODEV;
    if (n == 4 || n == 5)
        n += 2;
    return (long)v->dr[index_nospec(n, 8)];
}
