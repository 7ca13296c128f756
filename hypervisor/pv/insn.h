// A decoder for the few instructions that are emulated for PV guests: prefixes, one- and two-byte
// opcodes, ModRM, and the effective address of a memory operand.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/xen.h"

struct insn {
    struct cpu_user_regs *regs;   // of the guest; operands are read and written here
    unsigned length;              // bytes, all of it but immediates beyond the first byte's
    unsigned opcode;              // 0xNN or 0x0fNN
    uint8_t modrm, immediate;     // immediate: the byte after the opcode of IN and OUT
    unsigned modrm_reg, modrm_rm; // with REX's bits
    uint64_t ea;                  // effective address of a memory operand
    bool rex_w, operand16, rep, address32;
    bool again; // not finished: execute it again
};

// Fetches and decodes the instruction at regs->rip of the current guest. False: it cannot be
// fetched or is longer or stranger than what is emulated.
bool insn_decode(struct insn *i, struct cpu_user_regs *regs);

// A general register by its number.
uint64_t *insn_reg(struct insn *i, unsigned n);
