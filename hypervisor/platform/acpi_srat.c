// SRAT: which processors and which memory are near each other (ACPI 6.4, 5.2.16).
#include "lib/log.h"
#include "platform/acpi_tables.h"

#define SRAT_HEADER_BYTES 48

enum { SRAT_LAPIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };

struct srat_lapic {
    struct acpi_entry e;
    uint8_t node_low, apic_id;
    uint32_t flags; // bit 0: enabled
    uint8_t sapic_eid, node_high[3];
    uint32_t clock;
} __attribute__((packed));

struct srat_memory {
    struct acpi_entry e;
    uint32_t node;
    uint16_t reserved0;
    uint64_t start, bytes;
    uint32_t reserved1, flags;
    uint64_t reserved2;
} __attribute__((packed));

struct srat_x2apic {
    struct acpi_entry e;
    uint16_t reserved0;
    uint32_t node, apic_id, flags, clock, reserved1;
} __attribute__((packed));

_Static_assert(sizeof(struct srat_lapic) == 16, "5.2.16.1");
_Static_assert(sizeof(struct srat_memory) == 40, "5.2.16.2");
_Static_assert(sizeof(struct srat_x2apic) == 24, "5.2.16.3");

static void set_node(uint32_t apic_id, uint32_t node)
{
    for (unsigned i = 0; i < acpi.nr_cpus; i++)
        if (acpi.cpus[i].apic_id == apic_id)
            acpi.cpus[i].node = node;
}

static void read_lapic(const struct srat_lapic *e, bool wide_nodes)
{
    uint32_t node = e->node_low;

    if (wide_nodes)
        node |= (uint32_t)e->node_high[0] << 8 | (uint32_t)e->node_high[1] << 16 |
                (uint32_t)e->node_high[2] << 24;
    if (e->flags & 1)
        set_node(e->apic_id, node);
}

static void read_memory(const struct srat_memory *e, bool wide_nodes)
{
    if (!(e->flags & 1) || !e->bytes || e->start + e->bytes < e->start)
        return;
    if (acpi.nr_memory_ranges == ACPI_MAX_RANGES) {
        log_warn("ACPI: SRAT: memory at %#lx ignored\n", e->start);
        return;
    }
    acpi.memory_ranges[acpi.nr_memory_ranges++] =
        (struct acpi_memory_range){e->start, e->bytes, wide_nodes ? e->node : e->node & 0xff};
}

void acpi_read_srat(const struct acpi_header *table)
{
    const struct acpi_entry *e;
    size_t offset = SRAT_HEADER_BYTES;
    bool wide_nodes = table->revision >= 2; // before that, 8 bits and rubbish

    while ((e = acpi_next_entry(table, &offset)) != NULL) {
        if (e->type == SRAT_LAPIC && e->length >= sizeof(struct srat_lapic)) {
            read_lapic((const void *)e, wide_nodes);
        } else if (e->type == SRAT_MEMORY && e->length >= sizeof(struct srat_memory)) {
            read_memory((const void *)e, wide_nodes);
        } else if (e->type == SRAT_X2APIC && e->length >= sizeof(struct srat_x2apic)) {
            const struct srat_x2apic *x = (const void *)e;

            if (x->flags & 1)
                set_node(x->apic_id, x->node);
        }
    }
}
