// Interrupt lines: to the PIC and, by the I/O APIC, to local APICs.
//
// sources: hypervisor/hvm/platform/platform.c hypervisor/hvm/platform/irq.c
// sources: hypervisor/hvm/platform/saved.c hypervisor/hvm/platform/pic.c
// sources: hypervisor/hvm/platform/ioapic.c hypervisor/hvm/platform/pit.c
// sources: hypervisor/hvm/platform/rtc.c hypervisor/hvm/platform/pm.c
// sources: hypervisor/hvm/platform/hpet.c hypervisor/hvm/access.c hypervisor/hvm/lapic.c
// sources: hypervisor/hvm/lapic_bus.c hypervisor/hvm/p2m.c
// sources: tests/unit/platform_kit.c tests/unit/hvm_kit.c tests/unit/fake/platform.c
// sources: tests/unit/fake/frames.c
#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/platform_kit.h"

#define LOGICAL (1u << 11)

static void test_ioapic(void)
{
    start();
    CU_ASSERT_EQUAL(io_read(1), 0x002f0011);
    io_write(0, 0x05000000);
    CU_ASSERT_EQUAL(io_read(0), 0x05000000);
    CU_ASSERT_EQUAL(io_read(0x10 + 2 * 47), MASKED);
    CU_ASSERT_EQUAL(io_read(0x10 + 2 * 48), 0);
    io_write(0x10, ~0u);
    CU_ASSERT_EQUAL(io_read(0x10), 0x1afff); // what is read-only is 0
    access_at(false, IOAPIC_BASE + 0x10, 1, true, 0);
    CU_ASSERT_EQUAL(io_read(0x10), 0x1afff); // not a whole register
    route(4, 0x41, 2);                       // edge
    hvm_isa_irq(&d->d, 4, true);
    CU_ASSERT_EQUAL(taken(0x41), 1 << 1);
    hvm_isa_irq(&d->d, 4, true); // no change
    CU_ASSERT_EQUAL(taken(0x41), 0);
    hvm_isa_irq(&d->d, 4, false);
    route(4, MASKED | 0x41, 2);
    hvm_isa_irq(&d->d, 4, true);
    route(4, 0x41, 2);
    CU_ASSERT_EQUAL(taken(0x41), 0); // lost
    hvm_isa_irq(&d->d, 0, true);     // has input 2
    route(2, LEVEL | 0x42, 0);
    CU_ASSERT_EQUAL(taken(0x42), 1);
    finish();
}

static void test_level(void)
{
    start();
    hvm_pci_intx(&d->d, 1, 0, true);
    route(20, LEVEL | 0x51, 4);
    CU_ASSERT_EQUAL(lapic_pending(v[2]), 0x51); // waited for being let through
    CU_ASSERT_EQUAL(io_read(0x10 + 40), LEVEL | 1u << 14 | 0x51);
    lapic_accept(v[2], 0x51);
    CU_ASSERT_EQUAL(lapic_pending(v[2]), -1);
    hvm_pci_intx(&d->d, 1, 0, true);
    CU_ASSERT_EQUAL(lapic_pending(v[2]), -1);
    lapic_write(v[2], 0xb0, 0);
    CU_ASSERT_EQUAL(lapic_pending(v[2]), 0x51); // is still up
    lapic_accept(v[2], 0x51);
    hvm_pci_intx(&d->d, 1, 0, false);
    lapic_write(v[2], 0xb0, 0);
    CU_ASSERT_EQUAL(lapic_pending(v[2]), -1);
    CU_ASSERT_EQUAL(io_read(0x10 + 40), LEVEL | 0x51);
    lapic_interrupt(v[2], 0x51); // the same vector by edge: no end is told
    io_write(0x10 + 42, LEVEL | 0x51);
    hvm_pci_intx(&d->d, 1, 1, true);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x51);
    lapic_accept(v[2], 0x51);
    hvm_pci_intx(&d->d, 1, 1, false);
    io_write(0x10 + 42, LEVEL | 0x51); // what is read-only stays
    lapic_write(v[2], 0xb0, 0);
    CU_ASSERT(io_read(0x10 + 42) & 1u << 14);
    io_write(0x10 + 42, MASKED | 0x51); // by edge: it has no remote request
    CU_ASSERT_EQUAL(io_read(0x10 + 42), MASKED | 0x51);
    hvm_pci_intx(&d->d, 1, 2, true); // nobody has it: asked again when something changes
    route(22, LEVEL | 0x61, 9);
    CU_ASSERT(!(io_read(0x10 + 44) & 1u << 14));
    io_write(0x11 + 44, 2u << 24);
    CU_ASSERT_EQUAL(taken(0x61), 1 << 1);
    finish();
}

static void test_modes(void)
{
    unsigned who = 0;

    start();
    route(5, LOGICAL | 0x41, 6);
    hvm_isa_irq(&d->d, 5, true);
    CU_ASSERT_EQUAL(taken(0x41), 6);
    route(6, 0x42, 0xff);
    hvm_isa_irq(&d->d, 6, true);
    CU_ASSERT_EQUAL(taken(0x42), 7);
    route(7, LOGICAL | 1u << 8 | 0x43, 7); // lowest priority: each in turn
    for (unsigned i = 0; i < VCPUS; i++) {
        hvm_isa_irq(&d->d, 7, false);
        hvm_isa_irq(&d->d, 7, true);
        who |= taken(0x43) << i * 4;
    }
    CU_ASSERT_EQUAL(who, 0x142);
    lapic_write(v[0], 0x80, 0x50);
    lapic_write(v[1], 0x80, 0x30); // the least
    lapic_write(v[2], 0x80, 0x40);
    hvm_isa_irq(&d->d, 7, false);
    hvm_isa_irq(&d->d, 7, true);
    CU_ASSERT_EQUAL(taken(0x43), 2);
    route(9, 4u << 8, 0);
    hvm_isa_irq(&d->d, 9, true);
    CU_ASSERT_EQUAL(kit_nmis, 1);
    route(10, 5u << 8, 2);
    hvm_isa_irq(&d->d, 10, true);
    CU_ASSERT_EQUAL(kit_inits, 1);
    route(11, 6u << 8, 2); // reserved: a start-up is not to be had from here
    hvm_isa_irq(&d->d, 11, true);
    CU_ASSERT_EQUAL(kit_startups, 0);
    CU_ASSERT_EQUAL(hvm_msi(&d->d, 0xfee02000, 0x4071), 0);
    CU_ASSERT_EQUAL(taken(0x71), 2);
    CU_ASSERT_EQUAL(hvm_msi(&d->d, 0xfee06004, 0x72), 0); // logical
    CU_ASSERT_EQUAL(taken(0x72), 6);
    CU_ASSERT_EQUAL(hvm_msi(&d->d, 0x2000, 0x73), 0); // as QEMU gives it
    CU_ASSERT_EQUAL(taken(0x73), 2);
    finish();
}

// Every pin of PCI: its input, and by its link its ISA line.
static void test_pci(void)
{
    start();
    for (unsigned link = 0; link < 4; link++)
        CU_ASSERT_EQUAL(hvm_pci_link_route(&d->d, link, link ? 8 + link : 5), 0);
    for (unsigned device = 0; device < 32; device++)
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned link = (device + pin) & 3, line = link ? 8 + link : 5;

            hvm_pci_intx(&d->d, device, pin, true);
            CU_ASSERT_EQUAL(p->ioapic.lines,
                            1ull << (16 + ((device * 4 + device / 8 + pin) & 31)) | 1ull << line);
            CU_ASSERT(pic_is_requested(&p->pic, line));
            hvm_pci_intx(&d->d, device, pin, false);
            CU_ASSERT_EQUAL(p->ioapic.lines, 0);
        }
    hvm_pci_intx(&d->d, 3, 0, true); // link 3, which is line 11
    hvm_pci_intx(&d->d, 7, 0, true); // too: the line is up as long as one of them is
    hvm_pci_intx(&d->d, 3, 0, false);
    CU_ASSERT(p->ioapic.lines >> 11 & 1);
    hvm_pci_link_route(&d->d, 3, 0);
    CU_ASSERT(!(p->ioapic.lines & 0xffff));
    CU_ASSERT_EQUAL(hvm_pci_intx(&d->d, 32, 0, true), -EINVAL);
    CU_ASSERT_EQUAL(hvm_pci_intx(&d->d, 0, 4, true), -EINVAL);
    CU_ASSERT_EQUAL(hvm_pci_link_route(&d->d, 4, 1), -EINVAL);
    CU_ASSERT_EQUAL(hvm_pci_link_route(&d->d, 1, 16), -EINVAL);
    CU_ASSERT_EQUAL(hvm_isa_irq(&d->d, 16, true), -EINVAL);
    finish();
}

static void test_pic_ways(void)
{
    unsigned kicks;

    start();
    set_up_pic(1 << 3);
    lapic_write(v[0], 0x350, MASKED | 0x700);
    hvm_isa_irq(&d->d, 3, true);
    for (unsigned i = 0; i < VCPUS; i++)
        CU_ASSERT(!hvm_pic_pending(v[i]));
    lapic_write(v[0], 0x350, 0x700);
    CU_ASSERT(hvm_pic_pending(v[0]));
    CU_ASSERT(!hvm_pic_pending(v[1]));
    lapic_write(v[0], 0x350, MASKED);
    kicks = fake_kicks;
    route(0, 0x700, 2); // by the I/O APIC's first input
    CU_ASSERT(fake_kicks > kicks);
    CU_ASSERT_PTR_EQUAL(fake_last_kicked, &v[1]->v);
    CU_ASSERT(hvm_pic_pending(v[1]));
    CU_ASSERT(!hvm_pic_pending(v[0]));
    route(0, MASKED, 0);
    lapic_write_msr(v[0], 0x1b, LAPIC_DEFAULT_BASE); // no local APIC
    CU_ASSERT(hvm_pic_pending(v[0]));
    CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x23);
    CU_ASSERT(!hvm_pic_pending(v[0]));
    CU_ASSERT_EQUAL(hvm_pic_accept(v[0]), 0x27); // spurious
    lapic_write_msr(v[0], 0x1b, LAPIC_DEFAULT_BASE | 0x800);
    lapic_write(v[0], 0x350, 0x55); // the virtual wire of a fixed vector
    out(0x20, 0x20);
    hvm_isa_irq(&d->d, 3, false);
    hvm_isa_irq(&d->d, 3, true);
    CU_ASSERT_EQUAL(taken(0x55), 1);
    finish();
}

// Event channels by a line: up as long as vCPU 0 has one pending.
static void test_callback(void)
{
    static const uint64_t bad[] = {48, 1ull << 55, 1ull << 56 | 1ull << 32, 1ull << 56 | 1 << 16};

    start();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CU_ASSERT_EQUAL(hvm_callback_line(&d->d, bad[i]), -EINVAL);
    CU_ASSERT_EQUAL(hvm_callback_line(&d->d, 1ull << 56 | 3 << 11), 0); // device 3, INTA
    route(28, LEVEL | 0x61, 0);
    hvm_callback_update(&d->d);
    CU_ASSERT_EQUAL(taken(0x61), 0);
    info.evtchn_upcall_pending = 1;
    hvm_callback_update(&d->d);
    CU_ASSERT_EQUAL(lapic_pending(v[0]), 0x61);
    lapic_accept(v[0], 0x61);
    info.evtchn_upcall_pending = 0; // the guest has seen to it: not again at its end
    lapic_write(v[0], 0xb0, 0);
    CU_ASSERT_EQUAL(taken(0x61), 0);
    CU_ASSERT_EQUAL(hvm_callback_line(&d->d, 7), 0);
    route(7, 0x62, 0);
    info.evtchn_upcall_pending = 1;
    hvm_callback_update(&d->d);
    CU_ASSERT_EQUAL(taken(0x62), 1);
    CU_ASSERT(pic_is_requested(&p->pic, 7));
    CU_ASSERT_EQUAL(hvm_callback_line(&d->d, 0), 0);
    CU_ASSERT(!p->ioapic.lines);
    finish();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"I/O APIC", test_ioapic},
        {"interrupts by level", test_level},
        {"delivery modes", test_modes},
        {"PCI", test_pci},
        {"the PIC's ways", test_pic_ways},
        {"event channels", test_callback},
        CU_TEST_INFO_NULL,
    };

    return run_suite("interrupt lines", tests);
}
