#include "pv/ptwr_insn.h"

#include "cpu/traps.h"
#include "lib/bits.h"

// The ALU operation numbers of opcodes 00-3F and of group 1; ADC, SBB and CMP are not for tables.
static bool alu_op(unsigned n, enum ptwr_op *op)
{
    *op = (enum ptwr_op)n;
    return n != ALU_ADC && n != ALU_SBB && n != ALU_CMP;
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
static bool immediate_form(struct ptwr_insn *p, const struct insn *i)
{
    static const enum ptwr_op bit_ops[] = {PTWR_BTS, PTWR_BTR, PTWR_BTC}; // BT writes nothing
    unsigned n = i->modrm_reg & 7;

    p->value = i->immediate;
    switch (i->opcode) {
    case 0xc6 ... 0xc7:
        p->op = PTWR_MOV;
        return !n;
    case 0x80 ... 0x81:
    case 0x83:
        return alu_op(n, &p->op);
    case 0x0fba:
        p->op = n < 5 ? PTWR_MOV : bit_ops[n - 5];
        return n >= 5;
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

static bool interpret(struct ptwr_insn *p, const struct insn *i)
{
    // Even opcodes are the byte forms, but for those that have none.
    bool byte = !(i->opcode & 1) && i->opcode != 0x0fba;

    p->string = (i->opcode | 1) == 0xab; // STOS
    p->repeat = i->rep;
    p->size = byte ? 1 : i->operand_bytes;
    p->has_reg = p->high_byte = false;
    p->rax = i->regs->rax;
    p->flags = i->regs->rflags;
    if (i->address_bytes != 8 || (!p->string && (i->rep || i->modrm >= 0xc0)))
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

    return insn_decode_bytes(&i, bytes, n, (struct cpu_user_regs *)regs, 64) && interpret(p, &i);
}

bool ptwr_decode(struct ptwr_insn *p, const struct cpu_user_regs *regs)
{
    struct insn i;

    return insn_decode(&i, (struct cpu_user_regs *)regs) && interpret(p, &i);
}

static bool compute_cmpxchg(struct ptwr_insn *i, uint64_t old, uint64_t mask)
{
    i->result = i->value & mask;
    return !alu_binary(ALU_CMP, i->rax & mask, old, i->size, &i->flags);
}

bool ptwr_compute(struct ptwr_insn *i, uint64_t old, uint64_t *result)
{
    uint64_t v = i->value & alu_mask(i->size);

    i->old = old;
    i->stores = true;
    switch (i->op) {
    case PTWR_MOV:
    case PTWR_XCHG:
        i->result = v;
        break;
    case PTWR_XADD:
        i->result = alu_binary(ALU_ADD, old, v, i->size, &i->flags);
        break;
    case PTWR_ADD:
    case PTWR_SUB:
    case PTWR_OR:
    case PTWR_AND:
    case PTWR_XOR:
        i->result = alu_binary((enum alu_op)i->op, old, v, i->size, &i->flags);
        break;
    case PTWR_CMPXCHG:
        i->stores = compute_cmpxchg(i, old, alu_mask(i->size));
        break;
    default:
        i->result = alu_bit(i->op - PTWR_BTS + ALU_BTS, old, v & (i->size * 8 - 1), &i->flags);
        break;
    }
    *result = i->result;
    return i->stores;
}

void ptwr_commit(const struct ptwr_insn *i, struct cpu_user_regs *regs)
{
    if (i->op == PTWR_XCHG || i->op == PTWR_XADD)
        insn_store_reg(regs, i->reg, i->size, i->high_byte, i->old);
    if (i->op == PTWR_CMPXCHG && !i->stores)
        insn_store_reg(regs, 0, i->size, false, i->old);
    regs->rflags = (regs->rflags & ~ALU_FLAGS) | (i->flags & ALU_FLAGS);
    regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    if (i->string) {
        regs->rdi += regs->rflags & X86_EFLAGS_DF ? -(uint64_t)i->size : i->size;
        if (i->repeat && --regs->rcx)
            return; // the instruction is executed again for the rest
    }
    regs->rip += i->length;
}
