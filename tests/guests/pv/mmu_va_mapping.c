// HYPERVISOR_update_va_mapping and its variant for other domains' frames.
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static uint64_t a_frame(void)
{
    return mfn_of(page_alloc());
}

TEST(mmu_va_flush_flags)
{
    uint64_t mask = 1;
    uint64_t flags[] = {UVMF_NONE,
                        UVMF_TLB_FLUSH | UVMF_LOCAL,
                        UVMF_INVLPG | UVMF_LOCAL,
                        UVMF_TLB_FLUSH | UVMF_ALL,
                        UVMF_INVLPG | UVMF_ALL,
                        UVMF_TLB_FLUSH | UVMF_MULTI | (uint64_t)&mask,
                        UVMF_INVLPG | UVMF_MULTI | (uint64_t)&mask};
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);
    uint64_t *one = page_alloc(), *two = page_alloc();

    *one = 1;
    *two = 2;
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        CHECK_OK(va_map(window_va(0), pte_make(mfn_of(one), PTE_RW), flags[i]));
        if (flags[i])
            CHECK_EQ(*p, 1);
        CHECK_OK(va_map(window_va(0), pte_make(mfn_of(two), PTE_RW), flags[i]));
        if (flags[i])
            CHECK_EQ(*p, 2);
        CHECK_OK(va_map(window_va(0), 0, flags[i]));
        if (flags[i])
            CHECK_EQ(FAULT_OF((void)*p), VEC_PF);
    }
    CHECK_OK(va_map(window_va(0), 0, UVMF_TLB_FLUSH | UVMF_ALL));
}

TEST(mmu_va_bad_flags)
{
    uint64_t frame = a_frame();

    for (unsigned i = 0; i < BAD_POINTERS; i++) {
        uint64_t multi = (uint64_t)bad_pointers[i] & ~7UL;

        if (!multi)
            continue;
        CHECK_ERR(va_map(window_va(0), pte_make(frame, PTE_RW), UVMF_INVLPG | multi), EFAULT);
        CHECK_ERR(va_map(window_va(0), pte_make(frame, PTE_RW), UVMF_TLB_FLUSH | multi), EFAULT);
    }
    CHECK_OK(window_unmap(0));
}

TEST(mmu_va_bad_addresses)
{
    static const uint64_t va[] = {
        0xffff800000000000, 0xffff830000000000, 0xffff87fffffff000, // the hypervisor's
        0x8000000000000000, 0x0000800000000000,                     // not canonical
        0x0000300000000000, 0xffff900000000000,                     // no tables there
    };
    uint64_t entry = pte_make(a_frame(), PTE_RW);

    for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
        CHECK_ERR(va_map(va[i], entry, UVMF_INVLPG), EINVAL);
        CHECK_ERR(va_map(va[i], 0, UVMF_NONE), EINVAL);
    }
    // Any address within the page will do.
    CHECK_OK(va_map(window_va(0) + 0x123, entry, UVMF_INVLPG));
    CHECK_EQ(*pte_of(window_va(0), 1) & PTE_P, PTE_P);
    CHECK_OK(window_unmap(0));
}

TEST(mmu_va_bad_entries)
{
    CHECK_REFUSED(window_map(0, 0x000000ffffffffff, PTE_RW));
    CHECK_REFUSED(window_map(0, kernel_root(), PTE_RW));
    CHECK_REFUSED(window_map(0, mfn_of(window_l1()), PTE_RW));
    CHECK_REFUSED(window_map(0, 0xfee00, PTE_RW));
    CHECK_EQ(*pte_of(window_va(0), 1), 0);
}

static long other(uint64_t va, uint64_t entry, uint64_t flags, unsigned dom)
{
    return hc(update_va_mapping_otherdomain, va, entry, flags, dom);
}

TEST(mmu_va_otherdomain)
{
    uint64_t own = pte_make(a_frame(), PTE_RW);
    uint64_t vga = pte_make(0xb8000 >> PAGE_SHIFT, PTE_RW | PTE_PCD);

    CHECK_OK(other(window_va(0), vga, UVMF_INVLPG, DOMID_IO));
    CHECK_EQ(FAULT_OF((void)*(volatile uint16_t *)window_va(0)), NO_FAULT);
    CHECK_OK(other(window_va(0), 0, UVMF_INVLPG, DOMID_IO));
    CHECK_OK(other(window_va(0), own, UVMF_INVLPG, DOMID_SELF));
    CHECK_OK(window_unmap(0));
    CHECK_ERR(other(window_va(0), own, UVMF_INVLPG, NO_DOMAIN), ESRCH);
    CHECK_REFUSED(other(window_va(0), own, UVMF_INVLPG, DOMID_XEN));
    CHECK_ERR(other(window_va(0), own, UVMF_INVLPG, DOMID_INVALID), ESRCH);
}
