// Instructions that write to memory, as far as a guest uses them on its page tables: what each does
// to its memory operand. Where the operand lies is for the caller to know.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/alu.h"
#include "core/insn.h"

enum ptwr_op {
    PTWR_ADD = ALU_ADD,
    PTWR_OR = ALU_OR,
    PTWR_AND = ALU_AND,
    PTWR_SUB = ALU_SUB,
    PTWR_XOR = ALU_XOR,
    PTWR_MOV = ALU_CMP + 1,
    PTWR_XCHG,    // the register gets the old value
    PTWR_XADD,    // the sum is stored, the register gets the old value
    PTWR_CMPXCHG, // stored if rAX is the old value, else rAX gets that
    PTWR_BTS,
    PTWR_BTR,
    PTWR_BTC,
};

struct ptwr_insn {
    enum ptwr_op op;
    unsigned size;   // of the operand: 1, 2, 4, 8
    unsigned length; // of the instruction
    bool has_reg;    // the other operand is a register, else `value` is constant
    bool high_byte;  // ... AH, CH, DH or BH
    bool string;     // STOS: RDI moves on
    bool repeat;     // ... RCX times; one at a time is done here
    unsigned reg;
    uint64_t value; // the other operand
    uint64_t rax;   // for cmpxchg

    // Outcome of ptwr_compute.
    uint64_t old, result;
    uint64_t flags; // RFLAGS
    bool stores;
};

// Fetches and decodes the instruction at regs->rip of the current guest. False: none of these.
bool ptwr_decode(struct ptwr_insn *i, const struct cpu_user_regs *regs);
// The same from `n` bytes at `code`.
bool ptwr_decode_bytes(struct ptwr_insn *i, const uint8_t *code, unsigned n,
                       const struct cpu_user_regs *regs);
// What becomes of a memory operand that is `old`. False: it stays what it is.
bool ptwr_compute(struct ptwr_insn *i, uint64_t old, uint64_t *result);
// Registers, flags and RIP after it.
void ptwr_commit(const struct ptwr_insn *i, struct cpu_user_regs *regs);
