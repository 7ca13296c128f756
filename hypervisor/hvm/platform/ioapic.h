// The I/O APIC (Intel 82093AA, grown to 48 inputs): memory at 0xfec00000. Interrupts leave it as
// messages to the domain's local APICs, whose ends of interrupt are broadcast back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/hvm/save.h"

#define IOAPIC_BASE   0xfec00000u
#define IOAPIC_BYTES  0x1000
#define IOAPIC_INPUTS VIOAPIC_NUM_PINS

struct domain;

struct ioapic {
    struct hvm_hw_vioapic s;
    uint64_t lines; // inputs that are asserted
};

void ioapic_init(struct ioapic *io);
uint32_t ioapic_read(const struct ioapic *io, unsigned offset);
void ioapic_write(struct ioapic *io, struct domain *d, unsigned offset, uint32_t value);
void ioapic_set_lines(struct ioapic *io, struct domain *d, uint64_t asserted);
void ioapic_eoi(struct ioapic *io, struct domain *d, uint8_t vector);
// An input is let through; the interrupt that it asked for last is yet to be taken.
bool ioapic_is_masked(const struct ioapic *io, unsigned input);
bool ioapic_is_requested(const struct ioapic *io, const struct domain *d, unsigned input);
// Input 0 is set up to pass on the PIC's output as such, to the local APIC with this number.
bool ioapic_passes_pic(const struct ioapic *io, uint32_t lapic_id);

// The record: false if it could not be so. `lines` is for the caller to restore.
bool ioapic_load(struct ioapic *io, const struct hvm_hw_vioapic *s, bool commit);
