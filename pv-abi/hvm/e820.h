/*
 * Layout of an HVM guest's low memory: where its firmware is told the memory map, and where
 * RAM below 4 GB must stop for device memory.
 */
#pragma once

#define HVM_E820_PAGE      0x00090000
#define HVM_E820_NR_OFFSET 0x000001e8
#define HVM_E820_OFFSET    0x000002d0

#define HVM_BELOW_4G_RAM_END     0xf0000000
#define HVM_BELOW_4G_MMIO_START  HVM_BELOW_4G_RAM_END
#define HVM_BELOW_4G_MMIO_LENGTH ((1ULL << 32) - HVM_BELOW_4G_MMIO_START)
