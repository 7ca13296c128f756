// Formats of the ACPI tables that the hypervisor reads, and what its table readers share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/acpi.h"

struct acpi_rsdp {
    char signature[8]; // "RSD PTR "
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision; // 0: the first 20 bytes only
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.4, 5.2.5.3");
#define ACPI_RSDP_V1_BYTES 20

struct acpi_header {
    char signature[4];
    uint32_t length; // of the whole table
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    uint32_t creator_id;
    uint32_t creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.4, 5.2.6");

struct acpi_gas {
    uint8_t space; // 0: memory, 1: ports
    uint8_t bits;
    uint8_t bit_offset;
    uint8_t access_size;
    uint64_t address;
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_gas) == 12, "ACPI 6.4, 5.2.3.2");

// MADT and SRAT consist of entries that begin so.
struct acpi_entry {
    uint8_t type;
    uint8_t length;
} __attribute__((packed));

// The entry at *offset of a table, *offset moved behind it. NULL at the end; an entry whose length
// is impossible ends the table with a message.
const struct acpi_entry *acpi_next_entry(const struct acpi_header *table, size_t *offset);

// Translates an address; anything but ports and memory is ACPI_NOWHERE.
struct acpi_address acpi_address_from(const struct acpi_gas *gas);

// The readers, one a table; the table's length and checksum have been verified.
void acpi_read_madt(const struct acpi_header *table);
void acpi_read_fadt(const struct acpi_header *table);
void acpi_read_hpet(const struct acpi_header *table);
void acpi_read_mcfg(const struct acpi_header *table);
void acpi_read_srat(const struct acpi_header *table);
