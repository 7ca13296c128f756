#include "frontends/kernel/pages.h"

#include "frontends/kernel/guest.h"

#define PTE_MFN      0x000ffffffffff000UL
#define PTE_RW       0x67UL // present, writable, user, accessed, dirty
#define PTE_RO       0x25UL
#define ENTRIES      512u
#define L2_INDEX(va) ((va) >> 21 & (ENTRIES - 1))
#define L1_INDEX(va) ((va) >> 12 & (ENTRIES - 1))

extern char virt_base[], __end[];

static const uint64_t *const m2p = (const uint64_t *)MACH2PHYS_VIRT_START;
static uint64_t used[PAGES_MOST / 64]; // a bit a page: in use, or not the allocator's
static unsigned total, left, end;      // pages below `end` are mapped

static void *address_of(uint64_t pfn)
{
    return virt_base + (pfn << PAGE_SHIFT);
}

static uint64_t pfn_of(const void *address)
{
    return (uint64_t)((const char *)address - virt_base) >> PAGE_SHIFT;
}

static uint64_t mfn_of_pfn(uint64_t pfn)
{
    return ((const uint64_t *)start_info->mfn_list)[pfn];
}

uint64_t mfn_of(const void *address)
{
    return mfn_of_pfn(pfn_of(address));
}

void *address_of_mfn(uint64_t mfn)
{
    return address_of(m2p[mfn]);
}

long map_frame_at(void *page, uint64_t mfn)
{
    return hc(update_va_mapping, page, mfn << PAGE_SHIFT | PTE_RW, UVMF_INVLPG);
}

// Page tables

static uint64_t *table_in(const uint64_t *entry)
{
    return *entry & 1 ? address_of_mfn((*entry & PTE_MFN) >> PAGE_SHIFT) : NULL;
}

// The level-2 table of the gigabyte that the guest lives in.
static uint64_t *level2(void)
{
    uint64_t va = (uint64_t)virt_base;
    uint64_t *l3 = table_in((uint64_t *)start_info->pt_base + (va >> 39 & (ENTRIES - 1)));

    return table_in(l3 + (va >> 30 & (ENTRIES - 1)));
}

static long write_entry(const uint64_t *entry, uint64_t value)
{
    struct mmu_update update = {
        .ptr = mfn_of(entry) << PAGE_SHIFT | ((uint64_t)entry & (PAGE_SIZE - 1)) |
               MMU_NORMAL_PT_UPDATE,
        .val = value,
    };

    return hc(mmu_update, &update, 1, NULL, DOMID_SELF);
}

static unsigned mapped_end(const uint64_t *l2)
{
    unsigned pfn = 0;

    for (;; pfn++) {
        uint64_t va = (uint64_t)address_of(pfn);
        const uint64_t *l1 = pfn < PAGES_MOST ? table_in(l2 + L2_INDEX(va)) : NULL;

        if (!l1 || !(l1[L1_INDEX(va)] & 1))
            return pfn;
    }
}

// A new level-1 table, for the two megabytes around VA.
static long add_table(uint64_t *l2, uint64_t va)
{
    uint64_t *l1 = page_alloc();
    uint64_t mfn;

    if (!l1)
        return -XEN_ENOMEM;
    mfn = mfn_of(l1) << PAGE_SHIFT;
    if (hc(update_va_mapping, l1, mfn | PTE_RO, UVMF_INVLPG))
        return -XEN_EINVAL;
    return write_entry(l2 + L2_INDEX(va), mfn | PTE_RW);
}

static long map_page(uint64_t *l2, unsigned pfn)
{
    uint64_t va = (uint64_t)address_of(pfn);
    uint64_t *entry = l2 + L2_INDEX(va);
    long error = *entry & 1 ? 0 : add_table(l2, va);

    return error ? error
                 : write_entry(table_in(entry) + L1_INDEX(va),
                               mfn_of_pfn(pfn) << PAGE_SHIFT | PTE_RW);
}

// The allocator

static bool is_used(unsigned pfn)
{
    return used[pfn / 64] >> pfn % 64 & 1;
}

static void give(unsigned pfn)
{
    used[pfn / 64] &= ~(1UL << pfn % 64);
    left++;
}

static void take(unsigned pfn)
{
    used[pfn / 64] |= 1UL << pfn % 64;
    left--;
}

static unsigned first_free(void)
{
    uint64_t tables = pfn_of((void *)start_info->pt_base) + start_info->nr_pt_frames;
    uint64_t image = pfn_of(__end);

    return (unsigned)(tables > image ? tables : image);
}

void pages_init(void)
{
    uint64_t *l2 = level2();
    unsigned want = (unsigned)MIN(start_info->nr_pages, (uint64_t)PAGES_MOST), pfn;

    memset(used, 0xff, sizeof(used));
    end = mapped_end(l2);
    end = MIN(end, want);
    for (pfn = first_free(); pfn < end; pfn++)
        give(pfn);
    for (; end < want && !map_page(l2, end); end++)
        give(end);
    if (end < want)
        print("memory: only %u of %u pages could be mapped\n", end, want);
    total = left;
}

static bool run_is_free(unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (is_used(first + i))
            return false;
    return true;
}

void *pages_alloc(unsigned n)
{
    for (unsigned first = 0; n && n <= left && first + n <= end; first++) {
        if (!run_is_free(first, n))
            continue;
        for (unsigned i = 0; i < n; i++)
            take(first + i);
        return memset(address_of(first), 0, n * PAGE_SIZE);
    }
    return NULL;
}

void pages_free(void *pages, unsigned n)
{
    uint64_t first = pfn_of(pages);

    for (uint64_t i = first; i < first + n; i++) {
        if (i >= end || !is_used((unsigned)i))
            panic("page %p is freed, but is not in use", address_of(i));
        give((unsigned)i);
    }
}

unsigned pages_total(void)
{
    return total;
}

unsigned pages_left(void)
{
    return left;
}
