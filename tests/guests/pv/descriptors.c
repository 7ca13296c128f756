// GDT, LDT and update_descriptor: what may stand in them, and that their frames are not writable.
#include "tests/guests/common/guest.h"

// Descriptors of privilege 3, present.
#define DATA_SEGMENT 0x00cff3000000ffffUL
#define CODE_SEGMENT 0x00affb000000ffffUL // 64-bit
#define CODE_32      0x00cffb000000ffffUL
#define DPL(n)       ((uint64_t)(n) << 45)
#define DPL_MASK     DPL(3)
#define PRESENT      (1UL << 47)

#define TSS_DESCRIPTOR (PRESENT | 9UL << 40 | 0x67)
#define LDT_DESCRIPTOR (PRESENT | 2UL << 40 | 0xfff)
#define INTERRUPT_GATE (PRESENT | 0xeUL << 40 | DPL(3) | (uint64_t)FLAT_KERNEL_CS << 16)
#define TRAP_GATE      (PRESENT | 0xfUL << 40 | DPL(3) | (uint64_t)FLAT_KERNEL_CS << 16)
#define TASK_GATE      (PRESENT | 0x5UL << 40 | DPL(3) | (uint64_t)FLAT_KERNEL_CS << 16)
#define CALL_GATE(sel) (PRESENT | 0xcUL << 40 | DPL(3) | (uint64_t)(sel) << 16)

static uint64_t *table; // a page with descriptors, read-only for the kernel

static uint64_t *new_table(void)
{
    table = page_alloc();
    table[1] = DATA_SEGMENT;
    table[2] = CODE_SEGMENT;
    table[3] = DATA_SEGMENT & ~DPL_MASK;
    REQUIRE_OK(page_protect(table, false));
    return table;
}

static long set_gdt(uint64_t frame, unsigned entries)
{
    uint64_t frames[16];

    for (unsigned i = 0; i < 16; i++)
        frames[i] = frame;
    return hc(set_gdt, frames, entries);
}

static long update(unsigned index, uint64_t descriptor)
{
    return hc(update_descriptor, entry_maddr(table, index), descriptor);
}

static void done(void)
{
    CHECK_OK(hc(set_gdt, NULL, 0));
    CHECK_OK(page_protect(table, true));
}

// The access rights that LAR sees, or 0.
static uint32_t rights(uint16_t selector)
{
    uint32_t value = 0;

    __asm__ volatile("lar %1, %0; jz 1f; xor %0, %0; 1:"
                     : "+r"(value)
                     : "r"((uint32_t)selector)
                     : "cc");
    return value;
}

static int load_es(uint16_t selector)
{
    int vector = FAULT_OF(__asm__ volatile("mov %0, %%es" : : "r"(selector)));

    __asm__ volatile("mov %0, %%es" : : "r"((uint16_t)0));
    return vector;
}

TEST(desc_gdt)
{
    new_table();
    CHECK_EQ(load_es(8 | 3), VEC_GP);
    CHECK_OK(set_gdt(mfn_of(table), 512));
    CHECK_EQ(load_es(8 | 3), NO_FAULT);
    CHECK_EQ(rights(8) & 0xf000, 0xf000);
    CHECK_EQ(load_es(5 * 8 | 3), VEC_GP); // empty
    CHECK_EQ(last_fault()->error, 5 * 8);
    // What stands beyond the table the guest set is the hypervisor's.
    CHECK_EQ(rights(FLAT_KERNEL_CS) & 0xf800, 0xf800);
    done();
    CHECK_EQ(load_es(8 | 3), VEC_GP);
}

// Descriptors of the most privileged ring are bent to the guest's.
TEST(desc_privilege_is_bent)
{
    new_table();
    CHECK_OK(set_gdt(mfn_of(table), 512));
    CHECK_EQ(table[3] & DPL_MASK, DPL_MASK);
    CHECK_OK(update(4, CODE_SEGMENT & ~DPL_MASK));
    CHECK_EQ(table[4] & DPL_MASK, DPL_MASK);
    CHECK_OK(update(4, (CODE_SEGMENT & ~DPL_MASK) | DPL(1)));
    CHECK((table[4] & DPL_MASK) != 0);
    done();
}

// A far jump into the guest's own code segment.
TEST(desc_code_segment_runs)
{
    uint64_t cs = 0;

    new_table();
    CHECK_OK(set_gdt(mfn_of(table), 512));
    CHECK_EQ(FAULT_OF(__asm__ volatile("lea 1f(%%rip), %%rax; push %1; push %%rax; lretq\n"
                                       "1: mov %%cs, %0\n"
                                       "push %2; lea 2f(%%rip), %%rax; push %%rax; lretq\n"
                                       "2:"
                                       : "+r"(cs)
                                       : "r"(2UL * 8 | 3), "r"((uint64_t)FLAT_KERNEL_CS)
                                       : "rax", "memory")),
             NO_FAULT);
    CHECK_EQ(cs, 2 * 8 | 3);
    done();
}

TEST(desc_frames_are_protected)
{
    new_table();
    CHECK_OK(set_gdt(mfn_of(table), 512));
    CHECK_REFUSED(page_protect(table, true));
    CHECK_REFUSED(window_map(0, mfn_of(table), PTE_RW));
    CHECK_OK(window_map(0, mfn_of(table), PTE_RO));
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 0), VEC_PF);
    CHECK_OK(window_unmap(0));
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0));
    CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, mfn_of(table), 0));
    done();
}

TEST(desc_gdt_refused)
{
    uint64_t *page = page_alloc();

    new_table();
    CHECK_ERR(set_gdt(mfn_of(page), 512), EINVAL);           // writable
    CHECK_ERR(set_gdt(kernel_root(), 512), EINVAL);          // a page table
    CHECK_ERR(set_gdt(0x000000ffffffffff, 1), EINVAL);       // nowhere
    CHECK_ERR(set_gdt(mfn_of(table), 512 * 14 + 1), EINVAL); // into the hypervisor's part
    CHECK_ERR(set_gdt(mfn_of(table), 0xffffffff), EINVAL);
    CHECK_EFAULT_ALL(hc(set_gdt, bad, 1));
    // One page many times is a GDT like another.
    CHECK_OK(set_gdt(mfn_of(table), 512 * 14));
    CHECK_EQ(load_es((512 + 1) * 8 | 3), NO_FAULT);
    done();
}

// Whatever is no segment and no harmless gate keeps the page from becoming a descriptor table.
TEST(desc_bad_contents)
{
    static const uint64_t bad[] = {TSS_DESCRIPTOR,      LDT_DESCRIPTOR,      INTERRUPT_GATE,
                                   TRAP_GATE,           TASK_GATE,           PRESENT | 1UL << 40,
                                   PRESENT | 4UL << 40, PRESENT | 6UL << 40, CALL_GATE(0xe008),
                                   CALL_GATE(0xe010),   CALL_GATE(0xe020)};

    new_table();
    CHECK_OK(set_gdt(mfn_of(table), 512));
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_ERR(update(6, bad[i]), EINVAL);
        CHECK_EQ(table[6], 0);
        CHECK_OK(update(6, bad[i] & ~PRESENT)); // not present it does no harm
        CHECK_OK(update(6, 0));
    }
    done();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_OK(page_protect(table, true));
        table[6] = bad[i];
        CHECK_OK(page_protect(table, false));
        CHECK_ERR(set_gdt(mfn_of(table), 512), EINVAL);
    }
    done();
}

// A call gate to the guest's own code is let through, but disarmed.
TEST(desc_call_gate)
{
    new_table();
    CHECK_OK(set_gdt(mfn_of(table), 512));
    if (update(6, CALL_GATE(FLAT_KERNEL_CS)) == 0)
        CHECK_EQ(table[6] & DPL_MASK, 0);
    done();
}

TEST(desc_update_refused)
{
    uint64_t *page = page_alloc();

    new_table();
    CHECK_ERR(hc(update_descriptor, entry_maddr(table, 1) + 4, DATA_SEGMENT), EINVAL);
    CHECK_ERR(hc(update_descriptor, kernel_root() << 12, DATA_SEGMENT), EINVAL);
    CHECK_ERR(hc(update_descriptor, 0x000ffffffffff000, DATA_SEGMENT), EINVAL);
    CHECK_ERR(hc(update_descriptor, ~7UL, DATA_SEGMENT), EINVAL);
    // A page that is no descriptor table (yet) is written like one.
    CHECK_OK(hc(update_descriptor, entry_maddr(page, 3), DATA_SEGMENT));
    CHECK_EQ(page[3] & ~(1UL << 40), DATA_SEGMENT & ~(1UL << 40));
    CHECK_ERR(hc(update_descriptor, entry_maddr(page, 4), TSS_DESCRIPTOR), EINVAL);
    CHECK_EQ(page[4], 0);
    CHECK_OK(page_protect(table, true));
}

// LDT

TEST(desc_ldt)
{
    new_table();
    CHECK_EQ(load_es(8 | 7), VEC_GP);
    CHECK_OK(mmuext(MMUEXT_SET_LDT, (uint64_t)table, 512));
    CHECK_EQ(load_es(8 | 7), NO_FAULT);
    CHECK_REFUSED(page_protect(table, true)); // it is in use now
    CHECK_OK(hc(sched_op, 0, 0));
    CHECK_EQ(load_es(8 | 7), NO_FAULT);
    CHECK_EQ(load_es(511 * 8 | 7), VEC_GP);
    CHECK_OK(mmuext(MMUEXT_SET_LDT, 0, 0));
    CHECK_EQ(load_es(8 | 7), VEC_GP);
    CHECK_OK(page_protect(table, true));
}

TEST(desc_ldt_large)
{
    uint64_t *pages = pages_alloc(16);

    for (unsigned i = 0; i < 16; i++) {
        pages[i * 512 + 1] = DATA_SEGMENT;
        CHECK_OK(page_protect(pages + i * 512, false));
    }
    CHECK_OK(mmuext(MMUEXT_SET_LDT, (uint64_t)pages, 8192));
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(load_es((uint16_t)((i * 512 + 1) * 8 | 7)), NO_FAULT);
    CHECK_OK(mmuext(MMUEXT_SET_LDT, (uint64_t)pages, 8)); // shorter
    CHECK_EQ(load_es(8 | 7), NO_FAULT);
    CHECK_EQ(load_es((15 * 512 + 1) * 8 | 7), VEC_GP);
    CHECK_OK(mmuext(MMUEXT_SET_LDT, 0, 0));
    for (unsigned i = 0; i < 16; i++)
        CHECK_OK(page_protect(pages + i * 512, true));
}

// The frames are taken when they are used: those that will not do make the use fail.
TEST(desc_ldt_bad_pages)
{
    uint64_t *page = page_alloc();

    page[1] = DATA_SEGMENT;
    page[2] = TSS_DESCRIPTOR;
    CHECK_OK(mmuext(MMUEXT_SET_LDT, (uint64_t)page, 512)); // writable
    CHECK(load_es(8 | 7) != NO_FAULT);
    CHECK_OK(page_protect(page, false));
    CHECK(load_es(8 | 7) != NO_FAULT); // it holds a bad descriptor
    CHECK_OK(mmuext(MMUEXT_SET_LDT, window_va(0), 512));
    CHECK(load_es(8 | 7) != NO_FAULT); // nothing is mapped there
    CHECK_OK(mmuext(MMUEXT_SET_LDT, 0, 0));
    CHECK_OK(page_protect(page, true));
}

TEST(desc_ldt_refused)
{
    new_table();
    CHECK_ERR(mmuext(MMUEXT_SET_LDT, (uint64_t)table, 8193), EINVAL);
    CHECK_ERR(mmuext(MMUEXT_SET_LDT, (uint64_t)table + 8, 1), EINVAL);
    CHECK_ERR(mmuext(MMUEXT_SET_LDT, 0xffff830000000000, 1), EINVAL);
    CHECK_ERR(mmuext(MMUEXT_SET_LDT, 0xffff800000000000, 1), EINVAL);
    CHECK_ERR(mmuext(MMUEXT_SET_LDT, 0x8000000000000000, 1), EINVAL);
    CHECK_OK(page_protect(table, true));
}
