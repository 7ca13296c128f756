// Domain 0's initial page tables, written as the domain itself would write them: validation comes
// when the root is taken into use.
#include "lib/bug.h"
#include "lib/string.h"
#include "mm/pte.h"
#include "pv/dom0.h"

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PAGE_FLAGS  (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

struct builder {
    const struct dom0_layout *l;
    const struct dom0_memory *m;
    uint64_t *root;
    gfn_t next, limit; // where further tables come from
};

static bool is_table(const struct dom0_layout *l, gfn_t gfn)
{
    gfn_t p2m_tables = l->p2m + l->p2m_pages;

    return (gfn >= l->tables && gfn < l->tables + l->nr_tables) ||
           (gfn >= p2m_tables && gfn < p2m_tables + l->nr_p2m_tables);
}

static gfn_t new_table(struct builder *b)
{
    BUG_ON(b->next >= b->limit);
    memset(dom0_va(b->m, b->next), 0, PAGE_SIZE);
    return b->next++;
}

static uint64_t *descend(struct builder *b, uint64_t *table, unsigned index)
{
    if (!table[index])
        table[index] = dom0_mfn(b->m, new_table(b)) << PAGE_SHIFT | TABLE_FLAGS;
    return mfn_to_virt(PTE_TO_MFN(table[index]));
}

static void map(struct builder *b, uint64_t va, gfn_t gfn, uint64_t count)
{
    for (; count; count--, va += PAGE_SIZE, gfn++) {
        uint64_t *t = b->root;

        for (unsigned shift = L4_SHIFT; shift > L1_SHIFT; shift -= 9)
            t = descend(b, t, PT_INDEX(va, shift));
        t[PT_INDEX(va, L1_SHIFT)] = dom0_mfn(b->m, gfn) << PAGE_SHIFT |
                                    (is_table(b->l, gfn) ? PAGE_FLAGS & ~PTE_RW : PAGE_FLAGS);
    }
}

gfn_t dom0_tables_write(const struct dom0_layout *l, const struct dom0_memory *m)
{
    struct builder b = {l, m, NULL, l->tables, l->tables + l->nr_tables};

    b.root = dom0_va(m, new_table(&b));
    map(&b, l->virt_base, 0, l->end);
    b.next = l->p2m + l->p2m_pages;
    b.limit = b.next + l->nr_p2m_tables;
    if (l->nr_p2m_tables)
        map(&b, l->p2m_virt, l->p2m, l->p2m_pages);
    return l->tables;
}
