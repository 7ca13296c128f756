// Where things lie in the physical memory of a PVH or HVM guest, and what it is told of them at its
// entry.
//
// RAM from 0 up; what does not fit below the hole for devices goes on at 4 GB. The kernel lies
// where it wants to, behind it start info (pv-abi/hvm/start_info.h), behind that the initial RAM
// disk. In the hole: ACPI tables, and pages that are shared with xenstored and the console daemon.
//
// An HVM guest's kernel is hvmloader, its RAM disk the BIOS. It has no RAM where a PC has video
// memory, makes its own ACPI tables of a table in low memory (pv-abi/hvm/hvm_info_table.h), and
// shares further pages with its device model, in the order of Xen's.
//
// Pure computation: no hypervisor. Numbers are guest frames unless said otherwise.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "builder/kernel.h"

#define PVH_HOLE_FRAME    0xf0000ul // 256 MB below 4 GB
#define PVH_HIGH_FRAME    0x100000ul
#define PVH_ACPI_FRAME    0xfc000ul
#define PVH_ACPI_PAGES    1
#define PVH_SPECIAL_FRAME 0xfeff8ul // 8 pages in front of the local APICs' neighbourhood
#define PVH_SPECIAL_PAGES 3
#define PVH_MAX_VCPUS     128 // their APIC ids are even and below 255

#define HVM_VIDEO_FRAME    0xa0ul // the PC's hole for it
#define HVM_VIDEO_PAGES    0x20
#define HVM_FIRST_FRAME    0x100ul   // of the memory map; what lies below is a PC's matter
#define HVM_SPECIAL_FRAME  0xfeff0ul // the first are for ioreq servers, then further single ones
#define HVM_SPECIAL_PAGES  16
#define HVM_IOREQ_PAGES    8
#define HVM_BUFFERED_FRAME 0xfeffbul
#define HVM_XENSTORE_FRAME 0xfeffcul
#define HVM_IOREQ_FRAME    0xfeffdul
#define HVM_IDENTITY_FRAME 0xfeffeul
#define HVM_CONSOLE_FRAME  0xfeffful

struct pvh_layout {
    bool pc;                        // HVM
    uint64_t low_pages, high_pages; // of RAM, the hole for video memory among them
    uint64_t special, special_pages;
    uint64_t xenstore, console, identity; // frames among the special ones
    uint64_t kernel;                      // its first frame
    uint64_t info;                        // start info, one page
    uint64_t initrd, initrd_pages;
    uint64_t end;   // behind all that
    uint64_t least; // pages of RAM that the guest must have
};

// `pc`: of an HVM guest. 0; -ENOMEM: nr_pages is less than l->least; -EFBIG: it does not fit below
// the hole.
int pvh_layout_plan(struct pvh_layout *l, const struct kernel *k, uint64_t initrd_bytes,
                    uint64_t nr_pages, bool pc);

// The frames that the domain must be given.
uint64_t pvh_layout_frames(const struct pvh_layout *l);

#define PVH_MAP_MAX 4 // entries of the memory map

struct pvh_range {
    uint64_t start, size; // in bytes
    uint32_t type;        // XEN_HVM_MEMMAP_TYPE_*, the same as E820's
};

// The guest's memory map, in ascending order. Returns how many entries it has.
unsigned pvh_memory_map(const struct pvh_layout *l, struct pvh_range map[PVH_MAP_MAX]);

// Writes start info with all it refers to into the page l->info. An HVM guest's module is called
// "firmware".
void pvh_write_info(const struct pvh_layout *l, uint64_t initrd_bytes, const char *cmdline,
                    void *page);
