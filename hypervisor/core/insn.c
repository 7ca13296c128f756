#include "core/insn.h"

#include <stddef.h>

#include "cpu/layout.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/guest.h"

const uint8_t insn_reg_offset[16] = {
#define REG(r) offsetof(struct cpu_user_regs, r)
    REG(rax), REG(rcx), REG(rdx), REG(rbx), REG(rsp), REG(rbp), REG(rsi), REG(rdi),
    REG(r8),  REG(r9),  REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
#undef REG
};

static bool fetch(struct insn *i, void *out, unsigned n)
{
    if (n > i->have - i->length)
        return false;
    memcpy(out, i->bytes + i->length, n);
    i->length += n;
    return true;
}

// Prefixes and opcode. LOCK, and segments that mean nothing in 64-bit mode, are passed over.
static bool decode_opcode(struct insn *i)
{
    uint8_t b;

    for (;;) {
        if (!fetch(i, &b, 1))
            return false;
        if (b == 0x66)
            i->operand16 = true;
        else if (b == 0x67)
            i->address32 = true;
        else if (b == 0xf2 || b == 0xf3)
            i->rep = true;
        else if (b == 0x64)
            i->segment = SEGMENT_FS;
        else if (b == 0x65)
            i->segment = SEGMENT_GS;
        else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0xf0)
            break;
    }
    if ((b & 0xf0) == 0x40) {
        i->rex = b;
        if (!fetch(i, &b, 1))
            return false;
    }
    i->opcode = b;
    if (b != 0x0f)
        return true;
    if (!fetch(i, &b, 1))
        return false;
    i->opcode = 0x0f00u | b;
    return true;
}

static bool decode_memory(struct insn *i)
{
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7, base = i->modrm_rm;
    bool no_base = rm == 5 && mod == 0;
    bool rip_relative = no_base;
    int32_t disp32 = 0;
    int8_t disp8 = 0;
    uint8_t sib;

    if (rm == 4) {
        unsigned index;

        if (!fetch(i, &sib, 1))
            return false;
        index = (sib >> 3 & 7) | (i->rex & 2) << 2;
        base = (sib & 7) | (i->rex & 1) << 3;
        no_base = (sib & 7) == 5 && mod == 0;
        if (index != 4)
            i->ea = *insn_reg(i->regs, index) << (sib >> 6);
    }
    if ((mod == 1 && !fetch(i, &disp8, 1)) || ((mod == 2 || no_base) && !fetch(i, &disp32, 4)))
        return false;
    i->ea += (uint64_t)(int64_t)disp8 + (uint64_t)(int64_t)disp32;
    if (rip_relative)
        i->ea += i->regs->rip + i->length;
    else if (!no_base)
        i->ea += *insn_reg(i->regs, base);
    if (i->address32)
        i->ea = (uint32_t)i->ea;
    return true;
}

static bool moves_control_register(unsigned opcode)
{
    return opcode >= 0x0f20 && opcode <= 0x0f23;
}

// Of the instructions that are emulated.
static bool has_modrm(unsigned opcode)
{
    return (opcode < 0x40 && !(opcode & 4)) || (opcode >= 0x80 && opcode <= 0x8b) ||
           opcode == 0x63 || opcode == 0xc6 || opcode == 0xc7 || opcode == 0x0f01 ||
           moves_control_register(opcode) || (opcode >= 0x0fab && opcode <= 0x0fc3);
}

bool insn_immediate(struct insn *i, unsigned bytes, uint64_t *value)
{
    int32_t v = 0;

    if (!fetch(i, &v, bytes))
        return false;
    *value = (uint64_t)(int64_t)(bytes == 1 ? (int8_t)v : bytes == 2 ? (int16_t)v : v);
    return true;
}

static bool decode(struct insn *i)
{
    if (!decode_opcode(i))
        return false;
    if (has_modrm(i->opcode)) {
        if (!fetch(i, &i->modrm, 1))
            return false;
        i->modrm_reg = (i->modrm >> 3 & 7) | (i->rex & 4) << 1;
        i->modrm_rm = (i->modrm & 7) | (i->rex & 1) << 3;
        if (i->modrm < 0xc0 && !moves_control_register(i->opcode))
            return decode_memory(i);
    }
    return i->opcode < 0xe4 || i->opcode > 0xe7 || fetch(i, &i->immediate, 1);
}

bool insn_decode_bytes(struct insn *i, const uint8_t *code, unsigned n, struct cpu_user_regs *regs)
{
    *i = (struct insn){.regs = regs, .have = MIN(n, INSN_MAX)};
    memcpy(i->bytes, code, i->have);
    return decode(i);
}

bool insn_decode(struct insn *i, struct cpu_user_regs *regs)
{
    *i = (struct insn){.regs = regs, .have = INSN_MAX};
    if (copy_from_guest(i->bytes, regs->rip, INSN_MAX)) {
        // As many as there are up to the end of a page that may not be there.
        i->have = (unsigned)MIN(PAGE_SIZE - regs->rip % PAGE_SIZE, (uint64_t)INSN_MAX);
        if (copy_from_guest(i->bytes, regs->rip, i->have))
            return false;
    }
    return decode(i);
}
