#include "pv/ptwr_insn.h"

#include <stddef.h>

#include "cpu/layout.h"
#include "cpu/traps.h"
#include "lib/bits.h"
#include "mm/guest.h"

#define MAX_INSN 15

#define FLAG_CF    0x001ull
#define FLAG_PF    0x004ull
#define FLAG_AF    0x010ull
#define FLAG_ZF    0x040ull
#define FLAG_SF    0x080ull
#define FLAG_OF    0x800ull
#define ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

const uint8_t ptwr_reg_offset[16] = {
#define REG(r) offsetof(struct cpu_user_regs, r)
    REG(rax), REG(rcx), REG(rdx), REG(rbx), REG(rsp), REG(rbp), REG(rsi), REG(rdi),
    REG(r8),  REG(r9),  REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
#undef REG
};

struct code {
    const uint8_t *at, *end;
    uint8_t rex;
    bool operand16;
    bool repeat;
};

// Prefixes that change nothing here: LOCK, since the entry is locked anyway, and segments, since
// the address is known. Returns the opcode, -1 for anything else.
static int opcode(struct code *c)
{
    for (; c->at < c->end; c->at++) {
        uint8_t b = *c->at;

        if (b == 0x66) {
            c->operand16 = true;
        } else if (b == 0xf2 || b == 0xf3) {
            c->repeat = true;
        } else if ((b & 0xf0) == 0x40) {
            c->rex = b;
            c->at++;
            break;
        } else if (b != 0xf0 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 && b != 0x64 &&
                   b != 0x65) {
            break;
        }
    }
    if (c->at >= c->end)
        return -1;
    if (*c->at != 0x0f)
        return *c->at++;
    if (c->end - c->at < 2)
        return -1;
    c->at += 2;
    return 0x0f00 | c->at[-1];
}

// ModRM and what belongs to it. Returns the register field, -1 if the operand is no memory.
static int modrm(struct code *c)
{
    unsigned mod, rm;
    uint8_t m;

    if (c->at >= c->end)
        return -1;
    m = *c->at++;
    mod = m >> 6;
    rm = m & 7;
    if (mod == 3)
        return -1;
    if (rm == 4) {
        if (c->at >= c->end)
            return -1;
        if ((*c->at++ & 7) == 5 && mod == 0)
            c->at += 4;
    } else if (rm == 5 && mod == 0) {
        c->at += 4;
    }
    c->at += mod == 1 ? 1 : mod == 2 ? 4 : 0;
    return c->at <= c->end ? (m >> 3 & 7) | (c->rex & 4) << 1 : -1;
}

static bool immediate(struct code *c, unsigned bytes, uint64_t *value)
{
    uint32_t v = 0;

    if (c->end - c->at < (long)bytes)
        return false;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)*c->at++ << 8 * i;
    *value = bytes == 1   ? (uint64_t)(int8_t)v
             : bytes == 2 ? (uint64_t)(int16_t)v
                          : (uint64_t)(int32_t)v;
    return true;
}

static void use_reg(struct ptwr_insn *i, const struct code *c, unsigned reg,
                    const struct cpu_user_regs *regs)
{
    i->has_reg = true;
    i->high_byte = i->size == 1 && !c->rex && reg >= 4;
    i->reg = i->high_byte ? reg - 4 : reg;
    i->value = *ptwr_reg((struct cpu_user_regs *)regs, i->reg) >> (i->high_byte ? 8 : 0);
}

// The ALU operation numbers of opcodes 00-3F and of group 1; ADC, SBB and CMP are not for tables.
static bool alu_op(unsigned n, enum ptwr_op *op)
{
    static const int8_t ops[8] = {PTWR_ADD, PTWR_OR, -1, -1, PTWR_AND, PTWR_SUB, PTWR_XOR, -1};

    *op = (enum ptwr_op)ops[n];
    return ops[n] >= 0;
}

static bool bit_op(struct ptwr_insn *i, unsigned n)
{
    if (n < 5)
        return false; // BT writes nothing
    i->op = n == 5 ? PTWR_BTS : n == 6 ? PTWR_BTR : PTWR_BTC;
    return true;
}

// Opcodes whose second operand is the register of ModRM.
static bool decode_reg_form(struct ptwr_insn *i, int op)
{
    switch (op & ~1) {
    case 0x88:
        i->op = PTWR_MOV;
        return true;
    case 0x86:
        i->op = PTWR_XCHG;
        return true;
    case 0x0fb0:
        i->op = PTWR_CMPXCHG;
        return true;
    case 0x0fc0:
        i->op = PTWR_XADD;
        return true;
    default:
        break;
    }
    switch (op) {
    case 0x0fc3: // MOVNTI
        i->op = PTWR_MOV;
        return true;
    case 0x0fab:
        return bit_op(i, 5);
    case 0x0fb3:
        return bit_op(i, 6);
    case 0x0fbb:
        return bit_op(i, 7);
    default:
        return op < 0x40 && !(op & 6) && alu_op((unsigned)op >> 3, &i->op);
    }
}

// Opcodes whose second operand is an immediate.
static bool decode_immediate_form(struct ptwr_insn *i, struct code *c, int op, int reg)
{
    unsigned n = (unsigned)reg & 7, bytes = op == 0x83 || op == 0x0fba ? 1 : MIN(i->size, 4u);

    switch (op) {
    case 0xc6:
    case 0xc7:
        i->op = PTWR_MOV;
        return !n && immediate(c, bytes, &i->value);
    case 0x80:
    case 0x81:
    case 0x83:
        return alu_op(n, &i->op) && immediate(c, bytes, &i->value);
    case 0x0fba:
        return bit_op(i, n) && immediate(c, bytes, &i->value);
    default:
        return false;
    }
}

#define STOS 0xab

static bool decode_stos(struct ptwr_insn *i, const struct code *c, int op, unsigned length,
                        const struct cpu_user_regs *regs)
{
    i->op = PTWR_MOV;
    i->size = op != STOS ? 1 : c->rex & 8 ? 8 : c->operand16 ? 2 : 4;
    i->has_reg = i->high_byte = false;
    i->value = i->rax = regs->rax;
    i->length = length;
    return true;
}

bool ptwr_decode_bytes(struct ptwr_insn *i, const uint8_t *bytes, unsigned n,
                       const struct cpu_user_regs *regs)
{
    struct code c = {.at = bytes, .end = bytes + n};
    int op = opcode(&c), reg;
    bool byte;

    if (op < 0)
        return false;
    i->string = (op | 1) == STOS;
    i->repeat = c.repeat;
    if (i->string)
        return decode_stos(i, &c, op, (unsigned)(c.at - bytes), regs);
    if (c.repeat)
        return false;
    reg = modrm(&c);
    if (reg < 0)
        return false;
    // Even opcodes are the byte forms, but for those that have none.
    byte = !(op & 1) && op != 0x0fba;
    i->size = byte ? 1 : c.rex & 8 ? 8 : c.operand16 ? 2 : 4;
    i->has_reg = i->high_byte = false;
    i->rax = regs->rax;
    if (decode_reg_form(i, op))
        use_reg(i, &c, (unsigned)reg, regs);
    else if (!decode_immediate_form(i, &c, op, reg))
        return false;
    i->length = (unsigned)(c.at - bytes);
    return true;
}

bool ptwr_decode(struct ptwr_insn *i, const struct cpu_user_regs *regs)
{
    uint64_t to_page_end = PAGE_SIZE - regs->rip % PAGE_SIZE;
    unsigned n = MAX_INSN;
    uint8_t code[16] = {0};

    // Whole words where that is possible; else what is there up to a page that may not be.
    if (likely(to_page_end >= sizeof(code))) {
        if (copy_from_guest(code, regs->rip, sizeof(code)))
            return false;
    } else if (copy_from_guest(code, regs->rip, MAX_INSN)) {
        n = (unsigned)MIN(to_page_end, (uint64_t)MAX_INSN);
        if (copy_from_guest(code, regs->rip, n))
            return false;
    }
    return ptwr_decode_bytes(i, code, n, regs);
}

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

// Flags that follow from a result alone.
static uint64_t result_flags(uint64_t r, unsigned size)
{
    return (r ? 0 : FLAG_ZF) | (r >> (size * 8 - 1) & 1 ? FLAG_SF : 0) |
           (__builtin_parity((unsigned)r & 0xff) ? 0 : FLAG_PF);
}

uint64_t ptwr_logic_flags(uint64_t rflags, uint64_t result, unsigned size)
{
    return (rflags & ~ARITHMETIC) | result_flags(result, size);
}

static uint64_t add_flags(uint64_t a, uint64_t b, uint64_t r, unsigned size)
{
    return result_flags(r, size) | (r < a ? FLAG_CF : 0) | ((a ^ b ^ r) & 0x10 ? FLAG_AF : 0) |
           (((a ^ r) & (b ^ r)) >> (size * 8 - 1) & 1 ? FLAG_OF : 0);
}

static uint64_t sub_flags(uint64_t a, uint64_t b, uint64_t r, unsigned size)
{
    return result_flags(r, size) | (a < b ? FLAG_CF : 0) | ((a ^ b ^ r) & 0x10 ? FLAG_AF : 0) |
           (((a ^ b) & (a ^ r)) >> (size * 8 - 1) & 1 ? FLAG_OF : 0);
}

static bool compute_cmpxchg(struct ptwr_insn *i, uint64_t old, uint64_t mask)
{
    uint64_t rax = i->rax & mask;

    i->flags = sub_flags(rax, old, (rax - old) & mask, i->size);
    i->result = i->value & mask;
    return rax == old;
}

static void compute_bit(struct ptwr_insn *i, uint64_t old)
{
    uint64_t bit = 1ull << (i->value & (i->size * 8 - 1));

    i->result = i->op == PTWR_BTS ? old | bit : i->op == PTWR_BTR ? old & ~bit : old ^ bit;
    i->flags = old & bit ? FLAG_CF : 0;
}

bool ptwr_compute(struct ptwr_insn *i, uint64_t old, uint64_t *result)
{
    uint64_t mask = size_mask(i->size), v = i->value & mask;

    i->old = old;
    i->stores = true;
    switch (i->op) {
    case PTWR_MOV:
    case PTWR_XCHG:
        i->result = v;
        break;
    case PTWR_ADD:
    case PTWR_XADD:
        i->result = (old + v) & mask;
        i->flags = add_flags(old, v, i->result, i->size);
        break;
    case PTWR_SUB:
        i->result = (old - v) & mask;
        i->flags = sub_flags(old, v, i->result, i->size);
        break;
    case PTWR_OR:
    case PTWR_AND:
    case PTWR_XOR:
        i->result = i->op == PTWR_OR ? old | v : i->op == PTWR_AND ? old & v : old ^ v;
        i->flags = result_flags(i->result, i->size);
        break;
    case PTWR_CMPXCHG:
        i->stores = compute_cmpxchg(i, old, mask);
        break;
    default:
        compute_bit(i, old);
        break;
    }
    *result = i->result;
    return i->stores;
}

// Stores to a part of a register as the processor does: 32-bit writes clear the upper half.
static void set_reg(struct cpu_user_regs *regs, unsigned reg, unsigned size, bool high, uint64_t v)
{
    uint64_t *r = ptwr_reg(regs, reg);

    if (high)
        *r = (*r & ~0xff00ull) | (v & 0xff) << 8;
    else if (size >= 4)
        *r = v & size_mask(size);
    else
        *r = (*r & ~size_mask(size)) | (v & size_mask(size));
}

void ptwr_commit(const struct ptwr_insn *i, struct cpu_user_regs *regs)
{
    if (i->op == PTWR_XCHG || i->op == PTWR_XADD)
        set_reg(regs, i->reg, i->size, i->high_byte, i->old);
    if (i->op == PTWR_CMPXCHG && !i->stores)
        set_reg(regs, 0, i->size, false, i->old);
    if (i->op >= PTWR_BTS)
        regs->rflags = (regs->rflags & ~FLAG_CF) | i->flags;
    else if (i->op != PTWR_MOV && i->op != PTWR_XCHG)
        regs->rflags = (regs->rflags & ~ARITHMETIC) | i->flags;
    regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    if (i->string) {
        regs->rdi += regs->rflags & X86_EFLAGS_DF ? -(uint64_t)i->size : i->size;
        if (i->repeat && --regs->rcx)
            return; // the instruction is executed again for the rest
    }
    regs->rip += i->length;
}
