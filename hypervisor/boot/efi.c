// The little of UEFI that outlives its boot services: the system table's list of configuration
// tables (UEFI 2.10, sections 4.3 and 4.6), for the sake of the ACPI root pointer.
#include "boot/boot_info.h"
#include "lib/string.h"
#include "mm/layout.h"

#define MAPPED_AT_BOOT (4ull << 30)

struct efi_system_table {
    uint64_t signature; // "IBI SYST"
    uint8_t unused[96];
    uint64_t nr_tables, tables;
};

struct efi_configuration_table {
    uint8_t guid[16];
    uint64_t address;
};
_Static_assert(offsetof(struct efi_system_table, nr_tables) == 104, "UEFI 2.10, section 4.3");

#define SYSTEM_TABLE_SIGNATURE 0x5453595320494249ull

uint64_t efi_find_rsdp(uint64_t system_table)
{
    // EFI_ACPI_20_TABLE_GUID
    static const uint8_t acpi20[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                       0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
    const struct efi_system_table *st = maddr_to_virt(system_table);
    const struct efi_configuration_table *t;

    if (system_table >= MAPPED_AT_BOOT || st->signature != SYSTEM_TABLE_SIGNATURE ||
        st->tables >= MAPPED_AT_BOOT || st->nr_tables > 256)
        return 0;
    t = maddr_to_virt(st->tables);
    for (uint64_t i = 0; i < st->nr_tables; i++)
        if (!memcmp(t[i].guid, acpi20, sizeof(acpi20)))
            return t[i].address;
    return 0;
}
