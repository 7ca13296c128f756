// Domain control: what a domain is called, and what it finds around it.
#include "core/cpu_policy.h"
#include "core/domctl.h"
#include "core/event.h"
#include "core/guest_tsc.h"
#include "core/guest_frame.h"
#include "core/pv_time.h"
#include "cpu/smp.h"
#include "cpu/time.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"

int domctl_set_handle(struct domain *d, struct xen_domctl *op)
{
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

int domctl_set_debugging(struct domain *d, struct xen_domctl *op)
{
    return op->u.setdebugging.enable ? -EOPNOTSUPP : 0;
}

int domctl_hypercall_init(struct domain *d, struct xen_domctl *op)
{
    struct frame *f;
    void *page;

    if (!d->ops->hypercall_page || guest_area_get(d, op->u.hypercall_init.gmfn, &f, &page))
        return -EACCES;
    d->ops->hypercall_page(page);
    guest_area_put(f);
    return 0;
}

int domctl_set_time_offset(struct domain *d, struct xen_domctl *op)
{
    int64_t offset = op->u.settimeoffset.time_offset_seconds;

    // Nanoseconds must hold it.
    if (offset > INT64_MAX / 2000000000 || offset < -(INT64_MAX / 2000000000))
        return -EINVAL;
    d->time_offset_seconds = offset;
    wallclock_publish(d);
    return 0;
}

int domctl_set_address_size(struct domain *d, struct xen_domctl *op)
{
    return op->u.address_size.size == 64 ? 0 : -EINVAL;
}

int domctl_get_address_size(struct domain *d, struct xen_domctl *op)
{
    op->u.address_size.size = 64;
    return 0;
}

int domctl_send_trigger(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);
    uint32_t trigger = op->u.sendtrigger.trigger;

    if (!v)
        return -ESRCH;
    if ((trigger == XEN_DOMCTL_SENDTRIGGER_POWER || trigger == XEN_DOMCTL_SENDTRIGGER_SLEEP) &&
        d->ops->press_button)
        return d->ops->press_button(d, trigger == XEN_DOMCTL_SENDTRIGGER_SLEEP);
    if (trigger != XEN_DOMCTL_SENDTRIGGER_NMI || !d->ops->vcpu_nmi)
        return -ENOSYS;
    d->ops->vcpu_nmi(v);
    return 0;
}

// A device model's domain serves an HVM guest.
int domctl_set_target(struct domain *d, struct xen_domctl *op)
{
    struct domain *target = domain_get_by_id(op->u.set_target.target);
    int rc = target == d ? -EINVAL : -EOPNOTSUPP;

    if (!target)
        return -ESRCH;
    domain_put(target);
    return rc;
}

int domctl_set_virq_handler(struct domain *d, struct xen_domctl *op)
{
    return event_set_virq_handler(d, op->u.set_virq_handler.virq);
}

int domctl_set_tsc(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *info = &op->u.tsc_info;
    int rc;

    domain_pause(d);
    rc = guest_tsc_set(d, info->tsc_mode, info->gtsc_khz, (nsec_t)info->elapsed_nsec,
                       info->incarnation);
    domain_unpause(d);
    return rc;
}

int domctl_get_tsc(struct domain *d, struct xen_domctl *op)
{
    op->u.tsc_info = (struct xen_domctl_tsc_info){
        .tsc_mode = d->tsc.mode,
        .gtsc_khz = guest_tsc_khz(d),
        .incarnation = d->tsc.incarnation,
        .elapsed_nsec = (uint64_t)guest_tsc_elapsed(d),
    };
    return 0;
}

// As its first vCPU sees it.
int domctl_get_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    const struct cpu_view view = {d->ops, d->vcpus[0]};

    return cpu_view_put(&view, (uint64_t)p->leaves, &p->nr_leaves, (uint64_t)p->msrs, &p->nr_msrs);
}

int domctl_set_cpu_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct xen_cpuid_leaf culprit;
    struct xen_msr_entry msr;
    int rc;

    p->err_leaf = p->err_subleaf = p->err_msr = ~0u;
    if (p->nr_leaves > POLICY_LEAVES || p->nr_msrs > POLICY_MSRS)
        return -E2BIG;
    rc = cpu_policy_check_msrs((uint64_t)p->msrs, p->nr_msrs, &msr);
    if (rc) {
        p->err_msr = rc == -EFAULT ? ~0u : msr.idx;
        return rc;
    }
    rc = cpu_policy_set(d, (uint64_t)p->leaves, p->nr_leaves, &culprit);
    if (rc == -ERANGE) {
        p->err_leaf = culprit.leaf;
        p->err_subleaf = culprit.subleaf;
    }
    return rc;
}
