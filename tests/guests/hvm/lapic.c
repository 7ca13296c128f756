// The local APIC: identity, interrupts to oneself, the timer, x2APIC mode.
#include "tests/guests/hvm/hvm.h"

#define VECTOR         0x61
#define SELF           0x40000
#define MODE_NMI       0x400
#define TIMER_PERIODIC 0x20000

TEST(lapic_identity)
{
    CHECK_EQ(*lapic(LAPIC_ID) >> 24, cpuid_native(1, 0).b >> 24);
    CHECK_EQ(*lapic(LAPIC_VERSION) & 0xff, 0x14);
    CHECK_EQ(rdmsr(MSR_APIC_BASE) & 0xfffff900, LAPIC_BASE | 0x900);
}

TEST(lapic_base_refuses)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    CHECK_EQ(FAULT_OF(wrmsr(MSR_APIC_BASE, base | 1ul << 63)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(MSR_APIC_BASE, (base & ~0x800ul) | 0x400)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(MSR_APIC_BASE, base | 1)), VEC_GP);
    CHECK_EQ(rdmsr(MSR_APIC_BASE), base);
}

static void send(uint32_t icr)
{
    *lapic(LAPIC_ICR) = icr;
}

TEST(lapic_self_ipi)
{
    for (unsigned vector = 0x20; vector < 0x100; vector++) {
        unsigned seen = interrupt_count[vector];

        if (vector == UPCALL_VECTOR)
            continue;
        send(SELF | vector);
        CHECK(interrupt_wait((uint8_t)vector, seen, 100 * NS_PER_MS));
    }
}

TEST(lapic_self_ipi_by_number)
{
    unsigned seen = interrupt_count[VECTOR];

    *lapic(LAPIC_ICR2) = *lapic(LAPIC_ID);
    send(VECTOR);
    CHECK(interrupt_wait(VECTOR, seen, 100 * NS_PER_MS));
    *lapic(LAPIC_ICR2) = 0x77000000; // nobody
    send(VECTOR);
    *lapic(LAPIC_ICR2) = 0;
    CHECK_EQ(interrupt_count[VECTOR], seen + 1);
}

TEST(lapic_bad_ipis)
{
    for (unsigned vector = 0; vector < 16; vector++)
        send(SELF | vector);
    send(SELF | 0x200 | VECTOR); // SMI
    send(SELF | 0x300 | VECTOR); // reserved
    send(SELF | 0x600 | VECTOR); // start-up
    send(SELF | 0x700 | VECTOR);
    for (uint32_t mode = 0; mode < 8; mode++) {
        *lapic(LAPIC_ICR2) = 0x55000000;
        send(mode << 8 | VECTOR);
        send(0xc0000 | mode << 8 | VECTOR); // all others: there are none
    }
    *lapic(LAPIC_ICR2) = 0;
    lapic_setup();
}

TEST(lapic_nmi)
{
    unsigned seen = interrupt_count[2];

    send(SELF | MODE_NMI);
    CHECK(interrupt_wait(2, seen, 100 * NS_PER_MS));
}

TEST(lapic_priority)
{
    unsigned seen = interrupt_count[VECTOR];

    WRITE_CR(8, 0xf);
    send(SELF | VECTOR);
    time_spin(NS_PER_MS);
    CHECK_EQ(interrupt_count[VECTOR], seen);
    CHECK(*lapic(0x200 + VECTOR / 32 * 16) >> VECTOR % 32 & 1);
    WRITE_CR(8, 0);
    CHECK(interrupt_wait(VECTOR, seen, 100 * NS_PER_MS));
}

TEST(lapic_disabled_flag)
{
    unsigned seen = interrupt_count[VECTOR];

    events_disable();
    send(SELF | VECTOR);
    time_spin(NS_PER_MS);
    CHECK_EQ(interrupt_count[VECTOR], seen);
    events_enable();
    CHECK(interrupt_wait(VECTOR, seen, 100 * NS_PER_MS));
    CHECK_EQ(interrupt_count[VECTOR], seen + 1);
}

TEST(lapic_timer_once)
{
    unsigned seen = interrupt_count[VECTOR];
    uint64_t start = time_now(), took;

    *lapic(LAPIC_LVT_TIMER) = VECTOR;
    *lapic(LAPIC_COUNT) = 5000000;
    CHECK(*lapic(LAPIC_NOW) <= 5000000);
    CHECK(interrupt_wait(VECTOR, seen, NS_PER_S));
    took = time_now() - start;
    CHECK(took >= 4 * NS_PER_MS);
    time_spin(10 * NS_PER_MS);
    CHECK_EQ(interrupt_count[VECTOR], seen + 1);
    CHECK_EQ(*lapic(LAPIC_NOW), 0);
    lapic_setup();
}

TEST(lapic_timer_periodic)
{
    unsigned seen = interrupt_count[VECTOR];

    *lapic(LAPIC_LVT_TIMER) = TIMER_PERIODIC | VECTOR;
    *lapic(LAPIC_COUNT) = 2000000;
    for (unsigned i = 0; i < 10; i++)
        CHECK(interrupt_wait(VECTOR, seen + i, NS_PER_S));
    lapic_setup();
    seen = interrupt_count[VECTOR];
    time_spin(10 * NS_PER_MS);
    CHECK(interrupt_count[VECTOR] <= seen + 1);
}

// As fast as it can be set: the hypervisor must not drown.
TEST(lapic_timer_flood)
{
    *lapic(LAPIC_LVT_TIMER) = TIMER_PERIODIC | VECTOR;
    for (uint32_t count = 1; count < 64; count++) {
        *lapic(LAPIC_COUNT) = count;
        time_spin(100000);
    }
    *lapic(LAPIC_COUNT) = 0xffffffff;
    *lapic(LAPIC_DIVIDE) = 0xa; // by 128
    *lapic(LAPIC_COUNT) = 0xffffffff;
    lapic_setup();
}

TEST(lapic_x2apic)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    unsigned seen = interrupt_count[VECTOR];

    if (!(cpuid_native(1, 0).c >> 21 & 1))
        SKIP("no x2APIC");
    CHECK_EQ(FAULT_OF(rdmsr(0x802)), VEC_GP);
    wrmsr(MSR_APIC_BASE, base | 0xc00);
    CHECK_EQ(rdmsr(0x802), cpuid_native(1, 0).b >> 24);
    wrmsr(0x80f, 0x1ff);
    for (uint32_t msr = 0x800; msr < 0x900; msr++) {
        int vector = FAULT_OF(rdmsr(msr));

        CHECK(vector == NO_FAULT || vector == VEC_GP);
        if (msr == 0x830 || msr == 0x83f)
            continue;
        FAULT_OF(wrmsr(msr, ~0ul));
        FAULT_OF(wrmsr(msr, 0x10055));
        FAULT_OF(wrmsr(msr, 0));
    }
    wrmsr(0x80f, 0x1ff);
    wrmsr(0x83f, VECTOR);
    CHECK(interrupt_wait(VECTOR, seen, 100 * NS_PER_MS));
    wrmsr(0x830, SELF | VECTOR);
    CHECK(interrupt_wait(VECTOR, seen + 1, 100 * NS_PER_MS));
    CHECK_EQ(FAULT_OF(wrmsr(0x83f, ~0ul)), VEC_GP);
    CHECK_EQ(FAULT_OF(wrmsr(MSR_APIC_BASE, base)), VEC_GP); // not at once
    lapic_setup();
    CHECK_EQ(rdmsr(MSR_APIC_BASE), base);
}
