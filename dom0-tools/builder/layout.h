// Where things lie in a paravirtual guest's initial memory, and its first page tables.
//
// In the order of the ABI (pv-abi/start_info.h), from guest frame 0 at the kernel's virtual base:
// kernel, initial RAM disk, P2M list, start_info, xenstore ring, console ring, page tables, boot
// stack; then at least 512 KB of mapped space, up to a multiple of 4 MB. What the kernel allows to
// be left out (its notes MOD_START_PFN and INIT_P2M) follows behind that, unmapped or mapped
// elsewhere. All numbers are guest frames unless said otherwise. Pure computation: no hypervisor.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "builder/kernel.h"

struct layout {
    uint64_t nr_pages; // the guest's
    uint64_t virt_base;
    uint64_t kernel, kernel_end;
    uint64_t initrd, initrd_pages;
    uint64_t p2m, p2m_pages, p2m_virt;
    uint64_t start_info, xenstore, console;
    uint64_t tables, nr_tables;
    uint64_t stack;
    uint64_t end;                       // of what is mapped at virt_base
    uint64_t rest;                      // begin of what follows behind it
    uint64_t p2m_tables, nr_p2m_tables; // page tables of a P2M list that is mapped elsewhere
    bool initrd_mapped, p2m_elsewhere;
    uint64_t least; // pages that the guest must have
};

// 0; -ENOMEM: nr_pages is less than l->least; -EINVAL: the kernel's addresses reach into each
// other's or the hypervisor's part of the address space.
int layout_plan(struct layout *l, const struct kernel *k, uint64_t initrd_bytes, uint64_t nr_pages);

// The virtual address of a frame of the initial part.
static inline uint64_t layout_virt(const struct layout *l, uint64_t frame)
{
    return l->virt_base + (frame << 12);
}

// Writes the page tables: `tables` is the memory of l->nr_tables frames from l->tables on,
// `p2m_tables` of l->nr_p2m_tables frames from l->p2m_tables on. `mfns` has the machine frame of
// each of the guest's frames. Root: l->tables.
void layout_write_tables(const struct layout *l, const uint64_t *mfns, void *tables,
                         void *p2m_tables);
