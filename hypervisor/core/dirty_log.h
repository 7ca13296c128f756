// The log of the frames that a domain has written to, which live migration reads
// (XEN_DOMCTL_shadow_op). How a write is noticed is the matter of the domain's kind.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

struct domain;
struct xen_domctl;
struct xen_domctl_shadow_op;

struct dirty_log {
    bool on;
    uint64_t next;          // where reading goes on, in the kind's own order; 0: it begins
    uint32_t faults, dirty; // since it was last cleaned
};

struct dirty_log_ops {
    // Begins and ends noticing writes; -ENOMEM.
    int (*start)(struct domain *d);
    void (*stop)(struct domain *d);
    // Reports what was written, from d->dirty_log.next on, and forgets it if `clean`. 0, -EFAULT,
    // -ERESTART.
    int (*read)(struct domain *d, struct xen_domctl_shadow_op *op, bool clean);
    // From now on writes to what was forgotten are noticed.
    void (*flush)(struct domain *d);
};

// Sets a bit of the caller's bitmap, for each bit of `dirty` whose frame is in it: bit 0 of the
// first word is gfn, a multiple of 64. -EFAULT.
int dirty_log_report(const struct xen_domctl_shadow_op *op, gfn_t gfn, const uint64_t *dirty,
                     unsigned words);

// Ends the log, if it is on.
void dirty_log_stop(struct domain *d);

int domctl_shadow_op(struct domain *d, struct xen_domctl *op);
