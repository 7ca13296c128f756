// Between machine frame numbers, machine addresses and the direct map.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/layout.h"

typedef uint64_t mfn_t; // machine frame number
// Guest frame number, as a domain numbers its memory (a PV guest's: its pfn).
typedef uint64_t gfn_t;
typedef uint64_t maddr_t; // machine address, bytes

#define INVALID_MFN (~0ull)

extern mfn_t max_mfn; // first frame beyond the last RAM frame

static inline void *maddr_to_virt(maddr_t ma)
{
    return (void *)(DIRECTMAP_START + ma);
}

static inline void *mfn_to_virt(mfn_t mfn)
{
    return maddr_to_virt(mfn << PAGE_SHIFT);
}

// Of direct-map addresses only.
static inline maddr_t virt_to_maddr(const void *va)
{
    return (uint64_t)va - DIRECTMAP_START;
}

static inline mfn_t virt_to_mfn(const void *va)
{
    return virt_to_maddr(va) >> PAGE_SHIFT;
}
