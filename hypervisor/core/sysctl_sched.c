// System control: the scheduler's parameters, and the one pool of CPUs that there is.
#include "core/domctl.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "lib/errno.h"

#define POOL 0

int sysctl_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT;
    return 0;
}

static int set_params(const struct xen_sysctl_credit_schedule *c)
{
    struct sched_params p = {
        .slice = MILLISECONDS(c->tslice_ms),
        .ratelimit = MICROSECONDS(c->ratelimit_us),
    };

    if (c->ratelimit_us && (c->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN ||
                            c->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return -EINVAL;
    return sched_set_params(&p);
}

int sysctl_scheduler_op(struct xen_sysctl *op)
{
    struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;
    struct sched_params p;
    int rc = 0;

    if (s->cmd != XEN_SYSCTL_SCHEDOP_putinfo && s->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    if (s->cpupool_id != POOL)
        return -ESRCH;
    if (s->sched_id != XEN_SCHEDULER_CREDIT)
        return -EINVAL;
    if (s->cmd == XEN_SYSCTL_SCHEDOP_putinfo)
        rc = set_params(&s->u.sched_credit);
    sched_get_params(&p);
    s->u.sched_credit.tslice_ms = (uint32_t)(p.slice / MILLISECONDS(1));
    s->u.sched_credit.ratelimit_us = (uint32_t)(p.ratelimit / MICROSECONDS(1));
    s->u.sched_credit.vcpu_migr_delay_us = 0;
    return rc;
}

static int pool_info(struct xen_sysctl_cpupool_op *p)
{
    uint32_t n = 0, id = 0;
    struct domain *d;

    if (p->cpupool_id > POOL)
        return -ENOENT;
    while ((d = domain_get_next(id))) {
        id = d->id + 1u;
        n++;
        domain_put(d);
    }
    p->cpupool_id = POOL;
    p->sched_id = XEN_SCHEDULER_CREDIT;
    p->n_dom = n;
    return domctl_put_bitmap(&p->cpumap, cpus_online, nr_cpus);
}

static int move_domain(const struct xen_sysctl_cpupool_op *p)
{
    struct domain *d;

    if (p->domid == current->domain->id || p->domid >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    d = domain_get_by_id((domid_t)p->domid);
    if (!d)
        return -ESRCH;
    domain_put(d);
    return p->cpupool_id == POOL ? 0 : -ENOENT; // it is there already
}

int sysctl_cpupool_op(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;

    switch (p->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(p);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return domctl_put_bitmap(&p->cpumap, 0, nr_cpus);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return move_domain(p);
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return -EOPNOTSUPP; // all CPUs are one pool's
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return p->cpupool_id == POOL ? -EBUSY : -ENOENT;
    default:
        return -ENOSYS;
    }
}
