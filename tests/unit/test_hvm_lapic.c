// The local APIC of HVM guests: priorities, interrupts between processors, timer, x2APIC mode.
//
// sources: hypervisor/hvm/lapic.c hypervisor/hvm/lapic_bus.c hypervisor/hvm/p2m.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>

#include "cpu/msr.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

#define TPR   0x80
#define EOI   0xb0
#define LDR   0xd0
#define DFR   0xe0
#define SVR   0xf0
#define ICR   0x300
#define ICR2  0x310
#define TIMER 0x320
#define COUNT 0x380
#define NOW   0x390
#define DIV   0x3e0

static struct hvm_domain *d;
static struct hvm_vcpu *v[4];

static void start(void)
{
    fake_reset();
    d = kit_domain(4);
    for (unsigned i = 0; i < 4; i++) {
        v[i] = to_hvm(d->d.vcpus[i]);
        lapic_init(v[i]);
        lapic_write(v[i], SVR, 0x1ff);
    }
}

static void test_priority(void)
{
    start();
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    lapic_interrupt(v[0], 0x31);
    lapic_interrupt(v[0], 0x85);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x85);
    lapic_accept(v[0], 0x85);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1); // 0x31 is of a lower class than what is served
    lapic_interrupt(v[0], 0x8f);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1); // the same class
    lapic_interrupt(v[0], 0x90);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x90);
    lapic_accept(v[0], 0x90);
    lapic_write(v[0], EOI, 0);
    lapic_write(v[0], EOI, 0);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x8f);
    lapic_write(v[0], TPR, 0x80);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    CU_ASSERT_EQUAL(lapic_get_cr8(v[0]), 8);
    lapic_set_cr8(v[0], 2);
    CU_ASSERT_EQUAL(lapic_read(v[0], TPR), 0x20);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x8f);
    kit_domain_free(d);
}

static void test_off(void)
{
    start();
    lapic_write(v[1], SVR, 0xff); // disabled by software
    lapic_interrupt(v[1], 0x40);
    CU_ASSERT_EQUAL(lapic_pending(v[1]), -1);
    lapic_interrupt(v[0], 15); // no vector for an interrupt
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    lapic_write(v[1], TIMER, 0x40);
    CU_ASSERT(lapic_read(v[1], TIMER) & 1u << 16); // stays masked
    kit_domain_free(d);
}

static void send(uint32_t icr, uint32_t destination)
{
    lapic_write(v[0], ICR2, destination << 24);
    lapic_write(v[0], ICR, icr);
}

static unsigned who_has(uint8_t vector)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 4; i++)
        if (lapic_pending(v[i]) == vector)
            mask |= 1u << i;
    return mask;
}

static void test_ipi(void)
{
    start();
    send(0x50, 4); // the number of vCPU 2
    CU_ASSERT_EQUAL(who_has(0x50), 1u << 2);
    send(0x51, 3); // nobody's
    CU_ASSERT_EQUAL(who_has(0x51), 0);
    send(1u << 18 | 0x52, 0);
    CU_ASSERT_EQUAL(who_has(0x52), 1u << 0);
    send(3u << 18 | 0x60, 0);
    CU_ASSERT_EQUAL(who_has(0x60), 0xe);
    send(2u << 18 | 0x70, 0);
    CU_ASSERT_EQUAL(who_has(0x70), 0xf);
    send(0x80, 0xff);
    CU_ASSERT_EQUAL(who_has(0x80), 0xf);
    for (unsigned i = 0; i < 4; i++)
        lapic_write(v[i], LDR, 1u << (24 + i));
    send(1u << 11 | 0x90, 0x6);
    CU_ASSERT_EQUAL(who_has(0x90), 0x6);
    for (unsigned i = 0; i < 4; i++) { // clusters: two in 0, two in 1
        lapic_write(v[i], DFR, 0x0fffffff);
        lapic_write(v[i], LDR, (i / 2) << 28 | 1u << (24 + i % 2));
    }
    send(1u << 11 | 0xa0, 0x13);
    CU_ASSERT_EQUAL(who_has(0xa0), 0xc);
    send(4u << 8, 2);
    CU_ASSERT_EQUAL(kit_nmis, 1);
    kit_domain_free(d);
}

static void test_start_up(void)
{
    start();
    send(5u << 8 | 1u << 14 | 1u << 15, 2); // INIT, asserted
    CU_ASSERT_EQUAL(kit_inits, 1);
    CU_ASSERT_PTR_EQUAL(kit_target, v[1]);
    send(5u << 8 | 1u << 15, 2); // ... and no more: means nothing
    CU_ASSERT_EQUAL(kit_inits, 1);
    send(6u << 8 | 0x9a, 6);
    CU_ASSERT_EQUAL(kit_startups, 1);
    CU_ASSERT_EQUAL(kit_startup_page, 0x9a);
    CU_ASSERT_PTR_EQUAL(kit_target, v[3]);
    kit_domain_free(d);
}

static void test_timer(void)
{
    start();
    lapic_write(v[0], DIV, 0x3); // by 16
    lapic_write(v[0], TIMER, 0x40);
    lapic_write(v[0], COUNT, 1000);
    kit_pass_time(8000);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    CU_ASSERT_EQUAL(lapic_read(v[0], NOW), 500);
    kit_pass_time(16000);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x40);
    CU_ASSERT_EQUAL(lapic_read(v[0], NOW), 0);
    lapic_accept(v[0], 0x40);
    lapic_write(v[0], EOI, 0);
    kit_pass_time(100000);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1); // once
    lapic_write(v[0], TIMER, 1u << 17 | 0x41);
    lapic_write(v[0], DIV, 0xb); // by 1
    lapic_write(v[0], COUNT, 300000);
    for (unsigned i = 1; i <= 3; i++) {
        kit_pass_time(100000 + 300000 * i);
        CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x41);
        lapic_accept(v[0], 0x41);
        lapic_write(v[0], EOI, 0);
    }
    lapic_write(v[0], COUNT, 0); // stops it
    kit_pass_time(2000000);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    kit_domain_free(d);
}

// One that is made periodic while it runs: its period could have been any.
static void test_timer_changed(void)
{
    start();
    lapic_write(v[0], DIV, 0xb); // by 1
    lapic_write(v[0], TIMER, 0x40);
    lapic_write(v[0], COUNT, 10);
    lapic_write(v[0], TIMER, 1u << 17 | 0x40);
    kit_pass_time(10);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x40);
    lapic_accept(v[0], 0x40);
    lapic_write(v[0], EOI, 0);
    kit_pass_time(10 + MICROSECONDS(200) - 1);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), -1);
    kit_pass_time(10 + MICROSECONDS(200));
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x40);
    kit_domain_free(d);
}

static void test_x2apic(void)
{
    uint64_t value;

    start();
    CU_ASSERT(!lapic_read_msr(v[1], MSR_X2APIC + 2, &value)); // not in that mode
    CU_ASSERT(lapic_read_msr(v[1], MSR_APIC_BASE, &value));
    CU_ASSERT_EQUAL(value, LAPIC_DEFAULT_BASE | 1u << 11);
    CU_ASSERT(!lapic_write_msr(v[1], MSR_APIC_BASE,
                               LAPIC_DEFAULT_BASE | 1u << 10)); // not without the other
    CU_ASSERT(lapic_covers(v[1], LAPIC_DEFAULT_BASE + 0x20));
    CU_ASSERT(lapic_write_msr(v[1], MSR_APIC_BASE, LAPIC_DEFAULT_BASE | 3u << 10));
    CU_ASSERT(!lapic_covers(v[1], LAPIC_DEFAULT_BASE + 0x20));
    CU_ASSERT(lapic_read_msr(v[1], MSR_X2APIC + 2, &value));
    CU_ASSERT_EQUAL(value, 2);
    CU_ASSERT(lapic_read_msr(v[1], MSR_X2APIC + 0xd, &value));
    CU_ASSERT_EQUAL(value, 1u << 2);
    CU_ASSERT(lapic_write_msr(v[1], MSR_X2APIC_ICR, 6ull << 32 | 0x55));
    CU_ASSERT_EQUAL(who_has(0x55), 1u << 3);
    CU_ASSERT(lapic_write_msr(v[1], MSR_X2APIC + 0x3f, 0x66));
    CU_ASSERT_EQUAL(who_has(0x66), 1u << 1);
    CU_ASSERT(!lapic_write_msr(v[1], MSR_X2APIC + 2, 0));    // read-only
    CU_ASSERT(!lapic_write_msr(v[1], MSR_X2APIC + 0xb, 1));  // EOI takes 0 only
    CU_ASSERT(!lapic_write_msr(v[1], MSR_X2APIC + 0x50, 0)); // beyond
    CU_ASSERT(!lapic_write_msr(v[1], MSR_APIC_BASE, LAPIC_DEFAULT_BASE | 1u << 11));
    CU_ASSERT(lapic_write_msr(v[1], MSR_APIC_BASE, LAPIC_DEFAULT_BASE));
    CU_ASSERT(!lapic_write_msr(v[1], MSR_APIC_BASE, 1)); // reserved
    kit_domain_free(d);
}

// Every register, every value that comes to a hostile mind: nothing but the APIC changes.
static void test_hostile(void)
{
    start();
    fake_seed(7);
    for (unsigned i = 0; i < 200000; i++) {
        struct hvm_vcpu *self = v[fake_below(4)];
        uint64_t value = fake_random(), read;

        switch (fake_below(6)) {
        case 0:
            lapic_write(self, fake_below(0x1000), (uint32_t)value);
            break;
        case 1:
            lapic_read(self, fake_below(0x1000));
            break;
        case 2:
            lapic_write_msr(self, MSR_X2APIC + fake_below(0x100), value);
            break;
        case 3:
            lapic_read_msr(self, MSR_X2APIC + fake_below(0x100), &read);
            break;
        case 4:
            lapic_write_msr(self, MSR_APIC_BASE, LAPIC_DEFAULT_BASE | (value & 0xd00));
            break;
        default:
            if (lapic_pending(self) >= 0)
                lapic_accept(self, (uint8_t)lapic_pending(self));
            kit_pass_time(kit_now + (nsec_t)(value & 0xfffff));
        }
    }
    kit_domain_free(d);
    CU_PASS();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"priority", test_priority}, {"switched off", test_off},
        {"IPI", test_ipi},           {"start-up", test_start_up},
        {"timer", test_timer},       {"timer changed", test_timer_changed},
        {"x2APIC", test_x2apic},     {"hostile", test_hostile},
        CU_TEST_INFO_NULL,
    };

    return run_suite("local APIC", tests);
}
