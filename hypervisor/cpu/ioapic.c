// IO-APICs (82093AA data sheet). Each has a window of two registers through which all others are
// reached, hence a lock; it is the innermost of all.
#include "cpu/ioapic.h"

#include "cpu/apic.h"
#include "cpu/mmio.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/log.h"

#define MAX_IOAPICS 32
#define MAX_GSIS    1024
#define ISA_IRQS    16

#define WINDOW_SELECT 0x00
#define WINDOW_DATA   0x10
#define WINDOW_BYTES  0x20

#define REG_VERSION 0x01
#define REG_RTE     0x10 // two registers a pin

#define RTE_LOW    (1u << 13) // polarity
#define RTE_LEVEL  (1u << 15)
#define RTE_MASKED (1u << 16)

struct ioapic {
    volatile char *window;
    uint64_t maddr;
    uint32_t gsi_base;
    unsigned pins;
    uint8_t id;
};

struct pin {
    uint8_t vector; // 0: no interrupt allocated
    bool level, active_low;
};

static struct ioapic ioapics[MAX_IOAPICS];
static unsigned nr_ioapics, nr_gsis = ISA_IRQS;
static struct pin pins[MAX_GSIS];
static uint16_t isa_gsi[ISA_IRQS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static spinlock_t window_lock, pin_lock; // pin_lock: allocation and configuration of pins

static uint32_t window_read(const struct ioapic *io, unsigned reg)
{
    uint32_t v;

    spin_lock(&window_lock);
    mmio_write32(io->window + WINDOW_SELECT, reg);
    v = mmio_read32(io->window + WINDOW_DATA);
    spin_unlock(&window_lock);
    return v;
}

static void window_write(const struct ioapic *io, unsigned reg, uint32_t v)
{
    spin_lock(&window_lock);
    mmio_write32(io->window + WINDOW_SELECT, reg);
    mmio_write32(io->window + WINDOW_DATA, v);
    spin_unlock(&window_lock);
}

static const struct ioapic *ioapic_of(unsigned gsi)
{
    for (unsigned i = 0; i < nr_ioapics; i++)
        if (gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return &ioapics[i];
    return NULL;
}

static unsigned real_gsi(unsigned gsi)
{
    return gsi < ISA_IRQS ? isa_gsi[gsi] : gsi;
}

void ioapic_add(uint8_t id, uint64_t maddr, uint32_t gsi_base)
{
    struct ioapic *io = &ioapics[nr_ioapics];

    if (nr_ioapics == MAX_IOAPICS || gsi_base >= MAX_GSIS) {
        log_warn("IO-APIC %u with GSIs from %u on is not used\n", id, gsi_base);
        return;
    }
    *io = (struct ioapic){mmio_map(maddr, WINDOW_BYTES), maddr, gsi_base, 0, id};
    if (!io->window || window_read(io, REG_VERSION) == 0xffffffff) {
        log_warn("IO-APIC %u at %#lx does not answer\n", id, maddr);
        return;
    }
    io->pins = MIN((window_read(io, REG_VERSION) >> 16 & 0xff) + 1, MAX_GSIS - gsi_base);
    nr_ioapics++;
    nr_gsis = MAX(nr_gsis, gsi_base + io->pins);
    for (unsigned pin = 0; pin < io->pins; pin++) {
        unsigned gsi = gsi_base + pin;

        // Until told otherwise: ISA lines are edge triggered, active high, PCI lines the opposite.
        pins[gsi] = (struct pin){0, gsi >= ISA_IRQS, gsi >= ISA_IRQS};
        window_write(io, REG_RTE + pin * 2, RTE_MASKED);
    }
    log_info("IO-APIC %u: GSIs %u-%u\n", id, gsi_base, gsi_base + io->pins - 1);
}

void ioapic_override(unsigned isa, uint32_t gsi, bool active_low, bool level)
{
    if (isa >= ISA_IRQS || !ioapic_of(gsi)) {
        log_warn("ISA interrupt %u cannot arrive at GSI %u\n", isa, gsi);
        return;
    }
    isa_gsi[isa] = (uint16_t)gsi;
    pins[gsi].level = level;
    pins[gsi].active_low = active_low;
}

unsigned gsi_count(void)
{
    return nr_gsis;
}

static void write_rte_low(struct irq *irq, uint32_t mask)
{
    const struct ioapic *io = irq->chip_data;
    const struct pin *pin = &pins[irq->source];

    window_write(io, REG_RTE + (irq->source - io->gsi_base) * 2,
                 irq->vector | (pin->active_low ? RTE_LOW : 0) | (pin->level ? RTE_LEVEL : 0) |
                     mask);
}

static void ioapic_mask(struct irq *irq)
{
    write_rte_low(irq, RTE_MASKED);
}

static void ioapic_unmask(struct irq *irq)
{
    write_rte_low(irq, 0);
}

static void ioapic_set_target(struct irq *irq)
{
    const struct ioapic *io = irq->chip_data;

    window_write(io, REG_RTE + (irq->source - io->gsi_base) * 2 + 1, apic_id_of(irq->cpu) << 24);
}

static const struct irq_chip ioapic_chip = {
    .name = "IO-APIC",
    .mask = ioapic_mask,
    .unmask = ioapic_unmask,
    .set_target = ioapic_set_target,
};

int gsi_configure(unsigned gsi, bool level, bool active_low)
{
    struct irq *irq;
    int rc = 0;

    gsi = real_gsi(gsi);
    if (!ioapic_of(gsi))
        return -EINVAL;
    spin_lock(&pin_lock);
    irq = irq_of_vector(pins[gsi].vector);
    if (irq && irq->handler) {
        rc = -EEXIST;
    } else {
        pins[gsi].level = level;
        pins[gsi].active_low = active_low;
        if (irq)
            irq->level = level; // reaches the pin when it is unmasked
    }
    spin_unlock(&pin_lock);
    return rc;
}

struct irq *gsi_irq(unsigned gsi)
{
    const struct ioapic *io;
    struct irq *irq = NULL;

    gsi = real_gsi(gsi);
    io = ioapic_of(gsi);
    if (!io)
        return NULL;
    spin_lock(&pin_lock);
    if (pins[gsi].vector) {
        irq = irq_of_vector(pins[gsi].vector);
    } else if ((irq = irq_alloc(1, &ioapic_chip, (void *)(uintptr_t)io)) != NULL) {
        irq->source = (uint16_t)gsi;
        irq->level = pins[gsi].level;
        pins[gsi].vector = irq->vector;
    }
    spin_unlock(&pin_lock);
    return irq;
}

static const struct ioapic *ioapic_at(uint64_t maddr)
{
    for (unsigned i = 0; i < nr_ioapics; i++)
        if (ioapics[i].maddr == maddr)
            return &ioapics[i];
    return NULL;
}

int ioapic_guest_read(uint64_t maddr, uint32_t reg, uint32_t *value)
{
    const struct ioapic *io = ioapic_at(maddr);

    if (!io)
        return -EINVAL;
    *value = window_read(io, reg & 0xff);
    return 0;
}

int ioapic_guest_write(uint64_t maddr, uint32_t reg, uint32_t value)
{
    const struct ioapic *io = ioapic_at(maddr);
    unsigned pin = (reg - REG_RTE) / 2;

    if (!io)
        return -EINVAL;
    if (reg >= REG_RTE && !(reg & 1) && pin < io->pins)
        gsi_configure(io->gsi_base + pin, value & RTE_LEVEL, value & RTE_LOW);
    return 0;
}
