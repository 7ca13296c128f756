// Ports. There is one device, the port that early code prints to; elsewhere reads give all ones and
// writes nothing.
//
// A string instruction goes on as long as its count says and there is no other work: then it is
// left where it is, and executed again.
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/log.h"
#include "mm/guest.h"

#define DEBUG_PORT 0xe9

// A line at a time goes to the log, as far as guests may fill that.
static void debug_char(struct hvm_vcpu *v, char c)
{
    bool end = c == '\n' || v->debug_length == sizeof(v->debug_line) - 1;

    if (c >= ' ' && c < 0x7f && !end)
        v->debug_line[v->debug_length++] = c;
    if (!end)
        return;
    v->debug_line[v->debug_length] = '\0';
    guest_debug("%s\n", v->debug_line);
    v->debug_length = 0;
}

static uint32_t port_read(struct hvm_vcpu *v, const struct hvm_io *io)
{
    return ~0u;
}

static void port_write(struct hvm_vcpu *v, const struct hvm_io *io, uint32_t value)
{
    if (io->port == DEBUG_PORT && io->bytes == 1)
        debug_char(v, (char)value);
}

static uint64_t mask_of(unsigned bits)
{
    return bits == 64 ? ~0ull : (1ull << bits) - 1;
}

// A register of which an instruction uses the lower bits; writing 32 of them clears the upper half.
static void set_low(uint64_t *reg, unsigned bits, uint64_t value)
{
    *reg = bits == 16 ? (*reg & ~0xffffull) | (value & 0xffff) : value & mask_of(bits);
}

static bool string_element(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io)
{
    uint64_t *index = io->in ? &regs->rdi : &regs->rsi;
    uint64_t address = *index & mask_of(io->address_bits);
    uint64_t step = regs->rflags & X86_EFLAGS_DF ? -(uint64_t)io->bytes : io->bytes;
    uint32_t value = 0;

    if (io->in) {
        value = port_read(v, io);
        if (copy_to_guest(address, &value, io->bytes))
            return false;
    } else {
        if (copy_from_guest(&value, address, io->bytes))
            return false;
        port_write(v, io, value);
    }
    set_low(index, io->address_bits, address + step);
    return true;
}

// In 64-bit code, whose segments have no bases (but for FS and GS, which no string of this kind
// uses).
static void string_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io)
{
    uint64_t count = io->rep ? regs->rcx & mask_of(io->address_bits) : 1;

    if (!hvm_ops->read(v, HVM_CS_L)) {
        domain_crash(v->v.domain, "string I/O at port %#x in code that is not 64-bit: not emulated",
                     io->port);
        return;
    }
    while (count) {
        if (!string_element(v, regs, io)) {
            domain_crash(v->v.domain, "string I/O at port %#x from or to no memory", io->port);
            return;
        }
        count--;
        if (io->rep)
            set_low(&regs->rcx, io->address_bits, count);
        if (count && preempt_check())
            return;
    }
    regs->rip = io->next_rip;
}

void hvm_exit_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io)
{
    uint64_t mask = mask_of(io->bytes * 8u);

    if (io->string) {
        string_io(v, regs, io);
        return;
    }
    if (!io->in)
        port_write(v, io, (uint32_t)(regs->rax & mask));
    else if (io->bytes == 4)
        regs->rax = port_read(v, io);
    else
        regs->rax = (regs->rax & ~mask) | (port_read(v, io) & mask);
    regs->rip = io->next_rip;
}
