// The hypervisor's own page tables: mapping, unmapping, protecting. All changes are made under one
// lock. mm/paging_boot.c builds what is there from the beginning, mm/vmap.c hands out addresses.
#include "mm/paging.h"

#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "lib/bug.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/internal.h"
#include "mm/tlb.h"

uint64_t *hv_pml4;

static spinlock_t lock;

static uint64_t *table_of(uint64_t entry)
{
    return maddr_to_virt(entry & PTE_ADDR);
}

static void *alloc_table(void *unused)
{
    return pages_alloc(0);
}

static bool fits(uint64_t va, maddr_t ma, size_t bytes, unsigned shift)
{
    return !((va | ma) & ((1ull << shift) - 1)) && bytes >= 1ull << shift;
}

// Flags of a 4 KB leaf as those of a larger one.
static uint64_t large_flags(uint64_t flags)
{
    return (flags & ~PTE_PAT) | (flags & PTE_PAT ? PTE_PSE_PAT : 0) | PTE_PSE;
}

static uint64_t small_flags(uint64_t entry)
{
    uint64_t flags = entry & ~PTE_ADDR & ~PTE_PSE;

    return flags | (entry & PTE_PSE_PAT ? PTE_PAT : 0);
}

static maddr_t large_addr(uint64_t entry, unsigned shift)
{
    return entry & PTE_ADDR & ~((1ull << shift) - 1);
}

// The entry for va at the level of `shift`, tables above it made as needed; NULL without memory, or
// if a large page is in the way (*blocked).
static uint64_t *walk_make(uint64_t *root, uint64_t va, unsigned shift, const struct pt_source *src,
                           bool *blocked)
{
    uint64_t *table = root;

    for (unsigned s = L4_SHIFT; s > shift; s -= 9) {
        uint64_t *e = &table[PT_INDEX(va, s)];

        if (!(*e & PTE_P)) {
            void *next = src->alloc(src->arg);

            if (!next)
                return NULL;
            *e = virt_to_maddr(next) | PTE_TABLE | (va < M2P_RW_START ? PTE_US : 0);
        } else if (s < L4_SHIFT && (*e & PTE_PSE)) {
            *blocked = true;
            return NULL;
        }
        table = table_of(*e);
    }
    return &table[PT_INDEX(va, shift)];
}

int pt_map(uint64_t *root, uint64_t va, maddr_t ma, size_t bytes, uint64_t flags,
           const struct pt_source *src)
{
    uint64_t leaf = flags & ~MAP_LARGE;

    while (bytes) {
        unsigned shift = L1_SHIFT;
        bool blocked = false;
        uint64_t *e;

        if (flags & MAP_LARGE)
            shift = src->huge && fits(va, ma, bytes, L3_SHIFT) ? L3_SHIFT
                    : fits(va, ma, bytes, L2_SHIFT)            ? L2_SHIFT
                                                               : L1_SHIFT;
        e = walk_make(root, va, shift, src, &blocked);
        if (!e && !blocked)
            return -ENOMEM;
        if (blocked || (*e & PTE_P))
            return -EEXIST;
        *e = ma | (shift == L1_SHIFT ? leaf : large_flags(leaf));
        va += 1ull << shift;
        ma += 1ull << shift;
        bytes -= 1ull << shift;
    }
    return 0;
}

int pt_share_l1(uint64_t *root, uint64_t va, maddr_t l1, const struct pt_source *src)
{
    bool blocked = false;
    uint64_t *e = walk_make(root, va, L2_SHIFT, src, &blocked);

    if (!e)
        return -ENOMEM;
    *e = l1 | PTE_TABLE;
    return 0;
}

static const struct pt_source heap_source = {.alloc = alloc_table};

int map_pages(uint64_t va, maddr_t ma, size_t bytes, uint64_t flags)
{
    int rc;

    ASSERT(!((va | ma | bytes) & ~PAGE_MASK) && va >= HV_START && va + bytes <= HV_END);
    spin_lock(&lock);
    rc = pt_map(hv_pml4, va, ma, bytes, flags, &heap_source);
    spin_unlock(&lock);
    return rc;
}

// Replaces a large page by a table of the next smaller ones.
static int split(uint64_t *entry, unsigned shift)
{
    uint64_t old = *entry, *table = pages_alloc(0);
    maddr_t ma = large_addr(old, shift);
    uint64_t flags = small_flags(old);

    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < PTES_PER_TABLE; i++)
        table[i] = (ma + ((uint64_t)i << (shift - 9))) |
                   (shift - 9 == L1_SHIFT ? flags : large_flags(flags));
    WRITE_ONCE(*entry, virt_to_maddr(table) | PTE_TABLE);
    return 0;
}

// The leaf that maps va, and its size; NULL if there is none.
static uint64_t *find_leaf(uint64_t va, unsigned *shift)
{
    uint64_t *table = hv_pml4;

    for (*shift = L4_SHIFT;; *shift -= 9) {
        uint64_t *e = &table[PT_INDEX(va, *shift)];

        if (!(*e & PTE_P))
            return NULL;
        if (*shift == L1_SHIFT || (*shift < L4_SHIFT && (*e & PTE_PSE)))
            return e;
        table = table_of(*e);
    }
}

// Sets the flags of all that is mapped in the range; no flags: unmaps.
static int change(uint64_t va, size_t bytes, uint64_t flags)
{
    while (bytes) {
        unsigned shift;
        uint64_t *e = find_leaf(va, &shift);

        if (!e) {
            shift = L1_SHIFT;
        } else if (!fits(va, 0, bytes, shift)) {
            int rc = split(e, shift);

            if (rc)
                return rc;
            continue;
        } else if (!flags) {
            WRITE_ONCE(*e, 0);
        } else {
            WRITE_ONCE(*e,
                       large_addr(*e, shift) | (shift == L1_SHIFT ? flags : large_flags(flags)));
        }
        va += 1ull << shift;
        bytes -= 1ull << shift;
    }
    return 0;
}

int protect_pages(uint64_t va, size_t bytes, uint64_t flags)
{
    int rc;

    ASSERT(!((va | bytes) & ~PAGE_MASK) && va >= HV_START && va + bytes <= HV_END);
    spin_lock(&lock);
    rc = change(va, bytes, flags);
    spin_unlock(&lock);
    tlb_flush_mask(cpus_online);
    return rc;
}

int unmap_pages(uint64_t va, size_t bytes)
{
    return protect_pages(va, bytes, 0);
}

maddr_t hv_translate(uint64_t va)
{
    unsigned shift;
    uint64_t *e = find_leaf(va, &shift);
    uint64_t mask = (1ull << shift) - 1;

    return e ? large_addr(*e, shift) | (va & mask) : ~0ull;
}
