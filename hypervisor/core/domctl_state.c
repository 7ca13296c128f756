// Domain control: the state of vCPUs.
#include "core/domctl.h"
#include "core/sched.h"
#include "core/vcpu_info.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "pv-abi/arch-x86/cpu.h"

// A new context decides, too, whether the vCPU is up. The domain is paused, so that it takes effect
// when that ends.
static int apply_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct domain *d = v->domain;
    bool up = c->flags & VGCF_online;
    int rc;

    if (up && !vcpu_info_usable(v))
        return -EINVAL;
    domain_pause(d);
    spin_lock(&d->lock);
    rc = d->ops->vcpu_set_context(v, c);
    if (!rc && up)
        __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_DOWN, __ATOMIC_SEQ_CST);
    else if (!rc)
        __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
    spin_unlock(&d->lock);
    domain_unpause(d);
    return rc;
}

int domctl_set_context(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpucontext *a = &op->u.vcpucontext;
    struct vcpu *v = domctl_vcpu(d, a->vcpu);
    struct vcpu_guest_context *c;
    int rc;

    if (!v)
        return -EINVAL;
    if (!a->ctxt) // would take the vCPU back to where it was when it was made
        return -EOPNOTSUPP;
    c = xzalloc(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    rc = copy_from_guest(c, (uint64_t)a->ctxt, sizeof(*c));
    if (!rc)
        rc = apply_context(v, c);
    xfree(c);
    return rc;
}

int domctl_get_context(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpucontext *a = &op->u.vcpucontext;
    struct vcpu *v = domctl_vcpu(d, a->vcpu);
    struct vcpu_guest_context *c;
    int rc;

    if (!v || v == current)
        return -EINVAL;
    if (!v->initialised)
        return -ENODATA;
    c = xzalloc(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    vcpu_pause(v);
    d->ops->vcpu_get_context(v, c);
    vcpu_unpause(v);
    rc = copy_to_guest((uint64_t)a->ctxt, c, sizeof(*c));
    xfree(c);
    return rc;
}

int domctl_vcpu_info(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;
    struct vcpu *v = domctl_vcpu(d, i->vcpu);
    struct vcpu_runstate_info r;

    if (!v)
        return i->vcpu < d->max_vcpus ? -ESRCH : -EINVAL;
    vcpu_runstate_get(v, &r);
    i->online = !(v->pause_flags & VPF_DOWN);
    i->blocked = !!(v->pause_flags & (VPF_BLOCKED | VPF_POLLING));
    i->running = v->running;
    i->cpu_time = r.time[RUNSTATE_running];
    i->cpu = v->cpu;
    return 0;
}

int domctl_get_ext_context(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *c = &op->u.ext_vcpucontext;
    struct vcpu *v = domctl_vcpu(d, c->vcpu);

    if (!v)
        return -ESRCH;
    if (v == current)
        return -EINVAL;
    if (!d->ops->vcpu_ext_context)
        return -EOPNOTSUPP;
    vcpu_pause(v);
    *c = (struct xen_domctl_ext_vcpucontext){.vcpu = v->id, .size = sizeof(*c)};
    d->ops->vcpu_ext_context(v, c, false);
    vcpu_unpause(v);
    return 0;
}

int domctl_set_ext_context(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *c = &op->u.ext_vcpucontext;
    struct vcpu *v = domctl_vcpu(d, c->vcpu);
    int rc;

    if (!v)
        return -ESRCH;
    if (v == current || c->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap))
        return -EINVAL;
    if (!d->ops->vcpu_ext_context)
        return -EOPNOTSUPP;
    vcpu_pause(v);
    rc = d->ops->vcpu_ext_context(v, c, true);
    vcpu_unpause(v);
    return rc;
}

// There are no MSRs of a guest's own that are worth saving: what there is lies in the context.
int domctl_get_msrs(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.vcpu_msrs.vcpu);

    if (!v || v == current)
        return -EINVAL;
    op->u.vcpu_msrs.msr_count = 0;
    return 0;
}

int domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.vcpu_msrs.vcpu);

    if (!v || v == current)
        return -EINVAL;
    return op->u.vcpu_msrs.msr_count ? -EINVAL : 0;
}
