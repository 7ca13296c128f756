// Control registers, EFER and XCR0: what they are, and values that must fault.
#include "tests/guests/hvm/hvm.h"

#define CR0_MP      0x2ul
#define CR4_OSXSAVE 0x40000ul
#define EFER_NX     0x800ul
#define EFER_SVME   0x1000ul
#define EFER_LME    0x100ul
#define EFER_LMA    0x400ul

// Values that must fault are in die.c: an emulator that lets them pass makes a state of them that
// the processor cannot enter.
TEST(control_cr0)
{
    uint64_t cr0 = READ_CR(0);

    WRITE_CR(0, cr0 ^ CR0_MP);
    CHECK_EQ(READ_CR(0), cr0 ^ CR0_MP);
    WRITE_CR(0, cr0);
}

TEST(control_cr8)
{
    WRITE_CR(8, 5);
    CHECK_EQ(READ_CR(8), 5);
    CHECK_EQ(*lapic(LAPIC_TPR), 0x50);
    *lapic(LAPIC_TPR) = 0x93;
    CHECK_EQ(READ_CR(8), 9);
    WRITE_CR(8, 0);
    CHECK_EQ(*lapic(LAPIC_TPR), 0);
}

static void refuses_efer(uint64_t value)
{
    uint64_t before = rdmsr(MSR_EFER);

    CHECK_EQ(FAULT_OF(wrmsr(MSR_EFER, value)), VEC_GP);
    CHECK_EQ(rdmsr(MSR_EFER), before);
}

TEST(control_efer)
{
    uint64_t efer = rdmsr(MSR_EFER);

    CHECK(efer & EFER_LMA);
    CHECK(!(efer & EFER_SVME));
    refuses_efer(efer & ~EFER_LME);
    refuses_efer(efer | 1ul << 63);
    refuses_efer(efer | 2);
    if (!(cpuid_native(0x80000001, 0).c & 4))
        refuses_efer(efer | EFER_SVME);
    wrmsr(MSR_EFER, efer & ~EFER_NX);
    CHECK_EQ(rdmsr(MSR_EFER), efer & ~EFER_NX);
    wrmsr(MSR_EFER, efer);
}

static void xsetbv(uint32_t index, uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

TEST(control_xcr0)
{
    static const uint64_t bad[] = {0, 2, 4, 5, 6, 1ul << 63, ~0ul, 0x19, 1ul << 62 | 3};
    uint64_t cr4 = READ_CR(4);

    if (!(cpuid_native(1, 0).c >> 26 & 1))
        SKIP("no XSAVE");
    WRITE_CR(4, cr4 & ~CR4_OSXSAVE);
    CHECK_EQ(FAULT_OF(xsetbv(0, 3)), VEC_UD);
    CHECK(!(cpuid_native(1, 0).c >> 27 & 1));
    WRITE_CR(4, cr4 | CR4_OSXSAVE);
    CHECK(cpuid_native(1, 0).c >> 27 & 1);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(FAULT_OF(xsetbv(0, bad[i])), VEC_GP);
    for (uint32_t index = 1; index; index <<= 1)
        CHECK_EQ(FAULT_OF(xsetbv(index, 3)), VEC_GP);
    CHECK_EQ(FAULT_OF(xsetbv(0, 3)), NO_FAULT);
    CHECK_EQ(FAULT_OF(xsetbv(0, 1)), NO_FAULT);
    WRITE_CR(4, cr4);
}

// Linux does so before it has an IDT.
TEST(control_misc_enable)
{
    if (cpuid_native(0, 0).b != 0x756e6547) // "Genu"
        SKIP("not a processor of Intel's");
    CHECK(!(rdmsr(0x1a0) >> 34 & 1));
}
