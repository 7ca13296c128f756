// The hypervisor's own page tables. Everything here lies in slots 256 to 271, whose L3 tables exist
// from mm_init() on, so that guests' root tables can share them by copying the root entries once.
#pragma once

#include <stddef.h>

#include "mm/layout.h"
#include "mm/pte.h"

// The hypervisor's root table; slots 256..271 are copied into every guest's.
extern uint64_t *hv_pml4;

static inline maddr_t hv_cr3(void)
{
    return virt_to_maddr(hv_pml4);
}

// Maps [va, va + bytes) to ma onwards with 4 KB pages, or larger ones where alignment allows and
// `flags` has MAP_LARGE. flags: PTE_* of a 4 KB leaf. 0; -ENOMEM; -EEXIST if something is mapped
// there: then a part may have been done.
int map_pages(uint64_t va, maddr_t ma, size_t bytes, uint64_t flags);
// Removes mappings and flushes them from all TLBs. Tables stay; large pages that are only partly in
// the range are split first (-ENOMEM).
int unmap_pages(uint64_t va, size_t bytes);
// Gives existing mappings other flags, likewise.
int protect_pages(uint64_t va, size_t bytes, uint64_t flags);
// Where does the hypervisor's mapping of va lead to? ~0 if nowhere.
maddr_t hv_translate(uint64_t va);

// Device or firmware memory at any machine address: a virtual address in the mapping area, NULL if
// memory is short. cache: PTE_CACHE_*. ma need not be aligned; the result has the same offset.
void *ioremap(maddr_t ma, size_t bytes, uint64_t cache);
void iounmap(void *va);

// A stack block (STACK_BLOCK_SIZE bytes, so aligned) in which the pages of bitmap `backed` have
// memory and the others are guard pages. NULL if memory is short. Stays for ever.
void *vmap_stack_block(uint32_t backed);
