// PCI configuration space.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A device function: segment << 16 | bus << 8 | device << 3 | function.
typedef uint32_t pci_sbdf_t;

static inline pci_sbdf_t pci_sbdf(unsigned segment, unsigned bus, unsigned devfn)
{
    return (segment & 0xffff) << 16 | (bus & 0xff) << 8 | (devfn & 0xff);
}

// For printing: "%04x:%02x:%02x.%x", PCI_ARGS(sbdf)
#define PCI_FORMAT     "%04x:%02x:%02x.%x"
#define PCI_ARGS(sbdf) (sbdf) >> 16, (sbdf) >> 8 & 0xff, (sbdf) >> 3 & 0x1f, (sbdf)&7

// Registers below 256; reg is aligned to bytes (1, 2, 4). All ones where there is no device.
uint32_t pci_read(pci_sbdf_t sbdf, unsigned reg, unsigned bytes);
void pci_write(pci_sbdf_t sbdf, unsigned reg, unsigned bytes, uint32_t value);

// Is there a function?
bool pci_present(pci_sbdf_t sbdf);
// Offset of a capability, 0 if the function has none such.
#define PCI_CAP_MSI  0x05
#define PCI_CAP_MSIX 0x11
unsigned pci_find_capability(pci_sbdf_t sbdf, unsigned id);
// The address that base address register `bar` (0 to 5) holds, by the registers' present values; 0
// if it is not a memory BAR.
uint64_t pci_bar_address(pci_sbdf_t sbdf, unsigned bar);

// Access by a guest through ports 0xcfc + offset, with `address` in 0xcf8. bytes: 1, 2 or 4, not
// beyond the 4 bytes of the port.
uint32_t pci_port_read(uint32_t address, unsigned offset, unsigned bytes);
void pci_port_write(uint32_t address, unsigned offset, unsigned bytes, uint32_t value);
