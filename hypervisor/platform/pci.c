// Configuration space is reached through ports 0xcf8 and 0xcfc (PCI Local Bus 3.0, 3.2.2.3.2),
// which all share and only the hypervisor touches. Segments other than 0 are reached through their
// window in memory, a page at a time: nothing here is done often.
#include "platform/pci.h"

#include "cpu/asm.h"
#include "cpu/mmio.h"
#include "cpu/spinlock.h"
#include "platform/acpi.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define REG_VENDOR               0x00
#define REG_STATUS               0x06
#define REG_HEADER_TYPE          0x0e
#define REG_BAR0                 0x10
#define REG_CAPABILITIES         0x34
#define REG_CARDBUS_CAPABILITIES 0x14
#define STATUS_CAPABILITIES      0x10
#define HEADER_BRIDGE            1
#define HEADER_CARDBUS           2
#define MAX_CAPABILITIES         48

#define BAR_IS_PORT     0x1
#define BAR_TYPE        0x6
#define BAR_TYPE_64     0x4
#define BAR_MEMORY_MASK 0xfffffff0u

static spinlock_t config_lock; // the address register; innermost

uint32_t pci_port_read(uint32_t address, unsigned offset, unsigned bytes)
{
    uint16_t port = (uint16_t)(CONFIG_DATA + offset);
    uint32_t v;

    spin_lock(&config_lock);
    outl(CONFIG_ADDRESS, address);
    v = bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
    spin_unlock(&config_lock);
    return v;
}

void pci_port_write(uint32_t address, unsigned offset, unsigned bytes, uint32_t value)
{
    uint16_t port = (uint16_t)(CONFIG_DATA + offset);

    spin_lock(&config_lock);
    outl(CONFIG_ADDRESS, address);
    if (bytes == 1)
        outb(port, (uint8_t)value);
    else if (bytes == 2)
        outw(port, (uint16_t)value);
    else
        outl(port, value);
    spin_unlock(&config_lock);
}

// The page of configuration space of a function, mapped until mmio_unmap; NULL if it has no window.
static volatile char *map_config(pci_sbdf_t sbdf)
{
    unsigned bus = sbdf >> 8 & 0xff;

    for (unsigned i = 0; i < acpi.nr_mcfg; i++) {
        const struct acpi_mcfg *m = &acpi.mcfg[i];

        if (m->segment == sbdf >> 16 && bus >= m->first_bus && bus <= m->last_bus)
            return mmio_map(m->maddr + ((uint64_t)(sbdf & 0xffff) << 12), 4096);
    }
    return NULL;
}

static uint32_t window_read(pci_sbdf_t sbdf, unsigned reg, unsigned bytes)
{
    volatile char *config = map_config(sbdf);
    uint32_t v;

    if (!config)
        return 0xffffffffu >> (32 - bytes * 8);
    v = bytes == 1   ? mmio_read8(config + reg)
        : bytes == 2 ? mmio_read16(config + reg)
                     : mmio_read32(config + reg);
    mmio_unmap((void *)config);
    return v;
}

static void window_write(pci_sbdf_t sbdf, unsigned reg, unsigned bytes, uint32_t value)
{
    volatile char *config = map_config(sbdf);

    if (!config)
        return;
    if (bytes == 1)
        mmio_write8(config + reg, (uint8_t)value);
    else if (bytes == 2)
        mmio_write16(config + reg, (uint16_t)value);
    else
        mmio_write32(config + reg, value);
    mmio_unmap((void *)config);
}

static uint32_t config_address(pci_sbdf_t sbdf, unsigned reg)
{
    return CONFIG_ENABLE | sbdf << 8 | (reg & 0xfc);
}

uint32_t pci_read(pci_sbdf_t sbdf, unsigned reg, unsigned bytes)
{
    if (sbdf >> 16)
        return window_read(sbdf, reg, bytes);
    return pci_port_read(config_address(sbdf, reg), reg & 3, bytes);
}

void pci_write(pci_sbdf_t sbdf, unsigned reg, unsigned bytes, uint32_t value)
{
    if (sbdf >> 16)
        window_write(sbdf, reg, bytes, value);
    else
        pci_port_write(config_address(sbdf, reg), reg & 3, bytes, value);
}

bool pci_present(pci_sbdf_t sbdf)
{
    return pci_read(sbdf, REG_VENDOR, 2) != 0xffff;
}

unsigned pci_find_capability(pci_sbdf_t sbdf, unsigned id)
{
    unsigned type = pci_read(sbdf, REG_HEADER_TYPE, 1) & 0x7f;
    unsigned at = type == HEADER_CARDBUS ? REG_CARDBUS_CAPABILITIES : REG_CAPABILITIES;

    if (!pci_present(sbdf) || !(pci_read(sbdf, REG_STATUS, 2) & STATUS_CAPABILITIES))
        return 0;
    // Bounded, since a broken device can link its list into a ring.
    for (unsigned i = 0; i < MAX_CAPABILITIES; i++) {
        at = pci_read(sbdf, at, 1) & 0xfc;
        if (at < 0x40)
            return 0;
        if (pci_read(sbdf, at, 1) == id)
            return at;
        at++;
    }
    return 0;
}

uint64_t pci_bar_address(pci_sbdf_t sbdf, unsigned bar)
{
    unsigned type = pci_read(sbdf, REG_HEADER_TYPE, 1) & 0x7f;
    unsigned bars = type == HEADER_BRIDGE ? 2 : type == HEADER_CARDBUS ? 1 : 6;
    uint32_t low;

    if (bar >= bars)
        return 0;
    low = pci_read(sbdf, REG_BAR0 + bar * 4, 4);
    if (low & BAR_IS_PORT)
        return 0;
    if ((low & BAR_TYPE) != BAR_TYPE_64 || bar + 1 >= bars)
        return low & BAR_MEMORY_MASK;
    return (uint64_t)pci_read(sbdf, REG_BAR0 + bar * 4 + 4, 4) << 32 | (low & BAR_MEMORY_MASK);
}
