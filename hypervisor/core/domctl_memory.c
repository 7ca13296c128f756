// Domain control: memory.
#include "core/domctl.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define MAX_FRAMES 1024 // asked after in one call
#define CHUNK      64

// A limit below what the domain has keeps it from getting more.
int domctl_max_mem(struct domain *d, struct xen_domctl *op)
{
    uint64_t pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

    spin_lock(&d->mem.lock);
    d->mem.max_pages = (uint32_t)MIN(pages, (uint64_t)UINT32_MAX - 1);
    spin_unlock(&d->mem.lock);
    return 0;
}

// With a reference; false: there is no such frame.
static bool get_frame(struct domain *d, uint64_t number, struct frame **f)
{
    if (d->ops->gfn_to_frame)
        return !d->ops->gfn_to_frame(d, number, f);
    *f = mfn_to_frame(number);
    return mfn_valid(number) && frame_get(*f, d);
}

static uint64_t frame_pfinfo(struct domain *d, uint64_t number)
{
    struct frame *f;
    uint64_t info = XEN_DOMCTL_PFINFO_NOTAB, s;
    enum frame_type type;

    if (!get_frame(d, number, &f))
        return XEN_DOMCTL_PFINFO_XTAB;
    s = frame_state(f);
    type = frame_type_of(s);
    if (f->kind == FRAME_SHARED)
        info = XEN_DOMCTL_PFINFO_XTAB; // the hypervisor's own, not the guest's to keep
    else if ((s & FS_COUNT) && type >= FT_L1 && type <= FT_L4)
        info = (uint64_t)(type - FT_L1 + 1) << XEN_DOMCTL_PFINFO_LTAB_SHIFT |
               (s & FS_PINNED ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
    frame_put(f);
    return info;
}

int domctl_get_frame_types(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_getpageframeinfo3 *g = &op->u.getpageframeinfo3;
    uint64_t list[CHUNK];

    if (g->num > MAX_FRAMES)
        return -E2BIG;
    for (uint64_t done = 0; done < g->num; done += CHUNK) {
        uint64_t n = MIN(g->num - done, (uint64_t)CHUNK), at = (uint64_t)(g->array + done);

        if (copy_from_guest(list, at, n * sizeof(list[0])))
            return -EFAULT;
        for (uint64_t i = 0; i < n; i++)
            list[i] = frame_pfinfo(d, list[i]);
        if (copy_to_guest(at, list, n * sizeof(list[0])))
            return -EFAULT;
    }
    return 0;
}

// What the tools set aside for a translated guest's page tables, in bytes.
int domctl_paging_pool(struct domain *d, struct xen_domctl *op)
{
    if (!d->ops->physmap)
        return -EOPNOTSUPP;
    if (op->cmd == XEN_DOMCTL_get_paging_mempool_size)
        op->u.paging_mempool.size = d->paging_pool;
    else if (op->u.paging_mempool.size % PAGE_SIZE)
        return -EINVAL;
    else
        d->paging_pool = op->u.paging_mempool.size;
    return 0;
}

// Memory is one node.
int domctl_set_node_affinity(struct domain *d, struct xen_domctl *op)
{
    uint64_t nodes;

    if (domctl_get_bitmap(&op->u.nodeaffinity.nodemap, &nodes, 1))
        return -EFAULT;
    return nodes ? 0 : -EINVAL;
}

int domctl_get_node_affinity(struct domain *d, struct xen_domctl *op)
{
    return domctl_put_bitmap(&op->u.nodeaffinity.nodemap, 1, 1);
}
