// Instructions of strings. One iteration is complete before the next begins: a
// string that faults or waits in its middle goes on there.
#include "cpu/layout.h"
#include "cpu/traps.h"
#include "hvm/emulate/step.h"
#include "lib/bits.h"

enum { RAX = 0, RCX = 1, RDX = 2, RSI = 6, RDI = 7 };

enum { INS = 0x6c, OUTS = 0x6e, MOVS = 0xa4, CMPS = 0xa6, STOS = 0xaa, LODS = 0xac, SCAS = 0xae };

static uint16_t port_of(const struct step *s)
{
    return (uint16_t)s->c->regs->rdx;
}

static enum emulate_result read_source(struct step *s, uint64_t *value)
{
    return memory_read(s, s->i.segment, address_read(s, RSI), value, s->bytes);
}

static enum emulate_result read_destination(struct step *s, uint64_t *value)
{
    return memory_read(s, SEGMENT_ES, address_read(s, RDI), value, s->bytes);
}

static enum emulate_result write_destination(struct step *s, uint64_t value)
{
    return memory_write(s, SEGMENT_ES, address_read(s, RDI), &value, s->bytes);
}

// A port that was read has been read: it must be certain that there is a place for the value.
static enum emulate_result input(struct step *s)
{
    enum emulate_result r = memory_probe(s, SEGMENT_ES, address_read(s, RDI), s->bytes, true);
    uint32_t value = 0;

    if (r || (r = s->c->ops->in(s->c, port_of(s), s->bytes, &value)))
        return r;
    return write_destination(s, value);
}

static enum emulate_result output(struct step *s)
{
    uint64_t value = 0;
    enum emulate_result r = read_source(s, &value);

    return r ?: s->c->ops->out(s->c, port_of(s), s->bytes, (uint32_t)value);
}

// How many values of a port's string lie in one page, from the first of them on, and may be reached
// there; 0: not even two. Of what it does not find here, a wrap around of the address or a fault,
// the single iteration finds more.
static uint32_t together(struct step *s, unsigned kind, uint64_t count, uint64_t *address)
{
    enum insn_segment segment = kind == INS ? SEGMENT_ES : s->i.segment;
    uint64_t offset = address_read(s, kind == INS ? RDI : RSI), last, last_address;
    bool write = kind == INS, down = s->c->regs->rflags & X86_EFLAGS_DF;
    uint32_t at, fit;

    if (memory_address(s, segment, offset, s->bytes, write, address))
        return 0;
    at = *address % PAGE_SIZE;
    if (at + s->bytes > PAGE_SIZE)
        return 0;
    fit = down ? at / s->bytes + 1 : (uint32_t)(PAGE_SIZE - at) / s->bytes;
    fit = (uint32_t)MIN(count, (uint64_t)fit);
    last = offset + (down ? -1ull : 1) * (fit - 1) * s->bytes;
    if (fit < 2 || last != (last & alu_mask(s->i.address_bytes)) ||
        memory_address(s, segment, last, s->bytes, write, &last_address) ||
        last_address - *address != last - offset)
        return 0;
    return fit;
}

// As many iterations as can be made at once; *done 0: none of them.
static enum emulate_result port_string(struct step *s, unsigned kind, uint64_t count,
                                       uint32_t *done)
{
    struct emulate_port_string p = {.port = port_of(s),
                                    .bytes = (uint8_t)s->bytes,
                                    .out = kind == OUTS,
                                    .down = s->c->regs->rflags & X86_EFLAGS_DF};

    *done = 0;
    if (kind > OUTS || count < 2 || !s->c->ops->port_string)
        return EMULATE_DONE;
    *done = together(s, kind, count, &p.address);
    return *done ? s->c->ops->port_string(s->c, &p, done) : EMULATE_DONE;
}

static enum emulate_result move(struct step *s)
{
    enum emulate_result r = memory_probe(s, SEGMENT_ES, address_read(s, RDI), s->bytes, true);
    uint64_t value = 0;

    if (r || (r = read_source(s, &value)))
        return r;
    return write_destination(s, value);
}

static enum emulate_result compare(struct step *s, bool source)
{
    uint64_t a = register_read(s, RAX, s->bytes), b = 0;
    enum emulate_result r = EMULATE_DONE;

    if (source) {
        a = 0;
        r = read_source(s, &a);
    }
    if (!r && !(r = read_destination(s, &b)))
        alu_binary(ALU_CMP, a, b, s->bytes, &s->c->regs->rflags);
    return r;
}

static enum emulate_result load(struct step *s)
{
    uint64_t value = 0;
    enum emulate_result r = read_source(s, &value);

    if (!r)
        register_write(s, RAX, s->bytes, value);
    return r;
}

static enum emulate_result iterate(struct step *s, unsigned kind)
{
    switch (kind) {
    case INS:
        return input(s);
    case OUTS:
        return output(s);
    case MOVS:
        return move(s);
    case CMPS:
        return compare(s, true);
    case STOS:
        return write_destination(s, register_read(s, RAX, s->bytes));
    case LODS:
        return load(s);
    default:
        return compare(s, false);
    }
}

static void advance(struct step *s, unsigned n, uint64_t iterations)
{
    uint64_t by = s->c->regs->rflags & X86_EFLAGS_DF ? -(uint64_t)s->bytes : s->bytes;

    address_write(s, n, s->i.address_bytes, address_read(s, n) + by * iterations);
}

// CMPS and SCAS go on for as long as the comparison comes out as the prefix says.
static bool goes_on(const struct step *s, unsigned kind)
{
    bool equal = s->c->regs->rflags & ALU_ZF;

    return (kind != CMPS && kind != SCAS) || equal == (s->i.rep == 0xf3);
}

enum emulate_result string_any(struct step *s)
{
    unsigned kind = s->i.opcode & ~1u;
    uint64_t count = s->i.rep ? address_read(s, RCX) : 1;
    enum emulate_result r;
    uint32_t done;

    if (kind <= OUTS) {
        s->bytes = MIN(s->bytes, 4u);
        if (s->bytes > s->c->port_bytes)
            return EMULATE_AGAIN;
    }
    while (count) {
        if ((r = port_string(s, kind, count, &done)) || (!done && (r = iterate(s, kind))))
            return r;
        done = MAX(done, 1u);
        if (kind != INS && kind != STOS && kind != SCAS)
            advance(s, RSI, done);
        if (kind != OUTS && kind != LODS)
            advance(s, RDI, done);
        count -= done;
        if (s->i.rep)
            address_write(s, RCX, s->i.address_bytes, count);
        if (!goes_on(s, kind))
            break;
        if (count && s->c->ops->stop(s->c))
            return EMULATE_AGAIN;
    }
    return EMULATE_DONE;
}
