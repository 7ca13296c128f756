// Instructions of the processor's own virtualization, and others that leave the guest.
#include "tests/guests/hvm/hvm.h"

#define UD(name, ...)                                              \
    TEST(hostile_instruction_##name)                               \
    {                                                              \
        CHECK_EQ(FAULT_OF(__asm__ volatile(__VA_ARGS__)), VEC_UD); \
    }

// clang-format off
UD(vmrun, "vmrun %%rax" : : "a"(0x1000ul) : "memory")
UD(vmload, "vmload %%rax" : : "a"(0x1000ul) : "memory")
UD(vmsave, "vmsave %%rax" : : "a"(0x1000ul) : "memory")
UD(stgi, "stgi" : : : "memory")
UD(clgi, "clgi" : : : "memory")
UD(invlpga, "invlpga %%rax, %%ecx" : : "a"(0ul), "c"(1) : "memory")
UD(skinit, "skinit %%eax" : : "a"(0) : "memory")
UD(monitor, "monitor %%rax, %%ecx, %%edx" : : "a"(shared_info), "c"(0), "d"(0))
UD(mwait, "mwait %%eax, %%ecx" : : "a"(0), "c"(0))
UD(vmxon, ".byte 0xf3, 0x0f, 0xc7, 0x30" : : "a"(shared_info) : "memory")
UD(vmlaunch, "vmlaunch" : : : "memory")
UD(rsm, "rsm" : : : "memory")
UD(getsec, ".byte 0x0f, 0x37" : : "a"(0), "b"(0) : "memory")
// clang-format on

TEST(hostile_instruction_rdpmc)
{
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(FAULT_OF(__asm__ volatile("rdpmc" : : "c"(i) : "rax", "rdx")), VEC_GP);
}

TEST(hostile_instruction_caches)
{
    volatile uint64_t *page = page_alloc();

    *page = 0x1234;
    CHECK_EQ(FAULT_OF(__asm__ volatile("wbinvd" : : : "memory")), NO_FAULT);
    CHECK_EQ(FAULT_OF(__asm__ volatile("invd" : : : "memory")), NO_FAULT);
    CHECK_EQ(*page, 0x1234);
}

TEST(hostile_instruction_prefixes)
{
    uint32_t a = 0, c = 0;

    __asm__ volatile(".byte 0x66, 0x2e, 0x40, 0x0f, 0xa2" : "+a"(a), "+c"(c) : : "rbx", "rdx");
    CHECK_EQ(a, cpuid_native(0, 0).a);
    __asm__ volatile(
        ".byte 0x2e, 0x3e, 0x26, 0x64, 0x65, 0x36, 0x2e, 0x3e, 0x26, 0x64, 0x65, 0x36, "
        "0x40, 0x0f, 0xa2"
        : "+a"(a), "+c"(c)
        :
        : "rbx", "rdx");
}
