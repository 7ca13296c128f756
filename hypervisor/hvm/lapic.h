// The local APIC that a vCPU sees (Intel SDM vol. 3, chapter 10): registers by memory at 0xfee00000
// or, in x2APIC mode, by MSRs; interrupts between vCPUs; a timer.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/timer.h"

#define LAPIC_DEFAULT_BASE 0xfee00000u
#define LAPIC_BYTES        0x400 // of registers that exist

struct domain;
struct hvm_vcpu;

struct lapic {
    uint64_t base_msr; // MSR_APIC_BASE
    uint32_t regs[LAPIC_BYTES / 4];
    struct timer timer;
    nsec_t timer_start, timer_period; // of the count that runs; 0: it stands
};

void lapic_init(struct hvm_vcpu *v);
void lapic_reset(struct hvm_vcpu *v); // as INIT does, and power-on
void lapic_destroy(struct hvm_vcpu *v);

// Is there an interrupt that the processor would take now if it could? Its vector, or -1.
// lapic_accept takes it.
int lapic_pending(const struct hvm_vcpu *v);
void lapic_accept(struct hvm_vcpu *v, uint8_t vector);
// An edge-triggered interrupt for that vCPU, from any CPU.
void lapic_interrupt(struct hvm_vcpu *v, uint8_t vector);
// The same from the vCPU itself, if that vector is neither pending nor in service.
void lapic_interrupt_once(struct hvm_vcpu *v, uint8_t vector);
// An interrupt message of the ICR's layout (SDM vol. 3, 10.6.1), which is that of the I/O APIC's
// entries and of MSI data too; `from` NULL: from one of those, so that no shorthand and no start-up
// is meant. wide: all 32 bits of the destination count. False: nobody took it.
bool lapic_send(struct domain *d, struct hvm_vcpu *from, uint32_t icr, uint32_t destination,
                bool wide);
// Is that vector yet to be taken by some vCPU?
bool lapic_is_requested(const struct domain *d, uint8_t vector);
// Does the PIC's output reach the processor as such (ExtINT), and what follows from its rise
// otherwise.
bool lapic_takes_extint(const struct hvm_vcpu *v);
void lapic_lint0(struct hvm_vcpu *v);

// CR8, which is the upper half of the task priority.
uint8_t lapic_get_cr8(const struct hvm_vcpu *v);
void lapic_set_cr8(struct hvm_vcpu *v, uint8_t cr8);

// Does an address belong to it, and the registers there, of the current vCPU, 32 bits wide.
bool lapic_covers(const struct hvm_vcpu *v, uint64_t address);
uint32_t lapic_read(struct hvm_vcpu *v, unsigned offset);
void lapic_write(struct hvm_vcpu *v, unsigned offset, uint32_t value);

// MSR_APIC_BASE and 0x800 to 0x8ff. False: #GP.
bool lapic_read_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t *value);
bool lapic_write_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t value);

// What was saved, of a vCPU that does not run. False: no such base can be. Taken over if `commit`.
bool lapic_load_base(struct hvm_vcpu *v, uint64_t base, bool commit);
void lapic_load_regs(struct hvm_vcpu *v, const uint32_t regs[LAPIC_BYTES / 4]);
