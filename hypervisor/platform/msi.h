// Message-signalled interrupts of PCI devices (PCI Local Bus 3.0, 6.8). The devices belong to
// domain 0 or to guests, but the messages, which could otherwise be any write to any address, are
// the hypervisor's: it fills in address and data, and masks where the device can. Enabling MSI or
// MSI-X as such is left to the device's driver.
#pragma once

#include "cpu/irq.h"
#include "platform/pci.h"

// Sets up `count` messages (a power of 2 up to 32) of a device's MSI capability, masked where
// possible, and allocates their interrupts. 0 and the first in *irq, whose neighbours have the
// vectors that follow. -ENODEV: no such device or capability; -EINVAL: not that many messages;
// -EBUSY: set up already; -ENOSPC: no vectors.
int msi_setup(pci_sbdf_t sbdf, unsigned count, struct irq **irq);

// The same for one entry of the MSI-X table. It lies in a memory BAR; table_base is that BAR's
// address for devices whose own registers do not tell (SR-IOV's virtual functions), else unused.
// -ENOMEM: the table cannot be mapped.
int msix_setup(pci_sbdf_t sbdf, unsigned entry, uint64_t table_base, struct irq **irq);

// Takes a message back; its interrupt is freed and must have no handler.
void msi_teardown(struct irq *irq);

// Writes all messages of a device again, after it was reset. -ENODEV: it has none.
int msi_restore(pci_sbdf_t sbdf);

// Is the interrupt a message, and of which device?
bool msi_device(const struct irq *irq, pci_sbdf_t *sbdf);
