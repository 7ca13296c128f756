// Instructions that an HVM guest's processor does not finish: the emulator (hvm/emulate/) does them
// in the guest's name, with the guest's segments and page tables, its memory, and its devices by
// hvm_access().
//
// What the guest may not do it is told by the exception that its processor would raise. It gets #UD
// for an instruction that is not emulated; the log has its bytes.
#include "core/fpu.h"
#include "cpu/smp.h"
#include "cpu/traps.h"
#include "hvm/emulate/emulate.h"
#include "hvm/hvm.h"
#include "lib/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/guest.h"

#define CR0_PE 0x1

// Bits of a segment's attributes, as they are saved.
#define SEG_WRITABLE 0x002 // of data; readable, of code
#define SEG_DOWN     0x004 // of data
#define SEG_CODE     0x008
#define SEG_S        0x010
#define SEG_P        0x080
#define SEG_D        0x400

struct instruction {
    struct emulate_context c;
    struct hvm_vcpu *v;
    unsigned access; // of data, for hvm_translate()
    bool have_state;
    struct hvm_hw_cpu state; // for segments; only where they matter
};

static struct instruction *instruction_of(struct emulate_context *c)
{
    return container_of(c, struct instruction, c);
}

// Segments
// ------------------------------------------------------------------------

static const struct hvm_hw_cpu *state_of(struct instruction *i)
{
    if (!i->have_state)
        hvm_ops->get_state(i->v, &i->state);
    i->have_state = true;
    return &i->state;
}

static bool is_real(struct instruction *i)
{
    return !(hvm_ops->read(i->v, HVM_CR0) & CR0_PE) || (i->c.regs->rflags & X86_EFLAGS_VM);
}

static struct emulate_segment decode(uint64_t base, uint32_t limit, uint32_t attributes, bool real)
{
    struct emulate_segment s = {.base = base, .limit = limit, .wide = attributes & SEG_D};

    if (real) {
        s.readable = s.writable = true;
    } else if ((attributes & (SEG_P | SEG_S)) == (SEG_P | SEG_S)) {
        bool code = attributes & SEG_CODE;

        s.readable = !code || (attributes & SEG_WRITABLE);
        s.writable = !code && (attributes & SEG_WRITABLE);
        s.expand_down = !code && (attributes & SEG_DOWN);
    }
    return s;
}

static void segment(struct emulate_context *c, enum insn_segment n, struct emulate_segment *out)
{
    struct instruction *i = instruction_of(c);
    const struct hvm_hw_cpu *state = state_of(i);

#define SEGMENT(name) \
    decode(state->name##_base, state->name##_limit, state->name##_arbytes, is_real(i))
    switch (n) {
    case SEGMENT_ES:
        *out = SEGMENT(es);
        break;
    case SEGMENT_CS:
        *out = SEGMENT(cs);
        break;
    case SEGMENT_SS:
        *out = SEGMENT(ss);
        break;
    case SEGMENT_DS:
        *out = SEGMENT(ds);
        break;
    case SEGMENT_FS:
        *out = SEGMENT(fs);
        break;
    case SEGMENT_GS:
        *out = SEGMENT(gs);
        break;
    }
#undef SEGMENT
}

// Memory
// ------------------------------------------------------------------------

static enum emulate_result translate(struct instruction *i, uint64_t address, bool write,
                                     uint64_t *physical)
{
    uint32_t error;

    if (hvm_translate(i->v, address, i->access | (write ? PFEC_WRITE : 0), physical, &error))
        return EMULATE_DONE;
    i->c.fault = (struct emulate_fault){TRAP_PF, error, address};
    return EMULATE_FAULT;
}

static unsigned piece_at(uint64_t address, unsigned bytes)
{
    return (unsigned)MIN((uint64_t)bytes, PAGE_SIZE - address % PAGE_SIZE);
}

// In code that is not 64-bit, addresses wrap around.
static uint64_t after(const struct instruction *i, uint64_t address, unsigned bytes)
{
    return i->c.bits == 64 ? address + bytes : (uint32_t)(address + bytes);
}

static enum emulate_result probe(struct emulate_context *c, uint64_t address, unsigned bytes,
                                 bool write)
{
    struct instruction *i = instruction_of(c);
    unsigned first = piece_at(address, bytes);
    uint64_t physical;
    enum emulate_result r = translate(i, address, write, &physical);

    if (r || first == bytes)
        return r;
    return translate(i, after(i, address, first), write, &physical);
}

// Devices are accessed by 1, 2, 4 or 8 bytes.
static enum emulate_result access_device(struct instruction *i, uint64_t physical, uint8_t *data,
                                         unsigned bytes, bool write)
{
    while (bytes) {
        unsigned n = bytes >= 8 ? 8 : 1u << bit_last(bytes);
        struct hvm_access a = {.address = physical, .bytes = (uint8_t)n, .write = write};

        if (write)
            memcpy(&a.data, data, n);
        if (hvm_access(i->v, &a) == HVM_ACCESS_WAIT)
            return EMULATE_WAIT;
        if (!write)
            memcpy(data, &a.data, n);
        physical += n;
        data += n;
        bytes -= n;
    }
    return EMULATE_DONE;
}

static enum emulate_result access_piece(struct instruction *i, uint64_t physical, uint8_t *data,
                                        unsigned bytes, bool write)
{
    struct frame *f;
    void *memory = hvm_map(physical, &f);

    if (!memory)
        return access_device(i, physical, data, bytes, write);
    if (write)
        memcpy(memory, data, bytes);
    else
        memcpy(data, memory, bytes);
    frame_put(f);
    return EMULATE_DONE;
}

// In one page, or in two: both must be reachable before either is reached.
static enum emulate_result access(struct emulate_context *c, uint64_t address, uint8_t *data,
                                  unsigned bytes, bool write)
{
    struct instruction *i = instruction_of(c);
    unsigned first = piece_at(address, bytes);
    uint64_t physical, rest = 0;
    enum emulate_result r = translate(i, address, write, &physical);

    if (!r && first < bytes)
        r = translate(i, after(i, address, first), write, &rest);
    if (r || (r = access_piece(i, physical, data, first, write)) || first == bytes)
        return r;
    return access_piece(i, rest, data + first, bytes - first, write);
}

static enum emulate_result read(struct emulate_context *c, uint64_t address, void *out,
                                unsigned bytes)
{
    return access(c, address, out, bytes, false);
}

static enum emulate_result write(struct emulate_context *c, uint64_t address, const void *in,
                                 unsigned bytes)
{
    uint8_t data[16];

    memcpy(data, in, bytes);
    return access(c, address, data, bytes, true);
}

// Ports, strings
// ------------------------------------------------------------------------

static enum emulate_result in(struct emulate_context *c, uint16_t port, unsigned bytes,
                              uint32_t *value)
{
    struct hvm_access a = {.address = port, .bytes = (uint8_t)bytes, .port = true};

    if (hvm_access(instruction_of(c)->v, &a) == HVM_ACCESS_WAIT)
        return EMULATE_WAIT;
    *value = (uint32_t)a.data;
    return EMULATE_DONE;
}

static enum emulate_result out(struct emulate_context *c, uint16_t port, unsigned bytes,
                               uint32_t value)
{
    struct hvm_access a = {
        .address = port, .data = value, .bytes = (uint8_t)bytes, .port = true, .write = true};

    return hvm_access(instruction_of(c)->v, &a) == HVM_ACCESS_WAIT ? EMULATE_WAIT : EMULATE_DONE;
}

// By a device that reaches into the guest's memory itself, if such a one has the port.
static enum emulate_result port_string(struct emulate_context *c,
                                       const struct emulate_port_string *p, uint32_t *count)
{
    struct instruction *i = instruction_of(c);
    struct hvm_access a = {.address = p->port,
                           .bytes = p->bytes,
                           .port = true,
                           .write = p->out,
                           .down = p->down,
                           .count = *count};
    enum emulate_result r = translate(i, p->address, !p->out, &a.data);
    struct frame *f;

    if (r)
        return r;
    if (!hvm_map(a.data, &f)) {
        *count = 0;
        return EMULATE_DONE;
    }
    frame_put(f);
    switch (hvm_access(i->v, &a)) {
    case HVM_ACCESS_WAIT:
        return EMULATE_WAIT;
    case HVM_ACCESS_SINGLY:
        *count = 0;
        break;
    case HVM_ACCESS_DONE:
        break;
    }
    return EMULATE_DONE;
}

static bool stop(struct emulate_context *c)
{
    hvm_access_retire(instruction_of(c)->v);
    return preempt_check();
}

// Vector registers: the guest's are in the processor's. That it may use them the processor has
// checked before it reached for memory.
// ------------------------------------------------------------------------

#define EACH_VECTOR(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static enum emulate_result get_vector(struct emulate_context *c, unsigned n, uint8_t value[16])
{
    fpu_restore(&instruction_of(c)->v->v);
    switch (n) {
#define GET(number)                                                                  \
    case number:                                                                     \
        __asm__ volatile("movups %%xmm" #number ", (%0)" : : "r"(value) : "memory"); \
        break;
        EACH_VECTOR(GET)
#undef GET
    }
    return EMULATE_DONE;
}

static void set_vector(struct emulate_context *c, unsigned n, const uint8_t value[16])
{
    switch (n) {
#define SET(number)                                                               \
    case number:                                                                  \
        __asm__ volatile("movups (%0), %%xmm" #number : : "r"(value) : "memory"); \
        break;
        EACH_VECTOR(SET)
#undef SET
    }
}

// ------------------------------------------------------------------------

static const struct emulate_ops ops = {segment, probe,       read,       write,      in,
                                       out,     port_string, get_vector, set_vector, stop};

static unsigned code_bits(struct instruction *i)
{
    if (hvm_ops->read(i->v, HVM_CS_L))
        return 64;
    return state_of(i)->cs_arbytes & SEG_D ? 32 : 16;
}

// What could not be fetched: it is not there, which the guest's processor would have told it, or no
// memory is behind it.
static void cannot_fetch(struct instruction *i, const char *why, uint64_t address)
{
    uint64_t at = hvm_code_address(i->v, i->c.regs) + i->c.have, physical;
    unsigned access = PFEC_INSN | (hvm_ops->read(i->v, HVM_CPL) == 3 ? PFEC_USER : 0);
    uint32_t error;

    if (!hvm_translate(i->v, at, access, &physical, &error))
        hvm_page_fault(i->v, at, error);
    else
        domain_crash(i->v->v.domain, "%s %#lx by code at %#lx, where there is no memory", why,
                     address, at);
}

static void not_emulated(struct instruction *i, const char *why, uint64_t address)
{
    char bytes[3 * INSN_MAX + 1];

    for (unsigned n = 0; n < i->c.have; n++)
        snprintf(bytes + 3 * n, 4, " %02x", i->c.code[n]);
    guest_debug("%s %#lx by an instruction that is not emulated (%u bits:%s at %#lx)\n", why,
                address, i->c.bits, bytes, i->c.regs->rip);
    hvm_fault(i->v, TRAP_UD, -1);
}

// `why` and `address`: for the log, if it cannot be done.
static void emulate(struct hvm_vcpu *v, struct cpu_user_regs *regs, uint8_t port_bytes,
                    const char *why, uint64_t address)
{
    struct instruction i;
    enum emulate_result r;

    i.c = (struct emulate_context){.ops = &ops, .regs = regs, .port_bytes = port_bytes};
    i.v = v;
    i.have_state = false;
    i.access = HVM_WALK_SMAP | (hvm_ops->read(v, HVM_CPL) == 3 ? PFEC_USER : 0);
    i.c.bits = (uint8_t)code_bits(&i);
    i.c.have = hvm_fetch(v, regs, i.c.code, INSN_MAX);
    r = emulate_step(&i.c);
    if (r == EMULATE_WAIT)
        return;
    hvm_access_retire(v);
    if (r == EMULATE_FAULT && i.c.fault.vector == TRAP_PF)
        hvm_page_fault(v, i.c.fault.address, (uint32_t)i.c.fault.error);
    else if (r == EMULATE_FAULT)
        hvm_fault(v, i.c.fault.vector, i.c.fault.error);
    else if (r == EMULATE_SHORT)
        cannot_fetch(&i, why, address);
    else if (r == EMULATE_UNKNOWN)
        not_emulated(&i, why, address);
}

void hvm_exit_memory(struct hvm_vcpu *v, struct cpu_user_regs *regs,
                     const struct hvm_memory_exit *e)
{
    if (e->write && hvm_dirty_log_write(v->v.domain, e->address >> PAGE_SHIFT))
        return;
    if (e->of_tables)
        domain_crash(v->v.domain,
                     "page tables at guest-physical address %#lx, where there is no memory",
                     e->address);
    else if (e->event) // not an instruction's access, but the processor's own
        domain_crash(v->v.domain,
                     "delivery of event %#x accesses guest-physical address %#lx, where there is "
                     "no memory",
                     e->event, e->address);
    else
        emulate(v, regs, 0,
                e->write ? "write of guest-physical address" : "read of guest-physical address",
                e->address);
}

void hvm_exit_string_io(struct hvm_vcpu *v, struct cpu_user_regs *regs, const struct hvm_io *io)
{
    emulate(v, regs, io->bytes, "string I/O at port", io->port);
}
