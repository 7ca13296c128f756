// The local APIC of each CPU, in xAPIC or x2APIC mode (Intel SDM vol. 3, chapter 11). Destinations
// are always physical: one APIC id.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/layout.h"

#define APIC_DEFAULT_MADDR 0xfee00000ull

extern bool apic_x2apic; // the mode all CPUs are in

// Chooses the mode and, for xAPIC, maps the registers. On the boot CPU, once. x2APIC is used where
// the processor has it and allow_x2apic, or where the firmware has already switched to it.
void apic_init(uint64_t maddr, bool allow_x2apic);

// Switches on this CPU's APIC: all local inputs masked but the one for NMI, spurious and error
// vectors set, whatever the firmware left in service dismissed.
void apic_cpu_init(void);

// Which local input (0, 1) of this CPU carries NMIs.
void apic_set_nmi_input(unsigned lint, bool active_low, bool level);

// This CPU's APIC id, and that of any CPU (apic_register_cpu must have told).
uint32_t apic_id(void);
void apic_register_cpu(unsigned cpu, uint32_t id);
uint32_t apic_id_of(unsigned cpu);

void apic_eoi(void);

// An interprocessor interrupt, to a CPU by the hypervisor's number.
void apic_send_ipi(unsigned cpu, unsigned vector);

// Sends INIT and two start-up IPIs to a CPU that has not been started: it begins in real mode at
// code_maddr, a page below 1 MB.
void apic_start_cpu(uint32_t id, uint32_t code_maddr);

// Sends INIT to all CPUs but this one: they stop until reset.
void apic_stop_others(void);

// The timer counts `ticks` down to 0 and then interrupts with VECTOR_TIMER; 0 stops it.
void apic_timer_set(uint32_t ticks);
uint32_t apic_timer_count(void);
// Lets the timer interrupt: as a countdown, or when the TSC reaches the deadline MSR's value.
void apic_timer_enable(bool tsc_deadline);
