/*
 * The saved state of an HVM domain: a stream of records.
 *
 * Each record is a descriptor followed by `length` bytes. The stream starts with HEADER and
 * stops with END; in between, the instance of a record is a vCPU or the number of a device. A
 * reader fills with zeros what a shorter record leaves open.
 */
#pragma once

#include "../types.h"
#include "save_cpu.h"
#include "save_devices.h"

struct hvm_save_descriptor {
    uint16_t typecode; /* HVM_SAVE_CODE() */
    uint16_t instance;
    uint32_t length;
};
ABI_SIZE(struct hvm_save_descriptor, 8);

#define HVM_FILE_MAGIC   0x54381286
#define HVM_FILE_VERSION 0x00000001

struct hvm_save_header {
    uint32_t magic;     /* HVM_FILE_MAGIC */
    uint32_t version;   /* HVM_FILE_VERSION */
    uint64_t changeset; /* of the hypervisor that saved */
    uint32_t cpuid;     /* leaf 1 EAX of its CPU */
    uint32_t gtsc_khz;
};
ABI_SIZE(struct hvm_save_header, 24);

__extension__ struct hvm_save_end {
};
ABI_SIZE(struct hvm_save_end, 0);

/* HVM_SAVE_LIST(X) expands X(code, name, type) for each kind of record. */
/* clang-format off */
#define HVM_SAVE_LIST(X)                                       \
    X(0,  END,             struct hvm_save_end)                \
    X(1,  HEADER,          struct hvm_save_header)             \
    X(2,  CPU,             struct hvm_hw_cpu)                  \
    X(3,  PIC,             struct hvm_hw_vpic)                 \
    X(4,  IOAPIC,          struct hvm_hw_vioapic)              \
    X(5,  LAPIC,           struct hvm_hw_lapic)                \
    X(6,  LAPIC_REGS,      struct hvm_hw_lapic_regs)           \
    X(7,  PCI_IRQ,         struct hvm_hw_pci_irqs)             \
    X(8,  ISA_IRQ,         struct hvm_hw_isa_irqs)             \
    X(9,  PCI_LINK,        struct hvm_hw_pci_link)             \
    X(10, PIT,             struct hvm_hw_pit)                  \
    X(11, RTC,             struct hvm_hw_rtc)                  \
    X(12, HPET,            struct hvm_hw_hpet)                 \
    X(13, PMTIMER,         struct hvm_hw_pmtimer)              \
    X(14, MTRR,            struct hvm_hw_mtrr)                 \
    X(15, VIRIDIAN_DOMAIN, struct hvm_viridian_domain_context) \
    X(16, CPU_XSAVE,       struct hvm_hw_cpu_xsave)            \
    X(17, VIRIDIAN_VCPU,   struct hvm_viridian_vcpu_context)   \
    X(18, VMCE_VCPU,       struct hvm_vmce_vcpu)               \
    X(19, TSC_ADJUST,      struct hvm_tsc_adjust)              \
    X(20, CPU_MSR,         struct hvm_msr)
/* clang-format on */

#define HVM_SAVE_CODE_VALUE(code, name, type) HVM_SAVE_CODE_##name = (code),
enum { HVM_SAVE_LIST(HVM_SAVE_CODE_VALUE) HVM_SAVE_CODE_MAX = HVM_SAVE_CODE_CPU_MSR };
#undef HVM_SAVE_CODE_VALUE

#define HVM_SAVE_TYPE_NAME(code, name, type) typedef type hvm_save_type_##name;
HVM_SAVE_LIST(HVM_SAVE_TYPE_NAME)
#undef HVM_SAVE_TYPE_NAME

/* Of a record, by name: its code, its structure, and that structure's size in bytes. */
#define HVM_SAVE_CODE(name)   HVM_SAVE_CODE_##name
#define HVM_SAVE_TYPE(name)   hvm_save_type_##name
#define HVM_SAVE_LENGTH(name) (sizeof(HVM_SAVE_TYPE(name)))

/* The two whose length varies. */
#define CPU_XSAVE_CODE HVM_SAVE_CODE_CPU_XSAVE
#define CPU_MSR_CODE   HVM_SAVE_CODE_CPU_MSR
