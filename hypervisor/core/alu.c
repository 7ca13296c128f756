#include "core/alu.h"

#include <stdbool.h>

static bool top_bit(uint64_t v, unsigned bytes)
{
    return v >> (bytes * 8 - 1) & 1;
}

// Flags that follow from a result alone.
static uint64_t result_flags(uint64_t r, unsigned bytes)
{
    return (r ? 0 : ALU_ZF) | (top_bit(r, bytes) ? ALU_SF : 0) |
           (__builtin_parity((unsigned)r & 0xff) ? 0 : ALU_PF);
}

uint64_t alu_logic_flags(uint64_t flags, uint64_t result, unsigned bytes)
{
    return (flags & ~ALU_FLAGS) | result_flags(result, bytes);
}

// Of `carries`, a word whose every bit tells of the carry out of that place.
static uint64_t sum_flags(uint64_t a, uint64_t b, uint64_t r, uint64_t carries, bool overflow,
                          unsigned bytes)
{
    return result_flags(r, bytes) | (top_bit(carries, bytes) ? ALU_CF : 0) |
           ((a ^ b ^ r) & 0x10 ? ALU_AF : 0) | (overflow ? ALU_OF : 0);
}

static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned bytes, uint64_t *flags)
{
    uint64_t r = (a + b + carry) & alu_mask(bytes), carries = (a & b) | ((a | b) & ~r);

    *flags = (*flags & ~ALU_FLAGS) |
             sum_flags(a, b, r, carries, top_bit((a ^ r) & (b ^ r), bytes), bytes);
    return r;
}

static uint64_t subtract(uint64_t a, uint64_t b, bool borrow, unsigned bytes, uint64_t *flags)
{
    uint64_t r = (a - b - borrow) & alu_mask(bytes), borrows = (~a & b) | ((~a | b) & r);

    *flags = (*flags & ~ALU_FLAGS) |
             sum_flags(a, b, r, borrows, top_bit((a ^ b) & (a ^ r), bytes), bytes);
    return r;
}

uint64_t alu_binary(enum alu_op op, uint64_t a, uint64_t b, unsigned bytes, uint64_t *flags)
{
    uint64_t r;

    switch (op) {
    case ALU_ADD:
        return add(a, b, false, bytes, flags);
    case ALU_ADC:
        return add(a, b, *flags & ALU_CF, bytes, flags);
    case ALU_SBB:
        return subtract(a, b, *flags & ALU_CF, bytes, flags);
    case ALU_SUB:
    case ALU_CMP:
        return subtract(a, b, false, bytes, flags);
    default:
        r = op == ALU_OR ? a | b : op == ALU_AND ? a & b : a ^ b;
        *flags = alu_logic_flags(*flags, r, bytes);
        return r;
    }
}

uint64_t alu_step(uint64_t a, int by, unsigned bytes, uint64_t *flags)
{
    uint64_t carry = *flags & ALU_CF;
    uint64_t r = alu_binary(by > 0 ? ALU_ADD : ALU_SUB, a, 1, bytes, flags);

    *flags = (*flags & ~ALU_CF) | carry;
    return r;
}

// By one place; *carry is CF.
static uint64_t shift_once(enum alu_shift op, uint64_t r, unsigned bytes, bool *carry)
{
    uint64_t top = 1ull << (bytes * 8 - 1);
    bool out = op & 1 ? r & 1 : r & top; // odd operations go to the right
    uint64_t in = (op == ALU_ROL || op == ALU_ROR   ? out
                   : op == ALU_RCL || op == ALU_RCR ? *carry
                                                    : op == ALU_SAR && (r & top));

    *carry = out;
    return op & 1 ? r >> 1 | (in ? top : 0) : (r << 1 | in) & alu_mask(bytes);
}

uint64_t alu_shift(enum alu_shift op, uint64_t a, unsigned count, unsigned bytes, uint64_t *flags)
{
    bool carry = *flags & ALU_CF, overflow;
    uint64_t r = a;

    count &= bytes == 8 ? 0x3f : 0x1f;
    if (!count)
        return a;
    for (unsigned n = 0; n < count; n++)
        r = shift_once(op, r, bytes, &carry);
    overflow = top_bit(r, bytes) ^ (op & 1 ? top_bit(r << 1, bytes) : carry);
    if (op >= ALU_SHL)
        *flags = alu_logic_flags(*flags, r, bytes);
    *flags = (*flags & ~(ALU_CF | ALU_OF)) | (carry ? ALU_CF : 0) | (overflow ? ALU_OF : 0);
    return r;
}

uint64_t alu_bit(enum alu_bit op, uint64_t a, unsigned bit, uint64_t *flags)
{
    uint64_t mask = 1ull << bit;

    *flags = (*flags & ~ALU_CF) | (a & mask ? ALU_CF : 0);
    return op == ALU_BT ? a : op == ALU_BTS ? a | mask : op == ALU_BTR ? a & ~mask : a ^ mask;
}

static __int128 widen(uint64_t v, unsigned bytes)
{
    unsigned unused = 64 - bytes * 8;

    return (int64_t)(v << unused) >> unused;
}

uint64_t alu_multiply(uint64_t a, uint64_t b, unsigned bytes, uint64_t *flags)
{
    __int128 product = widen(a, bytes) * widen(b, bytes);
    uint64_t r = (uint64_t)product & alu_mask(bytes);

    *flags &= ~(ALU_CF | ALU_OF);
    if (widen(r, bytes) != product)
        *flags |= ALU_CF | ALU_OF;
    return r;
}
