#include "tests/guests/common/memory.h"

#include "tests/guests/common/guest.h"

#define POOL_PAGES 3072

static uint8_t pool[POOL_PAGES][4096] __attribute__((aligned(4096)));
// Of each pool page: free, kept for good (the runtime's own or spoilt by a test), or of this test.
static enum { PAGE_FREE, PAGE_KEPT, PAGE_OF_TEST } pool_state[POOL_PAGES];

static uint64_t *p2m;
static uint64_t mapped_pages; // pfns below this lie at KERNEL_BASE + pfn * 4096

static uint64_t *window_table_l1, *window_table_l2;
static uint64_t *user_table_l1, *user_root_table;
static uint8_t *user_code_page, *user_stack_pages;

static const uint64_t *const m2p = (const uint64_t *)MACH2PHYS_VIRT_START;

// Frames

uint64_t pfn_of(const void *va)
{
    return ((uint64_t)va - KERNEL_BASE) >> PAGE_SHIFT;
}

uint64_t mfn_of_pfn(uint64_t pfn)
{
    return p2m[pfn];
}

uint64_t mfn_of(const void *va)
{
    return p2m[pfn_of(va)];
}

void p2m_set(uint64_t pfn, uint64_t mfn)
{
    p2m[pfn] = mfn;
}

uint64_t m2p_read(uint64_t mfn)
{
    volatile uint64_t pfn = ~0UL;

    if (mfn >= MACH2PHYS_NR_ENTRIES)
        return ~0UL;
    if (FAULT_OF(pfn = m2p[mfn]) != NO_FAULT)
        return ~0UL;
    return pfn;
}

uint64_t pfn_of_mfn(uint64_t mfn)
{
    return m2p[mfn];
}

void *va_of_mfn(uint64_t mfn)
{
    uint64_t pfn = m2p[mfn];

    if (pfn >= mapped_pages || p2m[pfn] != mfn)
        return NULL;
    return (void *)(KERNEL_BASE + (pfn << PAGE_SHIFT));
}

uint64_t spare_pfn(unsigned n)
{
    uint64_t pfn = mapped_pages + 1024 + n; // past the padding of the initial mapping

    if (start_info->first_p2m_pfn && pfn >= start_info->first_p2m_pfn)
        pfn += start_info->nr_p2m_frames;
    return pfn < start_info->nr_pages ? pfn : INVALID_PFN;
}

// Pages

static bool run_is_free(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        if (pool_state[i] != PAGE_FREE)
            return false;
    return true;
}

void *pages_alloc(unsigned n)
{
    for (unsigned first = 0; first + n <= POOL_PAGES; first++) {
        if (!run_is_free(first, n))
            continue;
        for (unsigned i = first; i < first + n; i++)
            pool_state[i] = PAGE_OF_TEST;
        memset(pool[first], 0, n * PAGE_SIZE);
        return pool[first];
    }
    test_fail_now("the page pool has no %u pages left", n);
}

void *page_alloc(void)
{
    return pages_alloc(1);
}

void pool_keep(void)
{
    for (unsigned i = 0; i < POOL_PAGES; i++)
        if (pool_state[i] == PAGE_OF_TEST)
            pool_state[i] = PAGE_KEPT;
}

// A page can be used again if the kernel still maps it writable where it always was.
static bool reusable(const void *page)
{
    const uint64_t *pte = pte_of((uint64_t)page, 1);

    return pte && (*pte & (PTE_P | PTE_W)) == (PTE_P | PTE_W) &&
           (*pte & PTE_MFN) >> PAGE_SHIFT == mfn_of(page) &&
           pfn_of_mfn(mfn_of(page)) == pfn_of(page);
}

unsigned pool_release(void)
{
    unsigned lost = 0;

    for (unsigned i = 0; i < POOL_PAGES; i++) {
        if (pool_state[i] != PAGE_OF_TEST)
            continue;
        pool_state[i] = reusable(pool[i]) ? PAGE_FREE : PAGE_KEPT;
        lost += pool_state[i] == PAGE_KEPT;
    }
    return lost;
}

// Page tables

uint64_t pte_make(uint64_t mfn, uint64_t flags)
{
    return mfn << PAGE_SHIFT | flags;
}

static unsigned table_index(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511;
}

// The table of the given level on the way to VA, as the frame that holds it; ~0 if absent.
static uint64_t table_mfn(uint64_t va, unsigned level)
{
    uint64_t mfn = kernel_root();

    for (unsigned l = 4; l > level; l--) {
        uint64_t *table = va_of_mfn(mfn);
        uint64_t entry = table ? table[table_index(va, l)] : 0;

        if (!(entry & PTE_P) || (entry & PTE_PSE))
            return ~0UL;
        mfn = (entry & PTE_MFN) >> PAGE_SHIFT;
    }
    return mfn;
}

uint64_t *pte_of(uint64_t va, unsigned level)
{
    uint64_t mfn = table_mfn(va, level);
    uint64_t *table = mfn == ~0UL ? NULL : va_of_mfn(mfn);

    return table ? &table[table_index(va, level)] : NULL;
}

uint64_t pte_maddr(uint64_t va, unsigned level)
{
    uint64_t mfn = table_mfn(va, level);

    return mfn == ~0UL ? 0 : (mfn << PAGE_SHIFT) + table_index(va, level) * 8;
}

uint64_t entry_maddr(const void *table, unsigned index)
{
    return (mfn_of(table) << PAGE_SHIFT) + index * 8UL;
}

long mmu_update_one(uint64_t ptr, uint64_t value, unsigned dom)
{
    struct mmu_update update = {ptr, value};

    return hc(mmu_update, &update, 1, 0, dom);
}

long pte_write(uint64_t maddr, uint64_t value)
{
    return mmu_update_one(maddr | MMU_NORMAL_PT_UPDATE, value, DOMID_SELF);
}

long va_map(uint64_t va, uint64_t pte, uint64_t flags)
{
    return hc(update_va_mapping, va, pte, flags);
}

long mmuext(unsigned cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op = {.cmd = cmd};

    op.arg1.mfn = arg1;
    op.arg2.src_mfn = arg2;
    return hc(mmuext_op, &op, 1, 0, DOMID_SELF);
}

long page_protect(void *page, bool writable)
{
    return va_map((uint64_t)page, pte_make(mfn_of(page), writable ? PTE_RW : PTE_RO), UVMF_INVLPG);
}

// The window

uint64_t window_va(unsigned index)
{
    return WINDOW_BASE + index * PAGE_SIZE;
}

long window_map(unsigned index, uint64_t mfn, uint64_t flags)
{
    return va_map(window_va(index), pte_make(mfn, flags), UVMF_INVLPG);
}

long window_unmap(unsigned index)
{
    return va_map(window_va(index), 0, UVMF_INVLPG);
}

void *window_l1(void)
{
    return window_table_l1;
}

void *window_l2(void)
{
    return window_table_l2;
}

// Start-up

uint64_t kernel_root(void)
{
    return mfn_of((void *)start_info->pt_base);
}

uint64_t user_root(void)
{
    return mfn_of(user_root_table);
}

static uint64_t *new_table(void)
{
    uint64_t *table = page_alloc();

    if (page_protect(table, false))
        print("FATAL cannot write-protect a page table\n");
    return table;
}

static void hook(uint64_t maddr, const void *table)
{
    if (pte_write(maddr, pte_make(mfn_of(table), PTE_TAB)))
        print("FATAL cannot install a page table\n");
}

// Fills in the missing tables on the way to VA and gives its L1 table.
static uint64_t *ensure_l1(uint64_t va)
{
    for (unsigned level = 4; level > 1; level--)
        if (!(*pte_of(va, level) & PTE_P))
            hook(pte_maddr(va, level), new_table());
    return (uint64_t *)((uint64_t)pte_of(va, 1) & ~(PAGE_SIZE - 1));
}

static void user_space_init(void)
{
    uint64_t *l3;

    user_table_l1 = ensure_l1(USER_BASE);
    user_root_table = new_table();
    l3 = new_table(); // not the kernel's own, which may map the kernel too
    if (mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(user_root_table), 0))
        print("FATAL cannot pin the user's root table\n");
    hook(entry_maddr(user_root_table, 0), l3);
    pte_write(entry_maddr(l3, 0), *pte_of(USER_BASE, 3));
    if (mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(user_root_table), 0))
        print("FATAL cannot set the user's root table\n");
    user_code_page = page_alloc();
    user_stack_pages = pages_alloc(2);
    user_map(0, mfn_of(user_code_page), PTE_RW);
    user_map(1, mfn_of(user_stack_pages), PTE_RW);
    user_map(2, mfn_of(user_stack_pages + PAGE_SIZE), PTE_RW);
}

void memory_init(void)
{
    p2m = (uint64_t *)start_info->mfn_list;
    // The boot stack and padding follow, but nothing that is of use here.
    mapped_pages = pfn_of((void *)start_info->pt_base) + start_info->nr_pt_frames;
    window_table_l1 = ensure_l1(WINDOW_BASE);
    window_table_l2 = (uint64_t *)((uint64_t)pte_of(WINDOW_BASE, 2) & ~(PAGE_SIZE - 1));
    user_space_init();
    pool_keep();
}

long user_map(unsigned index, uint64_t mfn, uint64_t flags)
{
    return va_map(user_va(index), pte_make(mfn, flags | PTE_U), UVMF_INVLPG | UVMF_ALL);
}

uint64_t user_code(const void *code, unsigned size)
{
    memcpy(user_code_page, code, size);
    return user_va(0);
}

uint64_t user_stack(void)
{
    return user_va(3);
}
