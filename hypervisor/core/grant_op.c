// GNTTABOP_*: the hypercall, and those operations that need no file of their own.
//
// Most operations come as arrays whose elements have a status each: a failed element does not stop
// the others. An array is gone through until something more urgent turns up; the hypercall then
// continues with the rest of it.
#include "core/grant_impl.h"

#include "core/guest_frame.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"

union grant_arg {
    struct gnttab_map_grant_ref map;
    struct gnttab_unmap_grant_ref unmap;
    struct gnttab_unmap_and_replace replace;
    struct gnttab_copy copy;
    struct gnttab_transfer transfer;
    struct gnttab_swap_grant_ref swap;
    struct gnttab_cache_flush flush;
};

long grant_array(const struct grant_array *array, uint64_t uop, unsigned count, void *data)
{
    union grant_arg op;

    for (unsigned i = 0; i < count; i++, uop += array->size) {
        long rc;

        if (i && preempt_check())
            return i;
        if (copy_from_guest(&op, uop, array->size))
            return -EFAULT;
        rc = array->fn(&op, data);
        if (rc)
            return rc;
        if (array->out_size && copy_to_guest(uop + array->out_offset,
                                             (char *)&op + array->out_offset, array->out_size))
            return -EFAULT;
    }
    return count;
}

// setup_table and query_size ----------------------------------------------------------------------

static int setup_table(struct domain *d, const struct gnttab_setup_table *op)
{
    struct grant_table *gt = d->grants;
    int rc;

    spin_lock(&gt->lock);
    rc = grant_grow(d, op->nr_frames);
    spin_unlock(&gt->lock);
    if (rc)
        return GNTST_general_error;
    for (unsigned i = 0; i < op->nr_frames; i++) {
        xen_pfn_t frame = virt_to_mfn(gt->frames[i]); // stays once there

        if (copy_to_guest((uint64_t)op->frame_list + i * sizeof(frame), &frame, sizeof(frame)))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

long grant_setup_table(uint64_t uop)
{
    struct gnttab_setup_table op;
    struct domain *d;
    int status;

    if (copy_from_guest(&op, uop, sizeof(op)))
        return -EFAULT;
    status = grant_get_domain(op.dom, true, &d);
    if (!status) {
        status = setup_table(d, &op);
        domain_put(d);
    }
    op.status = (int16_t)status;
    return copy_to_guest(uop, &op, sizeof(op));
}

long grant_query_size(uint64_t uop)
{
    struct gnttab_query_size op;
    struct domain *d;
    int status;

    if (copy_from_guest(&op, uop, sizeof(op)))
        return -EFAULT;
    status = grant_get_domain(op.dom, true, &d);
    if (!status) {
        op.nr_frames = d->grants->nr_frames;
        op.max_nr_frames = d->grants->max_frames;
        domain_put(d);
    }
    op.status = (int16_t)status;
    return copy_to_guest(uop, &op, sizeof(op));
}

// Small operations --------------------------------------------------------------------------------

static void swap_bytes(void *a, void *b, size_t size)
{
    char t[sizeof(union grant_entry_v2)];

    memcpy(t, a, size);
    memcpy(a, b, size);
    memcpy(b, t, size);
}

static int swap(struct grant_table *gt, grant_ref_t a, grant_ref_t b)
{
    unsigned nr = grant_nr_entries(gt);

    if (a >= nr || b >= nr)
        return GNTST_bad_gntref;
    a = (grant_ref_t)index_nospec(a, nr);
    b = (grant_ref_t)index_nospec(b, nr);
    if (a == b)
        return GNTST_okay;
    if (grant_active(gt, a)->readers || grant_active(gt, a)->writers ||
        grant_active(gt, b)->readers || grant_active(gt, b)->writers)
        return GNTST_eagain;
    if (gt->version == 1)
        swap_bytes(grant_v1(gt, a), grant_v1(gt, b), sizeof(struct grant_entry_v1));
    else
        swap_bytes(grant_v2(gt, a), grant_v2(gt, b), sizeof(union grant_entry_v2));
    return GNTST_okay;
}

static long swap_op(void *arg, void *data)
{
    struct grant_table *gt = current->domain->grants;
    struct gnttab_swap_grant_ref *op = arg;

    spin_lock(&gt->lock);
    op->status = (int16_t)swap(gt, op->ref_a, op->ref_b);
    spin_unlock(&gt->lock);
    return 0;
}

// Transfer moves a frame to another domain; nothing uses it any more, so each is refused.
static long transfer_op(void *arg, void *data)
{
    struct gnttab_transfer *op = arg;
    struct frame *frame;

    op->status = GNTST_bad_page;
    if (domain_gfn_to_frame(current->domain, op->mfn, &frame) == 0) {
        frame_put(frame);
        op->status = GNTST_general_error;
    }
    return 0;
}

static void flush_line(const char *line)
{
    __asm__ volatile("clflush %0" : : "m"(*line) : "memory");
}

static void flush_lines(const char *from, size_t len)
{
    for (const char *line = from; line < from + len; line += 64)
        flush_line(line);
    flush_line(from + len - 1);
    __asm__ volatile("mfence" : : : "memory");
}

// Of the caller's own frames and of those that it has mapped by grant. There is no way to
// invalidate without writing back, so only both together, or writing back, can be had.
static long flush_op(void *arg, void *data)
{
    const struct gnttab_cache_flush *op = arg;
    mfn_t mfn = op->a.dev_bus_addr >> PAGE_SHIFT;
    struct domain *d = current->domain;
    bool own;

    if (op->offset >= PAGE_SIZE || op->length > PAGE_SIZE || op->offset + op->length > PAGE_SIZE)
        return -EINVAL;
    if (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL))
        return op->op & GNTTAB_CACHE_SOURCE_GREF ? -EOPNOTSUPP : -EINVAL;
    if (!op->length || !op->op)
        return 0;
    if (!mfn_valid(mfn))
        return -EINVAL;
    own = frame_get(mfn_to_frame(mfn), d);
    if (!own && !grant_has_mapping(d, mfn))
        return -EPERM;
    if (!(op->op & GNTTAB_CACHE_CLEAN)) {
        if (own)
            frame_put(mfn_to_frame(mfn));
        return -EOPNOTSUPP;
    }
    flush_lines((const char *)mfn_to_virt(mfn) + op->offset, op->length);
    if (own)
        frame_put(mfn_to_frame(mfn));
    return 0;
}

static long swap_ops(uint64_t uop, unsigned count)
{
    static const struct grant_array array =
        GRANT_ARRAY(gnttab_swap_grant_ref, status, status, swap_op);

    return grant_array(&array, uop, count, NULL);
}

static long transfer_ops(uint64_t uop, unsigned count)
{
    static const struct grant_array array =
        GRANT_ARRAY(gnttab_transfer, status, status, transfer_op);

    return grant_array(&array, uop, count, NULL);
}

static long flush_ops(uint64_t uop, unsigned count)
{
    static const struct grant_array array = {sizeof(struct gnttab_cache_flush), 0, 0, flush_op};

    return grant_array(&array, uop, count, NULL);
}

// Dispatch ----------------------------------------------------------------------------------------

static const struct {
    size_t size; // of an element
    long (*array)(uint64_t uop, unsigned count);
    long (*single)(uint64_t uop);
} ops[] = {
    [GNTTABOP_map_grant_ref] = {sizeof(struct gnttab_map_grant_ref), grant_map_ops, NULL},
    [GNTTABOP_unmap_grant_ref] = {sizeof(struct gnttab_unmap_grant_ref), grant_unmap_ops, NULL},
    [GNTTABOP_setup_table] = {0, NULL, grant_setup_table},
    [GNTTABOP_transfer] = {sizeof(struct gnttab_transfer), transfer_ops, NULL},
    [GNTTABOP_copy] = {sizeof(struct gnttab_copy), grant_copy_ops, NULL},
    [GNTTABOP_query_size] = {0, NULL, grant_query_size},
    [GNTTABOP_unmap_and_replace] = {sizeof(struct gnttab_unmap_and_replace), grant_replace_ops,
                                    NULL},
    [GNTTABOP_set_version] = {0, NULL, grant_set_version},
    [GNTTABOP_get_status_frames] = {0, NULL, grant_get_status_frames},
    [GNTTABOP_get_version] = {0, NULL, grant_get_version},
    [GNTTABOP_swap_grant_ref] = {sizeof(struct gnttab_swap_grant_ref), swap_ops, NULL},
    [GNTTABOP_cache_flush] = {sizeof(struct gnttab_cache_flush), flush_ops, NULL},
};

long do_grant_table_op(unsigned cmd, uint64_t uop, unsigned count)
{
    long done;

    if ((int)count < 0)
        return -EINVAL;
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = (unsigned)index_nospec(cmd, ARRAY_SIZE(ops));
    if (ops[cmd].single)
        return count == 1 ? ops[cmd].single(uop) : -EINVAL;
    if (!ops[cmd].array) // dump_table: a number without a call behind it, as in Xen
        return -ENOSYS;
    done = ops[cmd].array(uop, count);
    if (done < 0 || done == count)
        return done < 0 ? done : 0;
    return hypercall_continue(__HYPERVISOR_grant_table_op, 3, (uint64_t)cmd,
                              uop + (uint64_t)done * ops[cmd].size, (uint64_t)(count - done));
}
