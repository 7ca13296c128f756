// What the boot loader handed over, in one form whatever its protocol.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/memmap.h"

#define BOOT_MAX_MODULES 8
#define BOOT_MAX_E820    128
#define BOOT_CMDLINE     1024

struct boot_module {
    uint64_t start, end; // machine addresses
    char cmdline[BOOT_CMDLINE];
};

struct boot_e820 {
    uint64_t start, bytes;
    uint32_t type; // E820_*: 1 RAM, 2 reserved, 3 ACPI, 4 NVS, 5 unusable
};

struct boot_framebuffer {
    bool present, text;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bpp;
    uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_info {
    const char *loader;
    char cmdline[BOOT_CMDLINE]; // without the image's name
    unsigned nr_modules;
    struct boot_module modules[BOOT_MAX_MODULES];
    unsigned nr_e820;
    struct boot_e820 e820[BOOT_MAX_E820];
    const void *rsdp; // in the information structure, NULL if not given
    size_t rsdp_bytes;
    uint64_t rsdp_maddr; // where the original is, 0 if only the BIOS areas tell
    struct boot_framebuffer framebuffer;
    bool efi;                      // started by UEFI firmware
    uint64_t info_start, info_end; // the information structure's own memory
};

extern struct boot_info boot_info;

// Fills in boot_info from what EAX and EBX held at entry. False: not a known boot protocol.
bool multiboot1_parse(uint32_t magic, uint32_t info);
bool multiboot2_parse(uint32_t magic, uint32_t info);

// The address of the ACPI root pointer by UEFI's system table, 0 if it names none (boot/efi.c).
uint64_t efi_find_rsdp(uint64_t system_table);

// Shared by both: stores the command line past its first word, which is the image's name where the
// protocol passes it.
void boot_set_cmdline(const char *line, bool skip_first_word);
void boot_add_e820(uint64_t start, uint64_t bytes, uint32_t type);
void boot_add_module(uint64_t start, uint64_t end, const char *cmdline);
