// Control registers, debug registers and MSRs by instruction: emulated, or a general protection
// fault.
#include "tests/guests/common/guest.h"
#include "tests/guests/common/instructions.h"

#define CR0_TS (1UL << 3)

TEST(priv_cr0)
{
    uint64_t cr0 = 0;

    CHECK_EQ(FAULT_OF(cr0 = READ_CR(0)), NO_FAULT);
    CHECK_EQ(cr0 & 0x80000001, 0x80000001); // PG, PE
    CHECK_EQ(cr0 & CR0_TS, 0);
    CHECK_EQ(FAULT_OF(WRITE_CR(0, cr0 | CR0_TS)), NO_FAULT);
    CHECK_EQ(FAULT_OF(cr0 = READ_CR(0)), NO_FAULT);
    CHECK_EQ(cr0 & CR0_TS, CR0_TS);
    CHECK_EQ(FAULT_OF(__asm__ volatile("fninit")), VEC_NM);
    CHECK_EQ(READ_CR(0) & CR0_TS, 0);
    CHECK_EQ(FAULT_OF(WRITE_CR(0, cr0 | CR0_TS)), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("clts")), NO_FAULT);
    CHECK_EQ(READ_CR(0) & CR0_TS, 0);
    // Other bits are not the guest's.
    cr0 = READ_CR(0);
    CHECK_EQ(FAULT_OF(WRITE_CR(0, cr0 ^ 1UL << 16)), VEC_GP); // WP
    CHECK_EQ(FAULT_OF(WRITE_CR(0, cr0 ^ 1UL << 31)), VEC_GP); // PG
    CHECK_EQ(FAULT_OF(WRITE_CR(0, 0)), VEC_GP);
    CHECK_EQ(READ_CR(0), cr0);
}

TEST(priv_cr2)
{
    CHECK_EQ(FAULT_OF(WRITE_CR(2, 0x123456789)), NO_FAULT);
    CHECK_EQ(READ_CR(2), 0x123456789);
    CHECK_EQ(vcpu_info_of(0)->arch.cr2, 0x123456789);
    CHECK_EQ(FAULT_OF((void)*(volatile uint8_t *)0x0000700000000123), VEC_PF);
    CHECK_EQ(READ_CR(2), 0x0000700000000123);
}

TEST(priv_cr3)
{
    uint64_t cr3 = 0;

    CHECK_EQ(FAULT_OF(cr3 = READ_CR(3)), NO_FAULT);
    CHECK_EQ(xen_cr3_to_pfn(cr3), kernel_root());
    CHECK_EQ(FAULT_OF(WRITE_CR(3, cr3)), NO_FAULT);
    CHECK_EQ(READ_CR(3), cr3);
    CHECK_EQ(FAULT_OF(WRITE_CR(3, mfn_of(window_l1()) << PAGE_SHIFT)), VEC_GP);
    CHECK_EQ(FAULT_OF(WRITE_CR(3, 0x000ffffffffff000)), VEC_GP);
    CHECK_EQ(READ_CR(3), cr3);
}

TEST(priv_cr4)
{
    uint64_t cr4 = 0;

    CHECK_EQ(FAULT_OF(cr4 = READ_CR(4)), NO_FAULT);
    CHECK_EQ(cr4 & 1UL << 5, 1UL << 5); // PAE
    CHECK_EQ(FAULT_OF(WRITE_CR(4, cr4)), NO_FAULT);
    CHECK_EQ(READ_CR(4), cr4);
    // Bits that are not the guest's may be refused or passed over, but never take effect.
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t now;

        if (bit == 2 || bit == 3 || bit == 16 || bit == 18) // TSD, DE, FSGSBASE, OSXSAVE: its own
            continue;
        (void)FAULT_OF(WRITE_CR(4, cr4 ^ 1UL << bit));
        now = READ_CR(4);
        if (now != cr4) {
            print("     CR4 bit %u\n", bit);
            CHECK_EQ(now, cr4);
            (void)FAULT_OF(WRITE_CR(4, cr4));
        }
    }
}

TEST(priv_cr8)
{
    int vector = FAULT_OF(READ_CR(8));

    CHECK(vector == VEC_GP || vector == VEC_UD);
    vector = FAULT_OF(WRITE_CR(8, 0));
    CHECK(vector == VEC_GP || vector == VEC_UD);
}

TEST(priv_debug_registers)
{
    uint64_t dr = 0;

    CHECK_EQ(FAULT_OF(__asm__ volatile("mov %0, %%dr1" : : "r"(0x5000UL))), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("mov %%dr1, %0" : "=r"(dr))), NO_FAULT);
    CHECK_EQ(dr, 0x5000);
    CHECK_EQ(hc(get_debugreg, 1), 0x5000);
    CHECK_EQ(FAULT_OF(__asm__ volatile("mov %0, %%dr1" : : "r"(0xffff830000000000))), VEC_GP);
    CHECK_EQ(hc(get_debugreg, 1), 0x5000);
    CHECK_EQ(FAULT_OF(__asm__ volatile("mov %0, %%dr1" : : "r"(0UL))), NO_FAULT);
}

// MSRs

#define MSR_APIC_BASE 0x1b
#define MSR_EFER      0xc0000080
#define MSR_STAR      0xc0000081
#define MSR_LSTAR     0xc0000082
#define MSR_CSTAR     0xc0000083
#define MSR_SF_MASK   0xc0000084
#define MSR_FS_BASE   0xc0000100
#define MSR_GS_BASE   0xc0000101
#define MSR_KERNEL_GS 0xc0000102

TEST(priv_msr_read)
{
    uint64_t value = 0;

    CHECK_EQ(FAULT_OF(value = rdmsr(MSR_EFER)), NO_FAULT);
    CHECK_EQ(value & 0x501, 0x501); // LMA, LME, SCE
    CHECK_EQ(value & 1UL << 12, 0); // SVM is not the guest's
    CHECK_EQ(FAULT_OF(value = rdmsr(MSR_APIC_BASE)), NO_FAULT);
    CHECK_EQ(FAULT_OF(value = rdmsr(0x277)), NO_FAULT); // PAT
    CHECK_EQ(value, 0x050100070406);                    // the ABI's
    CHECK_EQ(FAULT_OF(value = rdmsr(0x10)), NO_FAULT);  // TSC
    CHECK(value != 0);
}

TEST(priv_msr_segment_bases)
{
    static const uint32_t msrs[] = {MSR_FS_BASE, MSR_KERNEL_GS, MSR_GS_BASE};
    uint64_t value = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        CHECK_EQ(FAULT_OF(wrmsr(msrs[i], (uint64_t)vcpu_blocks)), NO_FAULT);
        CHECK_EQ(FAULT_OF(value = rdmsr(msrs[i])), NO_FAULT);
        CHECK_EQ(value, vcpu_blocks);
        CHECK_EQ(FAULT_OF(wrmsr(msrs[i], 0x8000000000000000)), VEC_GP);
        CHECK_EQ(FAULT_OF(value = rdmsr(msrs[i])), NO_FAULT);
        CHECK_EQ(value, vcpu_blocks);
        CHECK_EQ(FAULT_OF(wrmsr(msrs[i], 0)), NO_FAULT);
    }
}

TEST(priv_msr_unknown)
{
    static const uint32_t msrs[] = {0xdeadbeef, 0x00000ff0, 0xc0001234, 0xc0010000 + 0xfff,
                                    0x7fffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        CHECK_EQ(FAULT_OF(rdmsr(msrs[i])), VEC_GP);
        CHECK_EQ(FAULT_OF(wrmsr(msrs[i], 0)), VEC_GP);
    }
}

// The registers by which the hypervisor itself is entered, and those that would switch things off.
TEST(priv_msr_hostile_writes)
{
    static const uint32_t msrs[] = {
        MSR_STAR,   MSR_LSTAR,  MSR_CSTAR, MSR_SF_MASK, // system calls
        0x174,      0x175,      0x176,                  // SYSENTER
        0x200,      0x2ff,      0x250,                  // MTRRs
        0x48,       0x49,                               // speculation control
        0x79,       0xc0010020,                         // microcode
        0xc0010117, 0xc0010114,                         // SVM's host save area, VM_CR
        0x3a,       0x480,                              // VMX
        0x830,      0x808,                              // x2APIC
        0x17a,      0x400,                              // machine check
    };

    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        (void)FAULT_OF(wrmsr(msrs[i], 0xffffffffffffffff)); // passed over or refused
        (void)FAULT_OF(wrmsr(msrs[i], 0));
    }
    (void)FAULT_OF(wrmsr(MSR_EFER, 0));
    // Everything still works.
    CHECK_EQ(hc(xen_version, 0, 0), 4 << 16 | 17);
    CHECK_EQ(FAULT_OF(__asm__ volatile("ud2")), VEC_UD);
    CHECK_EQ(rdmsr(MSR_EFER) & 0x501, 0x501);
}

TEST(priv_msr_lstar_refused)
{
    CHECK_EQ(FAULT_OF(wrmsr(MSR_LSTAR, (uint64_t)entry_syscall)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(MSR_STAR, 0)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(0xc0010117, 0)), VEC_GP);
}

// The hypervisor's own MSR writes a hypercall page into the frame that it is given.
TEST(priv_msr_hypercall_page)
{
    uint8_t *page = page_alloc();
    long (*version)(unsigned, void *) =
        (long (*)(unsigned, void *))(page + 32 * __HYPERVISOR_xen_version);

    CHECK_EQ(FAULT_OF(wrmsr(0x40000000, mfn_of(page) << PAGE_SHIFT)), NO_FAULT);
    CHECK_EQ(version(0, NULL), 4 << 16 | 17);
    CHECK_EQ(memcmp(page, hypercall_page, 20 * 32), 0);
    CHECK_EQ(FAULT_OF(wrmsr(0x40000000, kernel_root() << PAGE_SHIFT)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(0x40000000, 0x000ffffffffff000)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(0x40000000, mfn_of(page) << PAGE_SHIFT | 1)), VEC_GP); // one page only
}
