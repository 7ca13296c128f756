#include "hvm/platform/ioapic.h"

#include "hvm/lapic_impl.h"
#include "lib/string.h"

#define SELECT     0x00
#define WINDOW     0x10
#define REG_ID     0
#define REG_ARB    2
#define REG_FIRST  0x10                               // of the table, two for each input
#define VERSION    (0x11 | (IOAPIC_INPUTS - 1) << 16) // no EOI register
#define REMOTE_IRR (1u << 14)
#define LEVEL      (1u << 15)
#define MASKED     (1u << 16)
#define WRITABLE   0xff0000000001afffull
#define READ_ONLY  (uint64_t)(REMOTE_IRR | 1u << 12) // and delivery status: never busy

static uint64_t *entry(struct ioapic *io, unsigned input)
{
    return &io->s.redirtbl[input].bits;
}

static uint64_t entry_of(const struct ioapic *io, unsigned input)
{
    return io->s.redirtbl[input].bits;
}

static unsigned mode_of(uint64_t e)
{
    return e >> 8 & 7;
}

static bool send(struct domain *d, uint64_t e)
{
    unsigned mode = mode_of(e);

    if (mode != MODE_FIXED && mode != MODE_LOWEST && mode != MODE_NMI && mode != MODE_INIT)
        return false;
    return lapic_send(d, NULL, (uint32_t)e & (0xfff | LEVEL), (uint32_t)(e >> 56), false);
}

// An input by level asks until somebody has taken it, and then again after each end of interrupt.
static void service_level(struct ioapic *io, struct domain *d, unsigned input)
{
    uint64_t *e = entry(io, input);

    if ((*e & (LEVEL | MASKED | REMOTE_IRR)) != LEVEL || !(io->lines >> input & 1))
        return;
    if (send(d, *e) && mode_of(*e) <= MODE_LOWEST)
        *e |= REMOTE_IRR;
}

// What comes by edge while it is masked is lost.
void ioapic_set_lines(struct ioapic *io, struct domain *d, uint64_t asserted)
{
    uint64_t risen = asserted & ~io->lines;

    io->lines = asserted;
    for (uint64_t left = asserted; left; left &= left - 1) {
        unsigned input = bit_first(left);

        if (entry_of(io, input) & LEVEL)
            service_level(io, d, input);
        else if ((risen >> input & 1) && !(entry_of(io, input) & MASKED))
            send(d, entry_of(io, input));
    }
}

void ioapic_eoi(struct ioapic *io, struct domain *d, uint8_t vector)
{
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++) {
        uint64_t *e = entry(io, i);

        if ((uint8_t)*e != vector || !(*e & REMOTE_IRR))
            continue;
        *e &= ~(uint64_t)REMOTE_IRR;
        service_level(io, d, i);
    }
}

bool ioapic_is_masked(const struct ioapic *io, unsigned input)
{
    return entry_of(io, input) & MASKED;
}

bool ioapic_is_requested(const struct ioapic *io, const struct domain *d, unsigned input)
{
    uint64_t e = entry_of(io, input);

    return mode_of(e) <= MODE_LOWEST && lapic_is_requested(d, (uint8_t)e);
}

bool ioapic_passes_pic(const struct ioapic *io, uint32_t lapic_id)
{
    uint64_t e = entry_of(io, 0);

    return mode_of(e) == MODE_EXTINT && !(e & MASKED) && e >> 56 == lapic_id;
}

static uint32_t read_register(const struct ioapic *io, unsigned reg)
{
    unsigned input = (reg - REG_FIRST) / 2;

    if (reg == REG_ID || reg == REG_ARB)
        return io->s.id << 24;
    if (reg < REG_FIRST)
        return reg == 1 ? VERSION : 0;
    if (input >= IOAPIC_INPUTS)
        return 0;
    input = (unsigned)index_nospec(input, IOAPIC_INPUTS);
    return (uint32_t)(entry_of(io, input) >> (reg & 1 ? 32 : 0));
}

static void write_entry(struct ioapic *io, struct domain *d, unsigned input, bool upper,
                        uint32_t value)
{
    uint64_t *e = entry(io, input), old = *e;

    *e = upper ? (uint32_t)old | (uint64_t)value << 32 : (old >> 32 << 32) | value;
    *e = (*e & WRITABLE) | (old & READ_ONLY);
    if (!(*e & LEVEL))
        *e &= ~(uint64_t)REMOTE_IRR;
    service_level(io, d, input);
}

uint32_t ioapic_read(const struct ioapic *io, unsigned offset)
{
    if (offset == SELECT)
        return io->s.ioregsel;
    return offset == WINDOW ? read_register(io, io->s.ioregsel) : 0;
}

void ioapic_write(struct ioapic *io, struct domain *d, unsigned offset, uint32_t value)
{
    unsigned reg = io->s.ioregsel, input = (reg - REG_FIRST) / 2;

    if (offset == SELECT)
        io->s.ioregsel = value & 0xff;
    if (offset != WINDOW)
        return;
    if (reg == REG_ID)
        io->s.id = value >> 24 & 0xf;
    else if (reg >= REG_FIRST && input < IOAPIC_INPUTS)
        write_entry(io, d, (unsigned)index_nospec(input, IOAPIC_INPUTS), reg & 1, value);
}

void ioapic_init(struct ioapic *io)
{
    memset(io, 0, sizeof(*io));
    io->s.base_address = IOAPIC_BASE;
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        *entry(io, i) = MASKED;
}

bool ioapic_load(struct ioapic *io, const struct hvm_hw_vioapic *s, bool commit)
{
    if (s->base_address != IOAPIC_BASE || s->ioregsel > 0xff || s->id > 0xf)
        return false;
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        if ((s->redirtbl[i].bits & (REMOTE_IRR | LEVEL)) == REMOTE_IRR)
            return false;
    if (!commit)
        return true;
    io->s = *s;
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        *entry(io, i) &= WRITABLE | REMOTE_IRR;
    return true;
}
