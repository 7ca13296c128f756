// The guest's memory: frames, the initial page tables, a window of mappings for tests, pages.
//
// "pfn" is the guest's own frame number, "mfn" the machine's. All pages of the page pool lie in the
// kernel's image, so they are mapped from the first instruction on, and each address translates by
// the P2M list. Page-table pages of the runtime also come from the pool.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PTE_P     0x001UL
#define PTE_W     0x002UL
#define PTE_U     0x004UL
#define PTE_PWT   0x008UL
#define PTE_PCD   0x010UL
#define PTE_A     0x020UL
#define PTE_D     0x040UL
#define PTE_PSE   0x080UL
#define PTE_PAT   0x080UL
#define PTE_G     0x100UL
#define PTE_AVAIL 0xe00UL
#define PTE_NX    (1UL << 63)
#define PTE_MFN   0x000ffffffffff000UL

#define PTE_RW  (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RO  (PTE_P | PTE_U | PTE_A)
#define PTE_TAB (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D) // entries that name page tables

extern char virt_base[]; // the linker's
#define KERNEL_BASE ((uint64_t)virt_base)
// 512 pages whose one L1 table tests may fill as they like; below it, a free L2 slot or more.
#define WINDOW_BASE 0xffffffffc0000000UL
#define WINDOW_SIZE (512 * 4096UL)
// 512 pages mapped at the same address by the kernel's and by the user's root table.
#define USER_BASE       0x0000000000400000UL
#define USER_L1_ENTRIES 512

void memory_init(void);

uint64_t mfn_of(const void *va); // any address in the kernel image
uint64_t mfn_of_pfn(uint64_t pfn);
uint64_t pfn_of(const void *va);
uint64_t pfn_of_mfn(uint64_t mfn); // by the M2P
void p2m_set(uint64_t pfn, uint64_t mfn);
void *va_of_mfn(uint64_t mfn); // of a frame in the kernel image or the initial page tables
#define INVALID_PFN (~0UL)
// The M2P entry, or ~0 where the table has none that can be read.
uint64_t m2p_read(uint64_t mfn);
// A pfn that no address maps, with memory behind it; INVALID_PFN if there are none left.
uint64_t spare_pfn(unsigned n);

// Pages

// Zeroed, mapped writable; never fails (the run ends if the pool is empty).
void *page_alloc(void);
// N adjacent ones.
void *pages_alloc(unsigned n);
// Keeps for good what was handed out so far; for the runtime's own pages.
void pool_keep(void);
// Takes back what a test got; pages that it left without their writable mapping are lost, and
// counted.
unsigned pool_release(void);

// Page tables

uint64_t pte_make(uint64_t mfn, uint64_t flags);
// The entry of level 1..4 that translates VA in the kernel's address space, as memory and as the
// machine address that mmu_update takes. NULL / 0 if an upper level is absent.
uint64_t *pte_of(uint64_t va, unsigned level);
uint64_t pte_maddr(uint64_t va, unsigned level);
uint64_t entry_maddr(const void *table, unsigned index); // of an entry in a pool page

long pte_write(uint64_t maddr, uint64_t value);                  // one normal mmu_update
long mmu_update_one(uint64_t ptr, uint64_t value, unsigned dom); // any kind, any domain
long va_map(uint64_t va, uint64_t pte, uint64_t flags);          // update_va_mapping
long mmuext(unsigned cmd, uint64_t arg1, uint64_t arg2);         // one mmuext_op of DOMID_SELF

// Read-only and writable again: the kernel's own mapping of a pool page.
long page_protect(void *page, bool writable);

uint64_t window_va(unsigned index);
// Maps a frame at window index; the error of update_va_mapping.
long window_map(unsigned index, uint64_t mfn, uint64_t flags);
long window_unmap(unsigned index);
void *window_l1(void);
void *window_l2(void);

uint64_t kernel_root(void); // mfn
uint64_t user_root(void);   // mfn
// Maps a pool page (or any frame) at USER_BASE + index pages, for both modes.
long user_map(unsigned index, uint64_t mfn, uint64_t flags);
static inline uint64_t user_va(unsigned index)
{
    return USER_BASE + index * 4096UL;
}
// Copies CODE of SIZE bytes to the user page 0 and gives its address there.
uint64_t user_code(const void *code, unsigned size);
// Top of the user stack (user pages 1 and 2).
uint64_t user_stack(void);
