#include "core/insn.h"

#include <stddef.h>

#include "core/alu.h"
#include "cpu/layout.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/guest.h"

enum { RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7, NONE = INSN_NO_BASE };

const uint8_t insn_reg_offset[16] = {
#define REG(r) offsetof(struct cpu_user_regs, r)
    REG(rax), REG(rcx), REG(rdx), REG(rbx), REG(rsp), REG(rbp), REG(rsi), REG(rdi),
    REG(r8),  REG(r9),  REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
#undef REG
};

void insn_store_reg(struct cpu_user_regs *regs, unsigned n, unsigned bytes, bool high,
                    uint64_t value)
{
    uint64_t *r = insn_reg(regs, n), mask = alu_mask(bytes);

    if (high)
        *r = (*r & ~0xff00ull) | (value & 0xff) << 8;
    else
        *r = (bytes >= 4 ? 0 : *r & ~mask) | (value & mask);
}

static bool fetch(struct insn *i, void *out, unsigned n)
{
    if (n > i->have - i->length)
        return false;
    memcpy(out, i->bytes + i->length, n);
    i->length += n;
    return true;
}

// The next bytes, sign-extended.
static bool fetch_signed(struct insn *i, unsigned bytes, uint64_t *value)
{
    unsigned unused = 64 - bytes * 8;
    uint64_t v = 0;

    if (!bytes)
        return true;
    if (!fetch(i, &v, bytes))
        return false;
    *value = (uint64_t)((int64_t)(v << unused) >> unused);
    return true;
}

// Segments other than FS and GS mean nothing in 64-bit code, not even that those are taken back.
static bool decode_segment(struct insn *i, uint8_t b, bool *override)
{
    if (b == 0x64 || b == 0x65)
        i->segment = SEGMENT_FS + (b & 1u);
    else if ((b & 0xe7) != 0x26)
        return false;
    else if (i->bits != 64)
        i->segment = b >> 3 & 3;
    else
        return true;
    *override = true;
    return true;
}

// REX counts only just before the opcode.
static bool decode_prefixes(struct insn *i, uint8_t *b, bool *override)
{
    bool address = false;

    for (;;) {
        if (!fetch(i, b, 1))
            return false;
        if (i->bits == 64 && (*b & 0xf0) == 0x40) {
            i->rex = *b;
            continue;
        }
        if (*b == 0x66)
            i->operand16 = true;
        else if (*b == 0x67)
            address = true;
        else if (*b == 0xf2 || *b == 0xf3)
            i->rep = *b;
        else if (*b == 0xf0)
            i->lock = true;
        else if (!decode_segment(i, *b, override))
            break;
        i->rex = 0;
    }
    i->operand_bytes = i->rex & 8 ? 8 : (i->bits == 16) != i->operand16 ? 2 : 4;
    i->address_bytes = i->bits == 64 ? (address ? 4 : 8) : (i->bits == 16) != address ? 2 : 4;
    return true;
}

static bool decode_opcode(struct insn *i, bool *override)
{
    uint8_t b;

    if (!decode_prefixes(i, &b, override))
        return false;
    i->opcode = b;
    if (b == 0x0f) {
        if (!fetch(i, &b, 1))
            return false;
        i->opcode = 0x0f00u | b;
    }
    if (i->opcode == 0x0f38 || i->opcode == 0x0f3a) {
        if (!fetch(i, &b, 1))
            return false;
        i->opcode = i->opcode << 8 | b;
    }
    return true;
}

static uint64_t reg(const struct insn *i, unsigned n)
{
    return n == NONE ? 0 : *insn_reg(i->regs, n);
}

// Registers of an address that is two bytes wide. The stack is where BP points.
static bool decode_memory16(struct insn *i, bool override)
{
    static const uint8_t base[] = {RBX, RBX, RBP, RBP, NONE, NONE, RBP, RBX};
    static const uint8_t index[] = {RSI, RDI, RSI, RDI, RSI, RDI, NONE, NONE};
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7;
    bool no_base = mod == 0 && rm == 6;
    uint64_t disp = 0;

    if (!fetch_signed(i, no_base ? 2 : mod, &disp))
        return false;
    i->ea = disp + (no_base ? 0 : reg(i, base[rm]) + reg(i, index[rm]));
    if (base[rm] == RBP && !no_base && !override)
        i->segment = SEGMENT_SS;
    return true;
}

static bool decode_sib(struct insn *i, unsigned *base)
{
    unsigned index;
    uint8_t sib;

    if (!fetch(i, &sib, 1))
        return false;
    index = (sib >> 3 & 7) | (i->rex & 2u) << 2;
    *base = (sib & 7) == RBP && i->modrm < 0x40 ? NONE : (sib & 7) | (i->rex & 1u) << 3;
    if (index != RSP)
        i->ea = reg(i, index) << (sib >> 6);
    return true;
}

// *relative: to the next instruction, in 64-bit code.
static bool decode_memory(struct insn *i, bool override, bool *relative)
{
    unsigned mod = i->modrm >> 6, base = i->modrm_rm;
    uint64_t disp = 0;

    if (i->address_bytes == 2)
        return decode_memory16(i, override);
    if ((base & 7) == RSP) {
        if (!decode_sib(i, &base))
            return false;
    } else if ((base & 7) == RBP && mod == 0) {
        *relative = i->bits == 64;
        base = NONE;
    }
    if (!fetch_signed(i, mod == 1 ? 1 : mod == 2 || base == NONE ? 4 : 0, &disp))
        return false;
    i->ea += disp + reg(i, base);
    i->base = (uint8_t)base;
    if ((base == RSP || base == RBP) && !override)
        i->segment = SEGMENT_SS;
    return true;
}

static bool moves_control_register(unsigned opcode)
{
    return opcode >= 0x0f20 && opcode <= 0x0f23;
}

static bool has_modrm(unsigned opcode)
{
    switch (opcode) {
    case 0x00 ... 0x3f:
        return !(opcode & 4);
    case 0x62 ... 0x63:
    case 0x69:
    case 0x6b:
    case 0x80 ... 0x8f:
    case 0xc0 ... 0xc1:
    case 0xc4 ... 0xc7:
    case 0xd0 ... 0xd3:
    case 0xd8 ... 0xdf:
    case 0xf6 ... 0xf7:
    case 0xfe ... 0xff:
        return true;
    case 0x0f04 ... 0x0f0c:
    case 0x0f0e:
    case 0x0f30 ... 0x0f37:
    case 0x0f77:
    case 0x0f80 ... 0x0f8f:
    case 0x0fa0 ... 0x0fa2:
    case 0x0fa8 ... 0x0faa:
    case 0x0fc8 ... 0x0fcf:
        return false;
    default:
        return opcode > 0xff;
    }
}

static unsigned immediate_bytes(const struct insn *i)
{
    unsigned most = MIN(i->operand_bytes, 4u);

    switch (i->opcode) {
    case 0x00 ... 0x3f:
        return (i->opcode & 7) == 4 ? 1 : (i->opcode & 7) == 5 ? most : 0;
    case 0x69:
    case 0x81:
    case 0xa9:
    case 0xc7:
        return most;
    case 0x6b:
    case 0x80:
    case 0x82 ... 0x83:
    case 0xa8:
    case 0xc0 ... 0xc1:
    case 0xc6:
    case 0xe4 ... 0xe7:
    case 0x0f70 ... 0x0f73:
    case 0x0fa4:
    case 0x0fac:
    case 0x0fba:
    case 0x0fc2:
    case 0x0fc4 ... 0x0fc6:
        return 1;
    case 0xf6 ... 0xf7: // TEST among them
        return i->modrm & 0x30 ? 0 : i->opcode == 0xf6 ? 1 : most;
    default:
        return i->opcode >= 0x0f3a00 ? 1 : 0;
    }
}

static bool decode(struct insn *i)
{
    bool override = false, relative = false;

    if (!decode_opcode(i, &override))
        return false;
    if (has_modrm(i->opcode)) {
        if (!fetch(i, &i->modrm, 1))
            return false;
        i->modrm_reg = (i->modrm >> 3 & 7) | (i->rex & 4u) << 1;
        i->modrm_rm = (i->modrm & 7) | (i->rex & 1u) << 3;
        if (i->modrm < 0xc0 && !moves_control_register(i->opcode) &&
            !decode_memory(i, override, &relative))
            return false;
    } else if (i->opcode >= 0xa0 && i->opcode <= 0xa3) { // MOV's absolute address
        if (!fetch(i, &i->ea, i->address_bytes))
            return false;
    }
    if (!fetch_signed(i, immediate_bytes(i), &i->immediate))
        return false;
    if (relative)
        i->ea += i->regs->rip + i->length;
    i->ea &= alu_mask(i->address_bytes);
    return true;
}

bool insn_decode_bytes(struct insn *i, const uint8_t *code, unsigned n, struct cpu_user_regs *regs,
                       unsigned bits)
{
    *i = (struct insn){.regs = regs,
                       .have = MIN(n, INSN_MAX),
                       .bits = (uint8_t)bits,
                       .base = NONE,
                       .segment = SEGMENT_DS};
    memcpy(i->bytes, code, i->have);
    return decode(i);
}

bool insn_decode(struct insn *i, struct cpu_user_regs *regs)
{
    uint8_t code[INSN_MAX];
    unsigned n = INSN_MAX;

    if (copy_from_guest(code, regs->rip, INSN_MAX)) {
        // As many as there are up to the end of a page that may not be there.
        n = (unsigned)MIN(PAGE_SIZE - regs->rip % PAGE_SIZE, (uint64_t)INSN_MAX);
        if (copy_from_guest(code, regs->rip, n))
            return false;
    }
    return insn_decode_bytes(i, code, n, regs, 64);
}
