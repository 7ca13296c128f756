// Bits of page-table entries (Intel SDM vol. 3, 4.5), and the hypervisor's combinations of them.
#pragma once

#include <stdint.h>

#define PTE_P       (1ull << 0)
#define PTE_RW      (1ull << 1)
#define PTE_US      (1ull << 2)
#define PTE_PWT     (1ull << 3)
#define PTE_PCD     (1ull << 4)
#define PTE_A       (1ull << 5)
#define PTE_D       (1ull << 6)
#define PTE_PSE     (1ull << 7) // L2, L3: large page
#define PTE_PAT     (1ull << 7) // L1
#define PTE_PSE_PAT (1ull << 12)
#define PTE_G       (1ull << 8)
#define PTE_NX      (1ull << 63)
#define PTE_ADDR    0x000ffffffffff000ull

#define PTE_TO_MFN(pte) (((pte)&PTE_ADDR) >> 12)

#define PTES_PER_TABLE      512
#define L1_SHIFT            12
#define L2_SHIFT            21
#define L3_SHIFT            30
#define L4_SHIFT            39
#define PT_INDEX(va, shift) (((uint64_t)(va) >> (shift)) & (PTES_PER_TABLE - 1))

// Leaves of the hypervisor's own mappings. A and D are set so that the processor need not.
#define PTE_HV_RO (PTE_P | PTE_A | PTE_D | PTE_G | PTE_NX)
#define PTE_HV_RW (PTE_HV_RO | PTE_RW)
// The guests' view of the machine-to-physical table. Not global: where user programs may not see it
// (VMASST_TYPE_m2p_strict), it must not stay in the TLB when a kernel has looked.
#define PTE_USER_RO ((PTE_HV_RO & ~PTE_G) | PTE_US)
// Entries that point to tables.
#define PTE_TABLE      (PTE_P | PTE_RW | PTE_A | PTE_D)
#define PTE_USER_TABLE (PTE_TABLE | PTE_US)

// For map_pages(), not a bit of the entry: large pages will do.
#define MAP_LARGE (1ull << 52)

// Memory types by PAT entry. The hypervisor programs the PAT as the ABI promises to guests:
// 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WP, 6 UC, 7 UC (MSR value 0x0000050100070406).
#define PTE_CACHE_WB       0ull
#define PTE_CACHE_WT       PTE_PWT
#define PTE_CACHE_UC_MINUS PTE_PCD
#define PTE_CACHE_UC       (PTE_PCD | PTE_PWT)
#define PTE_CACHE_WC       PTE_PAT
#define PTE_CACHE_WP       (PTE_PAT | PTE_PWT)
#define PTE_CACHE_L1       (PTE_PAT | PTE_PCD | PTE_PWT)
