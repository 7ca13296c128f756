// The hypervisor's address space: PML4 slots 256 to 271, the part that the PV ABI reserves in every
// guest's page tables (HYPERVISOR_VIRT_START to HYPERVISOR_VIRT_END). Usable from assembly.
//
//   slot     what                                                     in every table   access
//   256      machine-to-physical table, the guests' view              shared           user,
//   read-only 257      the same frames, writable for the hypervisor             shared read-write
//   258      frame table (struct frame of every machine frame)        shared           read-write
//   259      the image, then the mapping area (MMIO, stacks)          shared           W^X
//   260      per-domain area: the GDT and LDT of each vCPU            one per domain   read-write
//   262-271  direct map of all RAM                                    shared           read-write,
//   NX
#pragma once

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096
#define PAGE_MASK  (~0xfffull)

#define PML4_SLOT_SIZE (1ull << 39)
#define HV_FIRST_SLOT  256
#define HV_LAST_SLOT   271
#define PERDOMAIN_SLOT 260

#define HV_START         0xffff800000000000
#define HV_END           0xffff880000000000 // first address beyond
#define M2P_RO_START     0xffff800000000000
#define M2P_RW_START     0xffff808000000000
#define FRAMETABLE_START 0xffff810000000000
#define IMAGE_START      0xffff818000000000
#define VMAP_START       0xffff818040000000
#define VMAP_END         0xffff8180c0000000
#define PERDOMAIN_START  0xffff820000000000
#define DIRECTMAP_START  0xffff830000000000
#define DIRECTMAP_END    0xffff880000000000

// A CPU's stack block: guard pages between the exception stacks, the main stack on top.
// The block is aligned to its size, so that any stack pointer in it finds struct cpu_info.
#define STACK_BLOCK_PAGES 16
#define STACK_BLOCK_SIZE  (STACK_BLOCK_PAGES * PAGE_SIZE)
#define STACK_MAIN_PAGE   12 // pages 12..15; page 11 is its guard
#define STACK_DF_PAGE     1
#define STACK_NMI_PAGE    3
#define STACK_MCE_PAGE    5
#define STACK_DB_PAGE     7

// Most CPUs; a cpumask_t is one 64-bit word.
#define MAX_CPUS 64
