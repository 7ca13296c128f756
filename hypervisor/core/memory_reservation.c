// XENMEM_increase_reservation, _decrease_reservation, _populate_physmap, _claim_pages: a domain
// gets and gives back memory. An extent is 2^order frames; what has been done is counted in
// extents.
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "core/vm_assist.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/buddy.h"
#include "mm/guest.h"

#define MAX_ORDER 9 // 2 MB: what is scrubbed and handed over without a look at other work

struct reservation {
    struct domain *d;
    uint64_t list; // guest address of the extents' frame numbers, 0: none
    unsigned order, alloc_flags;
};

// false if no frame can satisfy the address width.
static bool alloc_flags(uint32_t mem_flags, unsigned *flags)
{
    unsigned bits = XENMEMF_get_address_bits(mem_flags);

    *flags = 0;
    if (bits && bits <= 32)
        *flags = FRAME_DMA32;
    return !bits || bits >= 32;
}

static int read_entry(const struct reservation *r, uint64_t i, uint64_t *value)
{
    return copy_from_guest(value, r->list + i * sizeof(*value), sizeof(*value));
}

static int write_entry(const struct reservation *r, uint64_t i, uint64_t value)
{
    return copy_to_guest(r->list + i * sizeof(value), &value, sizeof(value));
}

static int increase(const struct reservation *r, uint64_t i)
{
    struct frame *f;

    if (r->d->ops->physmap) // nobody could say where they are to be
        return -EOPNOTSUPP;
    f = frame_alloc(r->d, r->order, r->alloc_flags);
    if (!f)
        return -ENOMEM;
    return r->list ? write_entry(r, i, frame_to_mfn(f)) : 0;
}

// Frames that cannot be mapped go back.
static int populate_map(const struct reservation *r, gfn_t gfn, struct frame *f)
{
    int rc = r->d->ops->physmap->add(r->d, gfn, f, r->order);

    for (unsigned j = 0; rc && j < 1u << r->order; j++)
        frame_release_allocation(f + j);
    return rc;
}

static int populate(const struct reservation *r, uint64_t i)
{
    struct frame *f;
    uint64_t gfn;

    if (read_entry(r, i, &gfn))
        return -EFAULT;
    f = frame_alloc(r->d, r->order, r->alloc_flags);
    if (!f)
        return -ENOMEM;
    if (r->d->ops->physmap)
        return populate_map(r, gfn, f);
    for (unsigned j = 0; j < 1u << r->order; j++)
        m2p_set(frame_to_mfn(f) + j, gfn + j);
    return write_entry(r, i, frame_to_mfn(f));
}

static int decrease_map(const struct reservation *r, gfn_t gfn)
{
    for (gfn_t end = gfn + (1ull << r->order); gfn < end; gfn++) {
        struct frame *f;
        int rc = r->d->ops->physmap->remove(r->d, gfn, &f);

        if (rc)
            return rc;
        if (f->kind == FRAME_DOMAIN)
            frame_release_allocation(f);
    }
    return 0;
}

static int decrease(const struct reservation *r, uint64_t i)
{
    uint64_t mfn;

    if (read_entry(r, i, &mfn))
        return -EFAULT;
    if (r->d->ops->physmap)
        return decrease_map(r, mfn);
    for (uint64_t end = mfn + (1ull << r->order); mfn < end; mfn++) {
        struct frame *f = mfn_to_frame(mfn);
        bool had;

        if (!mfn_valid(mfn) || !frame_get(f, r->d))
            return -EINVAL;
        had = f->kind == FRAME_DOMAIN && frame_release_allocation(f);
        frame_put(f);
        if (!had)
            return -EINVAL;
    }
    return 0;
}

static long do_extents(unsigned op, const struct reservation *r, uint64_t n, uint64_t *start)
{
    int (*const one)(const struct reservation *, uint64_t) =
        op == XENMEM_increase_reservation ? increase
        : op == XENMEM_populate_physmap   ? populate
                                          : decrease;

    for (uint64_t i = *start; i < n; i++) {
        if (i != *start && preempt_check()) {
            *start = i;
            return -ERESTART;
        }
        if (one(r, i)) {
            guest_debug("memory_op %u: extent %lu of %lu failed\n", op, i, n);
            return (long)i;
        }
    }
    return (long)n;
}

long memory_reservation_op(unsigned op, uint64_t arg, uint64_t *start)
{
    struct xen_memory_reservation in;
    struct reservation r;
    long rc;

    // The ABI answers nonsense with "nothing more done".
    if (copy_from_guest(&in, arg, sizeof(in)) || in.nr_extents > MEMOP_MAX_EXTENTS ||
        *start >= in.nr_extents)
        return (long)*start;
    if (in.extent_order > MAX_ORDER)
        return (long)*start;
    r.list = (uint64_t)in.extent_start;
    r.order = in.extent_order;
    rc = permit_domain(PERMIT_memory_reservation, in.domid, &r.d);
    if (rc)
        return (long)*start;
    rc = (long)*start;
    if (alloc_flags(in.mem_flags, &r.alloc_flags))
        rc = do_extents(op, &r, in.nr_extents, start);
    domain_put(r.d);
    return rc;
}

// Sets memory aside so that what the domain has and its claim make `pages`. 0: no claim any more.
static int set_claim(struct domain *d, uint64_t pages)
{
    struct domain_memory *m = &d->mem;
    uint64_t more;
    int rc = 0;

    spin_lock(&m->lock);
    if (!pages) {
        buddy_unclaim(m->claimed_pages);
        m->claimed_pages = 0;
    } else if (m->claimed_pages || m->closed || pages > m->max_pages || pages < m->nr_pages) {
        rc = -EINVAL;
    } else {
        more = pages - m->nr_pages;
        if (buddy_claim(more))
            m->claimed_pages = (uint32_t)more;
        else
            rc = -ENOMEM;
    }
    spin_unlock(&m->lock);
    return rc;
}

long memory_claim(uint64_t arg)
{
    struct xen_memory_reservation in;
    struct domain *d;
    int rc;

    if (copy_from_guest(&in, arg, sizeof(in)))
        return -EFAULT;
    if (in.extent_start || in.extent_order || in.mem_flags)
        return -EINVAL;
    rc = permit(PERMIT_claim_pages, NULL) ?: permit_domain(PERMIT_claim_pages, in.domid, &d);
    if (rc)
        return rc;
    rc = set_claim(d, in.nr_extents);
    domain_put(d);
    return rc;
}
