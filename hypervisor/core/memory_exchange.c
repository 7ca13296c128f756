// XENMEM_exchange: a PV guest trades frames for as many others, contiguous or below an address, for
// devices. Works on one chunk at a time, which is the larger of the two extent sizes: takes the
// chunk's old frames, to which nothing may refer any more, allocates new ones, gives these, frees
// those. A chunk either succeeds or leaves the guest with what it had.
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/buddy.h"
#include "mm/guest.h"

#define MAX_CHUNK_ORDER 9

struct exchange {
    struct domain *d;
    uint64_t in_list, out_list; // guest addresses
    unsigned in_order, out_order, chunk_order, out_flags;
    mfn_t *old;         // frames of a chunk
    struct frame **new; // blocks of a chunk
};

static unsigned old_frames(const struct exchange *x)
{
    return 1u << x->chunk_order;
}

static unsigned new_blocks(const struct exchange *x)
{
    return 1u << (x->chunk_order - x->out_order);
}

// The first n frames taken go back to the domain.
static void return_old(struct exchange *x, unsigned n)
{
    while (n--)
        frame_give(mfn_to_frame(x->old[n]), 0, x->d);
}

static int take_old(struct exchange *x, uint64_t chunk)
{
    unsigned extents = 1u << (x->chunk_order - x->in_order), n = 0;

    for (unsigned i = 0; i < extents; i++) {
        uint64_t mfn, at = x->in_list + (chunk * extents + i) * sizeof(mfn);

        if (copy_from_guest(&mfn, at, sizeof(mfn))) {
            return_old(x, n);
            return -EFAULT;
        }
        for (unsigned j = 0; j < 1u << x->in_order; j++, mfn++) {
            if (!mfn_valid(mfn) || !frame_take(mfn_to_frame(mfn), x->d)) {
                return_old(x, n);
                return -EINVAL;
            }
            x->old[n++] = mfn;
        }
    }
    return 0;
}

static int alloc_new(struct exchange *x)
{
    for (unsigned i = 0; i < new_blocks(x); i++) {
        x->new[i] = frame_alloc(NULL, x->out_order, x->out_flags);
        if (x->new[i])
            continue;
        while (i--)
            buddy_free(x->new[i], x->out_order);
        return -ENOMEM;
    }
    return 0;
}

// Cannot fail but for the guest's list, which is told by the result and harms the guest only: out's
// list holds guest frame numbers and receives machine frame numbers.
static int give_new(struct exchange *x, uint64_t chunk)
{
    int rc = 0;

    for (unsigned i = 0; i < new_blocks(x); i++) {
        mfn_t mfn = frame_to_mfn(x->new[i]);
        uint64_t gfn, at = x->out_list + (chunk * new_blocks(x) + i) * sizeof(gfn);

        frame_give(x->new[i], x->out_order, x->d);
        if (copy_from_guest(&gfn, at, sizeof(gfn))) {
            rc = -EFAULT;
            continue;
        }
        for (unsigned j = 0; j < 1u << x->out_order; j++)
            m2p_set(mfn + j, gfn + j);
        if (copy_to_guest(at, &mfn, sizeof(mfn)))
            rc = -EFAULT;
    }
    return rc;
}

static int exchange_chunk(struct exchange *x, uint64_t chunk)
{
    int rc = take_old(x, chunk);

    if (rc)
        return rc;
    rc = alloc_new(x);
    if (rc) {
        return_old(x, old_frames(x));
        return rc;
    }
    rc = give_new(x, chunk);
    for (unsigned i = 0; i < old_frames(x); i++)
        frame_discard(mfn_to_frame(x->old[i]));
    return rc;
}

static int check(const struct xen_memory_exchange *e, struct exchange *x)
{
    unsigned bits = XENMEMF_get_address_bits(e->out.mem_flags);

    x->in_order = e->in.extent_order;
    x->out_order = e->out.extent_order;
    x->chunk_order = MAX(x->in_order, x->out_order);
    x->out_flags = bits && bits <= 32 ? FRAME_DMA32 : 0;
    x->in_list = (uint64_t)e->in.extent_start;
    x->out_list = (uint64_t)e->out.extent_start;
    if (x->chunk_order > MAX_CHUNK_ORDER)
        return -EPERM;
    if ((bits && bits < 32) || e->in.domid != e->out.domid ||
        e->in.nr_extents > UINT32_MAX >> MAX_CHUNK_ORDER || e->nr_exchanged > e->in.nr_extents ||
        e->in.nr_extents << x->in_order != e->out.nr_extents << x->out_order ||
        (e->in.nr_extents << x->in_order) & (old_frames(x) - 1) ||
        (e->nr_exchanged << x->in_order) & (old_frames(x) - 1))
        return -EINVAL;
    return 0;
}

// Sets nr_exchanged as it goes; -ERESTART to go on there.
static long all_chunks(struct exchange *x, struct xen_memory_exchange *e, uint64_t arg)
{
    uint64_t first = e->nr_exchanged << x->in_order >> x->chunk_order;
    uint64_t n = e->in.nr_extents << x->in_order >> x->chunk_order, chunk;
    long rc = 0;

    for (chunk = first; chunk < n && !rc; chunk++) {
        if (chunk != first && preempt_check()) {
            rc = -ERESTART;
            break;
        }
        rc = exchange_chunk(x, chunk);
        if (rc)
            break;
    }
    e->nr_exchanged = chunk << x->chunk_order >> x->in_order;
    if (copy_to_guest(arg + offsetof(struct xen_memory_exchange, nr_exchanged), &e->nr_exchanged,
                      sizeof(e->nr_exchanged)))
        return -EFAULT;
    return rc;
}

long memory_exchange(uint64_t arg)
{
    struct xen_memory_exchange e;
    struct exchange x = {0};
    long rc;

    if (copy_from_guest(&e, arg, sizeof(e)))
        return -EFAULT;
    rc = check(&e, &x);
    if (rc || (rc = permit_domain(PERMIT_memory_reservation, e.in.domid, &x.d)))
        return rc;
    x.old = xzalloc_array(mfn_t, old_frames(&x));
    x.new = xzalloc_array(struct frame *, new_blocks(&x));
    if (x.d->ops->kind != GUEST_PV)
        rc = -EOPNOTSUPP;
    else if (!x.old || !x.new)
        rc = -ENOMEM;
    else
        rc = all_chunks(&x, &e, arg);
    xfree(x.new);
    xfree(x.old);
    domain_put(x.d);
    return rc;
}
