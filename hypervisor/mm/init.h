// Bringing up memory, once, on the boot CPU.
#pragma once

#include "mm/memmap.h"

// ram: all ordinary memory of the machine, in use or not. available: what of it nothing occupies
// (no image, modules, firmware tables). Expects the boot page tables: a direct map of the first 4
// GB. Afterwards the direct map covers `ram` (and the first MB) and nothing else, the frame table
// and the M2P stand, pages_alloc() and xzalloc() work. Memory below 1 MB is left out altogether: it
// counts as firmware's. What becomes free later goes to buddy_add_range().
void mm_init(const struct memmap *ram, const struct memmap *available);
