// What an HVM guest does that its processor does not do for it.
#include "core/fpu.h"
#include "core/hypercall.h"
#include "core/insn.h"
#include "core/sched.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/log.h"

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

// Accesses to memory where there is none, but perhaps a device
// ------------------------------------------------------------------------

struct access {
    uint64_t address; // guest-physical
    unsigned bytes;
    bool waits; // for an answer: nothing of the instruction happens now
};

static uint64_t device_read(struct hvm_vcpu *v, struct access *a)
{
    struct hvm_access access = {.address = a->address, .bytes = (uint8_t)a->bytes};

    a->waits = hvm_access(v, &access) == HVM_ACCESS_WAIT;
    return access.data;
}

static void device_write(struct hvm_vcpu *v, struct access *a, uint64_t value)
{
    struct hvm_access access = {
        .address = a->address, .data = value, .bytes = (uint8_t)a->bytes, .write = true};

    if (!a->waits)
        a->waits = hvm_access(v, &access) == HVM_ACCESS_WAIT;
}

// The byte of a general register: without REX, 4 to 7 are AH to BH.
static uint8_t *byte_reg(const struct insn *i, unsigned n)
{
    return !i->rex && n >= 4 ? (uint8_t *)insn_reg(i->regs, n & 3) + 1
                             : (uint8_t *)insn_reg(i->regs, n);
}

static void load(const struct insn *i, const struct access *a, unsigned n, unsigned bytes,
                 uint64_t value)
{
    uint64_t *to = insn_reg(i->regs, n);

    if (a->waits)
        return;
    if (bytes == 8)
        *to = value;
    else if (bytes == 4)
        *to = (uint32_t)value;
    else if (bytes == 2)
        *(uint16_t *)to = (uint16_t)value;
    else
        *byte_reg(i, n) = (uint8_t)value;
}

static uint64_t stored(const struct insn *i, unsigned n, unsigned bytes)
{
    return bytes == 1 ? *byte_reg(i, n) : *insn_reg(i->regs, n);
}

// MOVZX, MOVSX, MOVSXD
static bool extend(struct hvm_vcpu *v, const struct insn *i, struct access *a)
{
    unsigned unused;
    uint64_t value;

    a->bytes = i->opcode == 0x63 ? 4 : i->opcode & 1 ? 2 : 1;
    unused = 64 - a->bytes * 8;
    value = device_read(v, a) << unused;
    value = i->opcode == 0x0fb6 || i->opcode == 0x0fb7 ? value >> unused
                                                       : (uint64_t)((int64_t)value >> unused);
    load(i, a, i->modrm_reg, i->operand_bytes, value);
    return true;
}

// MOV between the accumulator and an address that is part of the instruction.
static bool absolute(struct hvm_vcpu *v, struct insn *i, struct access *a)
{
    if (i->opcode & 2)
        device_write(v, a, stored(i, 0, a->bytes));
    else
        load(i, a, 0, a->bytes, device_read(v, a));
    return true;
}

// MOV in its forms is what drivers use, and XCHG what Linux's memory barriers were.
static bool emulate(struct hvm_vcpu *v, struct insn *i, struct access *a)
{
    uint64_t value;

    a->bytes = i->opcode & 1 ? i->operand_bytes : 1;
    switch (i->opcode) {
    case 0x8a:
    case 0x8b:
        load(i, a, i->modrm_reg, a->bytes, device_read(v, a));
        return true;
    case 0x88:
    case 0x89:
        device_write(v, a, stored(i, i->modrm_reg, a->bytes));
        return true;
    case 0xc6:
    case 0xc7:
        if (i->modrm & 0x38)
            return false;
        device_write(v, a, i->immediate);
        return true;
    case 0x86: // XCHG
    case 0x87:
        value = device_read(v, a);
        device_write(v, a, stored(i, i->modrm_reg, a->bytes));
        load(i, a, i->modrm_reg, a->bytes, value);
        return true;
    case 0xa0 ... 0xa3:
        return absolute(v, i, a);
    case 0x63:
    case 0x0fb6:
    case 0x0fb7:
    case 0x0fbe:
    case 0x0fbf:
        return extend(v, i, a);
    default:
        return false;
    }
}

void hvm_exit_memory(struct hvm_vcpu *v, struct cpu_user_regs *regs, uint64_t address, bool write)
{
    struct access a = {.address = address};
    uint8_t code[INSN_MAX] = {0};
    unsigned n = hvm_fetch(v, regs, code, sizeof(code));
    struct insn i;

    if (hvm_ops->read(v, HVM_CS_L) && insn_decode_bytes(&i, code, n, regs, 64) && i.modrm < 0xc0 &&
        emulate(v, &i, &a)) {
        if (a.waits)
            return;
        hvm_access_retire(v);
        regs->rip += i.length;
        return;
    }
    domain_crash(
        v->v.domain,
        "%s of guest-physical address %#lx, where there is no memory, by an instruction that "
        "is not emulated (%02x %02x %02x %02x at %#lx)",
        write ? "write" : "read", address, code[0], code[1], code[2], code[3], regs->rip);
}
