// The privileged instructions that a PV guest's kernel still executes. They fault at CPL 3 and are
// done here in its name. Only what needs emulation is decoded; anything else is the guest's own
// #GP.
#include "core/fpu.h"
#include "core/guest_tsc.h"
#include "core/sched.h"
#include "core/vm_assist.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "cpu/traps.h"
#include "mm/guest.h"
#include "pv/cpu.h"
#include "core/insn.h"
#include "pv/io.h"
#include "pv/mmu.h"

#define CR0_PE    0x00000001
#define CR0_MP    0x00000002
#define CR0_ET    0x00000010
#define CR0_NE    0x00000020
#define CR0_WP    0x00010000
#define CR0_AM    0x00040000
#define CR0_PG    0x80000000
#define CR0_GUEST (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG) // as guests see it

#define RDMSR 0x320f // as a little-endian word

static bool read_cr(struct pv_vcpu *v, unsigned n, uint64_t *out)
{
    switch (n) {
    case 0:
        *out = CR0_GUEST | (v->cr0_ts ? CR0_TS : 0);
        return true;
    case 2:
        *out = v->v.info->arch.cr2;
        return true;
    case 3:
        *out = v->root << PAGE_SHIFT;
        return true;
    case 4:
        *out = v->cr4;
        return true;
    default:
        return false;
    }
}

static bool write_cr(struct pv_vcpu *v, unsigned n, uint64_t value)
{
    switch (n) {
    case 0: // nothing in it is the guest's but TS
        if ((value ^ CR0_GUEST) & ~(uint64_t)CR0_TS)
            return false;
        pv_set_ts(v, value & CR0_TS);
        return true;
    case 2:
        v->v.info->arch.cr2 = value;
        return true;
    case 3:
        if (pv_new_root(value >> PAGE_SHIFT))
            return false;
        return true;
    case 4:
        v->cr4 = pv_cr4_fix(value);
        return true;
    default:
        return false;
    }
}

static bool emulate_xsetbv(const struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);

    if (regs->rcx || !fpu_set_xcr0(&v->v, regs->rdx << 32 | (uint32_t)regs->rax))
        return false;
    pv_set_ts(v, v->cr0_ts);
    return true;
}

void pv_set_ts(struct pv_vcpu *v, bool ts)
{
    v->cr0_ts = ts;
    if (ts)
        write_cr0(read_cr0() | CR0_TS);
    else
        clts();
}

// Which bits a guest's CR4 shows: what it may choose, and what is always on.
uint64_t pv_cr4_fix(uint64_t wanted)
{
    uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE | CR4_MCE;

    cr4 |= wanted & CR4_TSD;
    if (cpu_features.fsgsbase)
        cr4 |= wanted & CR4_FSGSBASE;
    if (cpu_features.xsave)
        cr4 |= wanted & CR4_OSXSAVE; // on from the start: Linux looks for it before it would set it
    return cr4;
}

// A guest's kernel counts as privilege level 1, or as 0 where it has asked for the architecture's
// way.
bool pv_iopl_allows(const struct pv_vcpu *v)
{
    unsigned level = 3;

    if (v->kernel_mode)
        level = vm_assist(v->v.domain, VMASST_TYPE_architectural_iopl) ? 0 : 1;
    return level <= v->iopl;
}

static bool emulate_cr_dr(struct pv_vcpu *v, struct insn *i)
{
    uint64_t value = *insn_reg(i->regs, i->modrm_rm);
    unsigned n = i->modrm_reg;
    bool ok = false;

    switch (i->opcode) {
    case 0x0f20:
        ok = read_cr(v, n, &value);
        break;
    case 0x0f21:
        ok = n < 8 && n != 4 && n != 5;
        value = v->dr[n & 7];
        break;
    case 0x0f22:
        return write_cr(v, n, value);
    case 0x0f23:
        return pv_set_debugreg(v, n, value) == 0;
    }
    if (ok)
        *insn_reg(i->regs, i->modrm_rm) = value;
    return ok;
}

static bool emulate_msr(struct pv_vcpu *v, struct cpu_user_regs *regs, bool write)
{
    uint64_t value;

    if (write)
        return pv_wrmsr(v, (uint32_t)regs->rcx, regs->rdx << 32 | (uint32_t)regs->rax);
    if (!pv_rdmsr(v, (uint32_t)regs->rcx, &value))
        return false;
    regs->rax = (uint32_t)value;
    regs->rdx = value >> 32;
    return true;
}

static void emulate_cpuid(struct cpu_user_regs *regs)
{
    struct cpuid_regs r;

    pv_cpuid(current, (uint32_t)regs->rax, (uint32_t)regs->rcx, &r);
    regs->rax = r.a;
    regs->rbx = r.b;
    regs->rcx = r.c;
    regs->rdx = r.d;
}

static void emulate_rdtsc(struct cpu_user_regs *regs)
{
    uint64_t tsc = guest_tsc_read(current->domain);

    regs->rax = (uint32_t)tsc;
    regs->rdx = tsc >> 32;
}

static uint64_t segment_base(const struct insn *i)
{
    struct pv_vcpu *v = to_pv(current);

    return i->segment == SEGMENT_FS ? v->fs_base : i->segment == SEGMENT_GS ? v->gs_base_kernel : 0;
}

static bool emulate_system(struct insn *i, struct cpu_user_regs *regs)
{
    switch (i->modrm) {
    case 0xf9: // RDTSCP
        emulate_rdtsc(regs);
        regs->rcx = to_pv(current)->tsc_aux;
        return cpu_features.rdtscp;
    case 0xd1: // XSETBV
        if (!(to_pv(current)->cr4 & CR4_OSXSAVE)) {
            pv_inject(regs, TRAP_UD, 0);
            i->again = true;
            return true;
        }
        return emulate_xsetbv(regs);
    default:
        if (i->modrm_reg != 7 || i->modrm >= 0xc0)
            return false;
        pv_invlpg(i->ea + segment_base(i)); // INVLPG
        return true;
    }
}

static bool emulate(struct pv_vcpu *v, struct insn *i, struct cpu_user_regs *regs)
{
    switch (i->opcode) {
    case 0x6c ... 0x6f: // INS, OUTS
        return pv_io_string(v, i, regs);
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef: // IN, OUT
        return pv_io(v, i, regs);
    case 0xf4: // HLT, as after STI: an event that is pending already would wake nobody
        v->v.info->evtchn_upcall_mask = 0;
        vcpu_block();
        return true;
    case 0xfa: // CLI, STI: with an I/O privilege level of 1 they are allowed, and change nothing,
               // since the
    case 0xfb: // processor's interrupt flag is not the guest's: its event mask is
        return pv_iopl_allows(v);
    case 0x0f01:
        return emulate_system(i, regs);
    case 0x0f06: // CLTS
        pv_set_ts(v, false);
        return true;
    case 0x0f08: // INVD, WBINVD
    case 0x0f09:
        if (v->v.domain->privileged)
            wbinvd();
        return true;
    case 0x0f20 ... 0x0f23:
        return emulate_cr_dr(v, i);
    case 0x0f30:
    case 0x0f32:
        return emulate_msr(v, regs, i->opcode == 0x0f30);
    case 0x0f31: // RDTSC, of a domain whose counter is emulated
        emulate_rdtsc(regs);
        return true;
    case 0x0fa2:
        emulate_cpuid(regs);
        return true;
    default:
        return false;
    }
}

bool pv_emulate_read_base(struct cpu_user_regs *regs)
{
    uint32_t msr = (uint32_t)regs->rcx;
    uint64_t code[2], value;

    if (msr < MSR_FS_BASE || msr > MSR_KERNEL_GS_BASE ||
        regs->rip % PAGE_SIZE > PAGE_SIZE - sizeof(code) || copy_pair_from_guest(code, regs->rip) ||
        (uint16_t)code[0] != RDMSR)
        return false;
    value = rdmsr(msr);
    regs->rax = (uint32_t)value;
    regs->rdx = value >> 32;
    regs->rip += 2;
    regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    return true;
}

bool pv_emulate_privileged(struct cpu_user_regs *regs)
{
    struct pv_vcpu *v = to_pv(current);
    struct insn i;
    uint64_t rip = regs->rip;

    if (!insn_decode(&i, regs) || !emulate(v, &i, regs))
        return false;
    if (regs->rip == rip) // a repeated string instruction stays where it is until done
        regs->rip += i.again ? 0 : i.length;
    regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    return true;
}

// User programs get what real hardware would give them: port access by IOPL or bitmap, and CPUID
// where the processor makes it fault; and the time-stamp counter where it is emulated.
bool pv_emulate_user(struct cpu_user_regs *regs)
{
    struct insn i;

    if (!insn_decode(&i, regs))
        return false;
    switch (i.opcode) {
    case 0x6c ... 0x6f:
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
    case 0x0fa2:
        return pv_emulate_privileged(regs);
    case 0x0f31:
        return current->domain->tsc.emulated && pv_emulate_privileged(regs);
    case 0x0f01:
        return current->domain->tsc.emulated && i.modrm == 0xf9 && pv_emulate_privileged(regs);
    default:
        return false;
    }
}

// UD2, "xen", CPUID: CPUID as the hypervisor wants the guest to see it.
bool pv_emulate_forced_cpuid(struct cpu_user_regs *regs)
{
    static const uint8_t sequence[] = {0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2};
    uint8_t insn[sizeof(sequence)];

    if (copy_from_guest(insn, regs->rip, 2) || insn[0] != sequence[0] || insn[1] != sequence[1])
        return false;
    if (copy_from_guest(insn, regs->rip, sizeof(insn))) { // it goes on in a page that is not there
        pv_inject_page_fault(regs, ROUND_UP(regs->rip, (uint64_t)PAGE_SIZE), PFEC_INSN);
        return true;
    }
    for (unsigned n = 0; n < sizeof(insn); n++)
        if (insn[n] != sequence[n])
            return false;
    emulate_cpuid(regs);
    regs->rip += sizeof(insn);
    return true;
}
