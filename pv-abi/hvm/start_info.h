/*
 * PVH boot: what a guest finds at the physical address in EBX.
 *
 * It starts at XEN_ELFNOTE_PHYS32_ENTRY in 32-bit protected mode without paging, with flat
 * segments. All addresses are guest-physical; 0 stands for absent.
 */
#pragma once

#include "../types.h"

#define XEN_HVM_START_MAGIC_VALUE 0x336ec578 /* "xEn3", with the top bit of the E set */

/* hvm_memmap_table_entry.type, as in E820. */
#define XEN_HVM_MEMMAP_TYPE_RAM      1
#define XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define XEN_HVM_MEMMAP_TYPE_ACPI     3
#define XEN_HVM_MEMMAP_TYPE_NVS      4
#define XEN_HVM_MEMMAP_TYPE_UNUSABLE 5
#define XEN_HVM_MEMMAP_TYPE_DISABLED 6
#define XEN_HVM_MEMMAP_TYPE_PMEM     7

struct hvm_start_info {
    uint32_t magic;   /* XEN_HVM_START_MAGIC_VALUE */
    uint32_t version; /* 1 */
    uint32_t flags;   /* SIF_* */
    uint32_t nr_modules;
    uint64_t modlist_paddr; /* hvm_modlist_entry[] */
    uint64_t cmdline_paddr; /* ends with a NUL */
    uint64_t rsdp_paddr;    /* ACPI */
    uint64_t memmap_paddr;  /* hvm_memmap_table_entry[]; from here on since version 1 */
    uint32_t memmap_entries;
    uint32_t reserved;
};
ABI_SIZE(struct hvm_start_info, 56);
ABI_OFFSET(struct hvm_start_info, modlist_paddr, 16);
ABI_OFFSET(struct hvm_start_info, memmap_entries, 48);

struct hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size; /* in bytes */
    uint64_t cmdline_paddr;
    uint64_t reserved;
};
ABI_SIZE(struct hvm_modlist_entry, 32);

struct hvm_memmap_table_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type; /* XEN_HVM_MEMMAP_TYPE_* */
    uint32_t reserved;
};
ABI_SIZE(struct hvm_memmap_table_entry, 24);
