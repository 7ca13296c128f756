#include "hvm/p2m.h"

#include "cpu/smp.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/pte.h"

#define LEVEL_SHIFT(level) (((level)-1) * 9u) // of a gfn

static unsigned index_of(gfn_t gfn, unsigned level)
{
    return gfn >> LEVEL_SHIFT(level) & (PTES_PER_TABLE - 1);
}

int p2m_init(struct p2m *p2m, const struct p2m_format *format)
{
    p2m->format = format;
    p2m->root = pages_alloc(0);
    p2m->generation = 1;
    return p2m->root ? 0 : -ENOMEM;
}

static void free_table(const struct p2m_format *format, uint64_t *table, unsigned level)
{
    for (unsigned i = 0; level > 1 && i < PTES_PER_TABLE; i++)
        if (format->is_present(table[i]) && !(level <= 3 && format->is_large(table[i])))
            free_table(format, p2m_table(table[i]), level - 1);
    pages_free(table, 0);
}

void p2m_destroy(struct p2m *p2m)
{
    if (p2m->root)
        free_table(p2m->format, p2m->root, P2M_LEVELS);
    p2m->root = NULL;
}

int p2m_split(const struct p2m_format *format, uint64_t *entry)
{
    const uint64_t access = format->writable | format->watched;
    uint64_t *table = pages_alloc(0);

    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < PTES_PER_TABLE; i++)
        table[i] = (format->leaf((*entry & P2M_ADDR) / PAGE_SIZE + i, false) & ~access) |
                   (*entry & access);
    WRITE_ONCE(*entry, format->table(virt_to_mfn(table)));
    return 0;
}

// The entry for gfn at a level, tables above it made if need be (-ENOMEM).
static int entry_at(struct p2m *p2m, gfn_t gfn, unsigned level, uint64_t **entry)
{
    const struct p2m_format *format = p2m->format;
    uint64_t *table = p2m->root;

    for (unsigned l = P2M_LEVELS; l > level; l--) {
        uint64_t *e = &table[index_of(gfn, l)];

        if (!format->is_present(*e)) {
            uint64_t *new = pages_alloc(0);

            if (!new)
                return -ENOMEM;
            WRITE_ONCE(*e, format->table(virt_to_mfn(new)));
        } else if (l <= 3 && format->is_large(*e) && p2m_split(format, e)) {
            return -ENOMEM;
        }
        table = p2m_table(*e);
    }
    *entry = &table[index_of(gfn, level)];
    return 0;
}

// 2^order frames fill at the most one table: whatever can fail does so before the first is set.
static int add_small(struct p2m *p2m, gfn_t gfn, mfn_t mfn, unsigned order)
{
    uint64_t *e;
    int rc = entry_at(p2m, gfn, 1, &e);

    for (unsigned i = 0; !rc && i < 1u << order; i++)
        WRITE_ONCE(e[i], p2m->format->leaf(mfn + i, false));
    return rc;
}

// Large leaves only where nothing stood: a table in the way is filled instead.
static int add_locked(struct p2m *p2m, gfn_t gfn, mfn_t mfn, unsigned order)
{
    uint64_t *e;

    if (order == P2M_MAX_ORDER && !((gfn | mfn) & ((1u << P2M_MAX_ORDER) - 1))) {
        int rc = entry_at(p2m, gfn, 2, &e);

        if (rc)
            return rc;
        if (!p2m->format->is_present(*e)) {
            WRITE_ONCE(*e, p2m->format->leaf(mfn, true));
            return 0;
        }
    }
    return add_small(p2m, gfn, mfn, order);
}

// The leaf for gfn: the machine frame, or INVALID_MFN.
static mfn_t look_up(const struct p2m *p2m, gfn_t gfn)
{
    const uint64_t *table = p2m->root;

    if (gfn >> P2M_GFN_BITS)
        return INVALID_MFN;
    for (unsigned level = P2M_LEVELS; level; level--) {
        uint64_t e = READ_ONCE(table[index_of(gfn, level)]);

        if (!p2m->format->is_present(e))
            return INVALID_MFN;
        if (level == 1 || (level <= 3 && p2m->format->is_large(e)))
            return (e & P2M_ADDR) / PAGE_SIZE + (gfn & ((1ull << LEVEL_SHIFT(level)) - 1));
        table = p2m_table(e);
    }
    return INVALID_MFN;
}

uint64_t *p2m_entry_2(const struct p2m *p2m, gfn_t gfn, gfn_t *end)
{
    uint64_t *table = p2m->root;

    for (unsigned level = P2M_LEVELS; level > 2; level--) {
        uint64_t e = table[index_of(gfn, level)];

        *end = ((gfn >> LEVEL_SHIFT(level)) + 1) << LEVEL_SHIFT(level);
        if (!p2m->format->is_present(e))
            return NULL;
        table = p2m_table(e);
    }
    *end = ((gfn >> LEVEL_SHIFT(2)) + 1) << LEVEL_SHIFT(2);
    return &table[index_of(gfn, 2)];
}

static void nothing(void *unused)
{
}

// Every CPU that runs the domain leaves it, and flushes when it comes back.
void p2m_flush(struct domain *d)
{
    __atomic_add_fetch(&to_hvmd(d)->p2m.generation, 1, __ATOMIC_SEQ_CST);
    smp_call(d->mem.dirty_cpus, nothing, NULL);
}

static int add(struct domain *d, gfn_t gfn, struct frame *f, unsigned order)
{
    struct p2m *p2m = &to_hvmd(d)->p2m;
    mfn_t mfn = frame_to_mfn(f);
    gfn_t last = gfn + (1ull << order) - 1;
    bool replaces;
    int rc;

    if (order > P2M_MAX_ORDER || last >> P2M_GFN_BITS || last < gfn || gfn & ((1ull << order) - 1))
        return -EINVAL;
    spin_lock(&p2m->lock);
    replaces = gfn <= p2m->last && p2m->last; // perhaps: then others may have cached it
    rc = add_locked(p2m, gfn, mfn, order);
    for (unsigned i = 0; !rc && i < 1u << order; i++)
        m2p_set(mfn + i, gfn + i);
    p2m->last = MAX(p2m->last, last);
    spin_unlock(&p2m->lock);
    if (replaces)
        p2m_flush(d);
    return rc;
}

static int remove(struct domain *d, gfn_t gfn, struct frame **f)
{
    struct p2m *p2m = &to_hvmd(d)->p2m;
    uint64_t *e;
    mfn_t mfn;
    int rc;

    spin_lock(&p2m->lock);
    mfn = look_up(p2m, gfn);
    rc = mfn == INVALID_MFN ? -ENOENT : entry_at(p2m, gfn, 1, &e);
    if (!rc) {
        WRITE_ONCE(*e, d->dirty_log.on ? p2m->format->watched : 0); // where nothing is any more
        m2p_set(mfn, M2P_INVALID);
        *f = mfn_to_frame(mfn);
        to_hvmd(d)->map_shrunk = true;
    }
    spin_unlock(&p2m->lock);
    if (!rc)
        p2m_flush(d);
    return rc;
}

static gfn_t last(struct domain *d)
{
    return to_hvmd(d)->p2m.last;
}

const struct physmap_ops hvm_physmap_ops = {add, remove, last};

int hvm_gfn_to_frame(struct domain *d, gfn_t gfn, struct frame **f)
{
    struct p2m *p2m = &to_hvmd(d)->p2m;
    mfn_t mfn;

    spin_lock(&p2m->lock);
    mfn = look_up(p2m, gfn);
    if (mfn != INVALID_MFN && !frame_get(mfn_to_frame(mfn), d))
        mfn = INVALID_MFN;
    spin_unlock(&p2m->lock);
    *f = mfn_to_frame(mfn);
    return mfn == INVALID_MFN ? -EINVAL : 0;
}
