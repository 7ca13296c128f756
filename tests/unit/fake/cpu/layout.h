// The hypervisor's address space, moved to where a user program may map memory.
#pragma once

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096
#define PAGE_MASK  (~0xfffull)

#define PML4_SLOT_SIZE (1ull << 39)
#define HV_FIRST_SLOT  256
#define HV_LAST_SLOT   271
#define PERDOMAIN_SLOT 260

#define HV_START         0x100000000000
#define HV_END           0x280000000000
#define M2P_RO_START     0x100000000000
#define M2P_RW_START     0x108000000000
#define FRAMETABLE_START 0x110000000000
#define IMAGE_START      0x118000000000
#define VMAP_START       0x118040000000
#define VMAP_END         0x1180c0000000
#define PERDOMAIN_START  0x120000000000
#define DIRECTMAP_START  0x200000000000
#define DIRECTMAP_END    0x280000000000

#define STACK_BLOCK_PAGES 16
#define STACK_BLOCK_SIZE  (STACK_BLOCK_PAGES * PAGE_SIZE)

#define MAX_CPUS 64
