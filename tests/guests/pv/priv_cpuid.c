// CPUID through the forced-emulation prefix: the hypervisor's leaves, and the policy for the
// others.
#include "tests/guests/common/guest.h"
#include "tests/guests/common/instructions.h"

#define LEAF_BASE 0x40000000

TEST(cpuid_hypervisor_leaves)
{
    struct cpuid_result r = cpuid_forced(LEAF_BASE, 0);

    CHECK(r.a >= LEAF_BASE + 2 && r.a <= LEAF_BASE + 0xff);
    CHECK_EQ(r.b, 0x566e6558); // "XenVMMXenVMM"
    CHECK_EQ(r.c, 0x65584d4d);
    CHECK_EQ(r.d, 0x4d4d566e);
    r = cpuid_forced(LEAF_BASE + 1, 0);
    CHECK_EQ(r.a, 4 << 16 | 17);
    r = cpuid_forced(LEAF_BASE + 2, 0);
    CHECK_EQ(r.a, 1);          // hypercall pages
    CHECK_EQ(r.b, 0x40000000); // the MSR that fills one in
    CHECK_EQ(r.c & 1, 1);      // MMU_PT_UPDATE_PRESERVE_AD
}

// Leaf 3: how time is told. A guest whose TSC is not emulated is not told a rate of its own.
TEST(cpuid_time_leaves)
{
    struct cpuid_result r = cpuid_forced(LEAF_BASE, 0);

    if (r.a < LEAF_BASE + 3)
        SKIP("there are none");
    r = cpuid_forced(LEAF_BASE + 3, 0);
    CHECK(r.b <= 3);      // TSC mode
    CHECK_EQ(r.a & 1, 0); // not emulated
    r = cpuid_forced(LEAF_BASE + 3, 2);
    CHECK(r.a > 1000); // the machine's kHz
}

TEST(cpuid_basic_leaves)
{
    struct cpuid_result native = cpuid_native(0, 0), r = cpuid_forced(0, 0);

    CHECK_EQ(r.b, native.b); // the vendor
    CHECK_EQ(r.c, native.c);
    CHECK_EQ(r.d, native.d);
    CHECK(r.a >= 1 && r.a <= native.a);
    native = cpuid_native(1, 0);
    r = cpuid_forced(1, 0);
    CHECK_EQ(r.a, native.a); // family, model, stepping
    CHECK_EQ(r.c & 1U << 31, 1U << 31);
    CHECK_EQ(r.c & ~native.c & ~(1U << 31 | 1U << 27 | 1U << 24), 0); // nothing that is not there
}

// Features that a PV guest cannot use must not be shown to it.
TEST(cpuid_hidden_features)
{
    struct cpuid_result r = cpuid_forced(1, 0);

    CHECK_EQ(r.c & (1U << 5), 0);              // VMX
    CHECK_EQ(r.c & (1U << 3), 0);              // MONITOR
    CHECK_EQ(r.c & (1U << 17), 0);             // PCID
    CHECK_EQ(r.c & (1U << 15), 0);             // PDCM
    CHECK_EQ(r.d & (1U << 17), 0);             // PSE36
    if (!CHECK_EQ(r.d & (1U << 16), 1U << 16)) // PAT
        return;
    r = cpuid_forced(0x80000001, 0);
    CHECK_EQ(r.c & (1U << 2), 0);  // SVM
    CHECK_EQ(r.d & (1U << 26), 0); // pages of 1 GB
    r = cpuid_forced(7, 0);
    CHECK_EQ(r.b & (1U << 7), 0);  // SMEP
    CHECK_EQ(r.b & (1U << 20), 0); // SMAP
    CHECK_EQ(r.b & (1U << 10), 0); // INVPCID
    CHECK_EQ(r.c & (1U << 2), 0);  // UMIP
    CHECK_EQ(r.c & (1U << 3), 0);  // PKU
}

TEST(cpuid_needed_features)
{
    struct cpuid_result r = cpuid_forced(1, 0);
    uint32_t must = 1U << 0 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 8 | 1U << 15 | 1U << 24 |
                    1U << 25 | 1U << 26; // FPU TSC MSR PAE CX8 CMOV FXSR SSE SSE2

    CHECK_EQ(r.d & must, must);
    r = cpuid_forced(0x80000001, 0);
    CHECK_EQ(r.d & (1U << 29), 1U << 29); // long mode
    CHECK_EQ(r.d & (1U << 20), 1U << 20); // NX
    CHECK_EQ(r.d & (1U << 11), 1U << 11); // SYSCALL
    CHECK(cpuid_forced(0x80000000, 0).a >= 0x80000008);
    r = cpuid_forced(0x80000008, 0);
    CHECK((r.a & 0xff) >= 36 && (r.a & 0xff) <= 52);
    CHECK_EQ(r.a >> 8 & 0xff, 48);
}

TEST(cpuid_xsave)
{
    struct cpuid_result one = cpuid_forced(1, 0), d0, d1;

    if (!(one.c & 1U << 26))
        SKIP("no XSAVE");
    d0 = cpuid_forced(0xd, 0);
    d1 = cpuid_forced(0xd, 1);
    CHECK_EQ(d0.a & 3, 3);
    CHECK(d0.c >= 576 && d0.c <= 4096);
    CHECK_EQ(d1.a & ~0xfU, 0);
    CHECK_EQ(d1.c | d1.d, 0); // no supervisor states
    if (one.c & 1U << 28)     // AVX
        CHECK_EQ(d0.a & 4, 4);
}

TEST(cpuid_out_of_range)
{
    struct cpuid_result r = cpuid_forced(LEAF_BASE + 0xff, 0);

    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
    r = cpuid_forced(0x12345678, 0);
    r = cpuid_forced(0x8fffffff, 0);
    r = cpuid_forced(0xffffffff, 0xffffffff);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
}

// The prefix is for CPUID and for nothing else.
TEST(cpuid_prefix_hostile)
{
    CHECK_EQ(FAULT_OF(__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; nop")), VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6f; cpuid"
                                       :
                                       :
                                       : "eax", "ebx", "ecx", "edx")),
             VEC_UD);
    CHECK_EQ(FAULT_OF(__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; rdmsr"
                                       :
                                       : "c"(0x1b)
                                       : "eax", "edx")),
             VEC_UD);
    // Split by the end of a mapping.
    uint8_t *page = page_alloc();

    memcpy(page + PAGE_SIZE - 3, "\x0f\x0b\x78", 3);
    CHECK_OK(window_map(0, mfn_of(page), PTE_RW));
    CHECK_OK(window_unmap(1));
    CHECK_EQ(FAULT_OF(((void (*)(void))(window_va(1) - 3))()), VEC_PF);
    CHECK_EQ(last_fault_cr2(), window_va(1));
    CHECK_OK(window_unmap(0));
}
