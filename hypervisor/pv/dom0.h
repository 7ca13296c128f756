// Building domain 0 from the boot loader's modules.
#pragma once

#include <stdint.h>

#include "lib/xen_notes.h"
#include "mm/layout.h"
#include "pv/domain.h"

// Creates dom0 (the global) with its first vCPU ready to start, paused. kernel, initrd: machine
// addresses (initrd may be empty); cmdline: the kernel's own. Whatever is wrong is the end of boot:
// panics.
struct dom0_input {
    uint64_t kernel_start, kernel_end;
    uint64_t initrd_start, initrd_end;
    const char *cmdline;
    const void *video; // struct dom0_vga_console_info, NULL if there is none
};
void dom0_build(const struct dom0_input *in);

// The inside of the builder, in its order of work.

// Machine memory of the domain: guest frames are numbered through these in order.
#define DOM0_MAX_EXTENTS 1024
struct dom0_extent {
    gfn_t gfn;
    mfn_t mfn;
    uint64_t count;
};

struct dom0_memory {
    uint64_t nr_pages;
    unsigned nr_extents;
    struct dom0_extent extents[DOM0_MAX_EXTENTS];
};

// Allocates: all that dom0_mem= allows, the first `low` frames contiguous.
void dom0_memory_alloc(struct domain *d, struct dom0_memory *m, uint64_t low);
mfn_t dom0_mfn(const struct dom0_memory *m, gfn_t gfn);
static inline void *dom0_va(const struct dom0_memory *m, gfn_t gfn)
{
    return mfn_to_virt(dom0_mfn(m, gfn));
}
uint64_t dom0_memory_wanted(void); // pages

// Where things go in the initial address space; all in guest frame numbers, virt = base + gfn *
// 4096.
struct dom0_layout {
    uint64_t virt_base;
    gfn_t kernel_end;
    gfn_t start_info, tables, stack, end; // end: first frame that is not mapped
    unsigned nr_tables;
    gfn_t initrd; // behind the mapped part, unless initrd_mapped
    bool initrd_mapped;
    uint64_t initrd_pages;
    gfn_t p2m; // the list; then its own page tables if it is mapped elsewhere
    uint64_t p2m_virt, p2m_pages;
    unsigned nr_p2m_tables;
};
void dom0_layout_plan(struct dom0_layout *l, const struct xen_kernel_info *k,
                      uint64_t kernel_end_paddr, uint64_t initrd_bytes, uint64_t nr_pages);

// Writes the page tables that map all of it. Returns the root's guest frame.
gfn_t dom0_tables_write(const struct dom0_layout *l, const struct dom0_memory *m);
