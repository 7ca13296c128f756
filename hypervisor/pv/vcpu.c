// The PV vCPU: given its first context by the toolstack or another vCPU, and switched on and off a
// CPU.
//
// What a switch carries beyond the general registers: page tables, descriptor tables, segment
// selectors and bases, debug registers, FPU. A CPU that goes idle keeps the last guest's, so that a
// vCPU that comes back to where it just was finds everything loaded (`loaded`). Whoever takes that
// state away from under an idle CPU (the end of a domain, a move to another CPU) makes it forget
// first.
#include "core/async.h"
#include "core/fpu.h"
#include "core/pv_time.h"
#include "core/vm_assist.h"
#include "core/version.h"
#include "cpu/asm.h"
#include "cpu/desc.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/paging.h"
#include "mm/tlb.h"
#include "pv-abi/domctl.h"
#include "pv/cpu.h"
#include "pv/desc.h"
#include "pv/io.h"
#include "pv/mmu.h"
#include "pv/soft_tlb.h"

// The vCPU whose processor state a CPU holds, its own or left from before it went idle.
static struct pv_vcpu *loaded[MAX_CPUS];

// Loads a selector; one that the descriptor tables do not allow becomes null. False then.
#define LOAD_SEGMENT(segment, selector)                       \
    ({                                                        \
        uint32_t s_ = (selector);                             \
        bool ok_ = true;                                      \
                                                              \
        __asm__ volatile("1: mov %w0, %%" segment "\n"        \
                         "2:\n"                               \
                         ".pushsection .ex_table, \"a\"\n"    \
                         ".balign 4\n"                        \
                         ".long 1b - ., 2b - ., 3f - .\n"     \
                         ".popsection\n"                      \
                         ".pushsection .text.fixup, \"ax\"\n" \
                         "3: xor %0, %0\n"                    \
                         "movb $0, %1\n"                      \
                         "jmp 1b\n"                           \
                         ".popsection"                        \
                         : "+r"(s_), "+m"(ok_));              \
        ok_;                                                  \
    })

static void save_segments(struct pv_vcpu *v, struct cpu_user_regs *regs)
{
    uint64_t active, inactive;

    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=m"(regs->ds), "=m"(regs->es), "=m"(regs->fs), "=m"(regs->gs));
    v->fs_base = rdmsr(MSR_FS_BASE);
    active = rdmsr(MSR_GS_BASE);
    inactive = rdmsr(MSR_KERNEL_GS_BASE);
    v->gs_base_kernel = v->kernel_mode ? active : inactive;
    v->gs_base_user = v->kernel_mode ? inactive : active;
}

static void load_segments(struct pv_vcpu *v, const struct cpu_user_regs *regs)
{
    bool ok = true;

    ok &= LOAD_SEGMENT("ds", regs->ds);
    ok &= LOAD_SEGMENT("es", regs->es);
    ok &= LOAD_SEGMENT("fs", regs->fs);
    ok &= LOAD_SEGMENT("gs", regs->gs);
    if (!ok)
        v->bad_segments = true; // the failsafe callback tells the guest, on the way in
    wrmsr(MSR_FS_BASE, v->fs_base);
    wrmsr(MSR_GS_BASE, v->kernel_mode ? v->gs_base_kernel : v->gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE, v->kernel_mode ? v->gs_base_user : v->gs_base_kernel);
}

// While no breakpoint is enabled the other registers need not be loaded.
void pv_load_debugregs(struct pv_vcpu *v)
{
    if (v->dr[7] & 0xff) {
        write_dr0(v->dr[0]);
        write_dr1(v->dr[1]);
        write_dr2(v->dr[2]);
        write_dr3(v->dr[3]);
        write_dr6(v->dr[6]);
        write_dr7(v->dr[7]);
        v->debugregs_loaded = true;
    } else if (v->debugregs_loaded) {
        write_dr7(0x400);
        v->debugregs_loaded = false;
    }
}

static void switch_from(struct vcpu *vcpu)
{
    struct pv_vcpu *v = to_pv(vcpu);

    fpu_save(vcpu);
    save_segments(v, &cpu_info()->regs);
    if (v->debugregs_loaded) {
        write_dr7(0x400);
        v->debugregs_loaded = false;
    }
}

static void load(struct pv_vcpu *v)
{
    struct cpu_info *info = cpu_info();
    unsigned cpu = this_cpu();

    pv_use_roots(v);
    __atomic_fetch_or(&v->v.domain->mem.dirty_cpus, cpumask_of(cpu), __ATOMIC_SEQ_CST);
    write_cr3(v->kernel_mode ? info->kernel_cr3 : info->user_cr3);
    tlb_flush_local_global(); // another guest's user pages are global
    pv_desc_load(v);
    loaded[cpu] = v;
    v->loaded_on = (int)cpu;
}

// On a CPU that idles with a vCPU's state still loaded: drops it.
static void unload(void)
{
    write_cr3(hv_cr3());
    tlb_flush_local_global();
    gdt_load_own();
    ldt_load(0, 0);
    soft_tlb_leave();
    loaded[this_cpu()] = NULL;
}

struct pv_vcpu *pv_loaded(void)
{
    return loaded[this_cpu()];
}

static void forget_vcpu(void *v)
{
    if (loaded[this_cpu()] == v)
        unload();
}

// The CPU that a vCPU comes from idles on its page tables. These may be freed once it runs here.
static void leave_old_cpu(struct pv_vcpu *v)
{
    int old = v->loaded_on;

    if (old >= 0 && old != (int)this_cpu() && READ_ONCE(loaded[old]) == v)
        smp_call(cpumask_of(old), forget_vcpu, v);
}

// An emulated time-stamp counter traps wherever it is read.
static void show_tsc(unsigned cpu, bool show)
{
    static bool hidden[MAX_CPUS];

    if (likely(hidden[cpu] == !show))
        return;
    hidden[cpu] = !show;
    write_cr4(show ? read_cr4() & ~(uint64_t)CR4_TSD : read_cr4() | CR4_TSD);
}

static void switch_to(struct vcpu *vcpu)
{
    struct pv_vcpu *v = to_pv(vcpu);
    unsigned cpu = this_cpu();
    bool strange = loaded[cpu] != v || v->loaded_on != (int)cpu;

    if (strange) {
        leave_old_cpu(v);
        if (loaded[cpu])
            __atomic_fetch_and(&loaded[cpu]->v.domain->mem.dirty_cpus, ~cpumask_of(cpu),
                               __ATOMIC_SEQ_CST);
        load(v);
    }
    if (strange || cpu_info()->segments_lost) {
        cpu_info()->segments_lost = false;
        load_segments(v, &cpu_info()->regs);
    }
    tsc_aux_load((uint32_t)v->tsc_aux);
    show_tsc(cpu, !vcpu->domain->tsc.emulated);
    if (v->nmi_pending)
        work_raise(cpu, WORK_NMI);
    pv_load_debugregs(v);
    fpu_switch_to(vcpu, v->cr0_ts);
    pv_time_update(vcpu);
}

static __attribute__((noreturn)) void enter(struct vcpu *vcpu)
{
    struct pv_vcpu *v = to_pv(vcpu);

    if (v->bad_segments) {
        v->bad_segments = false;
        pv_bounce_failsafe(&cpu_info()->regs);
    }
    pv_enter();
}

static void forget_domain(void *domain)
{
    struct pv_vcpu *v = loaded[this_cpu()];

    if (v && v->v.domain == domain)
        unload();
}

void pv_forget(struct domain *d)
{
    smp_call(cpus_online, forget_domain, d);
    d->mem.dirty_cpus = 0;
}

static int check_context(const struct vcpu_guest_context *c)
{
    const uint64_t code[] = {c->event_callback_eip, c->failsafe_callback_eip,
                             c->syscall_callback_eip, c->user_regs.rip};

    for (unsigned i = 0; i < ARRAY_SIZE(code); i++)
        if (!pv_address_ok(code[i]))
            return -EINVAL;
    for (unsigned i = 0; i < 256; i++)
        if (!pv_address_ok(c->trap_ctxt[i].address))
            return -EINVAL;
    if (!pv_address_ok(c->kernel_sp) || (c->kernel_sp && !pv_address_ok(c->kernel_sp - PAGE_SIZE)))
        return -EINVAL;
    if (!canonical(c->fs_base) || !canonical(c->gs_base_kernel) || !canonical(c->gs_base_user))
        return -EINVAL;
    return c->gdt_ents > PV_MAX_ENTRIES || c->ldt_ents > PV_MAX_ENTRIES ? -EINVAL : 0;
}

static void set_registers(struct pv_vcpu *v, const struct vcpu_guest_context *c)
{
    v->v.regs = c->user_regs;
    v->v.regs.cs |= 3;
    v->v.regs.ss |= 3;
    v->iopl = c->user_regs.rflags >> 12 & 3; // the hypervisor's business: the real one stays 0
    v->v.regs.rflags &= ~(uint64_t)(X86_EFLAGS_IOPL | X86_EFLAGS_VM | X86_EFLAGS_NT);
    v->v.regs.rflags |= X86_EFLAGS_IF | X86_EFLAGS_MBS;
    v->v.regs.entry_vector = 0;
    v->v.regs.saved_upcall_mask = 0; // that is in vcpu_info
    v->kernel_mode = true;
    memcpy(v->traps, c->trap_ctxt, sizeof(v->traps));
    v->kernel_ss = c->kernel_ss | 3;
    v->kernel_sp = c->kernel_sp;
    v->event_callback = c->event_callback_eip;
    v->failsafe_callback = c->failsafe_callback_eip;
    v->failsafe_masks_events = c->flags & VGCF_failsafe_disables_events;
    v->syscall_callback = c->syscall_callback_eip;
    v->syscall_masks_events = c->flags & VGCF_syscall_disables_events;
    pv_update_fast_ways(v);
    v->fs_base = c->fs_base;
    v->gs_base_kernel = c->gs_base_kernel;
    v->gs_base_user = c->gs_base_user;
    v->cr0_ts = c->ctrlreg[0] & CR0_TS;
    v->cr4 = pv_cr4_fix(c->ctrlreg[4] | CR4_OSXSAVE);
}

// VCPUOP_initialise, XEN_DOMCTL_setvcpucontext. Everything that can be refused is taken first: page
// tables, then descriptor tables; the rest cannot fail.
static int set_context(struct vcpu *vcpu, const struct vcpu_guest_context *c)
{
    struct pv_vcpu *v = to_pv(vcpu);
    int rc = check_context(c);

    if (rc)
        return rc;
    if (vcpu->initialised) { // an idle CPU may still have the old state loaded
        smp_call(cpus_online, forget_vcpu, v);
        async_drop(vcpu);
    }
    if ((rc = pv_set_roots(v, xen_cr3_to_pfn(c->ctrlreg[3]),
                           c->ctrlreg[1] ? xen_cr3_to_pfn(c->ctrlreg[1]) : 0)))
        return rc;
    rc = pv_desc_set(v, c->gdt_frames, (unsigned)c->gdt_ents, c->ldt_base, (unsigned)c->ldt_ents);
    if (rc) {
        pv_put_roots(v);
        return rc;
    }
    set_registers(v, c);
    if (c->flags & VGCF_I387_VALID)
        fpu_set_legacy(vcpu, &c->fpu_ctxt);
    for (unsigned i = 0; i < 8; i++)
        if (i != 4 && i != 5)
            pv_set_debugreg(v, i, c->debugreg[i]);
    vcpu->initialised = true;
    return 0;
}

static void get_context(struct vcpu *vcpu, struct vcpu_guest_context *c)
{
    struct pv_vcpu *v = to_pv(vcpu);

    memset(c, 0, sizeof(*c));
    fpu_get_legacy(vcpu, &c->fpu_ctxt);
    c->flags = VGCF_i387_valid | (v->kernel_mode ? VGCF_in_kernel : 0) |
               (vcpu->pause_flags & VPF_DOWN ? 0 : VGCF_online) |
               (v->failsafe_masks_events ? VGCF_failsafe_disables_events : 0) |
               (v->syscall_masks_events ? VGCF_syscall_disables_events : 0);
    c->user_regs = vcpu->regs;
    c->user_regs.rflags |= (uint64_t)v->iopl << 12;
    memcpy(c->trap_ctxt, v->traps, sizeof(v->traps));
    c->ldt_base = v->ldt_base;
    c->ldt_ents = v->ldt_entries;
    for (unsigned i = 0; i < PV_GDT_FRAMES && i * 512 < v->gdt_entries; i++)
        c->gdt_frames[i] = v->gdt_frames[i];
    c->gdt_ents = v->gdt_entries;
    c->kernel_ss = v->kernel_ss;
    c->kernel_sp = v->kernel_sp;
    c->ctrlreg[0] = 0x80050033 | (v->cr0_ts ? CR0_TS : 0);
    c->ctrlreg[1] = v->user_root ? xen_pfn_to_cr3(v->user_root) : 0;
    c->ctrlreg[3] = xen_pfn_to_cr3(v->root);
    c->ctrlreg[4] = v->cr4;
    memcpy(c->debugreg, v->dr, sizeof(v->dr));
    c->event_callback_eip = v->event_callback;
    c->failsafe_callback_eip = v->failsafe_callback;
    c->syscall_callback_eip = v->syscall_callback;
    c->vm_assist = vcpu->domain->vm_assist;
    c->fs_base = v->fs_base;
    c->gs_base_kernel = v->gs_base_kernel;
    c->gs_base_user = v->gs_base_user;
}

// The entry points of 32-bit system calls.
static int ext_context(struct vcpu *vcpu, struct xen_domctl_ext_vcpucontext *c, bool set)
{
    struct pv_vcpu *v = to_pv(vcpu);

    if (!set) {
        c->sysenter_callback_cs = v->sysenter_cs;
        c->sysenter_callback_eip = v->sysenter_callback;
        c->sysenter_disables_events = v->sysenter_masks_events;
        c->syscall32_callback_cs = v->syscall32_cs;
        c->syscall32_callback_eip = v->syscall32_callback;
        c->syscall32_disables_events = v->syscall32_masks_events;
        return 0;
    }
    if (!pv_address_ok(c->sysenter_callback_eip) || !pv_address_ok(c->syscall32_callback_eip))
        return -EINVAL;
    v->sysenter_cs = c->sysenter_callback_cs;
    v->sysenter_callback = c->sysenter_callback_eip;
    v->sysenter_masks_events = c->sysenter_disables_events;
    v->syscall32_cs = c->syscall32_callback_cs;
    v->syscall32_callback = c->syscall32_callback_eip;
    v->syscall32_masks_events = c->syscall32_disables_events;
    return 0;
}

static int vcpu_init(struct vcpu *vcpu)
{
    struct pv_vcpu *v = to_pv(vcpu);

    v->loaded_on = -1;
    v->kernel_mode = true;
    v->cr4 = pv_cr4_fix(CR4_OSXSAVE);
    v->dr[6] = 0xffff0ff0;
    v->dr[7] = 0x400;
    return pv_desc_vcpu_init(v);
}

static void vcpu_destroy(struct vcpu *vcpu)
{
}

const struct domain_ops pv_domain_ops = {
    .name = "pv",
    .kind = GUEST_PV,
    .domain_size = sizeof(struct pv_domain),
    .vcpu_size = sizeof(struct pv_vcpu),
    .masks_upcalls = true,
    .features = PV_FEATURES,
    .vm_assists = PV_VM_ASSISTS,
    .domain_init = pv_domain_init,
    .domain_relinquish = pv_domain_relinquish,
    .domain_destroy = pv_domain_destroy,
    .vcpu_init = vcpu_init,
    .vcpu_destroy = vcpu_destroy,
    .vcpu_set_context = set_context,
    .vcpu_get_context = get_context,
    .vcpu_nmi = pv_send_nmi,
    .vcpu_ext_context = ext_context,
    .hypercall_page = pv_hypercall_page_fill,
    .cpuid = pv_cpuid,
    .switch_from = switch_from,
    .switch_to = switch_to,
    .enter = enter,
    .copy_to_kernel = pv_copy_to_kernel,
    .grant_map = pv_grant_map,
    .grant_unmap = pv_grant_unmap,
    .dirty_log = &pv_dirty_log_ops,
    .set_iopl = pv_set_iopl,
    .set_io_bitmap = pv_set_io_bitmap,
};
