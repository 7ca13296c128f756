// Finding the ACPI tables: the root pointer, the root table and from there each table that has a
// reader. Firmware is not trusted to be right: every length is checked against what can be reached,
// every checksum is verified, and a table that fails is reported and passed over.
#include "platform/acpi.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "platform/acpi_tables.h"

#define MAX_TABLE_BYTES (1u << 20) // of those with a reader: none comes near

#define EBDA_SEGMENT_MADDR 0x40e // BIOS data area: real-mode segment of the extended data area
#define BIOS_ROM_MADDR     0xe0000
#define BIOS_ROM_BYTES     0x20000

struct acpi_info acpi;

static bool acpi_checksum_ok(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint8_t sum = 0;

    while (bytes--)
        sum = (uint8_t)(sum + *p++);
    return sum == 0;
}

const struct acpi_entry *acpi_next_entry(const struct acpi_header *table, size_t *offset)
{
    const struct acpi_entry *e = (const void *)((const char *)table + *offset);
    size_t left = *offset < table->length ? table->length - *offset : 0;

    if (left == 0)
        return NULL;
    if (left < sizeof(*e) || e->length < sizeof(*e) || e->length > left) {
        log_warn("ACPI: %.4s: bad entry at offset %zu, the rest is ignored\n", table->signature,
                 *offset);
        return NULL;
    }
    *offset += e->length;
    return e;
}

struct acpi_address acpi_address_from(const struct acpi_gas *gas)
{
    struct acpi_address a = {ACPI_NOWHERE, gas->bits, gas->address};

    if (gas->address && gas->space == 1 && gas->address <= 0xffff)
        a.space = ACPI_PORT;
    else if (gas->address && gas->space == 0)
        a.space = ACPI_MEMORY;
    return a;
}

static const struct reader {
    char signature[5];
    void (*read)(const struct acpi_header *table);
    struct acpi_table_ref *ref; // or: where to keep the place of the table
} readers[] = {
    {"APIC", acpi_read_madt, NULL}, {"FACP", acpi_read_fadt, NULL}, {"HPET", acpi_read_hpet, NULL},
    {"MCFG", acpi_read_mcfg, NULL}, {"SRAT", acpi_read_srat, NULL}, {"DMAR", NULL, &acpi.dmar},
    {"IVRS", NULL, &acpi.ivrs},
};

static const struct reader *find_reader(const char *signature)
{
    for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
        if (!memcmp(signature, readers[i].signature, 4))
            return &readers[i];
    return NULL;
}

// The whole table at maddr, verified; NULL, after a message, if it is not usable.
static const struct acpi_header *map_table(uint64_t maddr)
{
    const struct acpi_header *h = acpi_memory(maddr, sizeof(*h));

    if (!h) {
        log_warn("ACPI: table at %#lx is out of reach\n", maddr);
        return NULL;
    }
    if (h->length < sizeof(*h) || h->length > MAX_TABLE_BYTES || !acpi_memory(maddr, h->length)) {
        log_warn("ACPI: %.4s at %#lx: impossible length %u\n", h->signature, maddr, h->length);
        return NULL;
    }
    if (!acpi_checksum_ok(h, h->length)) {
        log_warn("ACPI: %.4s at %#lx: bad checksum\n", h->signature, maddr);
        return NULL;
    }
    return h;
}

static void read_table(uint64_t maddr)
{
    const struct acpi_header *h = acpi_memory(maddr, sizeof(*h));
    const struct reader *reader = h ? find_reader(h->signature) : NULL;

    if (h && !reader)
        return; // not ours to read, however large or damaged it is
    h = map_table(maddr);
    if (!h || !reader)
        return;
    if (reader->ref)
        *reader->ref = (struct acpi_table_ref){maddr, h->length};
    else
        reader->read(h);
}

// MADT and kin are independent of each other but for SRAT, which refers to MADT's processors: it is
// read in a second pass.
static void read_tables(const struct acpi_header *root, unsigned entry_bytes, bool srat)
{
    unsigned n = (unsigned)((root->length - sizeof(*root)) / entry_bytes);
    const char *entries = (const char *)(root + 1);

    for (unsigned i = 0; i < n; i++) {
        uint64_t maddr = 0;
        const struct acpi_header *h;

        memcpy(&maddr, entries + (size_t)i * entry_bytes, entry_bytes);
        h = maddr ? acpi_memory(maddr, sizeof(*h)) : NULL;
        if (maddr && (!h || !memcmp(h->signature, "SRAT", 4)) == srat)
            read_table(maddr);
    }
}

static bool read_root(uint64_t maddr, const char *signature, unsigned entry_bytes)
{
    const struct acpi_header *root = maddr ? map_table(maddr) : NULL;

    if (!root)
        return false;
    if (memcmp(root->signature, signature, 4)) {
        log_warn("ACPI: no %s at %#lx\n", signature, maddr);
        return false;
    }
    acpi.root_maddr = maddr;
    read_tables(root, entry_bytes, false);
    read_tables(root, entry_bytes, true);
    return true;
}

static bool rsdp_valid(const void *data, size_t bytes)
{
    const struct acpi_rsdp *r = data;

    if (bytes < ACPI_RSDP_V1_BYTES || memcmp(r->signature, "RSD PTR ", 8))
        return false;
    return acpi_checksum_ok(r, ACPI_RSDP_V1_BYTES);
}

static const void *scan_rsdp(uint64_t maddr, size_t bytes, size_t *rsdp_bytes)
{
    const char *area = acpi_memory(maddr, bytes);

    for (size_t at = 0; area && at + ACPI_RSDP_V1_BYTES <= bytes; at += 16) {
        if (rsdp_valid(area + at, bytes - at)) {
            *rsdp_bytes = bytes - at;
            return area + at;
        }
    }
    return NULL;
}

static const void *find_rsdp(size_t *bytes)
{
    const uint16_t *segment = acpi_memory(EBDA_SEGMENT_MADDR, sizeof(*segment));
    uint64_t ebda = segment ? (uint64_t)*segment << 4 : 0;
    const void *rsdp = NULL;

    if (ebda >= 0x400 && ebda < 0xa0000)
        rsdp = scan_rsdp(ebda, 1024, bytes);
    return rsdp ? rsdp : scan_rsdp(BIOS_ROM_MADDR, BIOS_ROM_BYTES, bytes);
}

static void report(void)
{
    log_info("ACPI: %u CPUs, %u IO-APICs, %u interrupt overrides%s%s%s%s%s\n", acpi.nr_cpus,
             acpi.nr_ioapics, acpi.nr_overrides, acpi.fixed.present ? ", FADT" : "",
             acpi.hpet.space ? ", HPET" : "", acpi.nr_mcfg ? ", MCFG" : "",
             acpi.dmar.maddr ? ", DMAR" : "", acpi.ivrs.maddr ? ", IVRS" : "");
    if (acpi.nr_cpus_ignored)
        log_warn("ACPI: %u CPUs beyond the %u supported are not used\n", acpi.nr_cpus_ignored,
                 MAX_CPUS);
}

int acpi_init(const void *rsdp, size_t rsdp_bytes)
{
    struct acpi_rsdp r = {.revision = 0};
    bool found = false;

    memset(&acpi, 0, sizeof(acpi));
    acpi.has_8259 = true;
    if (rsdp && !rsdp_valid(rsdp, rsdp_bytes)) {
        log_warn("ACPI: the boot loader's root pointer is damaged, searching for another\n");
        rsdp = NULL;
    }
    if (!rsdp)
        rsdp = find_rsdp(&rsdp_bytes);
    if (!rsdp) {
        log_warn("ACPI: no root pointer found\n");
        return -ENODEV;
    }
    memcpy(&r, rsdp, MIN(rsdp_bytes, sizeof(r)));
    if (r.revision >= 2 && rsdp_bytes >= sizeof(r) && acpi_checksum_ok(&r, sizeof(r)))
        found = read_root(r.xsdt, "XSDT", 8);
    if (!found)
        found = read_root(r.rsdt, "RSDT", 4);
    if (!found)
        return -ENODEV;
    report();
    return 0;
}
