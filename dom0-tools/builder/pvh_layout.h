// Where things lie in a PVH guest's physical memory, and what it is told of them at its entry.
//
// RAM from 0 up; what does not fit below the hole for devices goes on at 4 GB. The kernel lies
// where it wants to, behind it start info (pv-abi/hvm/start_info.h), behind that the initial RAM
// disk. In the hole: ACPI tables, and pages that are shared with xenstored and the console daemon.
// Pure computation: no hypervisor. Numbers are guest frames unless said otherwise.
#pragma once

#include <stdint.h>

#include "builder/kernel.h"

#define PVH_HOLE_FRAME    0xf0000ul // 256 MB below 4 GB
#define PVH_HIGH_FRAME    0x100000ul
#define PVH_ACPI_FRAME    0xfc000ul
#define PVH_ACPI_PAGES    1
#define PVH_SPECIAL_FRAME 0xfeff8ul // 8 pages in front of the local APICs' neighbourhood
#define PVH_SPECIAL_PAGES 3
#define PVH_MAX_VCPUS     128 // their APIC ids are even and below 255

enum pvh_special { PVH_XENSTORE, PVH_CONSOLE, PVH_IDENTITY };

struct pvh_layout {
    uint64_t low_pages, high_pages; // of RAM
    uint64_t kernel;                // its first frame
    uint64_t info;                  // start info, one page
    uint64_t initrd, initrd_pages;
    uint64_t end;   // behind all that
    uint64_t least; // pages of RAM that the guest must have
};

// 0; -ENOMEM: nr_pages is less than l->least; -EFBIG: it does not fit below the hole.
int pvh_layout_plan(struct pvh_layout *l, const struct kernel *k, uint64_t initrd_bytes,
                    uint64_t nr_pages);

static inline uint64_t pvh_special(enum pvh_special which)
{
    return PVH_SPECIAL_FRAME + which;
}

#define PVH_MAP_MAX 4 // entries of the memory map

struct pvh_range {
    uint64_t start, size; // in bytes
    uint32_t type;        // XEN_HVM_MEMMAP_TYPE_*, the same as E820's
};

// The guest's memory map, in ascending order. Returns how many entries it has.
unsigned pvh_memory_map(const struct pvh_layout *l, struct pvh_range map[PVH_MAP_MAX]);

// Writes start info with all it refers to into the page l->info.
void pvh_write_info(const struct pvh_layout *l, uint64_t initrd_bytes, const char *cmdline,
                    void *page);
