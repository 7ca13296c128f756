// Domain control: what of the machine's devices a domain may touch. Nobody can pass on what he has
// not.
#include "core/domctl.h"
#include "core/pirq.h"
#include "core/rangeset.h"
#include "lib/errno.h"

#define NR_PORTS   0x10000u
#define FRAME_BITS 40 // of a machine frame number

static int set_permission(struct rangeset *mine, struct rangeset *theirs, uint64_t first,
                          uint64_t last, bool allow)
{
    if (!rangeset_contains(mine, first, last))
        return -EPERM;
    return allow ? rangeset_add(theirs, first, last) : rangeset_remove(theirs, first, last);
}

int domctl_irq_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;

    if (p->pirq >= pirq_limit())
        return -EINVAL;
    return set_permission(current->domain->irqs, d->irqs, p->pirq, p->pirq, p->allow_access);
}

int domctl_iomem_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;
    uint64_t last = p->first_mfn + p->nr_mfns - 1;

    if (!p->nr_mfns || last < p->first_mfn)
        return -EINVAL;
    return set_permission(current->domain->io_memory, d->io_memory, p->first_mfn, last,
                          p->allow_access);
}

int domctl_ioport_permission(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;

    if (!p->nr_ports || p->first_port >= NR_PORTS || p->nr_ports > NR_PORTS - p->first_port)
        return -EINVAL;
    return set_permission(current->domain->io_ports, d->io_ports, p->first_port,
                          (uint64_t)p->first_port + p->nr_ports - 1, p->allow_access);
}

// A PV guest maps device memory itself, once it is permitted.
int domctl_memory_mapping(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_memory_mapping *m = &op->u.memory_mapping;
    uint64_t last = m->first_mfn + m->nr_mfns - 1;

    if (!m->nr_mfns || last < m->first_mfn || last >> FRAME_BITS ||
        m->first_gfn + m->nr_mfns - 1 < m->first_gfn)
        return -EINVAL;
    if (!rangeset_contains(current->domain->io_memory, m->first_mfn, last) ||
        !rangeset_contains(d->io_memory, m->first_mfn, last))
        return -EPERM;
    return 0;
}
