// What a device model does to its guest's memory.
#include "core/memory.h"
#include "cpu/smp.h"
#include "hvm/dm_op.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/hvm/hvm_op.h"

#define MAX_VIDEO_FRAMES (1u << 18) // 1 GB
#define STEP             256        // frames between looks at other work

// The second buffer of a call; -EINVAL if it is not there, or less than that.
static int second_buffer(const struct dm_call *c, uint64_t bytes, uint64_t *at)
{
    if (c->nr_bufs < 2 || c->buf[1].size < bytes)
        return -EINVAL;
    *at = (uint64_t)c->buf[1].h;
    return 0;
}

// Nobody keeps account of what is written there, so all of it may have been.
int dm_track_dirty_vram(struct dm_call *c)
{
    const struct xen_dm_op_track_dirty_vram *in = &c->op.u.track_dirty_vram;
    uint64_t bytes = (in->nr + 7ull) / 8, at, done = 0;
    uint8_t dirty[64];
    int rc;

    if (in->pad || in->nr > MAX_VIDEO_FRAMES)
        return -EINVAL;
    if (!in->nr)
        return 0;
    rc = second_buffer(c, bytes, &at);
    memset(dirty, 0xff, sizeof(dirty));
    while (!rc && done < bytes) {
        uint64_t n = MIN(bytes - done, (uint64_t)sizeof(dirty));

        if (in->nr % 8 && done + n == bytes)
            dirty[n - 1] = (uint8_t)((1u << in->nr % 8) - 1);
        rc = copy_to_guest(at + done, dirty, n);
        done += n;
    }
    return rc;
}

static int mark_dirty(struct domain *d, gfn_t gfn)
{
    struct frame *f;

    // What is not there cannot be dirty: the guest may have given it back meanwhile.
    if (!hvm_gfn_to_frame(d, gfn, &f)) {
        frame_mark_dirty(f);
        frame_put(f);
    }
    return 0;
}

// From the end of the list; an extent in work is shortened in the list itself.
static int mark_extent(struct dm_call *c, uint64_t at)
{
    struct xen_dm_op_modified_memory_extent e;

    if (copy_from_guest(&e, at, sizeof(e)))
        return -EFAULT;
    if (e.pad || e.first_pfn + e.nr < e.first_pfn)
        return -EINVAL;
    for (unsigned i = 0; i < STEP && e.nr; i++)
        mark_dirty(c->d, e.first_pfn + --e.nr);
    if (!e.nr)
        return 0;
    return copy_to_guest(at, &e, sizeof(e)) ?: -EAGAIN;
}

int dm_modified_memory(struct dm_call *c)
{
    struct xen_dm_op_modified_memory *in = &c->op.u.modified_memory;
    uint64_t at, entry = sizeof(struct xen_dm_op_modified_memory_extent);
    int rc = second_buffer(c, in->nr_extents * entry, &at);

    if (!rc && in->opaque > in->nr_extents)
        rc = -EINVAL;
    while (!rc && in->opaque < in->nr_extents) {
        rc = mark_extent(c, at + (in->nr_extents - 1 - in->opaque) * entry);
        if (!rc)
            in->opaque++;
        else if (rc == -EAGAIN)
            rc = 0;
        if (!rc && in->opaque < in->nr_extents && preempt_check())
            rc = -ERESTART;
    }
    return rc;
}

// All memory is ordinary: the map has no other type.
int dm_set_mem_type(struct dm_call *c)
{
    const struct xen_dm_op_set_mem_type *in = &c->op.u.set_mem_type;

    if (in->pad || in->first_pfn + in->nr < in->first_pfn || in->mem_type > HVMMEM_ioreq_server ||
        in->mem_type == HVMMEM_unused)
        return -EINVAL;
    return in->mem_type == HVMMEM_ram_rw ? 0 : -EOPNOTSUPP;
}

int dm_map_mem_type(struct dm_call *c)
{
    return -EOPNOTSUPP;
}

// From the last frame to the first, as the ABI has it: ranges that overlap can move upwards only.
int dm_relocate_memory(struct dm_call *c)
{
    struct xen_dm_op_relocate_memory *in = &c->op.u.relocate_memory;

    if (in->pad || in->src_gfn + in->size < in->src_gfn || in->dst_gfn + in->size < in->dst_gfn)
        return -EINVAL;
    while (in->size) {
        uint64_t at = --in->size;
        long rc = memory_move(c->d, in->src_gfn + at, in->dst_gfn + at);

        if (rc)
            return (int)rc;
        if (in->size && preempt_check())
            return -ERESTART;
    }
    return 0;
}

// Nothing depends on a cache attribute: no device writes to memory behind the caches' back.
int dm_pin_cache_attribute(struct dm_call *c)
{
    const struct xen_dm_op_pin_memory_cacheattr *in = &c->op.u.pin_memory_cacheattr;
    const uint64_t known = 1u << XEN_DMOP_MEM_CACHEATTR_UC | 1u << XEN_DMOP_MEM_CACHEATTR_WC |
                           1u << XEN_DMOP_MEM_CACHEATTR_WT | 1u << XEN_DMOP_MEM_CACHEATTR_WP |
                           1u << XEN_DMOP_MEM_CACHEATTR_WB | 1u << XEN_DMOP_MEM_CACHEATTR_UCM;

    if (in->pad || in->end < in->start)
        return -EINVAL;
    if (in->type == XEN_DMOP_DELETE_MEM_CACHEATTR)
        return 0;
    return in->type < 8 && (known & 1u << in->type) ? 0 : -EINVAL;
}
