// What the firmware says about the machine in its ACPI tables (ACPI 6.4, chapter 5). The tables are
// read once, early, and what matters is copied here: nothing points into firmware memory later.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/layout.h"

#define ACPI_MAX_IOAPICS   32
#define ACPI_MAX_OVERRIDES 24
#define ACPI_MAX_NMIS      16
#define ACPI_MAX_MCFG      16
#define ACPI_MAX_RANGES    64
#define ACPI_NO_NODE       0xffffffffu

struct acpi_cpu {
    uint32_t apic_id;
    uint32_t uid;  // the processor's number in the firmware's namespace
    uint32_t node; // proximity domain, ACPI_NO_NODE if unknown
};

struct acpi_ioapic {
    uint8_t id;
    uint64_t maddr;
    uint32_t gsi_base;
};

// An ISA interrupt that does not arrive at the pin of its own number, active high and edge
// triggered.
struct acpi_override {
    uint8_t isa_irq;
    uint32_t gsi;
    bool active_low, level;
};

// A local interrupt input that carries NMIs. Machines that wire it differently from CPU to CPU have
// not been seen.
struct acpi_nmi {
    uint8_t lint;
    bool active_low, level;
};

// Generic Address Structure, as far as the hypervisor can use it: port or memory.
struct acpi_address {
    enum { ACPI_NOWHERE, ACPI_PORT, ACPI_MEMORY } space;
    uint8_t bits;
    uint64_t address;
};

struct acpi_fixed {
    bool present;
    struct acpi_address pm_timer;
    bool pm_timer_32bit;
    struct acpi_address pm1a_event, pm1b_event;
    struct acpi_address pm1a_control, pm1b_control;
    struct acpi_address sleep_control; // hardware-reduced machines
    struct acpi_address reset;         // space ACPI_NOWHERE: none
    uint8_t reset_value;
    uint8_t rtc_century; // index of the clock's century register, 0: none
    bool no_rtc;
};

// PCI configuration space in memory (MMCONFIG) of buses first_bus .. last_bus; maddr is bus 0's.
struct acpi_mcfg {
    uint64_t maddr;
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

struct acpi_memory_range {
    uint64_t start, bytes;
    uint32_t node;
};

struct acpi_table_ref {
    uint64_t maddr; // 0: not there
    uint32_t bytes;
};

struct acpi_info {
    uint64_t root_maddr; // RSDT or XSDT; 0: no ACPI
    uint64_t lapic_maddr;
    bool has_8259;

    unsigned nr_cpus, nr_cpus_ignored; // usable; beyond MAX_CPUS
    struct acpi_cpu cpus[MAX_CPUS];
    unsigned nr_ioapics;
    struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
    unsigned nr_overrides;
    struct acpi_override overrides[ACPI_MAX_OVERRIDES];
    unsigned nr_nmis;
    struct acpi_nmi nmis[ACPI_MAX_NMIS];

    struct acpi_fixed fixed;
    struct acpi_address hpet;
    unsigned nr_mcfg;
    struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
    unsigned nr_memory_ranges;
    struct acpi_memory_range memory_ranges[ACPI_MAX_RANGES];
    struct acpi_table_ref dmar, ivrs; // IOMMUs, Intel's and AMD's
};

extern struct acpi_info acpi;

// Reads all tables into `acpi`. rsdp is a copy of the root pointer that the boot loader handed over
// (rsdp_bytes long), or NULL to search the BIOS areas. Damaged tables are reported and passed over.
// 0; -ENODEV: the machine has no (usable) ACPI. To be called once, before ordinary memory is given
// away.
int acpi_init(const void *rsdp, size_t rsdp_bytes);

// Firmware memory [maddr, maddr + bytes) for reading, or NULL if it is out of reach.
void *acpi_memory(uint64_t maddr, size_t bytes);
