// Instructions that compute: their operands; core/alu.h has the arithmetic.
#include "cpu/traps.h"
#include "hvm/emulate/step.h"
#include "lib/bits.h"

enum { RAX = 0, RCX = 1, RDX = 2, RBX = 3 };

static uint64_t *flags_of(struct step *s)
{
    return &s->c->regs->rflags;
}

// An operation of two operands on ModRM's; CMP only reads it.
static enum emulate_result on_operand(struct step *s, enum alu_op op, uint64_t b)
{
    uint64_t a, flags = *flags_of(s), result;
    enum emulate_result r =
        op == ALU_CMP ? operand_read(s, s->bytes, &a) : operand_modify(s, s->bytes, &a);

    if (r)
        return r;
    result = alu_binary(op, a, b & alu_mask(s->bytes), s->bytes, &flags);
    if (op != ALU_CMP && (r = operand_write(s, s->bytes, result)))
        return r;
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// Opcodes 00-3F: bit 1 says which of the two operands is the destination.
enum emulate_result alu_two(struct step *s)
{
    enum alu_op op = s->i.opcode >> 3 & 7;
    uint64_t a = register_read(s, s->i.modrm_reg, s->bytes), b, result;
    enum emulate_result r;

    if (!(s->i.opcode & 2))
        return on_operand(s, op, a);
    if ((r = operand_read(s, s->bytes, &b)))
        return r;
    result = alu_binary(op, a, b, s->bytes, flags_of(s));
    if (op != ALU_CMP)
        register_write(s, s->i.modrm_reg, s->bytes, result);
    return EMULATE_DONE;
}

enum emulate_result alu_immediate(struct step *s)
{
    if (s->i.opcode == 0x82 && s->i.bits == 64)
        return fault_raise(s, TRAP_UD, -1);
    return on_operand(s, s->i.modrm_reg & 7, s->i.immediate);
}

static enum emulate_result test(struct step *s, uint64_t b)
{
    uint64_t a;
    enum emulate_result r = operand_read(s, s->bytes, &a);

    if (!r)
        alu_binary(ALU_AND, a, b & alu_mask(s->bytes), s->bytes, flags_of(s));
    return r;
}

enum emulate_result alu_test(struct step *s)
{
    return test(s, register_read(s, s->i.modrm_reg, s->bytes));
}

// Group 3: TEST, NOT, NEG. Multiplications and divisions are for numbers, not for devices.
enum emulate_result alu_one(struct step *s)
{
    uint64_t a, flags = *flags_of(s), result;
    unsigned op = s->i.modrm_reg & 7;
    enum emulate_result r;

    if (op < 2)
        return test(s, s->i.immediate);
    if (op > 3)
        return EMULATE_UNKNOWN;
    if ((r = operand_modify(s, s->bytes, &a)))
        return r;
    result = op == 2 ? ~a & alu_mask(s->bytes) : alu_binary(ALU_SUB, 0, a, s->bytes, &flags);
    if ((r = operand_write(s, s->bytes, result)))
        return r;
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// Groups 4 and 5.
enum emulate_result alu_inc_dec(struct step *s)
{
    uint64_t a, flags = *flags_of(s), result;
    unsigned op = s->i.modrm_reg & 7;
    enum emulate_result r;

    if (op == 6 && s->i.opcode == 0xff)
        return move_push(s);
    if (op == 7 || (op > 1 && s->i.opcode == 0xfe))
        return fault_raise(s, TRAP_UD, -1);
    if (op > 1)
        return EMULATE_UNKNOWN; // CALL and JMP
    if ((r = operand_modify(s, s->bytes, &a)))
        return r;
    result = alu_step(a, op ? -1 : 1, s->bytes, &flags);
    if ((r = operand_write(s, s->bytes, result)))
        return r;
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// Group 2: by an immediate, by one, by CL.
enum emulate_result alu_shifts(struct step *s)
{
    uint64_t a, flags = *flags_of(s), result;
    unsigned count = s->i.opcode < 0xd0   ? (unsigned)s->i.immediate
                     : s->i.opcode < 0xd2 ? 1
                                          : (unsigned)register_read(s, RCX, 1);
    enum emulate_result r = operand_modify(s, s->bytes, &a);

    if (r)
        return r;
    result = alu_shift(s->i.modrm_reg & 7, a, count & 0xff, s->bytes, &flags);
    if ((r = operand_write(s, s->bytes, result)))
        return r;
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

static enum emulate_result bits(struct step *s, enum alu_bit op, uint64_t bit)
{
    uint64_t a, flags = *flags_of(s), result;
    enum emulate_result r =
        op == ALU_BT ? operand_read(s, s->bytes, &a) : operand_modify(s, s->bytes, &a);

    if (r)
        return r;
    result = alu_bit(op, a, bit & (s->bytes * 8 - 1), &flags);
    if (op != ALU_BT && (r = operand_write(s, s->bytes, result)))
        return r;
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// In memory a bit's number reaches beyond the operand that the address names, both ways.
enum emulate_result alu_bits(struct step *s)
{
    unsigned unused = 64 - s->i.operand_bytes * 8;
    uint64_t bit = register_read(s, s->i.modrm_reg, s->i.operand_bytes);
    int64_t offset = (int64_t)(bit << unused) >> unused;

    s->bytes = s->i.operand_bytes;
    if (operand_is_memory(s)) {
        offset = (offset >> (s->bytes == 2 ? 4 : s->bytes == 4 ? 5 : 6)) * (int64_t)s->bytes;
        s->i.ea = (s->i.ea + (uint64_t)offset) & alu_mask(s->i.address_bytes);
    }
    return bits(s, s->i.opcode >> 3 & 3, bit);
}

// Group 8.
enum emulate_result alu_bits_immediate(struct step *s)
{
    s->bytes = s->i.operand_bytes;
    if (!(s->i.modrm_reg & 4))
        return fault_raise(s, TRAP_UD, -1);
    return bits(s, s->i.modrm_reg & 3, s->i.immediate);
}

// The forms of two and three operands.
enum emulate_result alu_imul(struct step *s)
{
    unsigned bytes = s->i.operand_bytes;
    uint64_t a, b = s->i.opcode == 0x0faf ? register_read(s, s->i.modrm_reg, bytes)
                                          : s->i.immediate & alu_mask(bytes);
    enum emulate_result r = operand_read(s, bytes, &a);

    if (!r)
        register_write(s, s->i.modrm_reg, bytes, alu_multiply(a, b, bytes, flags_of(s)));
    return r;
}

// XADD
enum emulate_result atomic_add(struct step *s)
{
    uint64_t a, b = register_read(s, s->i.modrm_reg, s->bytes), flags = *flags_of(s), sum;
    enum emulate_result r = operand_modify(s, s->bytes, &a);

    if (r)
        return r;
    sum = alu_binary(ALU_ADD, a, b, s->bytes, &flags);
    if (operand_is_memory(s) && (r = operand_write(s, s->bytes, sum)))
        return r;
    register_write(s, s->i.modrm_reg, s->bytes, a);
    if (!operand_is_memory(s)) // which may be the same one, and gets the sum
        operand_write(s, s->bytes, sum);
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// CMPXCHG writes always: what was there, if it was not what was expected.
enum emulate_result atomic_compare(struct step *s)
{
    uint64_t a, flags = *flags_of(s);
    enum emulate_result r = operand_modify(s, s->bytes, &a);
    bool equal;

    if (r)
        return r;
    equal = !alu_binary(ALU_CMP, register_read(s, RAX, s->bytes), a, s->bytes, &flags);
    if (equal || operand_is_memory(s))
        r = operand_write(s, s->bytes, equal ? register_read(s, s->i.modrm_reg, s->bytes) : a);
    if (r)
        return r;
    if (!equal)
        register_write(s, RAX, s->bytes, a);
    *flags_of(s) = flags;
    return EMULATE_DONE;
}

// CMPXCHG8B and CMPXCHG16B, which is to be aligned.
enum emulate_result atomic_compare_wide(struct step *s)
{
    unsigned half = s->i.operand_bytes == 8 ? 8 : 4;
    uint64_t old[2] = {0}, new[2];
    uint8_t *bytes = (uint8_t *)old, *replacement = (uint8_t *)new;
    enum emulate_result r;
    bool equal;

    if ((s->i.modrm_reg & 7) != 1 || !operand_is_memory(s))
        return EMULATE_UNKNOWN;
    if (half == 8 && !operand_is_aligned(s, 16))
        return fault_raise(s, TRAP_GP, 0);
    if ((r = memory_probe(s, s->i.segment, s->i.ea, half * 2, true)) ||
        (r = memory_read(s, s->i.segment, s->i.ea, bytes, half * 2)))
        return r;
    if (half == 4) {
        old[1] = old[0] >> 32;
        old[0] = (uint32_t)old[0];
    }
    equal = register_read(s, RAX, half) == old[0] && register_read(s, RDX, half) == old[1];
    new[0] = equal ? register_read(s, RBX, half) : old[0];
    new[1] = equal ? register_read(s, RCX, half) : old[1];
    if (half == 4)
        new[0] |= new[1] << 32;
    if ((r = memory_write(s, s->i.segment, s->i.ea, replacement, half * 2)))
        return r;
    if (!equal) {
        register_write(s, RAX, half, old[0]);
        register_write(s, RDX, half, old[1]);
    }
    *flags_of(s) = (*flags_of(s) & ~ALU_ZF) | (equal ? ALU_ZF : 0);
    return EMULATE_DONE;
}
