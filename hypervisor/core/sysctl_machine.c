// System control: memory and domains of the machine.
#include "core/cpu_policy.h"
#include "core/domctl.h"
#include "core/sysctl.h"
#include "cpu/time.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/guest.h"

#define ALL_NODES (-1)

int sysctl_physinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_physinfo *p = &op->u.physinfo;
    const struct cpu_view host = {NULL, NULL};
    struct cpu_topology t;

    memset(p, 0, sizeof(*p));
    sysctl_topology(&t);
    p->threads_per_core = t.threads_per_core;
    p->cores_per_socket = t.cores_per_socket;
    p->nr_cpus = nr_cpus;
    p->max_cpu_id = nr_cpus - 1;
    p->nr_nodes = 1;
    p->cpu_khz = (uint32_t)(time_tsc_hz() / 1000);
    p->capabilities =
        XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    if (domain_kind(GUEST_HVM))
        p->capabilities |= XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    p->total_pages = frames_total();
    p->free_pages = frames_free();
    p->outstanding_pages = buddy_claimed();
    p->max_mfn = max_mfn;
    cpu_view_features(&host, p->hw_cap, ARRAY_SIZE(p->hw_cap));
    return 0;
}

// There is one heap without zones: a bound on addresses other than none is not kept count of, and
// what is below it is not promised.
int sysctl_availheap(struct xen_sysctl *op)
{
    struct xen_sysctl_availheap *a = &op->u.availheap;

    a->avail_bytes = a->node == ALL_NODES || a->node == 0 ? frames_free() << PAGE_SHIFT : 0;
    return 0;
}

int sysctl_getdomaininfolist(struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    struct xen_domctl_getdomaininfo info;
    uint32_t n = 0, id = l->first_domain;
    int rc = 0;

    while (!rc && n < l->max_domains) {
        struct domain *d = domain_get_next(id);

        if (!d)
            break;
        domctl_describe(d, &info);
        id = d->id + 1u;
        domain_put(d);
        rc = copy_to_guest((uint64_t)(l->buffer + n), &info, sizeof(info));
        n++;
    }
    l->num_domains = n;
    return rc;
}
