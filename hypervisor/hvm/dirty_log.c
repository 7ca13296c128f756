// The log of the frames that an HVM domain has written to.
//
// While it is on, a leaf that was not written to since the log was last cleaned is read-only in the
// nested page tables, and marked as watched; so a leaf that is writable is dirty. The first write
// makes it so, page by page: a large leaf is split. What the hypervisor and others write, by other
// ways than these tables, is marked in the frame table, as for PV domains (pv/log_dirty.c).
//
// So is a place where nothing is any more: its entry, not present, has nothing but the mark.
//
// When the log ends nothing is done at once: writes make writable what they meet.
#include "core/dirty_log.h"

#include "cpu/smp.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "mm/pte.h"

#define CHUNK (1u << P2M_MAX_ORDER) // frames that are looked at together

static bool marked(mfn_t mfn, bool clean)
{
    struct frame *f = mfn_to_frame(mfn);
    uint8_t traits = READ_ONCE(f->traits);

    if (clean && (traits & FRAME_DIRTY))
        __atomic_fetch_and(&f->traits, (uint8_t)~FRAME_DIRTY, __ATOMIC_SEQ_CST);
    return traits & (FRAME_DIRTY | FRAME_HELD);
}

static void watch(const struct p2m_format *format, uint64_t *leaf)
{
    uint64_t e = *leaf;

    if (e & format->writable)
        WRITE_ONCE(*leaf, (e & ~format->writable) | format->watched);
}

// One leaf, of `count` frames from the first whose bit in `dirty` is `at`. Returns how many are
// dirty.
static unsigned read_leaf(const struct p2m_format *format, uint64_t *leaf, unsigned count,
                          unsigned at, uint64_t *dirty, bool clean)
{
    mfn_t mfn = (*leaf & P2M_ADDR) >> PAGE_SHIFT;
    bool written = *leaf & format->writable;
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        bool frame_marked = marked(mfn + i, clean);

        if (!written && !frame_marked)
            continue;
        dirty[(at + i) / 64] |= 1ull << (at + i) % 64;
        n++;
    }
    if (clean)
        watch(format, leaf);
    return n;
}

static unsigned read_hole(const struct p2m_format *format, uint64_t *entry, unsigned at,
                          uint64_t *dirty, bool clean)
{
    if (!(*entry & format->watched))
        return 0;
    dirty[at / 64] |= 1ull << at % 64;
    if (clean)
        WRITE_ONCE(*entry, 0);
    return 1;
}

// The frames below one entry of level 2, or below the end of a hole.
static int read_chunk(struct domain *d, gfn_t gfn, gfn_t *end,
                      const struct xen_domctl_shadow_op *op, bool clean)
{
    struct p2m *p2m = &to_hvmd(d)->p2m;
    const struct p2m_format *format = p2m->format;
    uint64_t dirty[CHUNK / 64] = {0}, *entry;
    unsigned n = 0;

    spin_lock(&p2m->lock);
    entry = p2m_entry_2(p2m, gfn, end);
    if (entry && format->is_present(*entry)) {
        if (format->is_large(*entry)) {
            n = read_leaf(format, entry, CHUNK, 0, dirty, clean);
        } else {
            uint64_t *table = p2m_table(*entry);

            for (unsigned i = 0; i < CHUNK; i++)
                n += format->is_present(table[i]) ? read_leaf(format, &table[i], 1, i, dirty, clean)
                                                  : read_hole(format, &table[i], i, dirty, clean);
        }
    }
    spin_unlock(&p2m->lock);
    d->dirty_log.dirty += n;
    return n ? dirty_log_report(op, gfn, dirty, CHUNK / 64) : 0;
}

static int read_log(struct domain *d, struct xen_domctl_shadow_op *op, bool clean)
{
    gfn_t last = to_hvmd(d)->p2m.last, end;

    for (gfn_t gfn = d->dirty_log.next; gfn <= last; gfn = end) {
        int rc = read_chunk(d, gfn, &end, op, clean);

        if (rc)
            return rc;
        if (preempt_check() && end <= last) {
            d->dirty_log.next = end;
            return -ERESTART;
        }
    }
    return 0;
}

static int start(struct domain *d)
{
    d->dirty_log.on = true;
    return 0;
}

static void stop(struct domain *d)
{
    d->dirty_log.on = false;
}

const struct dirty_log_ops hvm_dirty_log_ops = {start, stop, read_log, p2m_flush};

// The leaf for gfn, of one page while the log is on. Where there is no memory to split a large one
// it counts as dirty as a whole.
static uint64_t *leaf_to_write(struct p2m *p2m, gfn_t gfn, bool logging)
{
    const struct p2m_format *format = p2m->format;
    gfn_t end;
    uint64_t *entry = gfn >> P2M_GFN_BITS ? NULL : p2m_entry_2(p2m, gfn, &end);

    if (!entry || !format->is_present(*entry))
        return NULL;
    if (format->is_large(*entry) &&
        (!logging || !(*entry & format->watched) || p2m_split(format, entry)))
        return entry;
    return &p2m_table(*entry)[gfn % CHUNK];
}

bool hvm_dirty_log_write(struct domain *d, gfn_t gfn)
{
    struct p2m *p2m = &to_hvmd(d)->p2m;
    const struct p2m_format *format = p2m->format;
    bool writable = false;
    uint64_t *leaf;

    spin_lock(&p2m->lock);
    leaf = leaf_to_write(p2m, gfn, d->dirty_log.on);
    if (leaf && format->is_present(*leaf)) {
        if (*leaf & format->watched) {
            WRITE_ONCE(*leaf, (*leaf & ~format->watched) | format->writable);
            d->dirty_log.faults++;
        }
        writable = *leaf & format->writable; // by another CPU, a moment ago
    }
    spin_unlock(&p2m->lock);
    return writable;
}
