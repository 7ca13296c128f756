// The ACPI tables of a PVH guest: what a kernel looks for before it starts processors. There is no
// device in them, and no ACPI hardware behind them ("hardware-reduced", ACPI 5.0, section 4.1).
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ACPI_PAGE_SIZE 4096

// Writes the RSDP, at its beginning, and the tables it leads to: XSDT, FADT, MADT, DSDT. `page` is
// ACPI_PAGE_SIZE bytes that the guest sees at physical address `address`, below 4 GB. vCPU n has
// APIC id 2n; of `max_vcpus` (at most 128) the first `vcpus` are enabled. Returns the bytes used.
size_t acpi_write(void *page, uint64_t address, unsigned vcpus, unsigned max_vcpus);
