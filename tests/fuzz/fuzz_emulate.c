// The instruction emulator on any bytes in any mode, with operations that fail, wait and stop as
// the input says. It must ask for nothing but what struct emulate_ops promises, change nothing when
// it did nothing, and take an instruction for as long as a disassembler of other make does.
//
// Input: 2 bytes of mode and behaviour, 16 registers of 2 bytes each, flags, the rest is code.
//
// sources: hypervisor/core/alu.c hypervisor/core/insn.c
// sources: hypervisor/hvm/emulate/arithmetic.c hypervisor/hvm/emulate/move.c
// sources: hypervisor/hvm/emulate/operand.c hypervisor/hvm/emulate/step.c
// sources: hypervisor/hvm/emulate/string.c hypervisor/hvm/emulate/vector.c
// libraries: -lcapstone
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvm/emulate/emulate.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define RIP    0x7ff0ul
#define HEADER 36

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned fuse;          // operations until one does not succeed; 0: all do
static enum emulate_result at; // ... but ends so
static unsigned bits, accesses, writes;

#define check(right)                                                    \
    do {                                                                \
        if (!(right)) {                                                 \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #right); \
            abort();                                                    \
        }                                                               \
    } while (0)

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    return -EFAULT;
}

static enum emulate_result outcome(struct emulate_context *c)
{
    if (!fuse || --fuse)
        return EMULATE_DONE;
    c->fault.vector = 14;
    return at;
}

static void segment(struct emulate_context *c, enum insn_segment n, struct emulate_segment *out)
{
    check(n <= SEGMENT_GS && (bits != 64 || n >= SEGMENT_FS));
    *out = (struct emulate_segment){.base = n * 0x1000u,
                                    .limit = n & 1 ? 0xffffffff : 0x7fff,
                                    .readable = true,
                                    .writable = n != SEGMENT_CS,
                                    .wide = bits != 16,
                                    .expand_down = n == SEGMENT_GS};
}

static void check_access(uint64_t address, unsigned bytes)
{
    check(bytes >= 1 && bytes <= 16 && address + bytes - 1 >= address);
    check(bits != 64 || (uint64_t)((int64_t)(address << 16) >> 16) == address);
    check(bits == 64 || address <= 0xffffffff);
}

static enum emulate_result probe(struct emulate_context *c, uint64_t address, unsigned bytes,
                                 bool write)
{
    check_access(address, bytes);
    return outcome(c);
}

static enum emulate_result read(struct emulate_context *c, uint64_t address, void *out,
                                unsigned bytes)
{
    check_access(address, bytes);
    memset(out, (int)address, bytes); // all of it must be there
    accesses++;
    return outcome(c);
}

static enum emulate_result write(struct emulate_context *c, uint64_t address, const void *in,
                                 unsigned bytes)
{
    uint8_t copy[16];
    enum emulate_result r = outcome(c);

    check_access(address, bytes);
    memcpy(copy, in, bytes);
    accesses++;
    writes += r == EMULATE_DONE;
    return r;
}

static enum emulate_result in(struct emulate_context *c, uint16_t port, unsigned bytes,
                              uint32_t *value)
{
    check(bytes == 1 || bytes == 2 || bytes == 4);
    *value = 0x12345678;
    accesses++;
    return outcome(c);
}

static enum emulate_result out(struct emulate_context *c, uint16_t port, unsigned bytes,
                               uint32_t value)
{
    enum emulate_result r = outcome(c);

    check((bytes == 1 && value <= 0xff) || (bytes == 2 && value <= 0xffff) || bytes == 4);
    accesses++;
    writes += r == EMULATE_DONE;
    return r;
}

static enum emulate_result port_string(struct emulate_context *c,
                                       const struct emulate_port_string *p, uint32_t *count)
{
    uint64_t last = p->address + (p->down ? -1ull : 1) * (*count - 1) * p->bytes;
    enum emulate_result r;

    check(*count >= 2 && (p->bytes == 1 || p->bytes == 2 || p->bytes == 4));
    check_access(p->address, p->bytes);
    check_access(last, p->bytes);
    check(p->address >> 12 == last >> 12);
    check(p->address >> 12 == (p->address + p->bytes - 1) >> 12);
    check(last >> 12 == (last + p->bytes - 1) >> 12);
    if (*count & 1) {
        *count = 0;
        return EMULATE_DONE;
    }
    r = outcome(c);
    accesses++;
    writes += r == EMULATE_DONE;
    return r;
}

static enum emulate_result get_vector(struct emulate_context *c, unsigned n, uint8_t value[16])
{
    check(n < 16);
    memset(value, (int)n, 16);
    return outcome(c);
}

static void set_vector(struct emulate_context *c, unsigned n, const uint8_t value[16])
{
    check(n < 16);
}

static bool stop(struct emulate_context *c)
{
    return accesses > 20;
}

static const struct emulate_ops ops = {segment, probe,       read,       write,      in,
                                       out,     port_string, get_vector, set_vector, stop};

// What the disassembler takes otherwise than processors do.
static bool disputed(const cs_insn *c)
{
    return c->id == X86_INS_MOVNTI || c->id == X86_INS_MOVSXD;
}

static void check_length(const struct emulate_context *c, uint64_t moved)
{
    static cs_insn *known[3];
    static csh handles[3];
    static const cs_mode modes[3] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    unsigned n = bits / 32;
    const uint8_t *code = c->code;
    size_t have = c->have;
    uint64_t rip = RIP;

    if (!known[n]) {
        check(!cs_open(CS_ARCH_X86, modes[n], &handles[n]));
        known[n] = cs_malloc(handles[n]);
    }
    if (cs_disasm_iter(handles[n], &code, &have, &rip, known[n]) && !disputed(known[n]))
        check(moved == known[n]->size);
}

static void check_outcome(struct emulate_context *c, enum emulate_result r,
                          const struct cpu_user_regs *before)
{
    uint64_t moved = c->regs->rip - before->rip;

    check(r <= EMULATE_UNKNOWN);
    if (r == EMULATE_DONE) {
        check(moved >= 1 && moved <= INSN_MAX && moved <= c->have);
        check_length(c, moved);
        return;
    }
    check(!moved);
    if (r == EMULATE_FAULT)
        check(c->fault.vector < 32);
    if (r == EMULATE_SHORT || r == EMULATE_UNKNOWN)
        check(!accesses);
    if (!writes && r != EMULATE_AGAIN && memcmp(before, c->regs, sizeof(*before))) {
        // Iterations of strings that only read.
        unsigned opcode = 0;

        for (unsigned i = 0; i < c->have && !opcode; i++)
            if (c->code[i] >= 0xa4 && c->code[i] <= 0xaf)
                opcode = c->code[i];
        check(opcode && accesses);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cpu_user_regs regs, before;
    struct emulate_context c = {.ops = &ops, .regs = &regs};

    if (size < HEADER)
        return 0;
    bits = 16u << data[0] % 3;
    fuse = data[1] & 15;
    at = data[1] & 16 ? EMULATE_WAIT : EMULATE_FAULT;
    accesses = writes = 0;
    memset(&regs, 0, sizeof(regs));
    for (unsigned n = 0; n < 16; n++)
        *insn_reg(&regs, n) =
            (uint64_t)((int64_t)((uint64_t)data[2 + 2 * n] << 56) >> (data[3 + 2 * n] & 63)) +
            data[3 + 2 * n];
    regs.rip = RIP;
    regs.rflags = 2 | (data[34] & 0xd5) | (data[35] & 0x0c) << 8;
    before = regs;
    c.bits = (uint8_t)bits;
    c.port_bytes = data[0] >> 2 & 7;
    c.have = (unsigned)MIN(size - HEADER, (size_t)INSN_MAX);
    memcpy(c.code, data + HEADER, c.have);
    check_outcome(&c, emulate_step(&c), &before);
    return 0;
}
