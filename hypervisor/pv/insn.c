#include "pv/insn.h"

#include "mm/guest.h"
#include "pv/domain.h"

#define MAX_INSN 15

struct fetch {
    uint8_t bytes[MAX_INSN];
    unsigned have, at;
};

uint64_t *insn_reg(struct insn *i, unsigned n)
{
    struct cpu_user_regs *r = i->regs;
    uint64_t *const regs[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
                                &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
                                &r->r12, &r->r13, &r->r14, &r->r15};

    return regs[n & 15];
}

static bool fetch(struct fetch *f, void *out, unsigned n)
{
    uint8_t *p = out;

    if (f->at + n > f->have)
        return false;
    while (n--)
        *p++ = f->bytes[f->at++];
    return true;
}

// As many bytes as there are up to the end of a page that may not be there.
static void fetch_all(struct fetch *f, uint64_t rip)
{
    unsigned to_page_end = (unsigned)(PAGE_SIZE - rip % PAGE_SIZE);

    f->at = 0;
    f->have = MAX_INSN;
    if (!copy_from_guest(f->bytes, rip, MAX_INSN))
        return;
    f->have = MIN(to_page_end, (unsigned)MAX_INSN);
    if (copy_from_guest(f->bytes, rip, f->have))
        f->have = 0;
}

// Returns the REX prefix (0: none), false on a prefix that is not understood.
static bool decode_prefixes(struct insn *i, struct fetch *f, uint8_t *rex, uint64_t *segment_base)
{
    uint8_t b;

    *rex = 0;
    while (fetch(f, &b, 1)) {
        if (b == 0x66)
            i->operand16 = true;
        else if (b == 0x67)
            i->address32 = true;
        else if (b == 0xf2 || b == 0xf3)
            i->rep = true;
        else if (b == 0x64)
            *segment_base = 1;
        else if (b == 0x65)
            *segment_base = 2;
        else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0xf0) {
            if ((b & 0xf0) == 0x40) {
                *rex = b;
                if (!fetch(f, &b, 1))
                    return false;
            }
            i->opcode = b;
            return true;
        }
    }
    return false;
}

static bool decode_memory(struct insn *i, struct fetch *f, uint8_t rex)
{
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7, base = i->modrm_rm;
    bool rip_relative = false;
    uint8_t sib;
    int32_t disp32 = 0;
    int8_t disp8 = 0;

    i->ea = 0;
    if (rm == 4) {
        unsigned index;

        if (!fetch(f, &sib, 1))
            return false;
        index = (sib >> 3 & 7) | (rex & 2) << 2;
        base = (sib & 7) | (rex & 1) << 3;
        if (index != 4)
            i->ea += *insn_reg(i, index) << (sib >> 6);
        if ((sib & 7) == 5 && mod == 0) {
            if (!fetch(f, &disp32, 4))
                return false;
            i->ea += (uint64_t)(int64_t)disp32;
            return true;
        }
    } else if (rm == 5 && mod == 0) {
        rip_relative = true;
    }
    if (mod == 1 && !fetch(f, &disp8, 1))
        return false;
    if ((mod == 2 || rip_relative) && !fetch(f, &disp32, 4))
        return false;
    i->ea += (uint64_t)(int64_t)disp8 + (uint64_t)(int64_t)disp32;
    i->ea += rip_relative ? i->regs->rip + f->at : *insn_reg(i, base);
    return true;
}

static bool has_modrm(unsigned opcode)
{
    return opcode == 0x0f01 || (opcode >= 0x0f20 && opcode <= 0x0f23);
}

bool insn_decode(struct insn *i, struct cpu_user_regs *regs)
{
    struct fetch f;
    uint64_t segment = 0;
    uint8_t rex, b;

    *i = (struct insn){.regs = regs};
    fetch_all(&f, regs->rip);
    if (!decode_prefixes(i, &f, &rex, &segment))
        return false;
    i->rex_w = rex & 8;
    if (i->opcode == 0x0f) {
        if (!fetch(&f, &b, 1))
            return false;
        i->opcode = 0x0f00u | b;
    }
    if (has_modrm(i->opcode)) {
        bool registers = i->opcode != 0x0f01;

        if (!fetch(&f, &i->modrm, 1))
            return false;
        i->modrm_reg = (i->modrm >> 3 & 7) | (rex & 4) << 1;
        i->modrm_rm = (i->modrm & 7) | (rex & 1) << 3;
        if (!registers && i->modrm < 0xc0 && !decode_memory(i, &f, rex))
            return false;
        if (i->address32)
            i->ea = (uint32_t)i->ea;
        if (segment) // of a memory operand only INVLPG's is used
            i->ea += segment == 1 ? to_pv(current)->fs_base : to_pv(current)->gs_base_kernel;
    }
    if (i->opcode >= 0xe4 && i->opcode <= 0xe7 && !fetch(&f, &i->immediate, 1))
        return false;
    i->length = f.at;
    return true;
}
