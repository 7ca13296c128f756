// HYPERVISOR_mmu_update: what may be stored into a page table, and what not.
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static struct mmu_update batch[10000];

static uint64_t slot(unsigned index)
{
    return pte_maddr(window_va(index), 1);
}

static long update_batch(unsigned n, unsigned *done)
{
    return hc(mmu_update, batch, n, done, DOMID_SELF);
}

TEST(mmu_normal)
{
    uint64_t *page = page_alloc();
    volatile uint64_t *p = (volatile uint64_t *)window_va(3);

    page[7] = 0x1234;
    CHECK_OK(pte_write(slot(3), pte_make(mfn_of(page), PTE_RW)));
    CHECK_EQ(p[7], 0x1234);
    p[8] = 99;
    CHECK_EQ(page[8], 99);
    CHECK_EQ(*pte_of(window_va(3), 1) & (PTE_MFN | PTE_P | PTE_W),
             pte_make(mfn_of(page), PTE_P | PTE_W));
    CHECK_OK(pte_write(slot(3), pte_make(mfn_of(page), PTE_RO)));
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, window_va(3), 0));
    CHECK_EQ(FAULT_OF(p[8] = 1), VEC_PF);
    CHECK_EQ(last_fault()->error & (PF_PRESENT | PF_WRITE), PF_PRESENT | PF_WRITE);
    CHECK_EQ(last_fault_cr2(), &p[8]);
    CHECK_OK(pte_write(slot(3), 0));
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, window_va(3), 0));
    CHECK_EQ(FAULT_OF((void)p[8]), VEC_PF);
    CHECK_EQ(last_fault()->error & (PF_PRESENT | PF_WRITE), 0);
}

// An entry that is not present may hold anything.
TEST(mmu_not_present_is_free)
{
    CHECK_OK(pte_write(slot(0), 0xfedcba9876543210));
    CHECK_EQ(*pte_of(window_va(0), 1), 0xfedcba9876543210);
    CHECK_OK(pte_write(slot(0), 0));
}

TEST(mmu_no_execute)
{
    uint8_t *page = page_alloc();
    void (*code)(void) = (void (*)(void))window_va(0);

    page[0] = 0xc3; // ret
    CHECK_OK(window_map(0, mfn_of(page), PTE_RW));
    CHECK_EQ(FAULT_OF(code()), NO_FAULT);
    CHECK_OK(window_map(0, mfn_of(page), PTE_RW | PTE_NX));
    CHECK_EQ(FAULT_OF(code()), VEC_PF);
    CHECK(last_fault()->error & PF_FETCH);
    CHECK_OK(window_unmap(0));
}

TEST(mmu_batches)
{
    static const unsigned sizes[] = {1, 2, 7, 100, 512, 1000, 4096, 10000};
    uint64_t mfn = mfn_of(page_alloc());

    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        unsigned done = 0;

        for (unsigned i = 0; i < sizes[s]; i++) {
            batch[i].ptr = slot(i % 512);
            batch[i].val = pte_make(mfn, i & 1 ? PTE_RO : PTE_RW);
        }
        CHECK_OK(update_batch(sizes[s], &done));
        CHECK_EQ(done, sizes[s]);
    }
    for (unsigned i = 0; i < 512; i++) {
        batch[i].ptr = slot(i);
        batch[i].val = 0;
    }
    CHECK_OK(hc(mmu_update, batch, 512, 0, DOMID_SELF)); // nobody wants the count
    CHECK_OK(hc(mmu_update, batch, 0, 0, DOMID_SELF));
}

// Updates before the bad one stand, those after it are not made, `done` tells where.
TEST(mmu_partial_progress)
{
    uint64_t mfn = mfn_of(page_alloc());
    unsigned done = 99;

    for (unsigned i = 0; i < 10; i++) {
        batch[i].ptr = slot(i);
        batch[i].val = pte_make(mfn, PTE_RW);
    }
    batch[6].val = pte_make(kernel_root(), PTE_RW);
    CHECK_REFUSED(update_batch(10, &done));
    CHECK_EQ(done, 6);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(*pte_of(window_va(i), 1) & PTE_P, i < 6 ? PTE_P : 0);
        CHECK_OK(pte_write(slot(i), 0));
    }
}

TEST(mmu_bad_frames)
{
    static const uint64_t frames[] = {0x000000ffffffffff, 0x0000000fffffffff, 1UL << 35};

    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        CHECK_REFUSED(pte_write(slot(0), pte_make(frames[i], PTE_RW)));
        CHECK_EQ(*pte_of(window_va(0), 1), 0);
        // Nor as the table that is to be changed.
        CHECK_ERR(pte_write(frames[i] << PAGE_SHIFT, 0), EINVAL);
    }
    CHECK_ERR(pte_write(~7UL, 0), EINVAL);
}

TEST(mmu_reserved_bits)
{
    uint64_t good = pte_make(mfn_of(page_alloc()), PTE_RW);

    for (unsigned bit = 52; bit < 63; bit++)
        if (mmu_update_one(slot(0), good | 1UL << bit, DOMID_SELF) == 0) {
            // Bits that the hypervisor lets a guest use must at least not break the mapping.
            CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 1), NO_FAULT);
        }
    for (unsigned bit = 46; bit < 52; bit++)
        CHECK_REFUSED(pte_write(slot(0), good | 1UL << bit)); // a frame that cannot exist
    CHECK_OK(pte_write(slot(0), good | PTE_AVAIL));
    CHECK_EQ(*pte_of(window_va(0), 1) & PTE_AVAIL, PTE_AVAIL);
    CHECK_OK(pte_write(slot(0), good | PTE_PCD | PTE_PWT));
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
    CHECK_OK(pte_write(slot(0), good | PTE_PAT));
    CHECK_OK(pte_write(slot(0), 0));
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
}

TEST(mmu_unknown_types)
{
    uint64_t good = pte_make(mfn_of(page_alloc()), PTE_RW);

    for (unsigned type = 4; type < 8; type++)
        CHECK_ERR(mmu_update_one(slot(0) | type, good, DOMID_SELF), ENOSYS);
    CHECK_EQ(*pte_of(window_va(0), 1), 0);
}

// A frame that is no page table is just written, if it may be writable.
TEST(mmu_plain_page)
{
    uint64_t *page = page_alloc();

    CHECK_OK(pte_write(entry_maddr(page, 5), 0x123456789abcdef7));
    CHECK_EQ(page[5], 0x123456789abcdef7);
    CHECK_OK(page_protect(page, false));
    CHECK_OK(pte_write(entry_maddr(page, 5), 42)); // the mapping is read-only, the frame is not
    CHECK_EQ(page[5], 42);
    CHECK_OK(page_protect(page, true));
}

TEST(mmu_preserve_ad)
{
    uint64_t mfn = mfn_of(page_alloc());
    uint64_t clean = pte_make(mfn, PTE_P | PTE_W | PTE_U);
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);

    CHECK_OK(mmu_update_one(slot(0) | MMU_NORMAL_PT_UPDATE, clean, DOMID_SELF));
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_A | PTE_D), 0);
    *p = 1;
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_A | PTE_D), PTE_A | PTE_D);
    CHECK_OK(mmu_update_one(slot(0) | MMU_PT_UPDATE_PRESERVE_AD, clean & ~PTE_W, DOMID_SELF));
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_A | PTE_D | PTE_W), PTE_A | PTE_D);
    CHECK_OK(mmu_update_one(slot(0) | MMU_NORMAL_PT_UPDATE, clean, DOMID_SELF));
    CHECK_EQ(*pte_of(window_va(0), 1) & (PTE_A | PTE_D), 0);
    CHECK_OK(window_unmap(0));
}

TEST(mmu_machphys)
{
    uint64_t mfn = mfn_of(page_alloc()), pfn = pfn_of_mfn(mfn);
    uint64_t at = mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE;

    CHECK_OK(mmu_update_one(at, 0x777, DOMID_SELF));
    CHECK_EQ(pfn_of_mfn(mfn), 0x777);
    CHECK_OK(mmu_update_one(at, pfn, DOMID_SELF));
    CHECK_EQ(pfn_of_mfn(mfn), pfn);
    CHECK_ERR(mmu_update_one(0x000000fffffff000 | MMU_MACHPHYS_UPDATE, 0, DOMID_SELF), EINVAL);
    CHECK_EQ(FAULT_OF(((volatile uint64_t *)MACH2PHYS_VIRT_START)[mfn] = 0), VEC_PF);
    CHECK_EQ(pfn_of_mfn(mfn), pfn);
}

TEST(mmu_domains)
{
    uint64_t good = pte_make(mfn_of(page_alloc()), PTE_RW);

    CHECK_ERR(mmu_update_one(slot(0), good, NO_DOMAIN), ESRCH);
    CHECK_ERR(mmu_update_one(slot(0), good, 0), ESRCH); // itself, but by number
    CHECK_ERR(mmu_update_one(slot(0), good, DOMID_SELF | (NO_DOMAIN + 1) << 16), ESRCH);
    CHECK_OK(mmu_update_one(slot(0), good, DOMID_SELF | 1 << 16)); // domain 0's tables
    CHECK_OK(window_unmap(0));
    // Its own frames are not DOMID_XEN's.
    CHECK_REFUSED(mmu_update_one(slot(0), good, DOMID_XEN));
}

// Device memory: domain 0 may map it, by its own name or as DOMID_IO's.
TEST(mmu_device_memory)
{
    uint64_t vga = pte_make(0xb8000 >> PAGE_SHIFT, PTE_RW | PTE_PCD);
    volatile uint16_t *p = (volatile uint16_t *)window_va(0);

    CHECK_OK(mmu_update_one(slot(0), vga, DOMID_IO));
    CHECK_EQ(FAULT_OF((void)*p), NO_FAULT);
    CHECK_OK(window_unmap(0));
    CHECK_OK(mmu_update_one(slot(0), vga, DOMID_SELF));
    CHECK_EQ(FAULT_OF((void)*p), NO_FAULT);
    CHECK_OK(window_unmap(0));
    // The hypervisor keeps the local APIC for itself.
    CHECK_REFUSED(mmu_update_one(slot(0), pte_make(0xfee00, PTE_RW), DOMID_IO));
}

TEST(mmu_hostile_arguments)
{
    CHECK_EFAULT_ALL(hc(mmu_update, bad, 1, 0, DOMID_SELF));
    batch[0].ptr = slot(0);
    batch[0].val = 0;
    for (unsigned i = 0; i < BAD_POINTERS; i++) // the count cannot be told, but all is done
        hc(mmu_update, batch, 1, bad_pointers[i], DOMID_SELF);
    CHECK_ERR(hc(mmu_update, batch, 1, 0, NO_DOMAIN), ESRCH);
}
