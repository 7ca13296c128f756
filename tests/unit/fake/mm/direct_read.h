// Reading through the direct map at an address that may be none: of the machine that mmu_machine.c
// makes.
#pragma once

#include "mm/frame.h"

static inline uint64_t direct_read(const uint64_t *p)
{
    return virt_to_mfn(p) < max_mfn ? __atomic_load_n(p, __ATOMIC_RELAXED) : 0;
}
