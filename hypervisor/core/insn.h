// A decoder for the 64-bit instructions that are done in a guest's name, a PV guest's privileged
// ones and stores to page tables, an HVM guest's accesses to devices: prefixes, one- and two-byte
// opcodes, ModRM, and the effective address of a memory operand.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/arch-x86/cpu.h"

#define INSN_MAX 15 // bytes

struct insn {
    struct cpu_user_regs *regs; // of the guest; operands are read and written here
    uint8_t bytes[INSN_MAX];
    unsigned have;   // of them that could be fetched
    unsigned length; // ... that are decoded: all but immediates, those of IN and OUT apart
    unsigned opcode; // 0xNN or 0x0fNN
    uint8_t rex;     // 0: none
    uint8_t modrm, immediate;
    unsigned modrm_reg, modrm_rm; // with REX's bits
    uint64_t ea;                  // of a memory operand, less its segment's base
    enum { SEGMENT_FLAT, SEGMENT_FS, SEGMENT_GS } segment;
    bool operand16, rep, address32;
    bool again; // not finished: execute it again
};

// Fetches and decodes the instruction at regs->rip of the current guest. False: it cannot be
// fetched or is longer or stranger than what is emulated.
bool insn_decode(struct insn *i, struct cpu_user_regs *regs);
// The same from `n` bytes at `code`.
bool insn_decode_bytes(struct insn *i, const uint8_t *code, unsigned n, struct cpu_user_regs *regs);

// The next 1, 2 or 4 bytes, sign-extended. False: there are not so many.
bool insn_immediate(struct insn *i, unsigned bytes, uint64_t *value);

extern const uint8_t insn_reg_offset[16]; // in struct cpu_user_regs

// A general register by its number.
static inline uint64_t *insn_reg(struct cpu_user_regs *regs, unsigned n)
{
    return (uint64_t *)((char *)regs + insn_reg_offset[n & 15]);
}
