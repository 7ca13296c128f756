/*
 * Records of saved HVM state: the emulated platform devices.
 */
#pragma once

#include "../types.h"

/* One of the two 8259 interrupt controllers. */
struct hvm_hw_vpic {
    uint8_t irr;
    uint8_t imr;
    uint8_t isr;
    uint8_t irq_base;       /* vector of line 0 */
    uint8_t init_state : 4; /* ICW that is due next in bits 0-1; bit 2: ICW4, bit 3: single */
    uint8_t priority_add : 4;
    uint8_t readsel_isr : 1;
    uint8_t poll : 1;
    uint8_t auto_eoi : 1;
    uint8_t rotate_on_auto_eoi : 1;
    uint8_t special_fully_nested_mode : 1;
    uint8_t special_mask_mode : 1;
    uint8_t is_master : 1;
    uint8_t elcr;
    uint8_t int_output;
};
ABI_SIZE(struct hvm_hw_vpic, 8);
ABI_OFFSET(struct hvm_hw_vpic, elcr, 6);

#define VIOAPIC_NUM_PINS 48

union vioapic_redir_entry {
    uint64_t bits;
    struct {
        uint8_t vector;
        uint8_t delivery_mode : 3;
        uint8_t dest_mode : 1;
        uint8_t delivery_status : 1;
        uint8_t polarity : 1;
        uint8_t remote_irr : 1;
        uint8_t trig_mode : 1;
        uint8_t mask : 1;
        uint8_t reserve : 7;
        uint8_t reserved[4];
        uint8_t dest_id;
    } fields;
};
ABI_SIZE(union vioapic_redir_entry, 8);
ABI_OFFSET(union vioapic_redir_entry, fields.dest_id, 7);

struct hvm_hw_vioapic {
    uint64_t base_address;
    uint32_t ioregsel;
    uint32_t id;
    union vioapic_redir_entry redirtbl[VIOAPIC_NUM_PINS];
};
ABI_SIZE(struct hvm_hw_vioapic, 400);
ABI_OFFSET(struct hvm_hw_vioapic, redirtbl, 16);

struct hvm_hw_lapic {
    uint64_t apic_base_msr;
    uint32_t disabled; /* VLAPIC_* of the implementation: software or hardware disabled */
    uint32_t timer_divisor;
    uint64_t tdt_msr;
};
ABI_SIZE(struct hvm_hw_lapic, 24);

struct hvm_hw_lapic_regs {
    uint8_t data[1024];
};
ABI_SIZE(struct hvm_hw_lapic_regs, 1024);

/* Levels of the four INTx pins of each of 32 devices. */
struct hvm_hw_pci_irqs {
    union {
        uint64_t i[16 / sizeof(uint64_t)];
        uint64_t pad[2];
    };
};
ABI_SIZE(struct hvm_hw_pci_irqs, 16);

/* Levels of the 16 ISA lines. */
struct hvm_hw_isa_irqs {
    union {
        uint64_t i[1];
        uint64_t pad[1];
    };
};
ABI_SIZE(struct hvm_hw_isa_irqs, 8);

/* The ISA line that each of PIRQA to PIRQD is routed to; 0: none. */
struct hvm_hw_pci_link {
    uint8_t route[4];
    uint8_t pad0[4];
};
ABI_SIZE(struct hvm_hw_pci_link, 8);

struct hvm_hw_pit {
    struct hvm_hw_pit_channel {
        uint32_t count; /* 65536 is possible */
        uint16_t latched_count;
        uint8_t count_latched;
        uint8_t status_latched;
        uint8_t status;
        uint8_t read_state;
        uint8_t write_state;
        uint8_t write_latch;
        uint8_t rw_mode;
        uint8_t mode;
        uint8_t bcd;
        uint8_t gate;
    } channels[3];
    uint32_t speaker_data_on;
    uint32_t pad0;
};
ABI_SIZE(struct hvm_hw_pit_channel, 16);
ABI_SIZE(struct hvm_hw_pit, 56);
ABI_OFFSET(struct hvm_hw_pit, speaker_data_on, 48);

#define RTC_CMOS_SIZE 14

struct hvm_hw_rtc {
    uint8_t cmos_data[RTC_CMOS_SIZE];
    uint8_t cmos_index;
    uint8_t pad0;
    int64_t rtc_offset; /* in seconds, against the host's clock */
};
ABI_SIZE(struct hvm_hw_rtc, 24);

#define HPET_TIMER_NUM 3

/* As the registers lie in memory, followed by what is internal. */
struct hvm_hw_hpet {
    uint64_t capability;
    uint64_t res0;
    uint64_t config;
    uint64_t res1;
    uint64_t isr;
    uint64_t res2[25];
    uint64_t mc64;
    uint64_t res3;
    struct {
        uint64_t config;
        uint64_t cmp;
        uint64_t fsb;
        uint64_t res4;
    } timers[HPET_TIMER_NUM];
    uint64_t res5[4 * (24 - HPET_TIMER_NUM)];
    uint64_t period[HPET_TIMER_NUM]; /* the last value written to each comparator */
};
ABI_SIZE(struct hvm_hw_hpet, 1048);
ABI_OFFSET(struct hvm_hw_hpet, mc64, 240);
ABI_OFFSET(struct hvm_hw_hpet, timers, 256);
ABI_OFFSET(struct hvm_hw_hpet, period, 1024);

struct hvm_hw_pmtimer {
    uint32_t tmr_val;
    uint16_t pm1a_sts;
    uint16_t pm1a_en;
};
ABI_SIZE(struct hvm_hw_pmtimer, 8);

struct hvm_viridian_domain_context {
    uint64_t hypercall_gpa;
    uint64_t guest_os_id;
    uint64_t time_ref_count;
    uint64_t reference_tsc;
};
ABI_SIZE(struct hvm_viridian_domain_context, 32);
