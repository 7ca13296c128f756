// IO-APICs: how the interrupt lines of devices (global system interrupts, GSI) become vectors.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/irq.h"

// Boot only: adds an IO-APIC whose first pin is gsi_base, and masks its pins.
void ioapic_add(uint8_t id, uint64_t maddr, uint32_t gsi_base);

// Boot only, after all were added: ISA interrupt `isa` (0 to 15) arrives at the pin of `gsi`.
void ioapic_override(unsigned isa, uint32_t gsi, bool active_low, bool level);

// One more than the highest GSI (at least 16).
unsigned gsi_count(void);

// Numbers below 16 mean ISA interrupts, as in the ABI: overrides are applied.

// Sets trigger and polarity. 0; -EINVAL: no such pin; -EEXIST: it is in use, and remains as it was.
int gsi_configure(unsigned gsi, bool level, bool active_low);

// The interrupt of a line, allocated at first use. NULL: no such pin or no vector.
struct irq *gsi_irq(unsigned gsi);

// For PHYSDEVOP_apic_read/_write: registers of the IO-APIC at maddr. -EINVAL: there is none.
int ioapic_guest_read(uint64_t maddr, uint32_t reg, uint32_t *value);
// Only trigger and polarity of pins not in use follow; all else is the hypervisor's and ignored.
int ioapic_guest_write(uint64_t maddr, uint32_t reg, uint32_t value);
