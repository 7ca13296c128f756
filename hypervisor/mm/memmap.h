// Lists of machine-address ranges, for use before there is an allocator: sorted, disjoint, merged.
#pragma once

#include <stdbool.h>

#include "mm/layout.h"

struct mem_range {
    maddr_t start, end; // bytes; end is the first address beyond
};

#define MEMMAP_MAX_RANGES 128

struct memmap {
    unsigned count;
    struct mem_range r[MEMMAP_MAX_RANGES];
};

// Adds or cuts out [start, end). false if the list has no room: nothing changed then.
bool memmap_add(struct memmap *m, maddr_t start, maddr_t end);
bool memmap_remove(struct memmap *m, maddr_t start, maddr_t end);

// Cuts `bytes`, aligned to `align`, out of the highest range that can give them below `limit`.
// 0 if there is none.
maddr_t memmap_take(struct memmap *m, uint64_t bytes, uint64_t align, maddr_t limit);

uint64_t memmap_bytes(const struct memmap *m);

#define for_each_mem_range(range, m) \
    for (const struct mem_range *range = (m)->r; range < (m)->r + (m)->count; range++)
