// Firmware memory in which a test lays out ACPI tables.
#pragma once

#include <stdint.h>
#include <string.h>

#include "platform/acpi_tables.h"

#define FIRMWARE_BYTES 0x200000u
#define TABLES_AT      0x100000u
#define ROM_RSDP       0xe0010u

static uint8_t firmware[FIRMWARE_BYTES];
static uint32_t next_table;
static uint32_t listed[64];
static unsigned nr_listed;

void *acpi_memory(uint64_t maddr, size_t bytes)
{
    return maddr < FIRMWARE_BYTES && bytes <= FIRMWARE_BYTES - maddr ? firmware + maddr : NULL;
}

static inline void firmware_clear(void)
{
    memset(firmware, 0, sizeof(firmware));
    next_table = TABLES_AT;
    nr_listed = 0;
}

static inline void set_checksum(uint32_t at, uint32_t bytes, uint8_t *field)
{
    uint8_t sum = 0;

    *field = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + firmware[at + i]);
    *field = (uint8_t)-sum;
}

static inline void seal(uint32_t at)
{
    struct acpi_header *h = (void *)(firmware + at);

    if (h->length <= FIRMWARE_BYTES - at)
        set_checksum(at, h->length, &h->checksum);
}

// A table with `body` behind its header; not yet in the root table.
static inline uint32_t add_unlisted(const char *signature, uint8_t revision, const void *body,
                                    uint32_t bytes)
{
    uint32_t at = next_table;
    struct acpi_header *h = (void *)(firmware + at);

    memcpy(h->signature, signature, 4);
    h->revision = revision;
    h->length = (uint32_t)sizeof(*h) + bytes;
    if (bytes)
        memcpy(h + 1, body, bytes);
    seal(at);
    next_table += (h->length + 15) & ~15u;
    return at;
}

static inline uint32_t add_table(const char *signature, uint8_t revision, const void *body,
                                 uint32_t bytes)
{
    return listed[nr_listed++] = add_unlisted(signature, revision, body, bytes);
}

static inline void write_rsdp(uint32_t at, uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
    struct acpi_rsdp *r = (void *)(firmware + at);

    memcpy(r->signature, "RSD PTR ", 8);
    r->revision = revision;
    r->rsdt = rsdt;
    r->length = sizeof(*r);
    r->xsdt = xsdt;
    set_checksum(at, ACPI_RSDP_V1_BYTES, &r->checksum);
    set_checksum(at, sizeof(*r), &r->extended_checksum);
}

// Root tables of both kinds over what was added, and the root pointer where BIOSes keep it.
static inline void finish_tables(uint8_t revision)
{
    uint64_t wide[64];
    uint32_t rsdt, xsdt = 0;

    for (unsigned i = 0; i < nr_listed; i++)
        wide[i] = listed[i];
    rsdt = add_unlisted("RSDT", 1, listed, nr_listed * 4);
    if (revision >= 2)
        xsdt = add_unlisted("XSDT", 1, wide, nr_listed * 8);
    write_rsdp(ROM_RSDP, revision, rsdt, xsdt);
}
