// The interrupt lines of an HVM guest that has interrupt controllers: ISA lines go to the PIC and
// to the I/O APIC (line 0 to its input 2, the others to that of their number); PCI pins to I/O APIC
// inputs 16 to 47 and, by way of the four links that firmware routes, to ISA lines.
//
// Whoever pulls a line says when it lets go; several may share one. All may be called on any CPU,
// with locks down to event locks held (docs/architecture.md). A domain that has none of this
// answers -ENODEV.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct domain;
struct hvm_vcpu;

// For device models. -EINVAL: there is no such line.
int hvm_isa_irq(struct domain *d, unsigned irq, bool level);
int hvm_pci_intx(struct domain *d, unsigned device, unsigned pin, bool level); // 0-31, 0-3
int hvm_pci_link_route(struct domain *d, unsigned link, unsigned irq);         // 0-3; 0: nowhere
// A message as a device writes it (SDM vol. 3, 10.11); any guest with local APICs gets it. Of
// the address the low 20 bits matter. 0, whoever takes it.
int hvm_msi(struct domain *d, uint64_t address, uint32_t data);

// Event channels by a line: HVM_PARAM_CALLBACK_IRQ of the types GSI and PCI_INTX, 0: none. -EINVAL.
int hvm_callback_line(struct domain *d, uint64_t callback);
// The line is up while vCPU 0 has an event pending: looks again.
void hvm_callback_update(struct domain *d);

// Does the PIC ask this vCPU for an interrupt? Accepting gives its vector, and for a request that
// is gone meanwhile that of the PIC's line 7.
bool hvm_pic_pending(const struct hvm_vcpu *v);
uint8_t hvm_pic_accept(struct hvm_vcpu *v);
// A vCPU is done with a level-triggered vector.
void hvm_irq_eoi(struct domain *d, uint8_t vector);
