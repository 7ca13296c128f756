// The hypervisor's part of the address space from the guest's kernel mode: the M2P can be read, and
// nothing else; nothing can be written or run.
#include "pv-abi/memory.h"

#include "tests/guests/common/guest.h"

static const uint64_t hypervisor[] = {
    0xffff802000000000, 0xffff808000000000, 0xffff810000000000, 0xffff818000000000,
    0xffff820000000000, 0xffff82c000000000, 0xffff82d000000000, 0xffff82d040000000,
    0xffff82d040200000, 0xffff82d080000000, 0xffff82e000000000, 0xffff830000000000,
    0xffff830000100000, 0xffff834000000000, 0xffff838000000000, 0xffff850000000000,
    0xffff87fffffff000,
};

TEST(hostile_reads)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hypervisor); i++) {
        CHECK_EQ(FAULT_OF((void)*(volatile uint64_t *)hypervisor[i]), VEC_PF);
        CHECK_EQ(last_fault_cr2(), hypervisor[i]);
    }
}

TEST(hostile_writes)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hypervisor); i++)
        CHECK_EQ(FAULT_OF(*(volatile uint64_t *)hypervisor[i] = 0), VEC_PF);
}

TEST(hostile_jumps)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hypervisor); i++)
        CHECK_EQ(FAULT_OF(((void (*)(void))hypervisor[i])()), VEC_PF);
    CHECK_EQ(FAULT_OF(((void (*)(void))MACH2PHYS_VIRT_START)()), VEC_PF);
}

// A hole is found on purpose: every slot of the root table that is the hypervisor's, at places
// drawn by lot.
TEST(hostile_reads_at_random)
{
    uint64_t seed = option_number("seed", 1) * 2654435761 + 1;
    unsigned readable = 0;

    for (unsigned slot = 257; slot < 272; slot++)
        for (unsigned i = 0; i < 200; i++) {
            uint64_t va =
                0xffff000000000000 | (uint64_t)slot << 39 | (random_next(&seed) & 0x7ffffffff8);

            readable += FAULT_OF((void)*(volatile uint64_t *)va) == NO_FAULT;
        }
    CHECK_EQ(readable, 0);
}

TEST(hostile_m2p)
{
    struct xen_machphys_mapping m = {0};
    volatile uint64_t *m2p = (volatile uint64_t *)MACH2PHYS_VIRT_START;
    uint64_t mfn = mfn_of(page_alloc());

    CHECK_OK(hc(memory_op, XENMEM_machphys_mapping, &m));
    CHECK_EQ(FAULT_OF((void)m2p[0]), NO_FAULT);
    CHECK_EQ(FAULT_OF((void)m2p[mfn]), NO_FAULT);
    CHECK_EQ(FAULT_OF(m2p[0] = 0), VEC_PF);
    CHECK_EQ(FAULT_OF(m2p[mfn] = 0), VEC_PF);
    CHECK_EQ(last_fault()->error & (PF_PRESENT | PF_WRITE), PF_PRESENT | PF_WRITE);
    CHECK_EQ(FAULT_OF((void)m2p[MACH2PHYS_NR_ENTRIES - 1]), VEC_PF); // far beyond all memory
}

// Every frame of the guest's has its entry.
TEST(hostile_m2p_agrees_with_p2m)
{
    unsigned wrong = 0;

    for (uint64_t pfn = 0; pfn < start_info->nr_pages; pfn++) {
        uint64_t mfn = mfn_of_pfn(pfn);

        if (mfn != INVALID_PFN && pfn_of_mfn(mfn) != pfn)
            wrong++;
    }
    CHECK_EQ(wrong, 0);
}

// The hypervisor must not be led to write on the guest's behalf where the guest may not.
TEST(hostile_result_pointers)
{
    uint64_t *page = page_alloc();
    struct mmu_update update = {pte_maddr(window_va(0), 1), 0};

    CHECK_OK(page_protect(page, false));
    CHECK_ERR(hc(xen_version, 5, page), EFAULT); // platform parameters
    CHECK_ERR(hc(event_channel_op, EVTCHNOP_alloc_unbound, page), EFAULT);
    hc(mmu_update, &update, 1, page, DOMID_SELF); // where the count goes
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(page[i], 0);
    CHECK_OK(page_protect(page, true));
    // Nor into a page table of its own, which it has mapped read-only.
    CHECK_ERR(hc(xen_version, 5, window_l1()), EFAULT);
    CHECK_EQ(*(uint64_t *)window_l1(), 0);
}
