#include "tests/unit/emulate_kit.h"

#include <string.h>

#include "cpu/traps.h"
#include "lib/bits.h"

static struct kit *kit_of(struct emulate_context *c)
{
    return (struct kit *)c; // its first member
}

static void segment(struct emulate_context *c, enum insn_segment n, struct emulate_segment *out)
{
    *out = kit_of(c)->segments[n];
}

static enum emulate_result fault(struct kit *k, uint64_t address, int64_t error)
{
    k->c.fault = (struct emulate_fault){TRAP_PF, error, address};
    return EMULATE_FAULT;
}

static enum emulate_result probe(struct emulate_context *c, uint64_t address, unsigned bytes,
                                 bool write)
{
    struct kit *k = kit_of(c);

    for (uint64_t a = address; a != address + bytes; a++) {
        if (a - k->base >= k->size)
            return fault(k, a, write ? PFEC_WRITE : 0);
        if (write && a >= k->read_only)
            return fault(k, a, PFEC_WRITE | PFEC_PRESENT);
    }
    return EMULATE_DONE;
}

static bool must_wait(struct kit *k)
{
    if (!k->waits)
        return false;
    k->waits--;
    return true;
}

static void note(struct kit *k, int kind, uint64_t address, unsigned bytes, const void *value)
{
    struct kit_access a = {kind, address, bytes, 0};

    memcpy(&a.value, value, MIN(bytes, 8u));
    if (k->logged < KIT_LOG)
        k->log[k->logged++] = a;
}

static enum emulate_result read(struct emulate_context *c, uint64_t address, void *out,
                                unsigned bytes)
{
    struct kit *k = kit_of(c);
    enum emulate_result r = probe(c, address, bytes, false);

    if (r)
        return r;
    if (address >= k->device && must_wait(k))
        return EMULATE_WAIT;
    memcpy(out, k->memory + (address - k->base), bytes);
    note(k, KIT_READ, address, bytes, out);
    return EMULATE_DONE;
}

static enum emulate_result write(struct emulate_context *c, uint64_t address, const void *in,
                                 unsigned bytes)
{
    struct kit *k = kit_of(c);
    enum emulate_result r = probe(c, address, bytes, true);

    if (r)
        return r;
    if (address >= k->device && must_wait(k))
        return EMULATE_WAIT;
    memcpy(k->memory + (address - k->base), in, bytes);
    note(k, KIT_WRITE, address, bytes, in);
    return EMULATE_DONE;
}

static enum emulate_result in(struct emulate_context *c, uint16_t port, unsigned bytes,
                              uint32_t *value)
{
    struct kit *k = kit_of(c);

    if (must_wait(k))
        return EMULATE_WAIT;
    *value = (uint32_t)k->port_value;
    note(k, KIT_IN, port, bytes, value);
    return EMULATE_DONE;
}

static enum emulate_result out(struct emulate_context *c, uint16_t port, unsigned bytes,
                               uint32_t value)
{
    struct kit *k = kit_of(c);

    if (must_wait(k))
        return EMULATE_WAIT;
    note(k, KIT_OUT, port, bytes, &value);
    return EMULATE_DONE;
}

static enum emulate_result port_string(struct emulate_context *c,
                                       const struct emulate_port_string *p, uint32_t *count)
{
    struct kit *k = kit_of(c);
    uint64_t low = p->address - (p->down ? (*count - 1ull) * p->bytes : 0);
    enum emulate_result r = probe(c, p->address, p->bytes, !p->out);

    if (r)
        return r;
    if (!k->together) {
        *count = 0;
        return EMULATE_DONE;
    }
    if (must_wait(k))
        return EMULATE_WAIT;
    for (uint32_t i = 0; i < *count && !p->out; i++)
        memcpy(k->memory + (low + (uint64_t)i * p->bytes - k->base), &k->port_value, p->bytes);
    note(k, p->out ? KIT_OUT : KIT_IN, p->port, *count * p->bytes, k->memory + (low - k->base));
    return EMULATE_DONE;
}

static enum emulate_result get_vector(struct emulate_context *c, unsigned n, uint8_t value[16])
{
    memcpy(value, kit_of(c)->vectors[n], 16);
    return EMULATE_DONE;
}

static void set_vector(struct emulate_context *c, unsigned n, const uint8_t value[16])
{
    memcpy(kit_of(c)->vectors[n], value, 16);
}

static bool stop(struct emulate_context *c)
{
    struct kit *k = kit_of(c);

    return k->stop_after && !--k->stop_after;
}

static const struct emulate_ops ops = {segment, probe,       read,       write,      in,
                                       out,     port_string, get_vector, set_vector, stop};

void kit_init(struct kit *k, unsigned bits, uint8_t *memory, uint64_t base, uint64_t size)
{
    *k = (struct kit){.c = {.ops = &ops, .bits = (uint8_t)bits, .port_bytes = 4},
                      .memory = memory,
                      .base = base,
                      .size = size,
                      .read_only = ~0ull,
                      .device = ~0ull};
    k->c.regs = &k->regs;
    k->regs.rflags = X86_EFLAGS_MBS;
    for (unsigned n = 0; n < ARRAY_SIZE(k->segments); n++)
        k->segments[n] = (struct emulate_segment){.limit = bits == 16 ? 0xffff : ~0u,
                                                  .readable = true,
                                                  .writable = true,
                                                  .wide = bits != 16};
}

enum emulate_result kit_run(struct kit *k, const uint8_t *code, unsigned length)
{
    k->c.have = MIN(length, INSN_MAX);
    memcpy(k->c.code, code, k->c.have);
    return emulate_step(&k->c);
}
