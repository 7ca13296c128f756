// A decoder for the instructions that are done in a guest's name, a PV guest's privileged ones and
// stores to page tables, an HVM guest's accesses to devices: prefixes, opcodes of one to three
// bytes, ModRM, the effective address of a memory operand, the immediate; in code of 16, 32 and 64
// bits.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/arch-x86/cpu.h"

#define INSN_MAX     15 // bytes
#define INSN_NO_BASE 16

// As instructions number them.
enum insn_segment { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

struct insn {
    struct cpu_user_regs *regs; // of the guest; operands are read and written here
    uint8_t bytes[INSN_MAX];
    unsigned have;         // of them that could be fetched
    unsigned length;       // ... that are decoded
    unsigned opcode;       // 0xNN, 0x0fNN, 0x0f38NN or 0x0f3aNN
    uint8_t bits;          // of the code: 16, 32, 64
    uint8_t operand_bytes; // 2, 4, 8: of operands that are not bytes
    uint8_t address_bytes; // 2, 4, 8
    uint8_t rex;           // 0: none
    uint8_t rep;           // 0xf2, 0xf3, 0: none
    bool operand16;        // prefix 66, whatever comes of it
    bool lock;
    uint8_t modrm;
    unsigned modrm_reg, modrm_rm; // with REX's bits; of a memory operand:
    uint8_t base;                 // register that the address is by; INSN_NO_BASE
    enum insn_segment segment;
    uint64_t ea;        // less the segment's base
    uint64_t immediate; // sign-extended
    bool again;         // not finished: execute it again
};

// Fetches and decodes the instruction at regs->rip of the current guest, 64-bit code. False: it
// cannot be fetched or is longer than instructions may be.
bool insn_decode(struct insn *i, struct cpu_user_regs *regs);
// The same from `n` bytes at `code`, in code of so many bits. False: they are not the whole of it.
// Whether there is such an instruction is not looked into; immediates are known of those that
// access memory or ports.
bool insn_decode_bytes(struct insn *i, const uint8_t *code, unsigned n, struct cpu_user_regs *regs,
                       unsigned bits);

extern const uint8_t insn_reg_offset[16]; // in struct cpu_user_regs

// A general register by its number.
static inline uint64_t *insn_reg(struct cpu_user_regs *regs, unsigned n)
{
    return (uint64_t *)((char *)regs + insn_reg_offset[n & 15]);
}

// Stores to a register or a part of it as the processor does: 32 bits clear the upper half. high:
// of a byte register, AH to BH, which are the second bytes of registers 0 to 3.
void insn_store_reg(struct cpu_user_regs *regs, unsigned n, unsigned bytes, bool high,
                    uint64_t value);
