// Domain control: share of the processors, and which.
#include "core/domctl.h"
#include "core/sched.h"
#include "lib/errno.h"

#define CAP_UNCHANGED 0xffff

int domctl_scheduler_op(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_scheduler_op *s = &op->u.scheduler_op;
    struct xen_domctl_sched_credit *c = &s->u.credit;

    if (s->sched_id != XEN_SCHEDULER_CREDIT)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        c->weight = d->sched.weight;
        c->cap = d->sched.cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo: // a weight of 0 and a cap of all ones: as it is
        return sched_set_domain(d, c->weight ? c->weight : d->sched.weight,
                                c->cap != CAP_UNCHANGED ? c->cap : d->sched.cap);
    default: // vCPUs have no parameters of their own
        return -EINVAL;
    }
}

static int check_affinity(const struct domain *d, const struct xen_domctl_vcpuaffinity *a,
                          struct vcpu **v)
{
    if (!(a->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)) ||
        (a->flags & ~(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE)) ||
        a->vcpu >= d->max_vcpus)
        return -EINVAL;
    *v = domain_vcpu(d, a->vcpu);
    return *v ? 0 : -ESRCH;
}

static int put_affinities(const struct xen_domctl_vcpuaffinity *a, const struct vcpu *v)
{
    int rc = 0;

    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = domctl_put_bitmap(&a->cpumap_hard, v->sched.hard_affinity, nr_cpus);
    if (!rc && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = domctl_put_bitmap(&a->cpumap_soft, v->sched.soft_affinity, nr_cpus);
    return rc;
}

int domctl_set_affinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    uint64_t hard = ~0ull, soft = ~0ull;
    struct vcpu *v;
    int rc = check_affinity(d, a, &v);

    if (rc)
        return rc;
    if (((a->flags & XEN_VCPUAFFINITY_HARD) &&
         domctl_get_bitmap(&a->cpumap_hard, &hard, MAX_CPUS)) ||
        ((a->flags & XEN_VCPUAFFINITY_SOFT) && domctl_get_bitmap(&a->cpumap_soft, &soft, MAX_CPUS)))
        return -EFAULT;
    if (!(hard & cpus_online) || !(soft & cpus_online))
        return -EINVAL;
    if ((a->flags & XEN_VCPUAFFINITY_FORCE) && v->sched.pin_override)
        vcpu_pin_override(v, -1);
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        vcpu_set_hard_affinity(v, hard);
    if (a->flags & XEN_VCPUAFFINITY_SOFT)
        vcpu_set_soft_affinity(v, soft);
    return put_affinities(a, v);
}

int domctl_get_affinity(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    int rc = check_affinity(d, &op->u.vcpuaffinity, &v);

    return rc ? rc : put_affinities(&op->u.vcpuaffinity, v);
}
