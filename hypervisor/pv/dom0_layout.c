// Where things lie in domain 0's initial address space, as the ABI orders them
// (pv-abi/start_info.h): kernel, initial RAM disk, P2M list, start_info, page tables, boot stack;
// at least 512 KB of mapped space behind, up to a multiple of 4 MB. What the kernel allows to be
// left out of the mapping (its notes MOD_START_PFN and INIT_P2M) follows behind it.
#include "lib/bits.h"
#include "mm/pte.h"
#include "pv/dom0.h"

#define PAGES(bytes) DIV_ROUND_UP((uint64_t)(bytes), (uint64_t)PAGE_SIZE)
#define SPARE_PAGES  PAGES(512 << 10)
#define ALIGN_PAGES  PAGES(4 << 20)

// Tables of one level needed to map [va, end).
static unsigned tables_at(uint64_t va, uint64_t end, unsigned shift)
{
    unsigned span = shift + 9;

    return (unsigned)(((end - 1) >> span) - (va >> span) + 1);
}

static unsigned tables_for(uint64_t va, uint64_t end)
{
    return tables_at(va, end, L1_SHIFT) + tables_at(va, end, L2_SHIFT) +
           tables_at(va, end, L3_SHIFT);
}

void dom0_layout_plan(struct dom0_layout *l, const struct xen_kernel_info *k,
                      uint64_t kernel_end_paddr, uint64_t initrd_bytes, uint64_t nr_pages)
{
    gfn_t next = PAGES(kernel_end_paddr - k->paddr_offset), before_tables;

    l->virt_base = k->virt_base;
    l->kernel_end = next;
    l->initrd_pages = PAGES(initrd_bytes);
    l->initrd_mapped = !k->mod_start_pfn;
    l->p2m_pages = PAGES(nr_pages * 8);
    if (l->initrd_mapped) {
        l->initrd = next;
        next += l->initrd_pages;
    }
    if (!xen_kernel_has(k, XEN_ELFNOTE_INIT_P2M)) {
        l->p2m = next;
        l->p2m_virt = l->virt_base + (next << PAGE_SHIFT);
        next += l->p2m_pages;
    }
    l->start_info = next++;
    before_tables = l->tables = next;
    do { // more tables can mean more to map
        next = before_tables + l->nr_tables;
        l->stack = next++;
        l->end = ROUND_UP(next + SPARE_PAGES, ALIGN_PAGES);
        next = l->nr_tables;
        l->nr_tables = 1 + tables_for(l->virt_base, l->virt_base + (l->end << PAGE_SHIFT));
    } while (next != l->nr_tables);
    next = l->end;
    if (!l->initrd_mapped) {
        l->initrd = next;
        next += l->initrd_pages;
    }
    if (xen_kernel_has(k, XEN_ELFNOTE_INIT_P2M)) {
        l->p2m = next;
        l->p2m_virt = k->init_p2m;
        l->nr_p2m_tables = tables_for(l->p2m_virt, l->p2m_virt + (l->p2m_pages << PAGE_SHIFT));
    }
}
