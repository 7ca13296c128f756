// Operands: registers, and memory as segments let it be reached.
#include "cpu/traps.h"
#include "hvm/emulate/step.h"
#include "lib/bits.h"
#include "lib/string.h"

enum emulate_result fault_raise(struct step *s, uint8_t vector, int64_t error)
{
    s->c->fault = (struct emulate_fault){.vector = vector, .error = error};
    return EMULATE_FAULT;
}

// Registers
// ------------------------------------------------------------------------

static bool is_high_byte(const struct step *s, unsigned n, unsigned bytes)
{
    return bytes == 1 && !s->i.rex && n >= 4;
}

uint64_t register_read(const struct step *s, unsigned n, unsigned bytes)
{
    if (is_high_byte(s, n, bytes))
        return *insn_reg(s->c->regs, n - 4) >> 8 & 0xff;
    return *insn_reg(s->c->regs, n) & alu_mask(bytes);
}

void register_write(struct step *s, unsigned n, unsigned bytes, uint64_t value)
{
    bool high = is_high_byte(s, n, bytes);

    insn_store_reg(s->c->regs, high ? n - 4 : n, bytes, high, value);
}

uint64_t address_read(const struct step *s, unsigned n)
{
    return *insn_reg(s->c->regs, n) & alu_mask(s->i.address_bytes);
}

void address_write(struct step *s, unsigned n, unsigned bytes, uint64_t value)
{
    insn_store_reg(s->c->regs, n, bytes, false, value);
}

// Memory
// ------------------------------------------------------------------------

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool within(const struct emulate_segment *segment, uint64_t first, uint64_t last)
{
    if (segment->expand_down)
        return first > segment->limit && last <= (segment->wide ? 0xffffffffu : 0xffffu);
    return last <= segment->limit;
}

// Segments have no limits in 64-bit code, nor bases but for FS and GS.
static struct emulate_segment segment_of(struct step *s, enum insn_segment n)
{
    struct emulate_segment segment = {0};

    if (s->i.bits != 64 || n >= SEGMENT_FS)
        s->c->ops->segment(s->c, n, &segment);
    return segment;
}

enum emulate_result memory_address(struct step *s, enum insn_segment n, uint64_t offset,
                                   unsigned bytes, bool write, uint64_t *address)
{
    const struct emulate_segment segment = segment_of(s, n);
    uint64_t last = offset + bytes - 1;
    bool ok;

    *address = segment.base + offset;
    if (s->i.bits == 64) {
        last += segment.base;
        ok = is_canonical(*address) && is_canonical(last) && last >= *address;
    } else {
        *address = (uint32_t)*address;
        ok = within(&segment, offset, last) && (write ? segment.writable : segment.readable);
    }
    return ok ? EMULATE_DONE : fault_raise(s, n == SEGMENT_SS ? TRAP_SS : TRAP_GP, 0);
}

enum emulate_result memory_probe(struct step *s, enum insn_segment segment, uint64_t offset,
                                 unsigned bytes, bool write)
{
    uint64_t address;
    enum emulate_result r = memory_address(s, segment, offset, bytes, write, &address);

    return r ?: s->c->ops->probe(s->c, address, bytes, write);
}

enum emulate_result memory_read(struct step *s, enum insn_segment segment, uint64_t offset,
                                void *out, unsigned bytes)
{
    uint64_t address;
    enum emulate_result r = memory_address(s, segment, offset, bytes, false, &address);

    return r ?: s->c->ops->read(s->c, address, out, bytes);
}

enum emulate_result memory_write(struct step *s, enum insn_segment segment, uint64_t offset,
                                 const void *in, unsigned bytes)
{
    uint64_t address;
    enum emulate_result r = memory_address(s, segment, offset, bytes, true, &address);

    return r ?: s->c->ops->write(s->c, address, in, bytes);
}

// ModRM's operand
// ------------------------------------------------------------------------

bool operand_is_memory(const struct step *s)
{
    return s->i.modrm < 0xc0;
}

bool operand_is_aligned(struct step *s, unsigned to)
{
    return (segment_of(s, s->i.segment).base + s->i.ea) % to == 0;
}

enum emulate_result operand_read(struct step *s, unsigned bytes, uint64_t *value)
{
    *value = 0;
    if (operand_is_memory(s))
        return memory_read(s, s->i.segment, s->i.ea, value, bytes);
    *value = register_read(s, s->i.modrm_rm, bytes);
    return EMULATE_DONE;
}

// That it may not be written to is found before it is read.
enum emulate_result operand_modify(struct step *s, unsigned bytes, uint64_t *value)
{
    enum emulate_result r = EMULATE_DONE;

    if (operand_is_memory(s))
        r = memory_probe(s, s->i.segment, s->i.ea, bytes, true);
    return r ?: operand_read(s, bytes, value);
}

enum emulate_result operand_write(struct step *s, unsigned bytes, uint64_t value)
{
    if (operand_is_memory(s))
        return memory_write(s, s->i.segment, s->i.ea, &value, bytes);
    register_write(s, s->i.modrm_rm, bytes, value);
    return EMULATE_DONE;
}
