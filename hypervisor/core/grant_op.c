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
    struct gnttab_setup_table setup_table;
    struct gnttab_query_size query_size;
    struct gnttab_set_version set_version;
    struct gnttab_get_version get_version;
    struct gnttab_get_status_frames get_status_frames;
};

long grant_array(const struct grant_op *op, uint64_t uop, unsigned count, void *data)
{
    union grant_arg arg;

    for (unsigned i = 0; i < count; i++, uop += op->size) {
        long rc;

        if (i && preempt_check())
            return i;
        if (copy_from_guest(&arg, uop, op->size))
            return -EFAULT;
        rc = op->fn(&arg, data);
        if (op->out_size &&
            copy_to_guest(uop + op->out_offset, (char *)&arg + op->out_offset, op->out_size))
            return -EFAULT;
        if (rc)
            return rc;
    }
    return count;
}

// On a table as a whole
// -----------------------------------------------------------------------------

// Tells the numbers of a table's first n pages, which stay once they are there.
static int list_frames(uint64_t list, void *const *pages, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        xen_pfn_t frame = virt_to_mfn(pages[i]);

        if (copy_to_guest(list + i * sizeof(frame), &frame, sizeof(frame)))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

static int setup_table(struct domain *d, const struct gnttab_setup_table *op)
{
    struct grant_table *gt = d->grants;
    int rc;

    spin_lock(&gt->lock);
    rc = grant_grow(d, op->nr_frames);
    spin_unlock(&gt->lock);
    return rc ? GNTST_general_error
              : list_frames((uint64_t)op->frame_list, gt->frames, op->nr_frames);
}

static long setup_table_op(void *arg, void *unused)
{
    struct gnttab_setup_table *op = arg;
    struct domain *d;

    op->status = (int16_t)grant_get_domain(op->dom, &d);
    if (!op->status) {
        op->status = (int16_t)setup_table(d, op);
        domain_put(d);
    }
    return 0;
}

static int list_status_frames(struct domain *d, const struct gnttab_get_status_frames *op)
{
    struct grant_table *gt = d->grants;
    bool there;

    spin_lock(&gt->lock);
    there = gt->version == 2 && op->nr_frames <= gt->nr_status_frames;
    spin_unlock(&gt->lock);
    return there ? list_frames((uint64_t)op->frame_list, (void *const *)gt->status, op->nr_frames)
                 : GNTST_general_error;
}

static long get_status_frames_op(void *arg, void *unused)
{
    struct gnttab_get_status_frames *op = arg;
    struct domain *d;

    op->status = (int16_t)grant_get_domain(op->dom, &d);
    if (!op->status) {
        op->status = (int16_t)list_status_frames(d, op);
        domain_put(d);
    }
    return 0;
}

static long query_size_op(void *arg, void *unused)
{
    struct gnttab_query_size *op = arg;
    struct domain *d;

    op->status = (int16_t)grant_get_domain(op->dom, &d);
    if (!op->status) {
        op->nr_frames = d->grants->nr_frames;
        op->max_nr_frames = d->grants->max_frames;
        domain_put(d);
    }
    return 0;
}

static long get_version_op(void *arg, void *unused)
{
    struct gnttab_get_version *op = arg;
    struct domain *d;
    int status = grant_get_domain(op->dom, &d);

    if (status)
        return status == GNTST_bad_domain ? -ESRCH : -EPERM;
    op->version = d->grants->version;
    domain_put(d);
    return 0;
}

// On single grants and frames
// ------------------------------------------------------------------------

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

// Dispatch ----------------------------------------------------------------------------------------

// The argument, and the first and last of its members that are results.
#define ARGUMENT(type, first, last)                                              \
    .size = sizeof(struct type), .out_offset = offsetof(struct type, first),     \
    .out_size = offsetof(struct type, last) + sizeof(((struct type *)0)->last) - \
                offsetof(struct type, first)

static const struct grant_op ops[] = {
    [GNTTABOP_map_grant_ref] = {ARGUMENT(gnttab_map_grant_ref, status, dev_bus_addr),
                                .fn = grant_map_op, .run = grant_map_run},
    [GNTTABOP_unmap_grant_ref] = {ARGUMENT(gnttab_unmap_grant_ref, status, status),
                                  .fn = grant_unmap_op, .run = grant_unmap_run},
    [GNTTABOP_unmap_and_replace] = {ARGUMENT(gnttab_unmap_and_replace, status, status),
                                    .fn = grant_replace_op, .run = grant_unmap_run},
    [GNTTABOP_copy] = {ARGUMENT(gnttab_copy, status, status), .fn = grant_copy_op,
                       .run = grant_copy_run},
    [GNTTABOP_transfer] = {ARGUMENT(gnttab_transfer, status, status), .fn = transfer_op},
    [GNTTABOP_swap_grant_ref] = {ARGUMENT(gnttab_swap_grant_ref, status, status), .fn = swap_op},
    [GNTTABOP_cache_flush] = {.size = sizeof(struct gnttab_cache_flush), .fn = flush_op},
    [GNTTABOP_setup_table] = {ARGUMENT(gnttab_setup_table, status, status), .fn = setup_table_op,
                              .single = true},
    [GNTTABOP_query_size] = {ARGUMENT(gnttab_query_size, nr_frames, status), .fn = query_size_op,
                             .single = true},
    [GNTTABOP_set_version] = {ARGUMENT(gnttab_set_version, version, version),
                              .fn = grant_set_version_op, .single = true},
    [GNTTABOP_get_version] = {ARGUMENT(gnttab_get_version, version, version), .fn = get_version_op,
                              .single = true},
    [GNTTABOP_get_status_frames] = {ARGUMENT(gnttab_get_status_frames, status, status),
                                    .fn = get_status_frames_op, .single = true},
};

long do_grant_table_op(unsigned cmd, uint64_t uop, unsigned count)
{
    const struct grant_op *op;
    long done;

    if ((int)count < 0)
        return -EINVAL;
    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    op = &ops[index_nospec(cmd, ARRAY_SIZE(ops))];
    if (!op->fn) // dump_table: a number without a call behind it, as in Xen
        return -ENOSYS;
    if (op->single && count != 1)
        return -EINVAL;
    done = op->run ? op->run(op, uop, count) : grant_array(op, uop, count, NULL);
    if (done < 0 || done == count)
        return done < 0 ? done : 0;
    return hypercall_continue(__HYPERVISOR_grant_table_op, 3, (uint64_t)cmd,
                              uop + (uint64_t)done * op->size, (uint64_t)(count - done));
}
