// The arithmetic of instructions that are done in a guest's name, with the flags that the processor
// would set. Operands and results are 1, 2, 4 or 8 bytes, unused upper bits 0. `flags` is RFLAGS:
// the arithmetic flags in it are replaced; one that the manuals leave undefined is as it may be.
#pragma once

#include <stdint.h>

#define ALU_CF    0x001ull
#define ALU_PF    0x004ull
#define ALU_AF    0x010ull
#define ALU_ZF    0x040ull
#define ALU_SF    0x080ull
#define ALU_OF    0x800ull
#define ALU_FLAGS (ALU_CF | ALU_PF | ALU_AF | ALU_ZF | ALU_SF | ALU_OF)

// As opcodes 00-3F and group 1 number them.
enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
// As group 2 numbers them; 6 is SHL too.
enum alu_shift { ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR, ALU_SHL, ALU_SHR, ALU_SAL, ALU_SAR };
// As group 8 numbers them, less 4.
enum alu_bit { ALU_BT, ALU_BTS, ALU_BTR, ALU_BTC };

static inline uint64_t alu_mask(unsigned bytes)
{
    return ~0ull >> (64 - bytes * 8);
}

// CMP's result is the difference.
uint64_t alu_binary(enum alu_op op, uint64_t a, uint64_t b, unsigned bytes, uint64_t *flags);
// INC and DEC: by is 1 or -1. CF stays.
uint64_t alu_step(uint64_t a, int by, unsigned bytes, uint64_t *flags);
// count: as CL or the immediate has it.
uint64_t alu_shift(enum alu_shift op, uint64_t a, unsigned count, unsigned bytes, uint64_t *flags);
// bit: below the operand's width.
uint64_t alu_bit(enum alu_bit op, uint64_t a, unsigned bit, uint64_t *flags);
// Signed, the lower half.
uint64_t alu_multiply(uint64_t a, uint64_t b, unsigned bytes, uint64_t *flags);
// RFLAGS after a logic operation with that result.
uint64_t alu_logic_flags(uint64_t flags, uint64_t result, unsigned bytes);
