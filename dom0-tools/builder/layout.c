#include "builder/layout.h"

#include <errno.h>
#include <string.h>

#include "pv-abi/arch-x86/memory.h"
#include "pv-abi/elfnote.h"

#define PAGE_SHIFT 12
#define L1_SHIFT   12
#define L2_SHIFT   21
#define L3_SHIFT   30
#define L4_SHIFT   39
#define ENTRIES    512

#define PAGES(bytes)      (((bytes) + 4095) >> PAGE_SHIFT)
#define ROUND_UP(n, to)   (((n) + (to)-1) / (to) * (to))
#define SPARE_PAGES       PAGES(512ul << 10)
#define ALIGN_PAGES       PAGES(4ul << 20)
#define ADDRESSABLE_PAGES (1ul << 35) // half of the address space: no sum of these overflows
#define LOWER_END         0x800000000000
#define FLAGS_READ_ONLY   0x65 // present, user, accessed, dirty
#define FLAGS_WRITABLE    0x67
#define INDEX(va, shift)  ((va) >> (shift) & (ENTRIES - 1))
#define FRAME_OF(entry)   ((entry) >> PAGE_SHIFT & ((1ul << 40) - 1))

// Tables of one level needed to map [va, end).
static uint64_t tables_at(uint64_t va, uint64_t end, unsigned shift)
{
    unsigned span = shift + 9;

    return ((end - 1) >> span) - (va >> span) + 1;
}

static uint64_t tables_for(uint64_t va, uint64_t end)
{
    return tables_at(va, end, L1_SHIFT) + tables_at(va, end, L2_SHIFT) +
           tables_at(va, end, L3_SHIFT);
}

// Whether [va, end) is a range that a guest may map.
static bool is_guests(uint64_t va, uint64_t end)
{
    if (end <= va)
        return false;
    return end <= LOWER_END || va >= HYPERVISOR_VIRT_END ||
           (va >= ~(LOWER_END - 1ul) && end <= HYPERVISOR_VIRT_START);
}

// Page tables and boot stack, behind `next`: more tables can mean more to map.
static int plan_tables(struct layout *l, uint64_t next, uint64_t behind)
{
    uint64_t before;

    l->tables = next;
    do {
        before = l->nr_tables;
        l->stack = l->tables + l->nr_tables;
        l->least = l->stack + 1 + SPARE_PAGES + behind;
        l->end = ROUND_UP(l->stack + 1 + SPARE_PAGES, ALIGN_PAGES);
        // A small guest is not to be refused for the rounding.
        if (l->nr_pages >= l->least && l->end + behind > l->nr_pages)
            l->end = l->nr_pages - behind;
        if (!is_guests(l->virt_base, layout_virt(l, l->end)))
            return -EINVAL;
        l->nr_tables = 1 + tables_for(l->virt_base, layout_virt(l, l->end));
    } while (l->nr_tables != before);
    return 0;
}

int layout_plan(struct layout *l, const struct kernel *k, uint64_t initrd_bytes, uint64_t nr_pages)
{
    uint64_t next = PAGES(k->max_paddr - k->paddr_offset), behind = 0, p2m_end;

    *l = (struct layout){
        .nr_pages = nr_pages,
        .virt_base = k->virt_base,
        .kernel = (k->min_paddr - k->paddr_offset) >> PAGE_SHIFT,
        .kernel_end = next,
        .initrd_pages = PAGES(initrd_bytes),
        .initrd_mapped = !k->mod_start_pfn,
        .p2m_pages = PAGES(nr_pages * 8),
        .p2m_elsewhere = kernel_has(k, XEN_ELFNOTE_INIT_P2M),
        .p2m_virt = k->init_p2m,
    };
    l->least = next + l->initrd_pages;
    if (next > ADDRESSABLE_PAGES || nr_pages > ADDRESSABLE_PAGES || l->least > nr_pages)
        return -ENOMEM;
    if (l->initrd_mapped) {
        l->initrd = next;
        next += l->initrd_pages;
    } else {
        behind += l->initrd_pages;
    }
    if (l->p2m_elsewhere) {
        p2m_end = l->p2m_virt + (l->p2m_pages << PAGE_SHIFT);
        if (!is_guests(l->p2m_virt, p2m_end))
            return -EINVAL;
        l->nr_p2m_tables = tables_for(l->p2m_virt, p2m_end);
        behind += l->p2m_pages + l->nr_p2m_tables;
    } else {
        l->p2m = next;
        l->p2m_virt = layout_virt(l, next);
        p2m_end = l->p2m_virt;
        next += l->p2m_pages;
    }
    l->start_info = next++;
    l->xenstore = next++;
    l->console = next++;
    if (plan_tables(l, next, behind) ||
        (l->p2m_elsewhere && l->p2m_virt < layout_virt(l, l->end) && l->virt_base < p2m_end))
        return -EINVAL;
    next = l->rest = l->end;
    if (!l->initrd_mapped) {
        l->initrd = next;
        next += l->initrd_pages;
    }
    if (l->p2m_elsewhere) {
        l->p2m = next;
        l->p2m_tables = next + l->p2m_pages;
    }
    return nr_pages < l->least ? -ENOMEM : 0;
}

// Page-table frames in `memory`, used one after the other.
struct table_pool {
    uint64_t *memory;
    uint64_t first; // frame
    uint64_t count, used;
};

struct writer {
    const uint64_t *mfns;
    struct table_pool main, p2m;
};

static bool in_pool(const struct table_pool *p, uint64_t frame)
{
    return frame >= p->first && frame < p->first + p->count;
}

// The table at a machine frame. There are few, and they are looked for once for each 2 MB.
static uint64_t *table_at(struct writer *w, uint64_t mfn)
{
    struct table_pool *pools[] = {&w->main, &w->p2m};

    for (unsigned n = 0; n < 2; n++)
        for (uint64_t i = 0; i < pools[n]->used; i++)
            if (w->mfns[pools[n]->first + i] == mfn)
                return pools[n]->memory + i * ENTRIES;
    return NULL;
}

static uint64_t *next_table(struct writer *w, struct table_pool *pool, uint64_t *entry)
{
    uint64_t *table = pool->memory + pool->used * ENTRIES;

    *entry = w->mfns[pool->first + pool->used++] << PAGE_SHIFT | FLAGS_WRITABLE;
    return table;
}

// The lowest table for `va`; what is missing comes from `pool`.
static uint64_t *descend(struct writer *w, struct table_pool *pool, uint64_t va)
{
    uint64_t *table = w->main.memory;

    for (unsigned shift = L4_SHIFT; shift > L1_SHIFT; shift -= 9) {
        uint64_t *entry = table + INDEX(va, shift);

        table = *entry ? table_at(w, FRAME_OF(*entry)) : next_table(w, pool, entry);
    }
    return table;
}

static void map(struct writer *w, struct table_pool *pool, uint64_t va, uint64_t frame,
                uint64_t count)
{
    uint64_t *l1 = NULL;

    for (; count; count--, va += 1ul << PAGE_SHIFT, frame++) {
        bool table = in_pool(&w->main, frame) || in_pool(&w->p2m, frame);

        if (!l1 || !INDEX(va, L1_SHIFT))
            l1 = descend(w, pool, va);
        l1[INDEX(va, L1_SHIFT)] =
            w->mfns[frame] << PAGE_SHIFT | (table ? FLAGS_READ_ONLY : FLAGS_WRITABLE);
    }
}

void layout_write_tables(const struct layout *l, const uint64_t *mfns, void *tables,
                         void *p2m_tables)
{
    struct writer w = {
        .mfns = mfns,
        .main = {tables, l->tables, l->nr_tables, 1}, // the root is the first
        .p2m = {p2m_tables, l->p2m_tables, l->nr_p2m_tables, 0},
    };

    memset(tables, 0, l->nr_tables << PAGE_SHIFT);
    if (l->nr_p2m_tables)
        memset(p2m_tables, 0, l->nr_p2m_tables << PAGE_SHIFT);
    map(&w, &w.main, l->virt_base, 0, l->end);
    if (l->p2m_elsewhere)
        map(&w, &w.p2m, l->p2m_virt, l->p2m, l->p2m_pages);
}
