// Stores into L1 tables that the guest has mapped read-only: emulated, with mmu_update's checks;
// what those refuse becomes a page fault.
#include "tests/guests/common/guest.h"

static long assist(unsigned cmd)
{
    return hc(vm_assist, cmd, VMASST_TYPE_writable_pagetables);
}

static volatile uint64_t *entry(unsigned index)
{
    return (volatile uint64_t *)window_l1() + index;
}

// The assist can be switched, but has long been without effect: the stores are emulated either way.
TEST(ptwr_needs_no_assist)
{
    CHECK_OK(assist(VMASST_CMD_disable));
    CHECK_EQ(FAULT_OF(*entry(0) = pte_make(mfn_of(page_alloc()), PTE_RW)), NO_FAULT);
    CHECK_EQ(*entry(0) & PTE_P, PTE_P);
    CHECK_EQ(FAULT_OF(*entry(0) = 0), NO_FAULT);
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
    CHECK_OK(assist(VMASST_CMD_enable));
}

TEST(ptwr_store)
{
    uint64_t *page = page_alloc();
    uint64_t value = pte_make(mfn_of(page), PTE_RW);
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);

    CHECK_OK(assist(VMASST_CMD_enable));
    CHECK_EQ(FAULT_OF(*entry(0) = value), NO_FAULT);
    CHECK_EQ(*entry(0) & (PTE_MFN | PTE_P | PTE_W), value & (PTE_MFN | PTE_P | PTE_W));
    *p = 77;
    CHECK_EQ(*page, 77);
    CHECK_EQ(FAULT_OF(*entry(0) = 0), NO_FAULT);
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, window_va(0), 0));
    CHECK_EQ(FAULT_OF(*p = 1), VEC_PF);
}

// The many ways in which compilers and kernels store a word.
TEST(ptwr_instructions)
{
    uint64_t a = pte_make(mfn_of(page_alloc()), PTE_RW), b = pte_make(mfn_of(page_alloc()), PTE_RW);
    volatile uint64_t *e = entry(1);
    uint64_t old;

    CHECK_OK(assist(VMASST_CMD_enable));
    old = a;
    CHECK_EQ(FAULT_OF(__asm__ volatile("xchg %0, %1"
                                       : "+r"(old), "+m"(*e)
                                       :
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(old, 0);
    old = *e;
    CHECK_EQ(old & PTE_MFN, a & PTE_MFN);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lock cmpxchg %2, %1"
                                       : "+a"(old), "+m"(*e)
                                       : "r"(b)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(*e & PTE_MFN, b & PTE_MFN);
    old = 1; // does not match: nothing happens
    CHECK_EQ(FAULT_OF(__asm__ volatile("lock cmpxchg %2, %1"
                                       : "+a"(old), "+m"(*e)
                                       : "r"(a)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(*e & PTE_MFN, b & PTE_MFN);
    CHECK_EQ(old & PTE_MFN, b & PTE_MFN);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lock andq %1, %0"
                                       : "+m"(*e)
                                       : "r"(~PTE_W)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(*e & (PTE_P | PTE_W), PTE_P);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lock orq %1, %0"
                                       : "+m"(*e)
                                       : "r"(PTE_W)
                                       : "memory")),
             NO_FAULT);
    CHECK_EQ(*e & (PTE_P | PTE_W), PTE_P | PTE_W);
    CHECK_EQ(FAULT_OF(__asm__ volatile("lock btrq $1, %0" : "+m"(*e) : : "memory")), NO_FAULT);
    CHECK_EQ(*e & (PTE_P | PTE_W), PTE_P);
    CHECK_EQ(FAULT_OF(__asm__ volatile("movq $0, %0" : "+m"(*e) : : "memory")), NO_FAULT);
    CHECK_EQ(*e, 0);
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
}

TEST(ptwr_string_store)
{
    volatile uint64_t *to = entry(4);
    uint64_t value = pte_make(mfn_of(page_alloc()), PTE_RO), count = 8;

    CHECK_OK(assist(VMASST_CMD_enable));
    CHECK_EQ(FAULT_OF(__asm__ volatile("rep stosq"
                                       : "+D"(to), "+c"(count)
                                       : "a"(value)
                                       : "memory")),
             NO_FAULT);
    for (unsigned i = 4; i < 12; i++) {
        CHECK_EQ(*entry(i) & (PTE_MFN | PTE_P), value & (PTE_MFN | PTE_P));
        CHECK_OK(window_unmap(i));
    }
}

// What mmu_update would refuse is refused here by the page fault that the store made.
TEST(ptwr_refuses)
{
    uint64_t bad[] = {pte_make(kernel_root(), PTE_RW), pte_make(mfn_of(window_l1()), PTE_RW),
                      pte_make(0x000000ffffffffff, PTE_RW), pte_make(0xfee00, PTE_RW)};

    CHECK_OK(assist(VMASST_CMD_enable));
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(FAULT_OF(*entry(0) = bad[i]), VEC_PF);
        CHECK_EQ(last_fault_cr2(), entry(0));
        CHECK_EQ(*entry(0), 0);
    }
}

// Only L1 tables; and only whole aligned words of at most eight bytes.
TEST(ptwr_limits)
{
    uint64_t *l4 = (uint64_t *)start_info->pt_base;
    volatile uint64_t *l2 = window_l2();

    CHECK_OK(assist(VMASST_CMD_enable));
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)&l4[300] = 0), VEC_PF);
    CHECK_EQ(FAULT_OF(l2[100] = 0), VEC_PF);
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)((uint64_t)entry(0) + 4) = 0), VEC_PF);
    CHECK_EQ(FAULT_OF(*(volatile uint32_t *)((uint64_t)entry(0) + 2) = 0), VEC_PF);
    // A store to the read-only mapping of an ordinary page is a fault like any other.
    CHECK_OK(window_map(0, mfn_of(page_alloc()), PTE_RO));
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 0), VEC_PF);
    CHECK_OK(window_unmap(0));
}

TEST(ptwr_narrow_stores)
{
    uint64_t value = pte_make(mfn_of(page_alloc()), PTE_RW);

    CHECK_OK(assist(VMASST_CMD_enable));
    CHECK_OK(pte_write(pte_maddr(window_va(0), 1), value));
    CHECK_EQ(FAULT_OF(*(volatile uint8_t *)entry(0) = (uint8_t)(value & ~PTE_W)), NO_FAULT);
    CHECK_EQ(*entry(0) & (PTE_MFN | PTE_P | PTE_W), value & (PTE_MFN | PTE_P));
    CHECK_EQ(FAULT_OF(*(volatile uint32_t *)entry(0) = (uint32_t)value), NO_FAULT);
    CHECK_EQ(*entry(0) & (PTE_MFN | PTE_P | PTE_W), value & (PTE_MFN | PTE_P | PTE_W));
    CHECK_EQ(FAULT_OF(*(volatile uint16_t *)entry(0) = 0), NO_FAULT);
    CHECK_EQ(*entry(0) & PTE_P, 0);
    CHECK_OK(window_unmap(0));
}
