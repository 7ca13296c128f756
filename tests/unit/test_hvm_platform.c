// The platform's devices together: ticks from a timer to a processor; the records of all; and
// whatever a guest may do to them.
//
// sources: hypervisor/hvm/platform/platform.c hypervisor/hvm/platform/irq.c
// sources: hypervisor/hvm/platform/saved.c hypervisor/hvm/platform/pic.c
// sources: hypervisor/hvm/platform/ioapic.c hypervisor/hvm/platform/pit.c
// sources: hypervisor/hvm/platform/rtc.c hypervisor/hvm/platform/pm.c
// sources: hypervisor/hvm/platform/hpet.c hypervisor/hvm/access.c hypervisor/hvm/lapic.c
// sources: hypervisor/hvm/lapic_bus.c hypervisor/hvm/p2m.c
// sources: tests/unit/platform_kit.c tests/unit/hvm_kit.c tests/unit/fake/platform.c
// sources: tests/unit/fake/frames.c
#include <string.h>

#include "lib/errno.h"
#include "pv-abi/hvm/ioreq.h"
#include "tests/suite.h"
#include "tests/unit/platform_kit.h"

// Ticks: by the PIC, by the I/O APIC, by the HPET in the PIT's stead.
static void test_ticks(void)
{
    unsigned n = 0;

    start();
    set_up_pic(1);
    out(0x43, 0x34);
    out(0x40, 11932 & 0xff);
    out(0x40, 11932 >> 8);
    for (unsigned i = 0; i < 100; i++) {
        pass_until(kit_now + MILLISECONDS(10) + 1000);
        if (hvm_pic_pending(v[0])) {
            CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x20);
            out(0x20, 0x20);
            n++;
        }
    }
    CU_ASSERT(n == 99 || n == 100);
    pass_until(kit_now + MILLISECONDS(200)); // the vCPU does not run
    for (n = 0; n < 1000 && p->pit.tick.owed; n++) {
        hvm_pic_accept(v[0]);
        out(0x20, 0x20);
        pass_until(kit_now + MILLISECONDS(3));
    }
    CU_ASSERT(n >= 20 && n < 100);
    lapic_write(v[0], 0x350, MASKED);
    route(2, 0x70, 2);
    taken(0x70);
    pass_until(kit_now + MILLISECONDS(11));
    CU_ASSERT_EQUAL(taken(0x70), 2);
    access_at(false, HPET_BASE + 0x10, 8, true, 3); // the PIT has no line now
    pass_until(kit_now + MILLISECONDS(50));
    CU_ASSERT_EQUAL(taken(0x70), 0);
    access_at(false, HPET_BASE + 0x100, 4, true, 0x4c);
    access_at(false, HPET_BASE + 0x108, 8, true,
              access_at(false, HPET_BASE + 0xf0, 8, false, 0) + 62500);
    access_at(false, HPET_BASE + 0x10c, 4, true, 0);
    access_at(false, HPET_BASE + 0x108, 4, true, 62500);
    for (n = 0; n < 10; n++) {
        pass_until(kit_now + MILLISECONDS(1));
        CU_ASSERT_EQUAL(taken(0x70), 2);
    }
    finish();
}

static void test_rtc_and_pm(void)
{
    start();
    set_up_pic(1 << 8 | 1 << 9);
    out(0x70, 4);
    CU_ASSERT_EQUAL(in(0x71), 0x18); // 18:40:10
    out(0x70, 0x0b);
    out(0x71, 0x12);
    pass_until(kit_now + SECONDS(1));
    CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x28);
    out(0x70, 0x0c);
    CU_ASSERT_EQUAL(in(0x71), 0x90);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    pass_until(kit_now + SECONDS(1));
    CU_ASSERT(hvm_pic_pending(v[0]));
    CU_ASSERT_EQUAL(in(0x71), 0x90);
    CU_ASSERT(!hvm_pic_pending(v[0])); // read: it is no more
    out(0x70, 0x09);
    out(0x71, 0x30);
    CU_ASSERT_EQUAL(d->d.time_offset_seconds, (4 * 365 + 1) * 86400);
    CU_ASSERT_EQUAL(published, 1);
    d->d.time_offset_seconds = INT64_MAX; // what the tools said is bounded, not trusted
    CU_ASSERT(in(0x71) != 0xff);
    out(0x70, 0x10);
    CU_ASSERT_EQUAL(in(0x71), 0xff); // the device model's
    CU_ASSERT_EQUAL(hvm_platform_press(&d->d, false), 0);
    access_at(true, ACPI_PM1A_EVT_BLK_ADDRESS_V0 + 2, 2, true, 0x100);
    CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x29);
    CU_ASSERT_EQUAL((uint32_t)access_at(true, ACPI_PM1A_EVT_BLK_ADDRESS_V1, 4, false, 0), ~0u);
    d->params[HVM_PARAM_ACPI_IOPORTS_LOCATION] = 1;
    CU_ASSERT_EQUAL(access_at(true, ACPI_PM1A_EVT_BLK_ADDRESS_V1, 4, false, 0), 0x01000100);
    CU_ASSERT_EQUAL((uint32_t)access_at(true, ACPI_PM_TMR_BLK_ADDRESS_V0, 4, false, 0), ~0u);
    access_at(true, ACPI_PM1A_CNT_BLK_ADDRESS_V1, 2, true, 0x2400);
    CU_ASSERT_EQUAL(shutdowns, 0);
    access_at(true, ACPI_PM1A_CNT_BLK_ADDRESS_V1, 2, true, 0x2000);
    CU_ASSERT_EQUAL(shutdowns, 1);
    finish();
}

// Records
// ------------------------------------------------------------------------

struct stream {
    struct hvm_save_descriptor head;
    union hvm_platform_record r;
} saved[16];

static unsigned save_all(void)
{
    unsigned n = 0;

    while (n < 16 && hvm_platform_save(&d->d, n, &saved[n].head, &saved[n].r))
        n++;
    return n;
}

static int load_one(unsigned n, bool commit)
{
    return hvm_platform_load(&d->d, saved[n].head.typecode, saved[n].head.instance, &saved[n].r,
                             commit);
}

static void test_records(void)
{
    static struct stream first[16];
    unsigned n;

    start();
    set_up_pic(1 << 9);
    route(20, LEVEL | 0x51, 2);
    hvm_pci_link_route(&d->d, 2, 11);
    hvm_pci_intx(&d->d, 1, 0, true); // input 20, link 1
    hvm_pci_intx(&d->d, 2, 0, true); // link 2, line 11
    hvm_isa_irq(&d->d, 4, true);
    hvm_platform_press(&d->d, false);
    access_at(true, ACPI_PM1A_EVT_BLK_ADDRESS_V0 + 2, 2, true, 0x100);
    n = save_all();
    CU_ASSERT_EQUAL(n, 10);
    memcpy(first, saved, sizeof(first));
    finish();
    start();
    lapic_write(v[0], 0x350, 0x700);
    memcpy(saved, first, sizeof(first));
    for (unsigned i = 0; i < n; i++)
        CU_ASSERT_EQUAL(load_one(n - 1 - i, true), 0); // in any order
    hvm_platform_loaded(&d->d);
    CU_ASSERT_EQUAL(save_all(), n);
    for (unsigned i = 0; i < n; i++)
        if (memcmp(&first[i], &saved[i], sizeof(first[i])))
            CU_FAIL("a record");
    CU_ASSERT_EQUAL(taken(0x51), 0); // its request has been sent, and is in the local APIC's record
    hvm_irq_eoi(&d->d, 0x51);
    CU_ASSERT_EQUAL(lapic_pending(v[1]), 0x51);
    CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x29);
    CU_ASSERT_EQUAL(p->held_by_model, 1 << 4); // line 9 is the power button's alone
    saved[0].head.instance = 2;
    CU_ASSERT_EQUAL(load_one(0, false), -EINVAL);
    saved[0].head.typecode = HVM_SAVE_CODE(CPU);
    CU_ASSERT_EQUAL(load_one(0, false), -EOPNOTSUPP);
    for (unsigned i = 0; i < n; i++) {
        if (first[i].head.typecode == HVM_SAVE_CODE(IOAPIC)) {
            saved[i].r.ioapic.redirtbl[3].bits = 1u << 14;
            CU_ASSERT_EQUAL(load_one(i, false), -EINVAL);
        } else if (first[i].head.typecode == HVM_SAVE_CODE(PCI_LINK)) {
            saved[i].r.link.route[3] = 16;
            CU_ASSERT_EQUAL(load_one(i, false), -EINVAL);
        } else if (first[i].head.typecode == HVM_SAVE_CODE(ISA_IRQ)) {
            saved[i].r.isa.i[0] = 1 << 16;
            CU_ASSERT_EQUAL(load_one(i, false), -EINVAL);
        }
    }
    finish();
}

// Hostility
// ------------------------------------------------------------------------

static void check(void)
{
    unsigned active = 0;

    CU_ASSERT(p->when > kit_now);
    CU_ASSERT(!(p->held_by_devices & ~(0x301ull | 0xfull << 20)));
    CU_ASSERT(!p->edges || !(p->edges & ~0x101ull));
    CU_ASSERT_EQUAL(p->intr, pic_output(&p->pic));
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        active += (p->ioapic.s.redirtbl[i].bits & (1u << 14 | LEVEL)) == 1u << 14;
    CU_ASSERT_EQUAL(active, 0);
    CU_ASSERT_EQUAL(kit_startups, 0);
}

static void random_access(void)
{
    static const uint16_t ports[] = {0x20,   0x21,   0xa0,   0xa1,   0x40,   0x41,   0x42,
                                     0x43,   0x61,   0x70,   0x71,   0x4d0,  0x4d1,  0x1f40,
                                     0x1f42, 0x1f44, 0x1f48, 0xb000, 0xb002, 0xb004, 0xb008};
    static const uint8_t sizes[] = {1, 1, 1, 2, 4, 8};
    uint8_t bytes = sizes[fake_below(6)];
    bool port = fake_below(2), write = fake_below(3);
    uint64_t address, data = fake_random();

    if (port)
        address = ports[fake_below(ARRAY_SIZE(ports))] + fake_below(2);
    else if (fake_below(2))
        address = IOAPIC_BASE + (fake_below(4) ? fake_below(2) * 16 : fake_below(0x1000));
    else
        address = HPET_BASE + (fake_below(4) ? fake_below(0x2c) * 8 : fake_below(0x400));
    if (fake_below(2))
        data &= fake_random() & fake_random();
    access_at(port, address, port && bytes == 8 ? 4 : bytes, write, data);
}

// A record changed at random: refused, or such that the devices go on with it.
static void random_load(void)
{
    unsigned n = save_all();

    for (unsigned i = 0; i < n; i++) {
        if (fake_below(2))
            ((uint8_t *)&saved[i].r)[fake_below(saved[i].head.length)] ^=
                (uint8_t)(fake_random() & fake_random());
        if (!load_one(i, false))
            CU_ASSERT_EQUAL(load_one(i, true), 0);
    }
    hvm_platform_loaded(&d->d);
}

static void test_hostile(void)
{
    for (unsigned round = 0; round < 40; round++) {
        start();
        fake_seed(round + 1);
        for (unsigned i = 0; i < 10000; i++) {
            switch (fake_below(16)) {
            case 0:
                hvm_isa_irq(&d->d, fake_below(17), fake_below(2));
                hvm_pci_intx(&d->d, fake_below(33), fake_below(5), fake_below(2));
                break;
            case 1:
                hvm_pci_link_route(&d->d, fake_below(5), fake_below(17));
                break;
            case 2:
                pass_until(kit_now + (nsec_t)(fake_random() >> (30 + fake_below(30))) % SECONDS(2));
                break;
            case 3:
                info.evtchn_upcall_pending = (uint8_t)fake_below(2);
                hvm_callback_line(&d->d, (uint64_t)fake_below(2) << 56 | fake_below(1 << 17));
                hvm_callback_update(&d->d);
                break;
            case 4:
                hvm_pic_accept(v[fake_below(VCPUS)]);
                taken((uint8_t)fake_random());
                lapic_write(v[fake_below(VCPUS)], 0x350, (uint32_t)fake_random());
                break;
            case 5:
                if (!fake_below(50))
                    random_load();
                hvm_irq_eoi(&d->d, (uint8_t)fake_random());
                hvm_msi(&d->d, 0xfee00000 | (fake_random() & 0xfffff), (uint32_t)fake_random());
                break;
            default:
                random_access();
            }
            check();
        }
        finish();
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"ticks", test_ticks},     {"RTC and ACPI", test_rtc_and_pm},
        {"records", test_records}, {"hostile", test_hostile},
        CU_TEST_INFO_NULL,
    };

    return run_suite("platform", tests);
}
