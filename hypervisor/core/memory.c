// HYPERVISOR_memory_op: dispatch, and the questions that have short answers.
#include "core/memory.h"

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "mm/paging.h"

// The M2P's frames belong to dom_xen, so that tools may map them, read-only: whole extents,
// as XENMEM_machphys_mfn_list tells of them.
void memory_op_init(void)
{
    for (uint64_t at = 0; at < ROUND_UP(max_mfn * 8, M2P_EXTENT); at += PAGE_SIZE) {
        maddr_t ma = hv_translate(M2P_RW_START + at);

        if (ma != ~0ull)
            frame_share(maddr_to_virt(ma), dom_xen, false);
    }
}

void memory_domain_destroy(struct domain *d)
{
    xfree(d->e820);
    d->e820 = NULL;
}

// An operation that there is never anything to do for: still with an argument that must be there.
static long refuse(uint64_t arg, size_t size, long error)
{
    char unused[64];

    ASSERT(size <= sizeof(unused));
    return copy_from_guest(unused, arg, size) ? -EFAULT : error;
}

// What a domain has of memory.
static long domain_question(unsigned op, uint64_t arg)
{
    struct domain *d;
    domid_t id;
    long answer;

    if (copy_from_guest(&id, arg, sizeof(id)))
        return -EFAULT;
    answer = permit_domain(PERMIT_memory_info, id, &d);
    if (answer)
        return answer;
    switch (op) {
    case XENMEM_current_reservation:
        answer = d->mem.nr_pages;
        break;
    case XENMEM_maximum_reservation:
        answer = d->mem.max_pages;
        break;
    default: // XENMEM_maximum_gpfn: a PV guest tells in shared_info how many it has; 0: not yet
        answer = d->ops->physmap ? (long)d->ops->physmap->last(d)
                                 : (long)(d->shared_info->arch.max_pfn ?: 1) - 1;
        break;
    }
    domain_put(d);
    return answer;
}

static long dispatch(unsigned op, uint64_t arg, uint64_t *start)
{
    switch (op) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return memory_reservation_op(op, arg, start);
    case XENMEM_exchange:
        return memory_exchange(arg);
    case XENMEM_claim_pages:
        return memory_claim(arg);
    case XENMEM_maximum_ram_page:
        return (long)max_mfn;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return domain_question(op, arg);
    case XENMEM_memory_map:
    case XENMEM_machine_memory_map:
    case XENMEM_set_memory_map:
    case XENMEM_machphys_mfn_list:
    case XENMEM_machphys_mapping:
    case XENMEM_reserved_device_memory_map:
        return memory_map_op(op, arg);
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_remove_from_physmap:
        return memory_physmap_op(op, arg, start);
    case XENMEM_acquire_resource:
        return memory_acquire_resource(arg, start);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return 0;              // nothing is ever shared
    case XENMEM_get_vnumainfo: // no domain has virtual NUMA nodes
        return refuse(arg, sizeof(struct xen_vnuma_topology_info), -EOPNOTSUPP);
    case XENMEM_set_pod_target: // no domain is populated on demand
    case XENMEM_get_pod_target:
        return refuse(arg, sizeof(struct xen_pod_target), -EINVAL);
    default:
        return -ENOSYS;
    }
}

long do_memory_op(uint64_t cmd, uint64_t arg)
{
    unsigned op = (unsigned)cmd & MEMOP_CMD_MASK;
    uint64_t start = cmd >> MEMOP_EXTENT_SHIFT;
    long rc = dispatch(op, arg, &start);

    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_memory_op, 2,
                                  (uint64_t)op | start << MEMOP_EXTENT_SHIFT, arg);
    return rc;
}
