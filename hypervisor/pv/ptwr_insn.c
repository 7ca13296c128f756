#include "pv/ptwr_insn.h"

#include "cpu/traps.h"
#include "lib/bits.h"

#define FLAG_CF    0x001ull
#define FLAG_PF    0x004ull
#define FLAG_AF    0x010ull
#define FLAG_ZF    0x040ull
#define FLAG_SF    0x080ull
#define FLAG_OF    0x800ull
#define ARITHMETIC (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

// The ALU operation numbers of opcodes 00-3F and of group 1; ADC, SBB and CMP are not for tables.
static bool alu_op(unsigned n, enum ptwr_op *op)
{
    static const int8_t ops[8] = {PTWR_ADD, PTWR_OR, -1, -1, PTWR_AND, PTWR_SUB, PTWR_XOR, -1};

    *op = (enum ptwr_op)ops[n];
    return ops[n] >= 0;
}

// Opcodes whose second operand is the register of ModRM.
static bool register_form(unsigned opcode, enum ptwr_op *op)
{
    switch (opcode) {
    case 0x88 ... 0x89:
    case 0x0fc3: // MOVNTI
        *op = PTWR_MOV;
        return true;
    case 0x86 ... 0x87:
        *op = PTWR_XCHG;
        return true;
    case 0x0fb0 ... 0x0fb1:
        *op = PTWR_CMPXCHG;
        return true;
    case 0x0fc0 ... 0x0fc1:
        *op = PTWR_XADD;
        return true;
    case 0x0fab:
        *op = PTWR_BTS;
        return true;
    case 0x0fb3:
        *op = PTWR_BTR;
        return true;
    case 0x0fbb:
        *op = PTWR_BTC;
        return true;
    default:
        return opcode < 0x40 && !(opcode & 6) && alu_op(opcode >> 3, op);
    }
}

// Opcodes whose second operand is an immediate; ModRM's register field tells them apart.
static bool immediate_form(struct ptwr_insn *p, struct insn *i)
{
    static const enum ptwr_op bit_ops[] = {PTWR_BTS, PTWR_BTR, PTWR_BTC}; // BT writes nothing
    unsigned n = i->modrm_reg & 7, bytes = MIN(p->size, 4u);

    switch (i->opcode) {
    case 0xc6 ... 0xc7:
        p->op = PTWR_MOV;
        return !n && insn_immediate(i, bytes, &p->value);
    case 0x80 ... 0x81:
        return alu_op(n, &p->op) && insn_immediate(i, bytes, &p->value);
    case 0x83:
        return alu_op(n, &p->op) && insn_immediate(i, 1, &p->value);
    case 0x0fba:
        p->op = n < 5 ? PTWR_MOV : bit_ops[n - 5];
        return n >= 5 && insn_immediate(i, 1, &p->value);
    default:
        return false;
    }
}

static void use_reg(struct ptwr_insn *p, const struct insn *i)
{
    p->has_reg = true;
    p->high_byte = p->size == 1 && !i->rex && i->modrm_reg >= 4;
    p->reg = p->high_byte ? i->modrm_reg - 4 : i->modrm_reg;
    p->value = *insn_reg(i->regs, p->reg) >> (p->high_byte ? 8 : 0);
}

static bool interpret(struct ptwr_insn *p, struct insn *i)
{
    // Even opcodes are the byte forms, but for those that have none.
    bool byte = !(i->opcode & 1) && i->opcode != 0x0fba;

    p->string = (i->opcode | 1) == 0xab; // STOS
    p->repeat = i->rep;
    p->size = byte ? 1 : i->rex & 8 ? 8 : i->operand16 ? 2 : 4;
    p->has_reg = p->high_byte = false;
    p->rax = i->regs->rax;
    if (i->address32 || (!p->string && (i->rep || i->modrm >= 0xc0)))
        return false;
    if (p->string) {
        p->op = PTWR_MOV;
        p->value = p->rax;
    } else if (register_form(i->opcode, &p->op)) {
        use_reg(p, i);
    } else if (!immediate_form(p, i)) {
        return false;
    }
    p->length = i->length;
    return true;
}

bool ptwr_decode_bytes(struct ptwr_insn *p, const uint8_t *bytes, unsigned n,
                       const struct cpu_user_regs *regs)
{
    struct insn i;

    return insn_decode_bytes(&i, bytes, n, (struct cpu_user_regs *)regs) && interpret(p, &i);
}

bool ptwr_decode(struct ptwr_insn *p, const struct cpu_user_regs *regs)
{
    struct insn i;

    return insn_decode(&i, (struct cpu_user_regs *)regs) && interpret(p, &i);
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
    uint64_t *r = insn_reg(regs, reg);

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
