/*
 * The table that the domain builder leaves for an HVM guest's firmware.
 */
#pragma once

#include "../types.h"

#define HVM_INFO_PFN    0x09f
#define HVM_INFO_OFFSET 0x800
#define HVM_INFO_PADDR  ((HVM_INFO_PFN << 12) + HVM_INFO_OFFSET)

#define HVM_MAX_VCPUS 128

struct hvm_info_table {
    char signature[8]; /* "HVM INFO" */
    uint32_t length;
    uint8_t checksum;  /* makes the sum of all bytes 0 */
    uint8_t apic_mode; /* 1: describe APICs */
    uint32_t nr_vcpus;
    uint32_t low_mem_pgend;        /* RAM below 4 GB ends here */
    uint32_t reserved_mem_pgstart; /* frames from here to 4 GB are reserved */
    uint32_t high_mem_pgend;       /* RAM above 4 GB ends here, or 0 */
    uint8_t vcpu_online[(HVM_MAX_VCPUS + 7) / 8];
};
ABI_SIZE(struct hvm_info_table, 48);
ABI_OFFSET(struct hvm_info_table, nr_vcpus, 16);
ABI_OFFSET(struct hvm_info_table, vcpu_online, 32);
