// Frame types: no frame is at once a page table and writable, nor a table of two levels, and nobody
// but the hypervisor maps the hypervisor's frames writable.
#include "pv-abi/memory.h"

#include "tests/guests/common/guest.h"

static uint64_t slot(unsigned index)
{
    return pte_maddr(window_va(index), 1);
}

static uint64_t *read_only_page(void)
{
    uint64_t *page = page_alloc();

    REQUIRE_OK(page_protect(page, false));
    return page;
}

static void writable_again(void *page)
{
    CHECK_OK(page_protect(page, true));
}

TEST(mmu_page_tables_never_writable)
{
    const uint64_t va[] = {window_va(0), KERNEL_BASE, USER_BASE};

    for (unsigned i = 0; i < ARRAY_SIZE(va); i++)
        for (unsigned level = 1; level <= 4; level++) {
            uint64_t table = pte_maddr(va[i], level) >> PAGE_SHIFT;

            CHECK_REFUSED(pte_write(slot(0), pte_make(table, PTE_RW)));
            CHECK_REFUSED(window_map(0, table, PTE_RW));
            CHECK_OK(window_map(0, table, PTE_RO));
            if (level > 1) // stores into L1 tables may be emulated: mmu_ptwr.c
                CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 0), VEC_PF);
        }
    CHECK_OK(window_unmap(0));
}

// Turning the kernel's own read-only mapping of a table writable is refused in place as well.
TEST(mmu_page_table_mapping_stays_read_only)
{
    uint64_t *l1 = window_l1();
    uint64_t maddr = pte_maddr((uint64_t)l1, 1);

    CHECK_REFUSED(pte_write(maddr, pte_make(mfn_of(l1), PTE_RW)));
    CHECK_REFUSED(page_protect(l1, true));
    CHECK_REFUSED(mmu_update_one(maddr | MMU_PT_UPDATE_PRESERVE_AD, pte_make(mfn_of(l1), PTE_RW),
                                 DOMID_SELF));
}

TEST(mmu_writable_page_is_no_table)
{
    uint64_t *page = page_alloc();
    uint64_t l2_slot = pte_maddr(WINDOW_BASE + WINDOW_SIZE, 2);

    for (unsigned level = 0; level < 4; level++)
        CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE + level, mfn_of(page), 0));
    CHECK_REFUSED(pte_write(l2_slot, pte_make(mfn_of(page), PTE_TAB)));
    CHECK_EQ(FAULT_OF(page[0] = 1), NO_FAULT);
    page[0] = 0;
    // One writable mapping elsewhere is enough to refuse.
    CHECK_OK(page_protect(page, false));
    CHECK_OK(window_map(0, mfn_of(page), PTE_RW));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0));
    CHECK_OK(window_unmap(0));
    CHECK_OK(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0));
    CHECK_REFUSED(window_map(0, mfn_of(page), PTE_RW));
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(page), 0));
    CHECK_OK(window_map(0, mfn_of(page), PTE_RW));
    CHECK_OK(window_unmap(0));
    writable_again(page);
}

// A table is of one level at a time.
TEST(mmu_one_level_at_a_time)
{
    uint64_t *l1 = read_only_page();
    uint64_t l2_slot = pte_maddr(WINDOW_BASE + WINDOW_SIZE, 2);
    uint64_t l3_slot = pte_maddr(USER_BASE + (4UL << 30), 3);

    CHECK_OK(pte_write(l2_slot, pte_make(mfn_of(l1), PTE_TAB)));
    CHECK_REFUSED(pte_write(l3_slot, pte_make(mfn_of(l1), PTE_TAB)));
    for (unsigned level = 1; level < 4; level++)
        CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE + level, mfn_of(l1), 0));
    // As an L1 table it may be used twice.
    CHECK_OK(pte_write(l2_slot + 8, pte_make(mfn_of(l1), PTE_TAB)));
    CHECK_OK(pte_write(l2_slot, 0));
    CHECK_OK(pte_write(l2_slot + 8, 0));
    CHECK_OK(pte_write(l3_slot, pte_make(mfn_of(l1), PTE_TAB))); // now it is free to be an L2
    CHECK_OK(pte_write(l3_slot, 0));
    writable_again(l1);
}

// Validation looks at every entry of a table before it becomes one.
TEST(mmu_table_contents_validated)
{
    uint64_t *table = page_alloc();
    uint64_t *victim = window_l1();

    table[100] = pte_make(mfn_of(victim), PTE_RW); // a page table, writable
    REQUIRE_OK(page_protect(table, false));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0));
    CHECK_OK(pte_write(entry_maddr(table, 100), pte_make(mfn_of(victim), PTE_RO)));
    CHECK_OK(pte_write(entry_maddr(table, 511), pte_make(0x000000ffffffffff, PTE_RO)));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0));
    CHECK_OK(
        pte_write(entry_maddr(table, 511), pte_make(mfn_of(table), PTE_RW))); // itself, writable
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0));
    CHECK_OK(
        pte_write(entry_maddr(table, 511), pte_make(mfn_of(table), PTE_RO))); // read-only may be
    CHECK_OK(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0));
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(table), 0));
    // A refused table keeps nothing: the frame can be written again.
    writable_again(table);
    CHECK_EQ(FAULT_OF(table[0] = 1), NO_FAULT);
}

TEST(mmu_no_superpages)
{
    uint64_t l2_slot = pte_maddr(WINDOW_BASE + WINDOW_SIZE, 2);
    uint64_t l3_slot = pte_maddr(USER_BASE + (4UL << 30), 3);
    uint64_t l4_slot = pte_maddr(1UL << 39, 4) + 8;
    uint64_t frame = mfn_of_pfn(spare_pfn(0)) & ~511UL;

    CHECK_REFUSED(pte_write(l2_slot, pte_make(frame, PTE_RW | PTE_PSE)));
    CHECK_REFUSED(pte_write(l3_slot, pte_make(frame & ~0x3ffffUL, PTE_RW | PTE_PSE)));
    CHECK_REFUSED(pte_write(l4_slot, pte_make(frame, PTE_RW | PTE_PSE)));
    CHECK_EQ(*pte_of(WINDOW_BASE + WINDOW_SIZE, 2), 0);
}

TEST(mmu_hypervisor_slots)
{
    uint64_t root = kernel_root() << PAGE_SHIFT;
    uint64_t *l3 = read_only_page();

    for (unsigned i = 256; i < 272; i++) {
        CHECK_REFUSED(pte_write(root + i * 8, pte_make(mfn_of(l3), PTE_TAB)));
        CHECK_REFUSED(pte_write(root + i * 8, 0));
    }
    CHECK_OK(pte_write(root + 272 * 8, pte_make(mfn_of(l3), PTE_TAB)));
    CHECK_OK(pte_write(root + 272 * 8, 0));
    CHECK_OK(pte_write(root + 255 * 8, pte_make(mfn_of(l3), PTE_TAB)));
    CHECK_OK(pte_write(root + 255 * 8, 0));
    writable_again(l3);
}

// A root table may name itself, read-only: the old way to see one's page tables.
TEST(mmu_linear_page_table)
{
    uint64_t root = kernel_root();
    uint64_t l4_slot = (root << PAGE_SHIFT) + 300 * 8;
    volatile uint64_t *self = (volatile uint64_t *)(0xffff000000000000 | 300UL << 39 | 300UL << 30 |
                                                    300UL << 21 | 300UL << 12);

    CHECK_REFUSED(pte_write(l4_slot, pte_make(root, PTE_TAB)));
    if (pte_write(l4_slot, pte_make(root, PTE_RO)) == 0) {
        CHECK_EQ(self[300] & (PTE_MFN | PTE_P | PTE_W), pte_make(root, PTE_P));
        CHECK_EQ(FAULT_OF(self[300] = 0), VEC_PF);
        CHECK_OK(pte_write(l4_slot, 0));
    }
}

// Whatever memory is not the guest's own must not become writable for it. The M2P tells which
// frames of RAM those are; a sample of them is tried, the hypervisor's image and tables included.
struct e820 {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static struct e820 map[128];

static unsigned try_range(uint64_t first, uint64_t end, unsigned step)
{
    unsigned tried = 0;

    for (uint64_t mfn = first; mfn < end; mfn += step) {
        uint64_t pfn = m2p_read(mfn);
        long error;

        if (pfn < start_info->nr_pages && mfn_of_pfn(pfn) == mfn)
            continue; // its own
        tried++;
        error = pte_write(slot(0), pte_make(mfn, PTE_RW));
        if (!error) {
            print("     frame 0x%lx (M2P says 0x%lx)\n", mfn, pfn);
            CHECK(error != 0);
            pte_write(slot(0), 0);
            break;
        }
    }
    return tried;
}

TEST(mmu_frames_of_others)
{
    struct xen_memory_map m = {.nr_entries = 128};
    unsigned tried = 0;

    m.buffer = map;
    REQUIRE_OK(hc(memory_op, XENMEM_machine_memory_map, &m));
    for (unsigned i = 0; i < m.nr_entries; i++)
        if (map[i].type == 1 && map[i].addr >= 0x100000)
            tried += try_range((map[i].addr + PAGE_SIZE - 1) >> PAGE_SHIFT,
                               (map[i].addr + map[i].size) >> PAGE_SHIFT, 61);
    CHECK(tried > 20);
}

// The shared page is the guest's to write, but never a page table.
TEST(mmu_shared_info_frame)
{
    uint64_t mfn = start_info->shared_info >> PAGE_SHIFT;

    CHECK_OK(window_map(0, mfn, PTE_RW));
    CHECK_EQ(((struct shared_info *)window_va(0))->wc_sec, shared_info->wc_sec);
    CHECK_OK(window_unmap(0));
    for (unsigned level = 0; level < 4; level++)
        CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE + level, mfn, 0));
}
