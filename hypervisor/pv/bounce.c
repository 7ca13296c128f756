// Bounce frames: how the hypervisor makes a guest's kernel take an exception, a system call or an
// event.
//
// The frame on the guest kernel's stack, from the top down: ss, rsp, rflags, cs, rip, [error code,
// or for the failsafe callback gs, fs, es, ds], r11, rcx. cs carries the old event mask in its
// upper half and, if the kernel itself was interrupted, a privilege level of 0; rflags.IF is the
// inverse of the old mask. The handler starts at CPL 3 in kernel mode with flags that never trap
// it.
#include "core/event.h"
#include "cpu/asm.h"
#include "cpu/traps.h"
#include "lib/bug.h"
#include "mm/guest.h"
#include "pv/cpu.h"

#define FLAGS_CLEARED \
    (X86_EFLAGS_AC | X86_EFLAGS_VM | X86_EFLAGS_RF | X86_EFLAGS_NT | X86_EFLAGS_TF)

struct bounce {
    uint64_t rip;
    bool masks_events;
    bool has_error;
    uint32_t error;
    bool has_selectors;
};

void pv_bounce_event(struct cpu_user_regs *regs);
void pv_bounce_syscall(struct cpu_user_regs *regs);
void pv_bounce_syscall32(struct cpu_user_regs *regs);
void pv_bounce_failed(struct cpu_user_regs *regs);

static void swapgs(void)
{
    __asm__ volatile("swapgs" : : : "memory");
}

void pv_to_kernel_mode(struct pv_vcpu *v)
{
    ASSERT(!v->kernel_mode);
    v->kernel_mode = true;
    swapgs();
    write_cr3(cpu_info()->kernel_cr3);
}

void pv_to_user_mode(struct pv_vcpu *v)
{
    ASSERT(v->kernel_mode);
    v->kernel_mode = false;
    swapgs();
    write_cr3(cpu_info()->user_cr3);
}

static unsigned push_selectors(uint64_t *slot)
{
    uint16_t ds, es, fs, gs;

    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
    slot[0] = ds;
    slot[1] = es;
    slot[2] = fs;
    slot[3] = gs;
    return 4;
}

static void bounce(struct cpu_user_regs *regs, const struct bounce *b)
{
    struct pv_vcpu *v = to_pv(current);
    struct vcpu_info *info = v->v.info;
    uint64_t mask = info->evtchn_upcall_mask;
    uint64_t frame[12], sp, cs = regs->cs;
    unsigned n = 0;

    if (!b->rip) {
        domain_crash(v->v.domain, "no handler for vector %u, error %x", regs->entry_vector & 0xff,
                     b->error);
        return;
    }
    if (v->kernel_mode) {
        sp = regs->rsp;
        cs &= ~3ull;
    } else {
        pv_to_kernel_mode(v);
        sp = v->kernel_sp;
    }
    frame[n++] = regs->rcx;
    frame[n++] = regs->r11;
    if (b->has_error)
        frame[n++] = b->error;
    if (b->has_selectors)
        n += push_selectors(&frame[n]);
    frame[n++] = regs->rip;
    frame[n++] = cs | mask << 32;
    frame[n++] = (regs->rflags & ~X86_EFLAGS_IF) | (mask ? 0 : X86_EFLAGS_IF);
    frame[n++] = regs->rsp;
    frame[n++] = regs->ss;
    sp = (sp & ~15ull) - n * 8;
    if (copy_to_guest(sp, frame, n * 8)) {
        domain_crash(v->v.domain, "stack fault: no room for a frame at %016lx", sp);
        return;
    }
    if (b->masks_events)
        info->evtchn_upcall_mask = 1;
    regs->rip = b->rip;
    regs->cs = FLAT_KERNEL_CS64;
    regs->ss = FLAT_KERNEL_SS64;
    regs->rsp = sp;
    regs->rflags = (regs->rflags & ~(uint64_t)FLAGS_CLEARED) | X86_EFLAGS_IF;
    regs->entry_vector = 0x100; // whatever struck the guest has been dealt with
}

static bool vector_has_error(unsigned vector)
{
    return vector < 32 &&
           (1u << vector & (1u << TRAP_DF | 1u << TRAP_TS | 1u << TRAP_NP | 1u << TRAP_SS |
                            1u << TRAP_GP | 1u << TRAP_PF | 1u << TRAP_AC));
}

void pv_inject(struct cpu_user_regs *regs, unsigned vector, uint32_t error)
{
    const struct trap_info *t = &to_pv(current)->traps[vector];
    struct bounce b = {
        .rip = t->address,
        .masks_events = TI_GET_IF(t),
        .has_error = vector_has_error(vector),
        .error = error,
    };

    bounce(regs, &b);
}

void pv_inject_page_fault(struct cpu_user_regs *regs, uint64_t addr, uint32_t error)
{
    current->info->arch.cr2 = addr;
    // The guest thinks of its kernel as CPL 0.
    if (to_pv(current)->kernel_mode)
        error &= ~(uint32_t)PFEC_USER;
    else
        error |= PFEC_USER;
    pv_inject(regs, TRAP_PF, error);
}

// guest_return found a pending event that is not masked, and no callback or no stack for it.
void pv_bounce_event(struct cpu_user_regs *regs)
{
    bounce(regs, &(struct bounce){.rip = to_pv(current)->event_callback, .masks_events = true});
}

void pv_bounce_syscall(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    if (!v->syscall_callback) {
        regs->rip -= 2;
        pv_inject(regs, TRAP_UD, 0);
        return;
    }
    bounce(regs,
           &(struct bounce){.rip = v->syscall_callback, .masks_events = v->syscall_masks_events});
}

void pv_bounce_syscall32(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    regs->ss = FLAT_USER_SS32;
    if (!v->syscall32_callback) {
        regs->rip -= 2;
        pv_inject(regs, TRAP_UD, 0);
        return;
    }
    bounce(regs, &(struct bounce){.rip = v->syscall32_callback,
                                  .masks_events = v->syscall32_masks_events});
}

// A short way in entry.S found no stack. The vCPU is in kernel mode already; it may have been
// before.
void pv_bounce_failed(struct cpu_user_regs *regs)
{
    domain_crash(current->domain,
                 "stack fault: no room for a frame below %016lx, or %016lx from user mode",
                 regs->rsp, to_pv(current)->kernel_sp);
}

// IRETQ or a segment load refused the selectors that the guest asked for. The failsafe callback
// gets them on its stack and has to repair them.
void pv_bounce_failsafe(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    bounce(regs, &(struct bounce){.rip = v->failsafe_callback,
                                  .masks_events = v->failsafe_masks_events,
                                  .has_selectors = true});
}
