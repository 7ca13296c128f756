// Instructions that move general registers to and from memory.
#include "cpu/traps.h"
#include "hvm/emulate/step.h"
#include "lib/bits.h"

enum { RAX = 0, RSP = 4 };

enum emulate_result move_store(struct step *s)
{
    return operand_write(s, s->bytes, register_read(s, s->i.modrm_reg, s->bytes));
}

enum emulate_result move_load(struct step *s)
{
    uint64_t value;
    enum emulate_result r = operand_read(s, s->bytes, &value);

    if (!r)
        register_write(s, s->i.modrm_reg, s->bytes, value);
    return r;
}

enum emulate_result move_immediate(struct step *s)
{
    if (s->i.modrm_reg & 7)
        return fault_raise(s, TRAP_UD, -1);
    return operand_write(s, s->bytes, s->i.immediate);
}

// MOVNTI
enum emulate_result move_nontemporal(struct step *s)
{
    if (!operand_is_memory(s) || s->i.operand16 || s->i.rep)
        return fault_raise(s, TRAP_UD, -1);
    return move_store(s);
}

// Between the accumulator and an address that is part of the instruction.
enum emulate_result move_absolute(struct step *s)
{
    uint64_t value = register_read(s, RAX, s->bytes);
    enum emulate_result r;

    if (s->i.opcode & 2)
        return memory_write(s, s->i.segment, s->i.ea, &value, s->bytes);
    value = 0;
    r = memory_read(s, s->i.segment, s->i.ea, &value, s->bytes);
    if (!r)
        register_write(s, RAX, s->bytes, value);
    return r;
}

// MOVZX, MOVSX, MOVSXD
enum emulate_result move_extended(struct step *s)
{
    unsigned from = s->i.opcode == 0x63 ? MIN(s->i.operand_bytes, 4u) : s->i.opcode & 1 ? 2 : 1;
    unsigned unused = 64 - from * 8;
    bool is_signed = s->i.opcode == 0x63 || s->i.opcode >= 0x0fbe;
    uint64_t value;
    enum emulate_result r;

    if (s->i.opcode == 0x63 && s->i.bits != 64)
        return EMULATE_UNKNOWN; // ARPL
    if ((r = operand_read(s, from, &value)))
        return r;
    if (is_signed)
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    register_write(s, s->i.modrm_reg, s->i.operand_bytes, value);
    return EMULATE_DONE;
}

// Of the lower four bits of Jcc, SETcc and CMOVcc.
static bool condition(const struct step *s)
{
    uint64_t f = s->c->regs->rflags;
    bool less = !(f & ALU_SF) != !(f & ALU_OF), result;

    switch (s->i.opcode >> 1 & 7) {
    case 0:
        result = f & ALU_OF;
        break;
    case 1:
        result = f & ALU_CF;
        break;
    case 2:
        result = f & ALU_ZF;
        break;
    case 3:
        result = f & (ALU_CF | ALU_ZF);
        break;
    case 4:
        result = f & ALU_SF;
        break;
    case 5:
        result = f & ALU_PF;
        break;
    case 6:
        result = less;
        break;
    default:
        result = less || (f & ALU_ZF);
        break;
    }
    return result != (s->i.opcode & 1);
}

// CMOVcc reads in any case, and clears the upper half of a 32-bit register in any case.
enum emulate_result move_if(struct step *s)
{
    unsigned bytes = s->i.operand_bytes;
    uint64_t value;
    enum emulate_result r = operand_read(s, bytes, &value);

    if (!r)
        register_write(s, s->i.modrm_reg, bytes,
                       condition(s) ? value : register_read(s, s->i.modrm_reg, bytes));
    return r;
}

enum emulate_result move_set(struct step *s)
{
    return operand_write(s, 1, condition(s));
}

// MOVBE
enum emulate_result move_swapped(struct step *s)
{
    unsigned bytes = s->i.operand_bytes, unused = 64 - bytes * 8;
    uint64_t value;
    enum emulate_result r;

    if (!operand_is_memory(s) || s->i.rep == 0xf2)
        return EMULATE_UNKNOWN; // CRC32
    if (s->i.opcode & 1)
        return operand_write(s, bytes,
                             __builtin_bswap64(register_read(s, s->i.modrm_reg, bytes)) >> unused);
    if ((r = operand_read(s, bytes, &value)))
        return r;
    register_write(s, s->i.modrm_reg, bytes, __builtin_bswap64(value) >> unused);
    return EMULATE_DONE;
}

enum emulate_result move_exchange(struct step *s)
{
    uint64_t a, b = register_read(s, s->i.modrm_reg, s->bytes);
    enum emulate_result r = operand_modify(s, s->bytes, &a);

    if (r || (r = operand_write(s, s->bytes, b)))
        return r;
    register_write(s, s->i.modrm_reg, s->bytes, a);
    return EMULATE_DONE;
}

// The stack
// ------------------------------------------------------------------------

// How much of RSP is the stack's pointer.
static unsigned stack_bytes(struct step *s)
{
    struct emulate_segment stack;

    if (s->i.bits == 64)
        return 8;
    s->c->ops->segment(s->c, SEGMENT_SS, &stack);
    return stack.wide ? 4 : 2;
}

// In 64-bit code what is pushed is 8 bytes wide or 2.
static unsigned pushed_bytes(const struct step *s)
{
    return s->i.bits == 64 ? (s->i.operand16 && !(s->i.rex & 8) ? 2 : 8) : s->i.operand_bytes;
}

enum emulate_result move_push(struct step *s)
{
    unsigned bytes = pushed_bytes(s), width = stack_bytes(s);
    uint64_t value, top = (*insn_reg(s->c->regs, RSP) - bytes) & alu_mask(width);
    enum emulate_result r = memory_probe(s, SEGMENT_SS, top, bytes, true);

    if (r || (r = operand_read(s, bytes, &value)) ||
        (r = memory_write(s, SEGMENT_SS, top, &value, bytes)))
        return r;
    address_write(s, RSP, width, top);
    return EMULATE_DONE;
}

// An address by RSP is of RSP as it is afterwards.
enum emulate_result move_pop(struct step *s)
{
    unsigned bytes = pushed_bytes(s), width = stack_bytes(s);
    uint64_t value = 0, top = *insn_reg(s->c->regs, RSP) & alu_mask(width);
    enum emulate_result r;

    if (s->i.modrm_reg & 7)
        return EMULATE_UNKNOWN; // XOP
    if (s->i.base == RSP)
        s->i.ea = (s->i.ea + bytes) & alu_mask(s->i.address_bytes);
    if (operand_is_memory(s) && (r = memory_probe(s, s->i.segment, s->i.ea, bytes, true)))
        return r;
    if ((r = memory_read(s, SEGMENT_SS, top, &value, bytes)) ||
        (operand_is_memory(s) && (r = operand_write(s, bytes, value))))
        return r;
    address_write(s, RSP, width, (top + bytes) & alu_mask(width));
    if (!operand_is_memory(s))
        operand_write(s, bytes, value);
    return EMULATE_DONE;
}
