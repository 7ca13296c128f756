// Instructions that access ports, and the port that early code prints to. Strings are the
// instruction emulator's.
#include "core/alu.h"
#include "hvm/hvm.h"
#include "lib/log.h"

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

void hvm_exit_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io)
{
    uint64_t mask = alu_mask(io->bytes), value = regs->rax & mask;

    if (io->string) {
        hvm_exit_string_io(v, regs, io);
        return;
    }
    if (!access_port(v, io, &value))
        return;
    hvm_access_retire(v);
    if (io->in)
        regs->rax = io->bytes == 4 ? (uint32_t)value : (regs->rax & ~mask) | (value & mask);
    regs->rip = io->next_rip;
}
