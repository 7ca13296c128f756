// The two decoders of guests' instructions, against a disassembler of other make: the length, the
// operand size and the effective address of whatever they accept must be its own. Nothing may be
// read beyond the end of the page that the instruction lies in, if the next is not there.
//
// Input: one byte tells how much lies before the page's end and whether the next is there, 16
// registers follow, the rest is code.
//
// sources: hypervisor/core/alu.c hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
// libraries: -lcapstone
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "core/insn.h"
#include "pv/ptwr_insn.h"

#define PAGE_END 0x8000ul

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t code[64];
static uint64_t code_at, readable_end; // addresses in the guest

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    if (src < code_at || src + len > readable_end)
        return -EFAULT;
    memcpy(dst, code + (src - code_at), len);
    return 0;
}

#define check(right)                                                    \
    do {                                                                \
        if (!(right)) {                                                 \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #right); \
            abort();                                                    \
        }                                                               \
    } while (0)

// The opcodes that emulation acts upon; of others insn_decode() may say what it likes.
static bool emulated(const struct insn *i)
{
    unsigned op = i->opcode;

    return (op >= 0x6c && op <= 0x6f) || (op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef) ||
           op == 0xf4 || op == 0xfa || op == 0xfb || op == 0x0f06 || op == 0x0f08 || op == 0x0f09 ||
           (op >= 0x0f20 && op <= 0x0f23) || (op >= 0x0f30 && op <= 0x0f32) || op == 0x0fa2 ||
           (op == 0x0f01 && (i->modrm == 0xd1 || (i->modrm_reg == 7 && i->modrm < 0xc0)));
}

static uint64_t reg_value(const struct insn *i, csh cs, unsigned reg)
{
    static const char *const names[16] = {"ax", "cx", "dx",  "bx",  "sp",  "bp",  "si",  "di",
                                          "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    const char *name = cs_reg_name(cs, reg);
    char stem[8];

    if (reg == X86_REG_INVALID || reg == X86_REG_RIZ || reg == X86_REG_EIZ)
        return 0;
    if (reg == X86_REG_RIP || reg == X86_REG_EIP)
        return i->regs->rip + i->length;
    strncpy(stem,
            *name == 'e' || (*name == 'r' && (name[1] < '0' || name[1] > '9')) ? name + 1 : name,
            sizeof(stem) - 1);
    stem[sizeof(stem) - 1] = 0;
    stem[strcspn(stem + 1, "d") + 1] = 0; // r8d
    for (unsigned n = 0; n < 16; n++)
        if (!strcmp(stem, names[n]))
            return *insn_reg(i->regs, n);
    abort();
}

static uint64_t address(const struct insn *i, csh cs, const cs_x86 *x)
{
    const x86_op_mem *m = &x->operands[0].mem;
    uint64_t ea = reg_value(i, cs, m->base) + reg_value(i, cs, m->index) * (unsigned)m->scale +
                  (uint64_t)m->disp;

    if (x->addr_size == 4)
        ea = (uint32_t)ea;
    return ea;
}

// In 64-bit mode these prefixes mean nothing, not even that FS or GS before them is taken back,
// which the disassembler does not know.
static bool ignored_segment(unsigned length)
{
    for (unsigned n = 0; n < length && code[n] != 0x0f; n++)
        if (code[n] == 0x26 || code[n] == 0x2e || code[n] == 0x36 || code[n] == 0x3e)
            return true;
    return false;
}

static void privileged(csh cs, const cs_insn *c, struct cpu_user_regs *regs)
{
    struct insn i;

    if (!insn_decode(&i, regs) || !emulated(&i))
        return;
    check(i.length <= 15 && regs->rip + i.length <= readable_end);
    if (!c)
        return; // stranger than the disassembler takes; the processor has had it to fault upon
    check(i.length == c->size);
    if (i.opcode == 0x0f01 && i.modrm < 0xc0 && !ignored_segment(i.length)) {
        const cs_x86 *x = &c->detail->x86;
        x86_reg segment = x->operands[0].mem.segment;

        check(i.ea == address(&i, cs, x));
        check((i.segment == SEGMENT_FS) == (segment == X86_REG_FS));
        check((i.segment == SEGMENT_GS) == (segment == X86_REG_GS));
    }
}

static bool repeated(unsigned length)
{
    return memchr(code, 0xf2, length) || memchr(code, 0xf3, length);
}

static void table_write(csh cs, const cs_insn *c, const struct cpu_user_regs *regs)
{
    unsigned available = (unsigned)MIN(readable_end - regs->rip, 15ul);
    struct ptwr_insn i;
    const cs_x86 *x;

    if (!ptwr_decode_bytes(&i, code, available, regs))
        return;
    check(i.length <= available);
    if (!c || c->id == X86_INS_MOVNTI) // with a prefix of 66 the processor refuses it
        return;
    x = &c->detail->x86;
    check(i.length == c->size);
    check(x->op_count >= 1 && x->operands[0].type == X86_OP_MEM);
    // The disassembler forgets the operand's size where a string instruction is repeated.
    check(x->operands[0].size == i.size || (i.string && repeated(i.length)));
    check(i.string || (x->operands[1].type == X86_OP_REG) == i.has_reg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cs_insn *c;
    static csh cs;
    struct cpu_user_regs regs = {0};
    const uint8_t *at = code;
    size_t len;
    uint64_t rip;
    bool known;

    if (!c) {
        check(!cs_open(CS_ARCH_X86, CS_MODE_64, &cs) && !cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON));
        c = cs_malloc(cs);
    }
    if (size < 18)
        return 0;
    for (unsigned n = 0; n < 16; n++)
        *insn_reg(&regs, n) = data[1 + n] * 0x0001000100010001ul;
    len = MIN(size - 17, 15ul);
    memset(code, 0x90, sizeof(code));
    memcpy(code, data + 17, len);
    code_at = PAGE_END - (data[0] >> 1 & 15);
    readable_end = data[0] & 1 ? PAGE_END : code_at + sizeof(code);
    len = readable_end - code_at;
    regs.rip = rip = code_at;
    known = cs_disasm_iter(cs, &at, &len, &rip, c);
    privileged(cs, known ? c : NULL, &regs);
    table_write(cs, known ? c : NULL, &regs);
    return 0;
}
