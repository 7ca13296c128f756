#include "core/dirty_log.h"

#include "core/domain.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/domctl.h"

#define MAX_PAGES (1ull << 32) // in a bitmap

static int report_word(const struct xen_domctl_shadow_op *op, gfn_t gfn, uint64_t dirty)
{
    uint64_t at = (uint64_t)op->dirty_bitmap + gfn / 8, word = 0;
    uint64_t bytes = MIN(DIV_ROUND_UP(op->pages - gfn, 8ul), sizeof(word));

    if (copy_from_guest(&word, at, bytes))
        return -EFAULT;
    word |= dirty;
    return copy_to_guest(at, &word, bytes);
}

int dirty_log_report(const struct xen_domctl_shadow_op *op, gfn_t gfn, const uint64_t *dirty,
                     unsigned words)
{
    int rc = 0;

    if (!op->dirty_bitmap)
        return 0;
    for (unsigned i = 0; i < words && gfn < op->pages && !rc; i++, gfn += 64)
        if (dirty[i])
            rc = report_word(op, gfn, dirty[i]);
    return rc;
}

static int read_log(struct domain *d, struct xen_domctl_shadow_op *op, bool clean)
{
    struct dirty_log *log = &d->dirty_log;
    int rc = 0;

    if (op->pages > MAX_PAGES)
        return -EINVAL;
    if (!log->next && op->dirty_bitmap)
        rc = clear_guest((uint64_t)op->dirty_bitmap, DIV_ROUND_UP(op->pages, 8ul));
    if (!rc)
        rc = d->ops->dirty_log->read(d, op, clean);
    if (clean)
        d->ops->dirty_log->flush(d);
    if (rc == -ERESTART)
        return rc;
    log->next = 0;
    op->stats.fault_count = log->faults;
    op->stats.dirty_count = log->dirty;
    if (clean)
        log->faults = log->dirty = 0;
    return rc;
}

// Begins with nothing marked.
static int start(struct domain *d)
{
    struct xen_domctl_shadow_op nowhere = {.pages = 0};
    struct dirty_log *log = &d->dirty_log;
    int rc = 0;

    if (log->on && !log->next)
        return -EINVAL;
    if (!log->on)
        rc = d->ops->dirty_log->start(d);
    return rc ? rc : read_log(d, &nowhere, true);
}

void dirty_log_stop(struct domain *d)
{
    if (!d->dirty_log.on)
        return;
    d->ops->dirty_log->stop(d);
    d->dirty_log.next = 0;
}

// The memory that the tools set aside for a translated guest's page tables is accepted and told
// again; these are allocated as they are needed.
static void set_allocation(struct domain *d, const struct xen_domctl_shadow_op *op)
{
    if (d->ops->physmap)
        d->paging_pool = (uint64_t)op->mb << 20;
}

int domctl_shadow_op(struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_shadow_op *op = &domctl->u.shadow_op;

    if (d->dying)
        return 0;
    if (!d->ops || !d->ops->dirty_log)
        return -EOPNOTSUPP;
    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        dirty_log_stop(d);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        if (op->mode != XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY)
            return -EOPNOTSUPP; // there are no shadow page tables
        return start(d);
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return start(d);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return d->dirty_log.on ? read_log(d, op, op->op == XEN_DOMCTL_SHADOW_OP_CLEAN) : -EINVAL;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        set_allocation(d, op);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        op->mb = (uint32_t)(d->paging_pool >> 20);
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}
