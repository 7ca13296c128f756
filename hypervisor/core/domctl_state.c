// Domain control: the state of vCPUs.
#include "core/domctl.h"
#include "core/fpu.h"
#include "core/pv_time.h"
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
    // Whoever built the domain has cleared or replaced shared_info by now.
    if (!rc && v->id == 0)
        wallclock_publish(d);
    domain_unpause(d);
    return rc;
}

int domctl_set_context(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpucontext *a = &op->u.vcpucontext;
    struct vcpu *v = domain_vcpu(d, a->vcpu);
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
    struct vcpu *v = domain_vcpu(d, a->vcpu);
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

int domctl_hvm_context(struct domain *d, struct xen_domctl *op)
{
    return d->ops->hvm_context ? d->ops->hvm_context(d, op) : -EINVAL;
}

int domctl_vcpu_info(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *i = &op->u.getvcpuinfo;
    struct vcpu *v = domain_vcpu(d, i->vcpu);
    struct vcpu_runstate_info r;

    if (!v)
        return i->vcpu < d->max_vcpus ? -ESRCH : -EINVAL;
    vcpu_runstate_get(v, &r);
    i->online = !(v->pause_flags & VPF_DOWN);
    i->blocked = !!(v->pause_flags & VPF_WAITING);
    i->running = v->running;
    i->cpu_time = r.time[RUNSTATE_running];
    i->cpu = v->cpu;
    return 0;
}

int domctl_get_ext_context(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *c = &op->u.ext_vcpucontext;
    struct vcpu *v = domain_vcpu(d, c->vcpu);

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
    struct vcpu *v = domain_vcpu(d, c->vcpu);
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
    struct vcpu *v = domain_vcpu(d, op->u.vcpu_msrs.vcpu);

    if (!v || v == current)
        return -EINVAL;
    op->u.vcpu_msrs.msr_count = 0;
    return 0;
}

int domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.vcpu_msrs.vcpu);

    if (!v || v == current)
        return -EINVAL;
    return op->u.vcpu_msrs.msr_count ? -EINVAL : 0;
}

// The buffer: XCR0 twice (now, and all that ever was in it), then the XSAVE area.
#define XSTATE_HEAD (2 * sizeof(uint64_t))

static size_t xstate_bytes(uint64_t xcr0)
{
    size_t area = fpu_xstate_size(xcr0);

    return area ? XSTATE_HEAD + area : 0;
}

int domctl_get_xstate(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = domain_vcpu(d, e->vcpu);
    uint64_t head[2];
    size_t size;
    int rc = 0;

    if (!v)
        return -ESRCH;
    if (v == current)
        return -EINVAL;
    vcpu_pause(v);
    size = xstate_bytes(v->xcr0);
    head[0] = head[1] = v->xcr0;
    if ((!e->size && !e->xfeature_mask) || !e->buffer) {
        e->xfeature_mask = fpu_host_xcr0();
        e->size = size;
    } else if (e->size != size || e->xfeature_mask != fpu_host_xcr0()) {
        rc = -EINVAL;
    } else if (size &&
               (copy_to_guest((uint64_t)e->buffer, head, sizeof(head)) ||
                copy_to_guest((uint64_t)e->buffer + sizeof(head), v->fpu, size - sizeof(head)))) {
        rc = -EFAULT;
    }
    vcpu_unpause(v);
    return rc;
}

static int set_xstate(struct vcpu *v, const uint64_t *buffer, size_t size)
{
    int rc;

    if (buffer[0] & ~buffer[1])
        return -EINVAL;
    vcpu_pause(v);
    rc = fpu_set_xstate(v, buffer[0], buffer + 2, size - XSTATE_HEAD);
    vcpu_unpause(v);
    return rc;
}

int domctl_set_xstate(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = domain_vcpu(d, e->vcpu);
    uint64_t *buffer;
    int rc;

    if (!v)
        return -ESRCH;
    if (v == current || e->size < XSTATE_HEAD || e->size > xstate_bytes(fpu_host_xcr0()))
        return -EINVAL;
    buffer = xzalloc_bytes(e->size);
    if (!buffer)
        return -ENOMEM;
    rc = copy_from_guest(buffer, (uint64_t)e->buffer, e->size);
    if (!rc)
        rc = set_xstate(v, buffer, e->size);
    xfree(buffer);
    return rc;
}
