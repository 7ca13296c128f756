// Instructions that access ports, and the port that early code prints to.
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

static bool debug_port(struct hvm_vcpu *v, struct hvm_access *a)
{
    if (a->write)
        debug_char(v, (char)a->data);
    return a->write;
}

int hvm_debug_port_init(struct domain *d)
{
    return hvm_device_add(d, true, DEBUG_PORT, DEBUG_PORT, debug_port);
}

// False: it waits for an answer.
static bool access_port(struct hvm_vcpu *v, const struct hvm_io *io, uint64_t *value)
{
    struct hvm_access a = {
        .address = io->port, .data = *value, .bytes = io->bytes, .port = true, .write = !io->in};

    if (hvm_access(v, &a) == HVM_ACCESS_WAIT)
        return false;
    *value = a.data;
    return true;
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

enum element { ELEMENT_DONE, ELEMENT_WAITS, ELEMENT_FAULTS };

static enum element string_element(struct hvm_vcpu *v, struct cpu_user_regs *regs,
                                   const struct hvm_io *io)
{
    uint64_t *index = io->in ? &regs->rdi : &regs->rsi;
    uint64_t address = *index & mask_of(io->address_bits);
    uint64_t step = regs->rflags & X86_EFLAGS_DF ? -(uint64_t)io->bytes : io->bytes;
    uint64_t value = 0;

    if (!io->in && copy_from_guest(&value, address, io->bytes))
        return ELEMENT_FAULTS;
    if (!access_port(v, io, &value))
        return ELEMENT_WAITS;
    if (io->in && copy_to_guest(address, &value, io->bytes))
        return ELEMENT_FAULTS;
    hvm_access_retire(v);
    set_low(index, io->address_bits, address + step);
    return ELEMENT_DONE;
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
        enum element e = string_element(v, regs, io);

        if (e == ELEMENT_FAULTS)
            domain_crash(v->v.domain, "string I/O at port %#x from or to no memory", io->port);
        if (e != ELEMENT_DONE)
            return;
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
    uint64_t mask = mask_of(io->bytes * 8u), value = regs->rax & mask;

    if (io->string) {
        string_io(v, regs, io);
        return;
    }
    if (!access_port(v, io, &value))
        return;
    hvm_access_retire(v);
    if (io->in)
        regs->rax = io->bytes == 4 ? (uint32_t)value : (regs->rax & ~mask) | (value & mask);
    regs->rip = io->next_rip;
}
