// Messages of PCI devices: what is written into which register of MSI and MSI-X capabilities,
// masking, moving, restoring, and lists of capabilities that are broken. Configuration space is the
// test's own.
//
// sources: hypervisor/cpu/irq.c tests/unit/fake/platform.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "lib/errno.h"
#include "platform/acpi.h"
#include "tests/unit/fake/platform.h"

static uint8_t config_inb(uint16_t port);
static uint16_t config_inw(uint16_t port);
static uint32_t config_inl(uint16_t port);
static void config_outb(uint16_t port, uint8_t v);
static void config_outw(uint16_t port, uint16_t v);
static void config_outl(uint16_t port, uint32_t v);

#define inb  config_inb
#define inw  config_inw
#define inl  config_inl
#define outb config_outb
#define outw config_outw
#define outl config_outl
#include "hypervisor/platform/msi.c"
#include "hypervisor/platform/pci.c"
#include "tests/suite.h"

// One device, at 00:03.0
// ---------------------------------------------------------------------------

#define DEVICE    pci_sbdf(0, 0, 3 << 3)
#define TABLE_BAR 0xfe001000u

struct acpi_info acpi;
static uint8_t config[256];
static uint32_t latch;
static uint32_t table[PAGE_SIZE / 4] __attribute__((aligned(PAGE_SIZE)));
static unsigned maps;

static void *config_at(uint16_t port)
{
    if ((latch & 0xffffff00) != (CONFIG_ENABLE | DEVICE << 8))
        return NULL;
    return config + (latch & 0xfc) + (port - CONFIG_DATA);
}

#define DEFINE_CONFIG(suffix, type)                       \
    static type config_in##suffix(uint16_t port)          \
    {                                                     \
        void *at = config_at(port);                       \
        type v = (type)~0u;                               \
                                                          \
        if (at)                                           \
            memcpy(&v, at, sizeof(v));                    \
        return v;                                         \
    }                                                     \
    static void config_out##suffix(uint16_t port, type v) \
    {                                                     \
        void *at = config_at(port);                       \
                                                          \
        if (port == CONFIG_ADDRESS)                       \
            latch = (uint32_t)v;                          \
        else if (at)                                      \
            memcpy(at, &v, sizeof(v));                    \
    }
DEFINE_CONFIG(b, uint8_t)
DEFINE_CONFIG(w, uint16_t)
DEFINE_CONFIG(l, uint32_t)

void *mmio_map(uint64_t maddr, size_t bytes)
{
    CU_ASSERT_EQUAL(maddr, TABLE_BAR + 0x1000);
    maps++;
    return table;
}

void mmio_unmap(void *va)
{
    CU_ASSERT_PTR_EQUAL(va, table);
    maps--;
}

void apic_eoi(void)
{
}

uint32_t apic_id_of(unsigned cpu)
{
    return cpu * 2;
}

static bool handler(struct irq *irq, void *data)
{
    return true;
}

static uint32_t get(unsigned at, unsigned bytes)
{
    uint32_t v = 0;

    memcpy(&v, config + at, bytes);
    return v;
}

// A device with MSI at 0x50 (control bits as given) and MSI-X at 0x70, 8 entries, table in BAR 0.
static void make_device(uint16_t msi_control)
{
    memset(config, 0, sizeof(config));
    memset(table, 0xee, sizeof(table));
    memcpy(config, "\x86\x80\x0e\x10", 4);
    config[REG_STATUS] = STATUS_CAPABILITIES;
    memcpy(config + REG_BAR0, &(uint32_t){TABLE_BAR}, 4);
    config[REG_CAPABILITIES] = 0x50;
    memcpy(config + 0x50, (uint8_t[]){PCI_CAP_MSI, 0x70}, 2);
    memcpy(config + 0x52, &msi_control, 2);
    memcpy(config + 0x70, (uint8_t[]){PCI_CAP_MSIX, 0, 7, 0, 0, 0x10, 0, 0}, 8); // offset 0x1000
}

static void test_msi_64(void)
{
    struct irq *irq, *other;
    pci_sbdf_t sbdf;

    make_device(CONTROL_64BIT | CONTROL_MASKABLE | 3 << 1); // up to 8 messages
    CU_ASSERT_EQUAL(msi_setup(DEVICE, 16, &irq), -EINVAL);
    CU_ASSERT_EQUAL(msi_setup(DEVICE, 3, &irq), -EINVAL);
    CU_ASSERT_EQUAL(msi_setup(DEVICE + 1, 1, &irq), -ENODEV);
    CU_ASSERT_EQUAL_FATAL(msi_setup(DEVICE, 4, &irq), 0);
    CU_ASSERT_EQUAL(irq->vector % 4, 0);
    CU_ASSERT_EQUAL(get(0x54, 4), 0xfee00000);
    CU_ASSERT_EQUAL(get(0x58, 4), 0);
    CU_ASSERT_EQUAL(get(0x5c, 2), irq->vector);
    CU_ASSERT_EQUAL(get(0x52, 2) >> 4 & 7, 2); // four enabled
    CU_ASSERT_FALSE(get(0x52, 2) & 1);         // and MSI itself not: that is the driver's
    CU_ASSERT_EQUAL(get(0x60, 4), 0xf);        // all masked
    CU_ASSERT_EQUAL(irq_bind(irq + 2, handler, NULL), 0);
    CU_ASSERT_EQUAL(get(0x60, 4), 0xb);
    irq_set_cpu(irq + 2, 3);
    CU_ASSERT_EQUAL(get(0x54, 4), 0xfee06000);
    CU_ASSERT_TRUE(msi_device(irq, &sbdf) && sbdf == DEVICE);
    CU_ASSERT_EQUAL(msi_setup(DEVICE, 1, &other), -EBUSY);
    CU_ASSERT_EQUAL(msix_setup(DEVICE, 0, 0, &other), -EBUSY);

    memset(config + 0x54, 0, 16); // the device is reset
    CU_ASSERT_EQUAL(msi_restore(DEVICE), 0);
    CU_ASSERT_EQUAL(get(0x5c, 2), irq->vector);
    CU_ASSERT_EQUAL(get(0x60, 4), 0xb);
    irq_unbind(irq + 2);
    for (unsigned i = 0; i < 4; i++)
        msi_teardown(irq + i);
    CU_ASSERT_EQUAL(msi_restore(DEVICE), -ENODEV);
    CU_ASSERT_FALSE(msi_device(irq, &sbdf));
}

static void test_msi_32(void)
{
    struct irq *irq;

    make_device(0); // one message, no mask
    CU_ASSERT_EQUAL(msi_setup(DEVICE, 2, &irq), -EINVAL);
    CU_ASSERT_EQUAL_FATAL(msi_setup(DEVICE, 1, &irq), 0);
    CU_ASSERT_EQUAL(get(0x54, 4), 0xfee00000);
    CU_ASSERT_EQUAL(get(0x58, 2), irq->vector);
    CU_ASSERT_EQUAL(get(0x5c, 4), 0);
    CU_ASSERT_PTR_NULL(irq->chip->mask);
    CU_ASSERT_EQUAL(irq_bind(irq, handler, NULL), 0);
    irq_unbind(irq);
    msi_teardown(irq);
}

static void test_msix(void)
{
    struct irq *irq[2], *none;

    make_device(0);
    CU_ASSERT_EQUAL(msix_setup(DEVICE, 8, 0, &none), -EINVAL);
    CU_ASSERT_EQUAL_FATAL(msix_setup(DEVICE, 1, 0, &irq[0]), 0);
    CU_ASSERT_EQUAL_FATAL(msix_setup(DEVICE, 7, TABLE_BAR, &irq[1]), 0);
    CU_ASSERT_EQUAL(msix_setup(DEVICE, 7, 0, &none), -EBUSY);
    CU_ASSERT_EQUAL(msi_setup(DEVICE, 1, &none), -EBUSY);
    CU_ASSERT_EQUAL(maps, 1);
    CU_ASSERT_EQUAL(table[4], 0xfee00000);
    CU_ASSERT_EQUAL(table[5], 0);
    CU_ASSERT_EQUAL(table[6], irq[0]->vector);
    CU_ASSERT_EQUAL(table[7], 1); // masked
    CU_ASSERT_EQUAL(table[3], 0xeeeeeeee);
    CU_ASSERT_EQUAL(irq_bind(irq[1], handler, NULL), 0);
    CU_ASSERT_EQUAL(table[31], 0);
    irq_set_cpu(irq[1], 1);
    CU_ASSERT_EQUAL(table[28], 0xfee02000);
    CU_ASSERT_EQUAL(table[31], 0);
    irq_unbind(irq[1]);
    CU_ASSERT_EQUAL(table[31], 1);
    memset(table, 0, sizeof(table));
    CU_ASSERT_EQUAL(msi_restore(DEVICE), 0);
    CU_ASSERT_EQUAL(table[6], irq[0]->vector);
    CU_ASSERT_EQUAL(table[31], 1);
    msi_teardown(irq[0]);
    CU_ASSERT_EQUAL(maps, 1);
    msi_teardown(irq[1]);
    CU_ASSERT_EQUAL(maps, 0);
}

static void test_virtual_function(void)
{
    struct irq *irq;

    make_device(0);
    memset(config + REG_BAR0, 0, 4); // its BARs are described elsewhere
    CU_ASSERT_EQUAL(msix_setup(DEVICE, 0, 0, &irq), -ENODEV);
    CU_ASSERT_EQUAL_FATAL(msix_setup(DEVICE, 0, TABLE_BAR, &irq), 0);
    msi_teardown(irq);
}

static void test_broken_lists(void)
{
    make_device(0);
    config[0x51] = 0x50; // linked to itself
    CU_ASSERT_EQUAL(pci_find_capability(DEVICE, PCI_CAP_MSIX), 0);
    config[0x51] = 0x10; // into the header
    CU_ASSERT_EQUAL(pci_find_capability(DEVICE, PCI_CAP_MSIX), 0);
    config[0x51] = 0xff;
    CU_ASSERT_EQUAL(pci_find_capability(DEVICE, PCI_CAP_MSIX), 0);
    config[REG_STATUS] = 0;
    CU_ASSERT_EQUAL(pci_find_capability(DEVICE, PCI_CAP_MSI), 0);
    CU_ASSERT_FALSE(pci_present(DEVICE + 8));
}

static void test_bars(void)
{
    make_device(0);
    CU_ASSERT_EQUAL(pci_bar_address(DEVICE, 0), TABLE_BAR);
    memcpy(config + REG_BAR0 + 4, &(uint32_t){0xc001}, 4); // ports
    CU_ASSERT_EQUAL(pci_bar_address(DEVICE, 1), 0);
    memcpy(config + REG_BAR0 + 8, (uint32_t[]){0x8000000c, 0x38}, 8); // 64 bits
    CU_ASSERT_EQUAL(pci_bar_address(DEVICE, 2), 0x3880000000);
    CU_ASSERT_EQUAL(pci_bar_address(DEVICE, 6), 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"MSI, 64-bit, maskable", test_msi_64},
        {"MSI, 32-bit", test_msi_32},
        {"MSI-X", test_msix},
        {"virtual function", test_virtual_function},
        {"broken capability lists", test_broken_lists},
        {"BARs", test_bars},
        CU_TEST_INFO_NULL,
    };

    return run_suite("msi", tests);
}
