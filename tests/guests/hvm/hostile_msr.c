// Every MSR in the ranges that hold any, read and written with nonsense. What it gives is the
// processor's and the hypervisor's business; that both go on is what is tested.
#include "tests/guests/hvm/hvm.h"

static const uint64_t nonsense[] = {~0ul, 0x0000800000000000, 0x55555555};

// What would take the guest's own feet away: the APIC's base (lapic.c), EFER and the hypercall page
// (below), and where the guest would be written to by its hypervisor.
static bool is_spared(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_EFER || (msr & ~0xffu) == 0x40000000 ||
           (msr >= 0x4b564d00 && msr < 0x4b564e00);
}

static void attack(uint32_t msr)
{
    volatile uint64_t old = 0;
    int vector = FAULT_OF(old = rdmsr(msr));

    CHECK(vector == NO_FAULT || vector == VEC_GP);
    if (is_spared(msr))
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(nonsense); i++) {
        int written = FAULT_OF(wrmsr(msr, nonsense[i]));

        CHECK(written == NO_FAULT || written == VEC_GP);
    }
    if (vector == NO_FAULT)
        FAULT_OF(wrmsr(msr, old));
}

static void attack_range(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        attack(first + i);
}

TEST(hostile_msr_low)
{
    attack_range(0, 0x1100);
}

TEST(hostile_msr_hypervisor)
{
    attack_range(0x40000000, 0x200);
    attack_range(0x4b564d00, 0x20);
}

TEST(hostile_msr_amd)
{
    attack_range(0xc0000000, 0x400);
    attack_range(0xc0010000, 0x400);
    attack_range(0xc0011000, 0x100);
}

TEST(hostile_msr_far)
{
    uint64_t state = 0x1234567;

    for (unsigned i = 0; i < 1000; i++) {
        uint32_t msr = (uint32_t)random_next(&state);

        if (msr >= 0x2000 && (msr >> 16) != 0xc000 && (msr >> 16) != 0xc001)
            attack(msr);
    }
}

TEST(hostile_msr_hypercall_page)
{
    uint32_t msr = cpuid_native(hypervisor_leaf + 2, 0).b;

    FAULT_OF(wrmsr(msr, ~0ul));
    FAULT_OF(wrmsr(msr, HOLE));
    FAULT_OF(wrmsr(msr, LAPIC_BASE));
    FAULT_OF(wrmsr(msr, 0x000ffffffffff000));
    CHECK_EQ(FAULT_OF(wrmsr(msr, (uint64_t)hypercall_page)), NO_FAULT);
    CHECK(hc(xen_version, 0) > 0x40000);
}
