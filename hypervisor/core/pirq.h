// Physical interrupts of guests: a domain's own numbers (pirqs) for interrupts of the machine,
// which reach it through event channels. core/event.h has the binding to a port; here are the
// mapping and what a guest does after it has served an interrupt.
#pragma once

#include "core/domain.h"
#include "platform/pci.h"

// One more than the highest number that a domain can have.
unsigned pirq_limit(void);

// Unbinds and unmaps all, when the domain's ports are closed already.
void pirq_domain_relinquish(struct domain *d);
void pirq_domain_destroy(struct domain *d);

// Gives the domain a number for a GSI (below 16: an ISA interrupt). *pirq: the wanted one, or
// negative for any; the result. A mapping that exists already is confirmed. -EINVAL: no such GSI or
// number; -EEXIST: either is mapped otherwise; -ENOSPC.
int pirq_map_gsi(struct domain *d, unsigned gsi, int *pirq);

// The same for `count` messages of a PCI device, in consecutive pirqs; errors of msi_setup() too.
int pirq_map_msi(struct domain *d, pci_sbdf_t sbdf, unsigned count, int *pirq);
// The same for one entry of its MSI-X table.
int pirq_map_msix(struct domain *d, pci_sbdf_t sbdf, unsigned entry, uint64_t table_base,
                  int *pirq);

// Takes the mapping away, unbinding it if need be. -EINVAL: not mapped.
int pirq_unmap(struct domain *d, unsigned pirq);

// Reserves a number that a later mapping may ask for. The number or -ENOSPC.
int pirq_reserve(struct domain *d, bool message);

// The guest has served the interrupt. -EINVAL: no such pirq or not bound.
int pirq_eoi(struct domain *d, unsigned pirq);

// XENIRQSTAT_* of a pirq, or -EINVAL.
int pirq_status(struct domain *d, unsigned pirq);

// Shares a page of the domain's with one bit a pirq: set if pirq_eoi() is needed. -EBUSY: there is
// one; -EINVAL: not such a frame.
int pirq_share_eoi_map(struct domain *d, gfn_t gfn);

// The machine's interrupt behind a pirq; NULL: not mapped.
struct irq *pirq_to_irq(struct domain *d, unsigned pirq);

// Prints the domain's pirqs (debug key 'i').
void pirq_dump(struct domain *d);
