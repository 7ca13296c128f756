// MADT: processors, IO-APICs and how interrupts reach them (ACPI 6.4, 5.2.12).
#include "lib/bits.h"
#include "lib/log.h"
#include "platform/acpi_tables.h"

struct madt {
    struct acpi_header header;
    uint32_t lapic;
    uint32_t flags; // bit 0: there is a pair of 8259s
} __attribute__((packed));
_Static_assert(sizeof(struct madt) == 44, "5.2.12");

enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
};

struct madt_lapic {
    struct acpi_entry e;
    uint8_t uid, apic_id;
    uint32_t flags; // bit 0: enabled
} __attribute__((packed));

struct madt_ioapic {
    struct acpi_entry e;
    uint8_t id, reserved;
    uint32_t maddr, gsi_base;
} __attribute__((packed));

struct madt_override {
    struct acpi_entry e;
    uint8_t bus, source;
    uint32_t gsi;
    uint16_t flags;
} __attribute__((packed));

struct madt_lapic_nmi {
    struct acpi_entry e;
    uint8_t uid;
    uint16_t flags;
    uint8_t lint;
} __attribute__((packed));

struct madt_lapic_address {
    struct acpi_entry e;
    uint16_t reserved;
    uint64_t maddr;
} __attribute__((packed));

struct madt_x2apic {
    struct acpi_entry e;
    uint16_t reserved;
    uint32_t apic_id, flags, uid;
} __attribute__((packed));

struct madt_x2apic_nmi {
    struct acpi_entry e;
    uint16_t flags;
    uint32_t uid;
    uint8_t lint, reserved[3];
} __attribute__((packed));

_Static_assert(sizeof(struct madt_lapic) == 8 && sizeof(struct madt_ioapic) == 12, "5.2.12.2, .3");
_Static_assert(sizeof(struct madt_override) == 10 && sizeof(struct madt_lapic_nmi) == 6, ".5, .7");
_Static_assert(sizeof(struct madt_x2apic) == 16 && sizeof(struct madt_x2apic_nmi) == 12,
               ".12, .13");

// MPS INTI flags: 0 means as the bus does it, which for ISA is active high, edge triggered.
static bool active_low(uint16_t flags)
{
    return (flags & 3) == 3;
}

static bool level_triggered(uint16_t flags)
{
    return (flags >> 2 & 3) == 3;
}

static void add_cpu(uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if (!(flags & 1))
        return;
    for (unsigned i = 0; i < acpi.nr_cpus; i++)
        if (acpi.cpus[i].apic_id == apic_id)
            return; // listed twice: as APIC and as x2APIC
    if (acpi.nr_cpus == MAX_CPUS) {
        acpi.nr_cpus_ignored++;
        return;
    }
    acpi.cpus[acpi.nr_cpus++] = (struct acpi_cpu){apic_id, uid, ACPI_NO_NODE};
}

static void add_ioapic(const struct madt_ioapic *e)
{
    if (acpi.nr_ioapics == ACPI_MAX_IOAPICS || !e->maddr) {
        log_warn("ACPI: IO-APIC %u at %#x ignored\n", e->id, e->maddr);
        return;
    }
    acpi.ioapics[acpi.nr_ioapics++] = (struct acpi_ioapic){e->id, e->maddr, e->gsi_base};
}

static void add_override(const struct madt_override *e)
{
    if (e->bus != 0 || e->source >= 16 || acpi.nr_overrides == ACPI_MAX_OVERRIDES) {
        log_warn("ACPI: override of IRQ %u to GSI %u ignored\n", e->source, e->gsi);
        return;
    }
    acpi.overrides[acpi.nr_overrides++] =
        (struct acpi_override){e->source, e->gsi, active_low(e->flags), level_triggered(e->flags)};
}

static void add_nmi(uint8_t lint, uint16_t flags)
{
    if (acpi.nr_nmis < ACPI_MAX_NMIS)
        acpi.nmis[acpi.nr_nmis++] =
            (struct acpi_nmi){lint, active_low(flags), level_triggered(flags)};
}

static void read_processor(const struct acpi_entry *entry)
{
    if (entry->type == MADT_LAPIC) {
        const struct madt_lapic *e = (const void *)entry;

        if (e->apic_id != 0xff) // the broadcast address, used to pad the table
            add_cpu(e->apic_id, e->uid, e->flags);
    } else {
        const struct madt_x2apic *e = (const void *)entry;

        if (e->apic_id != 0xffffffff)
            add_cpu(e->apic_id, e->uid, e->flags);
    }
}

static void read_entry(const struct acpi_entry *e)
{
    static const uint8_t least[] = {
        [MADT_LAPIC] = sizeof(struct madt_lapic),
        [MADT_IOAPIC] = sizeof(struct madt_ioapic),
        [MADT_OVERRIDE] = sizeof(struct madt_override),
        [MADT_LAPIC_NMI] = sizeof(struct madt_lapic_nmi),
        [MADT_LAPIC_ADDRESS] = sizeof(struct madt_lapic_address),
        [MADT_X2APIC] = sizeof(struct madt_x2apic),
        [MADT_X2APIC_NMI] = sizeof(struct madt_x2apic_nmi),
    };

    if (e->type >= ARRAY_SIZE(least) || !least[e->type])
        return;
    if (e->length < least[e->type]) {
        log_warn("ACPI: APIC: entry of type %u is too short (%u bytes)\n", e->type, e->length);
        return;
    }
    switch (e->type) {
    case MADT_LAPIC:
    case MADT_X2APIC:
        read_processor(e);
        break;
    case MADT_IOAPIC:
        add_ioapic((const void *)e);
        break;
    case MADT_OVERRIDE:
        add_override((const void *)e);
        break;
    case MADT_LAPIC_ADDRESS:
        acpi.lapic_maddr = ((const struct madt_lapic_address *)e)->maddr;
        break;
    case MADT_LAPIC_NMI:
        add_nmi(((const struct madt_lapic_nmi *)e)->lint,
                ((const struct madt_lapic_nmi *)e)->flags);
        break;
    case MADT_X2APIC_NMI:
        add_nmi(((const struct madt_x2apic_nmi *)e)->lint,
                ((const struct madt_x2apic_nmi *)e)->flags);
        break;
    }
}

void acpi_read_madt(const struct acpi_header *table)
{
    const struct madt *madt = (const void *)table;
    const struct acpi_entry *e;
    size_t offset = sizeof(*madt);

    if (table->length < sizeof(*madt)) {
        log_warn("ACPI: APIC is too short\n");
        return;
    }
    if (acpi.nr_cpus) {
        log_warn("ACPI: a second APIC table is ignored\n");
        return;
    }
    acpi.lapic_maddr = madt->lapic;
    acpi.has_8259 = madt->flags & 1;
    while ((e = acpi_next_entry(table, &offset)) != NULL)
        read_entry(e);
}
