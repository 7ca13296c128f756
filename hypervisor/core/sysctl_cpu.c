// System control: what the processors can do, and what of it guests may see.
#include "core/cpu_policy.h"
#include "core/sysctl.h"
#include "cpu/features.h"
#include "lib/errno.h"
#include "mm/guest.h"

int sysctl_cpu_levelling_caps(struct xen_sysctl *op)
{
    op->u.cpu_levelling_caps.caps =
        cpu_features.cpuid_faulting ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
    return 0;
}

static bool view_of_featureset(uint32_t index, struct cpu_view *view)
{
    switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:
        *view = (struct cpu_view){NULL, NULL};
        return true;
    case XEN_SYSCTL_cpu_featureset_pv:
    case XEN_SYSCTL_cpu_featureset_pv_max:
        *view = (struct cpu_view){domain_kind(GUEST_PV), NULL};
        break;
    default:
        *view = (struct cpu_view){domain_kind(GUEST_HVM), NULL};
    }
    return view->kind != NULL;
}

int sysctl_cpu_featureset(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    uint32_t n = f->features ? MIN(f->nr_features, (uint32_t)FEATURE_WORDS) : FEATURE_WORDS;
    uint32_t words[FEATURE_WORDS];
    struct cpu_view view;

    if (f->index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -EINVAL;
    if (!view_of_featureset(f->index, &view))
        return -EOPNOTSUPP;
    cpu_view_features(&view, words, n);
    if (f->features && copy_to_guest((uint64_t)f->features, words, n * sizeof(words[0])))
        return -EFAULT;
    f->nr_features = n;
    return n < FEATURE_WORDS ? -ENOBUFS : 0;
}

int sysctl_cpu_policy(struct xen_sysctl *op)
{
    static const uint32_t featureset[] = {
        [XEN_SYSCTL_cpu_policy_raw] = XEN_SYSCTL_cpu_featureset_raw,
        [XEN_SYSCTL_cpu_policy_host] = XEN_SYSCTL_cpu_featureset_host,
        [XEN_SYSCTL_cpu_policy_pv_max] = XEN_SYSCTL_cpu_featureset_pv_max,
        [XEN_SYSCTL_cpu_policy_hvm_max] = XEN_SYSCTL_cpu_featureset_hvm_max,
        [XEN_SYSCTL_cpu_policy_pv_default] = XEN_SYSCTL_cpu_featureset_pv,
        [XEN_SYSCTL_cpu_policy_hvm_default] = XEN_SYSCTL_cpu_featureset_hvm,
    };
    struct xen_sysctl_cpu_policy *p = &op->u.cpu_policy;
    struct cpu_view view;

    if (p->index >= ARRAY_SIZE(featureset) || p->_rsvd)
        return -EINVAL;
    if (!view_of_featureset(featureset[index_nospec(p->index, ARRAY_SIZE(featureset))], &view))
        return -EOPNOTSUPP;
    return cpu_view_put(&view, (uint64_t)p->leaves, &p->nr_leaves, (uint64_t)p->msrs, &p->nr_msrs);
}
