// XENMEM_add_to_physmap and kin, which are for translated guests, and XENMEM_acquire_resource, by
// which tools get at frames of a domain's workings.
#include "core/grant.h"
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define RESOURCE_CHUNK 32 // frames between looks at other work

// A PV guest numbers its memory itself, so there is no map to add to. What another guest had at a
// frame number is lost to it when something else is put there.

static long remove_at(struct domain *d, gfn_t gfn)
{
    struct frame *f;
    int rc;

    if (d->ops->physmap) {
        rc = d->ops->physmap->remove(d, gfn, &f);
        if (!rc && f->kind == FRAME_DOMAIN)
            frame_release_allocation(f);
        return rc;
    }
    if (!mfn_valid(gfn) || !frame_get(mfn_to_frame(gfn), d))
        return -ENOENT;
    frame_put(mfn_to_frame(gfn));
    return 0;
}

static long remove_from_physmap(uint64_t arg)
{
    struct xen_remove_from_physmap in;
    struct domain *d;
    long rc;

    if (copy_from_guest(&in, arg, sizeof(in)))
        return -EFAULT;
    rc = permit_domain(PERMIT_physmap, in.domid, &d);
    if (rc)
        return rc;
    rc = remove_at(d, in.gpfn);
    domain_put(d);
    return rc;
}

// The frame of the hypervisor's that is to be shown to the domain.
static int shown_frame(struct domain *d, unsigned space, uint64_t index, mfn_t *mfn)
{
    bool status = index & XENMAPIDX_grant_table_status;

    if (space == XENMAPSPACE_shared_info) {
        *mfn = virt_to_mfn(d->shared_info);
        return index ? -EINVAL : 0;
    }
    if (space != XENMAPSPACE_grant_table)
        return -EOPNOTSUPP;
    index &= ~XENMAPIDX_grant_table_status;
    return index > UINT32_MAX ? -EINVAL : grant_table_frame(d, (unsigned)index, status, mfn);
}

static bool is_at(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    struct frame *f;
    bool same;

    if (gfn == M2P_INVALID || d->ops->gfn_to_frame(d, gfn, &f))
        return false;
    same = frame_to_mfn(f) == mfn;
    frame_put(f);
    return same;
}

// Memory of the domain's own goes from one number to another. Locked.
static int move_frame(struct domain *d, gfn_t from, gfn_t to)
{
    const struct physmap_ops *map = d->ops->physmap;
    struct frame *f;
    int rc;

    if (map->remove(d, from, &f))
        return -EINVAL;
    rc = f->kind == FRAME_DOMAIN ? 0 : -EINVAL;
    if (!rc && from != to) {
        remove_at(d, to);
        rc = map->add(d, to, f, 0);
    }
    if (rc || from == to)
        map->add(d, from, f, 0); // there was one before, so there is room
    return rc;
}

long memory_move(struct domain *d, gfn_t from, gfn_t to)
{
    int rc;

    if (!d->ops->physmap)
        return -EACCES;
    spin_lock(&d->lock);
    rc = d->dying ? -EINVAL : move_frame(d, from, to);
    spin_unlock(&d->lock);
    return rc;
}

// It is in one place at a time.
static long add_at(struct domain *d, unsigned space, uint64_t index, gfn_t gfn)
{
    mfn_t mfn;
    int rc;

    if (space == XENMAPSPACE_gmfn)
        return memory_move(d, index, gfn);
    if (!d->ops->physmap)
        return -EACCES;
    rc = shown_frame(d, space, index, &mfn);
    if (rc)
        return rc;
    spin_lock(&d->lock);
    if (is_at(d, m2p_get(mfn), mfn))
        remove_at(d, m2p_get(mfn));
    remove_at(d, gfn);
    rc = d->ops->physmap->add(d, gfn, mfn_to_frame(mfn), 0);
    spin_unlock(&d->lock);
    return rc;
}

// XENMAPSPACE_gmfn_range: as many as in.size says.
static long move_range(struct domain *d, const struct xen_add_to_physmap *in, uint64_t *start)
{
    while (*start < in->size) {
        long rc = memory_move(d, in->idx + *start, in->gpfn + *start);

        if (rc)
            return rc;
        if (++*start < in->size && preempt_check())
            return -ERESTART;
    }
    return 0;
}

static long add_to_physmap(uint64_t arg, uint64_t *start)
{
    struct xen_add_to_physmap in;
    struct domain *d;
    long rc;

    if (copy_from_guest(&in, arg, sizeof(in)))
        return -EFAULT;
    rc = permit_domain(PERMIT_physmap, in.domid, &d);
    if (rc)
        return rc;
    rc = in.space == XENMAPSPACE_gmfn_range ? move_range(d, &in, start)
                                            : add_at(d, in.space, in.idx, in.gpfn);
    domain_put(d);
    return rc;
}

static long add_one_of(struct domain *d, const struct xen_add_to_physmap_batch *in, uint64_t i)
{
    uint64_t index, gfn;
    int rc;

    if (copy_from_guest(&index, (uint64_t)(in->idxs + i), sizeof(index)) ||
        copy_from_guest(&gfn, (uint64_t)(in->gpfns + i), sizeof(gfn)))
        return -EFAULT;
    rc = (int)add_at(d, in->space, index, gfn);
    return copy_to_guest((uint64_t)(in->errs + i), &rc, sizeof(rc));
}

// As many as one call may ask for, 65,535 at the most, with looks at other work in between.
static long add_batch(uint64_t arg, uint64_t *start)
{
    struct xen_add_to_physmap_batch in;
    struct domain *d;
    long rc;

    if (copy_from_guest(&in, arg, sizeof(in)))
        return -EFAULT;
    rc = permit_domain(PERMIT_physmap, in.domid, &d);
    if (rc)
        return rc;
    if (!d->ops->physmap)
        rc = -EACCES;
    while (!rc && *start < in.size) {
        rc = add_one_of(d, &in, (*start)++);
        if (!rc && *start < in.size && preempt_check())
            rc = -ERESTART;
    }
    domain_put(d);
    return rc;
}

long memory_physmap_op(unsigned op, uint64_t arg, uint64_t *start)
{
    switch (op) {
    case XENMEM_add_to_physmap:
        return add_to_physmap(arg, start);
    case XENMEM_add_to_physmap_batch:
        return add_batch(arg, start);
    default:
        return remove_from_physmap(arg);
    }
}

static int resource_frame(struct domain *d, const struct xen_mem_acquire_resource *r, uint64_t i,
                          mfn_t *mfn)
{
    bool status = r->id == XENMEM_resource_grant_table_id_status;

    if (r->type == XENMEM_resource_ioreq_server)
        return d->ops->ioreq_frame ? d->ops->ioreq_frame(d, r->id, i, mfn) : -EINVAL;
    if (i > UINT32_MAX)
        return -EINVAL;
    return grant_table_frame(d, (unsigned)i, status, mfn);
}

// How many frames the resource has.
static long resource_size(uint64_t arg, const struct xen_mem_acquire_resource *r, struct domain *d)
{
    uint32_t n =
        r->type == XENMEM_resource_ioreq_server ? d->ops->ioreq_frames : grant_table_max_frames(d);

    return copy_to_guest(arg + offsetof(struct xen_mem_acquire_resource, nr_frames), &n, sizeof(n));
}

// Goes on with frame *done of those asked for. -ERESTART: there is other work.
static long give_resource(const struct xen_mem_acquire_resource *r, struct domain *d,
                          uint64_t *done)
{
    uint64_t list[RESOURCE_CHUNK], to = (uint64_t)r->frame_list;

    if (r->nr_frames > MEMOP_MAX_EXTENTS)
        return -E2BIG;
    while (*done < r->nr_frames) {
        uint64_t n = MIN(r->nr_frames - *done, (uint64_t)RESOURCE_CHUNK);

        for (uint64_t i = 0; i < n; i++) {
            int rc = resource_frame(d, r, r->frame + *done + i, &list[i]);

            if (rc)
                return rc;
        }
        if (copy_to_guest(to + *done * sizeof(list[0]), list, n * sizeof(list[0])))
            return -EFAULT;
        *done += n;
        if (*done < r->nr_frames && preempt_check())
            return -ERESTART;
    }
    return 0;
}

long memory_acquire_resource(uint64_t arg, uint64_t *start)
{
    struct xen_mem_acquire_resource r;
    struct domain *d;
    long rc;

    if (copy_from_guest(&r, arg, sizeof(r)))
        return -EFAULT;
    if (r.pad || r.frame + r.nr_frames < r.frame)
        return -EINVAL;
    rc = permit(PERMIT_acquire_resource, NULL)
             ?: permit_domain(PERMIT_acquire_resource, r.domid, &d);
    if (rc)
        return rc;
    if (r.type > XENMEM_resource_grant_table)
        rc = r.type > XENMEM_resource_vmtrace_buf ? -EOPNOTSUPP : -EINVAL;
    else if (r.type == XENMEM_resource_grant_table && r.id > XENMEM_resource_grant_table_id_status)
        rc = -EINVAL;
    else if (!r.nr_frames && !r.frame_list)
        rc = resource_size(arg, &r, d);
    else
        rc = give_resource(&r, d, start);
    domain_put(d);
    return rc;
}
