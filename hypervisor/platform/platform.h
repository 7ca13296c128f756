// Bringing up what the firmware describes, in the order in which boot needs it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Interrupt controllers: 8259s off, this CPU's local APIC on, IO-APICs set up with all lines
// masked. After acpi_init() and once mmio_map() works.
void platform_interrupts_init(bool allow_x2apic);

// Measures the clocks and starts system time, by the best reference there is. After the former.
void platform_time_init(void);

// What domain 0 must not touch, because the hypervisor drives it: the next such range of I/O ports
// (inclusive) or of machine addresses [*first, *last], *cursor starting at 0. false: no more.
bool platform_claimed_ports(unsigned *cursor, uint16_t *first, uint16_t *last);
bool platform_claimed_memory(unsigned *cursor, uint64_t *first, uint64_t *last);
