// One instruction: what it is, whether LOCK may stand before it, and where the next one begins.
#include "hvm/emulate/step.h"

#include "cpu/traps.h"
#include "lib/bits.h"
#include "lib/string.h"

static handler *one_byte(unsigned opcode)
{
    switch (opcode) {
    case 0x00 ... 0x3f:
        return opcode & 4 ? NULL : alu_two;
    case 0x63:
        return move_extended;
    case 0x69:
    case 0x6b:
        return alu_imul;
    case 0x6c ... 0x6f:
    case 0xa4 ... 0xa7:
    case 0xaa ... 0xaf:
        return string_any;
    case 0x80 ... 0x83:
        return alu_immediate;
    case 0x84 ... 0x85:
        return alu_test;
    case 0x86 ... 0x87:
        return move_exchange;
    case 0x88 ... 0x89:
        return move_store;
    case 0x8a ... 0x8b:
        return move_load;
    case 0x8f:
        return move_pop;
    case 0xa0 ... 0xa3:
        return move_absolute;
    case 0xc0 ... 0xc1:
    case 0xd0 ... 0xd3:
        return alu_shifts;
    case 0xc6 ... 0xc7:
        return move_immediate;
    case 0xf6 ... 0xf7:
        return alu_one;
    case 0xfe ... 0xff:
        return alu_inc_dec;
    default:
        return NULL;
    }
}

static handler *more_bytes(unsigned opcode)
{
    switch (opcode) {
    case 0x0f40 ... 0x0f4f:
        return move_if;
    case 0x0f90 ... 0x0f9f:
        return move_set;
    case 0x0fa3:
    case 0x0fab:
    case 0x0fb3:
    case 0x0fbb:
        return alu_bits;
    case 0x0faf:
        return alu_imul;
    case 0x0fb0 ... 0x0fb1:
        return atomic_compare;
    case 0x0fb6 ... 0x0fb7:
    case 0x0fbe ... 0x0fbf:
        return move_extended;
    case 0x0fba:
        return alu_bits_immediate;
    case 0x0fc0 ... 0x0fc1:
        return atomic_add;
    case 0x0fc3:
        return move_nontemporal;
    case 0x0fc7:
        return atomic_compare_wide;
    case 0x0f38f0 ... 0x0f38f1:
        return move_swapped;
    default:
        return vector_any;
    }
}

// LOCK stands before instructions that read, change and write memory, and before no others.
static bool may_lock(const struct step *s)
{
    unsigned opcode = s->i.opcode, group = s->i.modrm_reg & 7;

    if (!operand_is_memory(s))
        return false;
    switch (opcode) {
    case 0x00 ... 0x3f:
        return !(opcode & 6) && opcode >> 3 != ALU_CMP;
    case 0x80 ... 0x83:
        return group != ALU_CMP;
    case 0x86 ... 0x87:
    case 0x0fab:
    case 0x0fb0 ... 0x0fb1:
    case 0x0fb3:
    case 0x0fbb:
    case 0x0fc0 ... 0x0fc1:
        return true;
    case 0xf6 ... 0xf7:
        return group == 2 || group == 3;
    case 0xfe ... 0xff:
        return group < 2;
    case 0x0fba:
        return group > 4;
    case 0x0fc7:
        return group == 1;
    default:
        return false;
    }
}

static enum emulate_result decoded(struct step *s)
{
    handler *handle = s->i.opcode > 0xff ? more_bytes(s->i.opcode) : one_byte(s->i.opcode);
    enum emulate_result r;

    if (!handle)
        return EMULATE_UNKNOWN;
    if (s->i.lock && !may_lock(s))
        return fault_raise(s, TRAP_UD, -1);
    s->bytes = s->i.opcode & 1 ? s->i.operand_bytes : 1;
    r = handle(s);
    if (r != EMULATE_DONE)
        return r;
    s->c->regs->rip += s->i.length;
    if (s->i.bits != 64)
        s->c->regs->rip = (uint32_t)s->c->regs->rip;
    s->c->regs->rflags &= ~(uint64_t)X86_EFLAGS_RF;
    return EMULATE_DONE;
}

enum emulate_result emulate_step(struct emulate_context *c)
{
    struct step s = {.c = c};

    if (insn_decode_bytes(&s.i, c->code, c->have, c->regs, c->bits))
        return decoded(&s);
    return c->have < INSN_MAX ? EMULATE_SHORT : fault_raise(&s, TRAP_GP, 0);
}
