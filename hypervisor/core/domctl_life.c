// Domain control: birth, pausing and death.
#include "core/domctl.h"
#include "core/event.h"
#include "core/grant.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"

#define MAX_PAUSES          255
#define MAX_GRANT_FRAMES    64
#define MAX_MAPTRACK_FRAMES 1024
#define HVM_FLAGS           (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap)
#define IGNORED_HVM_FLAGS   (XEN_DOMCTL_CDF_s3_integrity | XEN_DOMCTL_CDF_oos_off)
#define KNOWN_FLAGS         (XEN_DOMCTL_CDF_xs_domain | HVM_FLAGS | IGNORED_HVM_FLAGS)

// A negative number is the hypervisor's choice.
static unsigned limit_or(int32_t wanted, unsigned otherwise)
{
    return wanted < 0 ? otherwise : (unsigned)wanted;
}

// Of emulated devices a hardware-virtualised guest has its local APIC, or all of a PC's.
static bool emulation_ok(bool hvm, uint32_t flags)
{
    if (!hvm)
        return !flags;
    return flags == XEN_X86_EMU_LAPIC ||
           (flags | XEN_X86_EMU_USE_PIRQ) == (XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI);
}

static int check_config(const struct xen_domctl_createdomain *c)
{
    unsigned version = XEN_DOMCTL_GRANT_version(c->grant_opts);

    // No devices, no nested virtualization, no performance counters.
    if ((c->flags & ~KNOWN_FLAGS) || c->iommu_opts || c->vmtrace_size)
        return -EINVAL;
    if ((c->flags & HVM_FLAGS) && ((c->flags & HVM_FLAGS) != HVM_FLAGS || !domain_kind(GUEST_HVM)))
        return -EINVAL;
    if (!emulation_ok(c->flags & XEN_DOMCTL_CDF_hvm, c->arch.emulation_flags) ||
        (c->arch.misc_flags & ~XEN_X86_MISC_FLAGS_MAX))
        return -EINVAL;
    if (!c->max_vcpus || c->max_vcpus > MAX_VCPUS)
        return -EINVAL;
    if (version < 1 || version > 2 || (c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask))
        return -EINVAL;
    if (!c->max_grant_frames || c->max_grant_frames > MAX_GRANT_FRAMES ||
        c->max_maptrack_frames > MAX_MAPTRACK_FRAMES)
        return -EINVAL;
    return c->cpupool_id ? -ENOENT : 0;
}

// Numbers are given out in turn, so that one does not come back soon.
static int create_with_free_id(const struct domain_ops *kind,
                               const struct xen_domctl_createdomain *c, struct domain **d)
{
    static domid_t last;

    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++) {
        int rc;

        last = last < DOMID_FIRST_RESERVED - 1 ? (domid_t)(last + 1) : 1;
        *d = domain_get_by_id(last);
        if (*d) {
            domain_put(*d);
            continue;
        }
        rc = domain_create(last, kind, c->max_vcpus, c->arch.emulation_flags, false, d);
        if (rc != -EEXIST)
            return rc;
    }
    return -ENOMEM;
}

static int create(domid_t id, const struct domain_ops *kind,
                  const struct xen_domctl_createdomain *c, struct domain **d)
{
    if (id && id < DOMID_FIRST_RESERVED)
        return domain_create(id, kind, c->max_vcpus, c->arch.emulation_flags, false, d);
    return create_with_free_id(kind, c, d);
}

// op->domain: the number that it shall have, or 0 or a reserved one: any.
int domctl_create(struct domain *none, struct xen_domctl *op)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    const struct domain_ops *kind =
        domain_kind(c->flags & XEN_DOMCTL_CDF_hvm ? GUEST_HVM : GUEST_PV);
    struct domain *d;
    int rc = check_config(c);

    if (rc || (rc = create(op->domain, kind, c, &d)))
        return rc;
    // Nobody can reach into it before the caller knows its number: it has no vCPU.
    d->ssidref = c->ssidref;
    d->xs_domain = c->flags & XEN_DOMCTL_CDF_xs_domain;
    memcpy(d->handle, c->handle, sizeof(d->handle));
    event_set_limit(d, MIN(c->max_evtchn_port, (uint32_t)INT32_MAX));
    grant_set_limits(d, limit_or(c->max_grant_frames, MAX_GRANT_FRAMES),
                     limit_or(c->max_maptrack_frames, MAX_MAPTRACK_FRAMES),
                     XEN_DOMCTL_GRANT_version(c->grant_opts));
    op->domain = d->id;
    return 0;
}

int domctl_destroy(struct domain *d, struct xen_domctl *op)
{
    return domain_kill(d);
}

// The tools' pauses are counted, and together are one of the domain's.
int domctl_pause(struct domain *d, struct xen_domctl *op)
{
    if (d->control_paused == MAX_PAUSES)
        return -ERANGE;
    if (!d->control_paused++)
        domain_pause(d);
    return 0;
}

int domctl_unpause(struct domain *d, struct xen_domctl *op)
{
    if (!d->control_paused)
        return -EINVAL;
    if (!--d->control_paused)
        domain_unpause(d);
    return 0;
}

int domctl_resume(struct domain *d, struct xen_domctl *op)
{
    domain_resume(d);
    return 0;
}

int domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    int rc = 0;

    if (op->u.max_vcpus.max != d->max_vcpus)
        return -EINVAL;
    spin_lock(&d->lock);
    for (unsigned id = 0; id < d->max_vcpus; id++)
        if (!d->vcpus[id] && !vcpu_create(d, id)) {
            rc = -ENOMEM;
            break;
        }
    spin_unlock(&d->lock);
    return rc;
}
