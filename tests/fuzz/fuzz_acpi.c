// The ACPI table readers on arbitrary tables: each input is a sequence of (kind, length, body);
// lengths in headers and checksums are put right, so that the readers behind them are reached,
// unless the kind says otherwise.
//
// sources: hypervisor/platform/acpi.c hypervisor/platform/acpi_madt.c
// sources: hypervisor/platform/acpi_fadt.c hypervisor/platform/acpi_srat.c
// sources: hypervisor/platform/acpi_devices.c
#include <stdlib.h>

#include "lib/log.h"
#include "tests/unit/acpi_tables.h"

void log_print(enum log_level level, const char *fmt, ...)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char signatures[8][5] = {"APIC", "FACP", "HPET", "MCFG",
                                          "SRAT", "DMAR", "IVRS", "XXXX"};

    firmware_clear();
    while (size >= 3 && nr_listed < 32) {
        uint8_t kind = data[0];
        uint32_t bytes = data[1] | (data[2] & 7u) << 8, at;

        data += 3;
        size -= 3;
        if (bytes > size)
            bytes = (uint32_t)size;
        at = add_table(signatures[kind & 7], kind >> 3 & 7, data, bytes);
        if (kind & 0x40 && bytes >= 4) { // whatever length the input says
            memcpy(firmware + at + 4, data, 4);
            seal(at);
        }
        data += bytes;
        size -= bytes;
    }
    finish_tables(2);
    acpi_init(NULL, 0);
    if (acpi.nr_cpus > MAX_CPUS || acpi.nr_ioapics > ACPI_MAX_IOAPICS ||
        acpi.nr_overrides > ACPI_MAX_OVERRIDES || acpi.nr_nmis > ACPI_MAX_NMIS ||
        acpi.nr_mcfg > ACPI_MAX_MCFG || acpi.nr_memory_ranges > ACPI_MAX_RANGES)
        abort();
    return 0;
}
