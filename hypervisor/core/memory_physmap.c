// XENMEM_add_to_physmap and kin, which are for translated guests, and XENMEM_acquire_resource, by
// which tools get at frames of a domain's workings.
#include "core/grant.h"
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define RESOURCE_CHUNK 32 // frames between looks at other work

// A PV guest numbers its memory itself: there is no map to add to.
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
    rc = -ENOENT;
    if (mfn_valid(in.gpfn) && frame_get(mfn_to_frame(in.gpfn), d)) {
        frame_put(mfn_to_frame(in.gpfn));
        rc = 0;
    }
    domain_put(d);
    return rc;
}

static long add_to_physmap(uint64_t arg, size_t size)
{
    union {
        domid_t domid; // the first member of either argument
        struct xen_add_to_physmap one;
        struct xen_add_to_physmap_batch batch;
    } in;
    struct domain *d;
    long rc;

    if (copy_from_guest(&in, arg, size))
        return -EFAULT;
    rc = permit_domain(PERMIT_physmap, in.domid, &d);
    if (rc)
        return rc;
    domain_put(d);
    return -EACCES;
}

long memory_physmap_op(unsigned op, uint64_t arg)
{
    switch (op) {
    case XENMEM_add_to_physmap:
        return add_to_physmap(arg, sizeof(struct xen_add_to_physmap));
    case XENMEM_add_to_physmap_batch:
        return add_to_physmap(arg, sizeof(struct xen_add_to_physmap_batch));
    default:
        return remove_from_physmap(arg);
    }
}

static int resource_frame(struct domain *d, const struct xen_mem_acquire_resource *r, uint64_t i,
                          mfn_t *mfn)
{
    bool status = r->id == XENMEM_resource_grant_table_id_status;

    if (i > UINT32_MAX)
        return -EINVAL;
    return grant_table_frame(d, (unsigned)i, status, mfn);
}

// How many frames the resource has.
static long resource_size(uint64_t arg, struct domain *d)
{
    uint32_t n = grant_table_max_frames(d);

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
    if (r.type != XENMEM_resource_grant_table)
        rc = r.type > XENMEM_resource_vmtrace_buf ? -EOPNOTSUPP : -EINVAL;
    else if (r.id > XENMEM_resource_grant_table_id_status)
        rc = -EINVAL;
    else if (!r.nr_frames && !r.frame_list)
        rc = resource_size(arg, d);
    else
        rc = give_resource(&r, d, start);
    domain_put(d);
    return rc;
}
