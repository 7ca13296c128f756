// Between the parts of mm/.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mm/memmap.h"

// Where frames for page tables come from: zeroed, in the direct map.
struct pt_source {
    void *(*alloc)(void *arg);
    void *arg;
    bool huge; // the processor has 1 GB pages
};

// map_pages() below any root table.
int pt_map(uint64_t *root, uint64_t va, maddr_t ma, size_t bytes, uint64_t flags,
           const struct pt_source *src);
// Has the 2 MB at va mapped by an L1 table that others use as well. 0 or -ENOMEM.
int pt_share_l1(uint64_t *root, uint64_t va, maddr_t l1, const struct pt_source *src);

// Boot: a mapping of [va, va + bytes) by 2 MB pages with zeroed frames from `available`; `ro_va`,
// if not 0, gets the same frames read-only for guests.
void paging_back_2m(uint64_t va, uint64_t ro_va, size_t bytes, struct memmap *available);
// Boot: maps the same zeros read-only all over [va, va + bytes), aligned to 2 MB.
void paging_back_zero(uint64_t va, size_t bytes, struct memmap *available);

// Boot: makes the direct map of all of `ram` (and the first MB, for the firmware's areas there),
// the L3 tables of all slots, taking frames from `available`, and drops the boot loader's view.
void paging_init(const struct memmap *ram, struct memmap *available);
void frame_table_init(const struct memmap *ram, struct memmap *available);
void m2p_init(const struct memmap *ram, struct memmap *available);
