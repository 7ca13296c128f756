// What the hypervisor's page tables hold from the beginning: the direct map and the large tables.
#include "cpu/asm.h"
#include "cpu/features.h"
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/internal.h"
#include "mm/paging.h"
#include "mm/tlb.h"

#define GB4     (4ull << 30) // what the boot page tables map
#define LOW_END (1ull << 20)
#define SIZE_2M (2ull << 20)

// Frames for tables are taken straight from the map; at first only those that the boot loader's
// direct map reaches.
static maddr_t take(struct memmap *available, uint64_t bytes, maddr_t limit)
{
    maddr_t ma = memmap_take(available, bytes, bytes, limit);

    if (!ma)
        panic("no memory for page tables\n");
    memset(maddr_to_virt(ma), 0, bytes);
    return ma;
}

static maddr_t table_limit;

static void *take_table(void *available)
{
    return maddr_to_virt(take(available, PAGE_SIZE, table_limit));
}

static struct pt_source boot_source(struct memmap *available)
{
    return (struct pt_source){.alloc = take_table, .arg = available, .huge = cpu_features.page1gb};
}

static void map_direct(uint64_t *root, maddr_t start, maddr_t end, const struct pt_source *src)
{
    if (pt_map(root, (uint64_t)maddr_to_virt(start), start, end - start, PTE_HV_RW | MAP_LARGE,
               src))
        panic("direct map: %#lx-%#lx\n", start, end);
}

// Every slot that is ever used gets its L3 table now, because guests' root tables copy the entries.
static void fill_slots(uint64_t *root, struct memmap *available)
{
    static const uint16_t fixed[] = {PT_INDEX(M2P_RO_START, L4_SHIFT),
                                     PT_INDEX(M2P_RW_START, L4_SHIFT),
                                     PT_INDEX(FRAMETABLE_START, L4_SHIFT)};

    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
        root[fixed[i]] = take(available, PAGE_SIZE, table_limit) |
                         (fixed[i] == HV_FIRST_SLOT ? PTE_USER_TABLE : PTE_TABLE);
}

void paging_init(const struct memmap *ram, struct memmap *available)
{
    struct pt_source src = boot_source(available);
    maddr_t root_ma;
    uint64_t *root;

    hv_pml4 = maddr_to_virt(read_cr3() & PTE_ADDR);
    table_limit = GB4;
    root_ma = take(available, PAGE_SIZE, table_limit);
    root = maddr_to_virt(root_ma);
    map_direct(root, 0, LOW_END, &src);
    for_each_mem_range(r, ram) map_direct(root, r->start, r->end, &src);
    fill_slots(root, available);
    for (unsigned slot = HV_FIRST_SLOT; slot <= HV_LAST_SLOT; slot++)
        if (root[slot])
            hv_pml4[slot] = root[slot];
    tlb_flush_local_global();
    table_limit = ~0ull;
    memmap_add(available, root_ma, root_ma + PAGE_SIZE);
}

void paging_back_2m(uint64_t va, uint64_t ro_va, size_t bytes, struct memmap *available)
{
    struct pt_source src = boot_source(available);

    for (; bytes; bytes -= SIZE_2M, va += SIZE_2M) {
        maddr_t ma = take(available, SIZE_2M, ~0ull);
        int rc = pt_map(hv_pml4, va, ma, SIZE_2M, PTE_HV_RW | MAP_LARGE, &src);

        if (!rc && ro_va) {
            rc = pt_map(hv_pml4, ro_va, ma, SIZE_2M, PTE_USER_RO | MAP_LARGE, &src);
            ro_va += SIZE_2M;
        }
        if (rc)
            panic("mapping %#lx: error %d\n", va, rc);
    }
}

void paging_back_zero(uint64_t va, size_t bytes, struct memmap *available)
{
    struct pt_source src = boot_source(available);
    maddr_t zero = take(available, PAGE_SIZE, ~0ull);
    maddr_t l1 = take(available, PAGE_SIZE, ~0ull);
    uint64_t *table = maddr_to_virt(l1);

    for (unsigned i = 0; i < PTES_PER_TABLE; i++)
        table[i] = zero | PTE_HV_RO;
    for (; bytes; bytes -= SIZE_2M, va += SIZE_2M)
        if (pt_share_l1(hv_pml4, va, l1, &src))
            panic("mapping %#lx\n", va);
}
