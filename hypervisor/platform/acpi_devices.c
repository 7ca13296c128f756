// The small tables: HPET (IA-PC HPET specification 1.0a, 3.2.4) and MCFG (PCI Firmware 3.0, 4.1.2).
#include "lib/log.h"
#include "platform/acpi_tables.h"

struct hpet_table {
    struct acpi_header header;
    uint32_t block_id;
    struct acpi_gas base;
    uint8_t number;
    uint16_t least_tick;
    uint8_t attributes;
} __attribute__((packed));
_Static_assert(sizeof(struct hpet_table) == 56, "3.2.4");

struct mcfg_entry {
    uint64_t maddr;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct mcfg_entry) == 16, "4.1.2");

#define MCFG_HEADER_BYTES 44

void acpi_read_hpet(const struct acpi_header *table)
{
    const struct hpet_table *t = (const void *)table;

    if (table->length < sizeof(*t)) {
        log_warn("ACPI: HPET is too short\n");
        return;
    }
    if (acpi.hpet.space == ACPI_NOWHERE) // of several blocks the first is as good as any
        acpi.hpet = acpi_address_from(&t->base);
}

static void add_mcfg(const struct mcfg_entry *e)
{
    if (!e->maddr || (e->maddr & 0xfffff) || e->first_bus > e->last_bus ||
        acpi.nr_mcfg == ACPI_MAX_MCFG) {
        log_warn("ACPI: MCFG: window at %#lx, segment %u, buses %u-%u ignored\n", e->maddr,
                 e->segment, e->first_bus, e->last_bus);
        return;
    }
    acpi.mcfg[acpi.nr_mcfg++] = (struct acpi_mcfg){e->maddr, e->segment, e->first_bus, e->last_bus};
}

void acpi_read_mcfg(const struct acpi_header *table)
{
    const struct mcfg_entry *e = (const void *)((const char *)table + MCFG_HEADER_BYTES);
    size_t bytes = table->length < MCFG_HEADER_BYTES ? 0 : table->length - MCFG_HEADER_BYTES;

    for (; bytes >= sizeof(*e); bytes -= sizeof(*e))
        add_mcfg(e++);
}
