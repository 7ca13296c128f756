// HYPERVISOR_domctl: the tools' control of domains.
//
// One operation at a time: whoever comes while another is at work has his hypercall executed again,
// so that no CPU waits for one which waits for it. A domain is found as long as anything holds it,
// dying or dead; what would give it new life or possessions is refused then.
#include "core/domctl.h"

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"

static spinlock_t domctl_lock;

static int op_info(struct domain *d, struct xen_domctl *op)
{
    domctl_describe(d, &op->u.getdomaininfo);
    op->domain = d->id;
    return 0;
}

static int op_unsupported(struct domain *d, struct xen_domctl *op)
{
    return -EOPNOTSUPP;
}

static int op_invalid(struct domain *d, struct xen_domctl *op)
{
    return -EINVAL;
}

static int op_no_device(struct domain *d, struct xen_domctl *op)
{
    return -ENODEV;
}

static int op_no_such(struct domain *d, struct xen_domctl *op)
{
    return -ESRCH;
}

#define NO_TARGET (1u << 0) // the domain does not exist yet
#define NEAREST   (1u << 1) // or the next domain above
#define NOT_SELF  (1u << 2) // -EINVAL if it is the caller
#define ALIVE     (1u << 3) // -EINVAL if it is dying
#define RESULT    (1u << 4) // the argument is written back on success
#define REPORT    (1u << 5) // ... and on failure

typedef int domctl_fn(struct domain *d, struct xen_domctl *op);

static const struct operation {
    domctl_fn *fn; // NULL: there is no such operation
    unsigned flags;
} ops[] = {
    [XEN_DOMCTL_createdomain] = {domctl_create, NO_TARGET | RESULT},
    [XEN_DOMCTL_destroydomain] = {domctl_destroy, NOT_SELF},
    [XEN_DOMCTL_pausedomain] = {domctl_pause, NOT_SELF},
    [XEN_DOMCTL_unpausedomain] = {domctl_unpause, 0},
    [XEN_DOMCTL_resumedomain] = {domctl_resume, NOT_SELF | ALIVE},
    [XEN_DOMCTL_getdomaininfo] = {op_info, NEAREST | RESULT},
    [XEN_DOMCTL_max_vcpus] = {domctl_max_vcpus, NOT_SELF | ALIVE},

    [XEN_DOMCTL_setdomainhandle] = {domctl_set_handle, 0},
    [XEN_DOMCTL_setdebugging] = {domctl_set_debugging, NOT_SELF},
    [XEN_DOMCTL_hypercall_init] = {domctl_hypercall_init, 0},
    [XEN_DOMCTL_settimeoffset] = {domctl_set_time_offset, 0},
    [XEN_DOMCTL_set_address_size] = {domctl_set_address_size, 0},
    [XEN_DOMCTL_get_address_size] = {domctl_get_address_size, RESULT},
    [XEN_DOMCTL_sendtrigger] = {domctl_send_trigger, 0},
    [XEN_DOMCTL_set_target] = {domctl_set_target, 0},
    [XEN_DOMCTL_set_virq_handler] = {domctl_set_virq_handler, ALIVE},
    [XEN_DOMCTL_settscinfo] = {domctl_set_tsc, NOT_SELF},
    [XEN_DOMCTL_gettscinfo] = {domctl_get_tsc, RESULT},
    [XEN_DOMCTL_get_cpu_policy] = {domctl_get_cpu_policy, RESULT},
    [XEN_DOMCTL_set_cpu_policy] = {domctl_set_cpu_policy, NOT_SELF | RESULT | REPORT},

    [XEN_DOMCTL_max_mem] = {domctl_max_mem, 0},
    [XEN_DOMCTL_getpageframeinfo3] = {domctl_get_frame_types, 0},
    [XEN_DOMCTL_shadow_op] = {domctl_shadow_op, NOT_SELF | RESULT},
    [XEN_DOMCTL_setnodeaffinity] = {domctl_set_node_affinity, 0},
    [XEN_DOMCTL_getnodeaffinity] = {domctl_get_node_affinity, RESULT},
    [XEN_DOMCTL_get_paging_mempool_size] = {domctl_paging_pool, RESULT},
    [XEN_DOMCTL_set_paging_mempool_size] = {domctl_paging_pool, 0},
    [XEN_DOMCTL_setvnumainfo] = {op_unsupported, 0},
    [XEN_DOMCTL_mem_sharing_op] = {op_unsupported, 0},
    [XEN_DOMCTL_set_broken_page_p2m] = {op_invalid, 0},

    [XEN_DOMCTL_irq_permission] = {domctl_irq_permission, ALIVE},
    [XEN_DOMCTL_iomem_permission] = {domctl_iomem_permission, ALIVE},
    [XEN_DOMCTL_ioport_permission] = {domctl_ioport_permission, ALIVE},
    [XEN_DOMCTL_memory_mapping] = {domctl_memory_mapping, 0},
    [XEN_DOMCTL_ioport_mapping] = {op_unsupported, 0}, // translated guests only
    // There is no IOMMU.
    [XEN_DOMCTL_assign_device] = {op_unsupported, NO_TARGET},
    [XEN_DOMCTL_test_assign_device] = {op_unsupported, NO_TARGET},
    [XEN_DOMCTL_deassign_device] = {op_unsupported, NO_TARGET},
    [XEN_DOMCTL_get_device_group] = {op_unsupported, 0},
    [XEN_DOMCTL_bind_pt_irq] = {op_no_such, 0},
    [XEN_DOMCTL_unbind_pt_irq] = {op_no_such, 0},

    [XEN_DOMCTL_scheduler_op] = {domctl_scheduler_op, RESULT},
    [XEN_DOMCTL_setvcpuaffinity] = {domctl_set_affinity, RESULT},
    [XEN_DOMCTL_getvcpuaffinity] = {domctl_get_affinity, RESULT},

    [XEN_DOMCTL_setvcpucontext] = {domctl_set_context, NOT_SELF | ALIVE},
    [XEN_DOMCTL_getvcpucontext] = {domctl_get_context, ALIVE},
    [XEN_DOMCTL_getvcpuinfo] = {domctl_vcpu_info, RESULT},
    [XEN_DOMCTL_get_ext_vcpucontext] = {domctl_get_ext_context, RESULT},
    [XEN_DOMCTL_set_ext_vcpucontext] = {domctl_set_ext_context, ALIVE},
    [XEN_DOMCTL_get_vcpu_msrs] = {domctl_get_msrs, RESULT},
    [XEN_DOMCTL_set_vcpu_msrs] = {domctl_set_msrs, ALIVE | RESULT},
    [XEN_DOMCTL_getvcpuextstate] = {domctl_get_xstate, RESULT},
    [XEN_DOMCTL_setvcpuextstate] = {domctl_set_xstate, ALIVE},

    // HVM guests only.
    [XEN_DOMCTL_gethvmcontext] = {domctl_hvm_context, NOT_SELF | RESULT},
    [XEN_DOMCTL_sethvmcontext] = {domctl_hvm_context, NOT_SELF | ALIVE},
    [XEN_DOMCTL_gethvmcontext_partial] = {domctl_hvm_context, NOT_SELF | RESULT},
    [XEN_DOMCTL_debug_op] = {op_invalid, 0},
    [XEN_DOMCTL_soft_reset] = {op_invalid, 0},
    // Introspection and monitors.
    [XEN_DOMCTL_subscribe] = {op_unsupported, 0},
    [XEN_DOMCTL_vm_event_op] = {op_unsupported, 0},
    [XEN_DOMCTL_monitor_op] = {op_unsupported, 0},
    [XEN_DOMCTL_set_access_required] = {op_unsupported, 0},
    [XEN_DOMCTL_vmtrace_op] = {op_unsupported, 0},
    [XEN_DOMCTL_psr_cmt_op] = {op_no_device, 0},
    [XEN_DOMCTL_psr_alloc] = {op_no_device, 0},
};

static struct domain *find_target(const struct xen_domctl *op, unsigned flags)
{
    if (op->domain >= DOMID_FIRST_RESERVED)
        return NULL;
    return flags & NEAREST ? domain_get_next(op->domain) : domain_get_by_id(op->domain);
}

// Everything that can be wrong with a call before its operation looks at it, in the ABI's order. On
// success *d is the target with a reference, or NULL where there is none yet.
static int check(const struct xen_domctl *op, const struct operation *o, struct domain **d)
{
    int rc = 0;

    *d = o->flags & NO_TARGET ? NULL : find_target(op, o->flags);
    if (!*d && !(o->flags & (NO_TARGET | NEAREST)))
        return -ESRCH;
    if (permit(PERMIT_domctl, *d))
        rc = -EPERM;
    else if (!o->fn)
        rc = -ENOSYS;
    else if (!*d && (o->flags & NEAREST))
        rc = -ESRCH;
    else if ((o->flags & NOT_SELF) && *d == current->domain)
        rc = -EINVAL;
    if (rc && *d)
        domain_put(*d);
    return rc;
}

static int execute(struct xen_domctl *op, const struct operation *o)
{
    struct domain *d;
    int rc = check(op, o, &d);

    if (rc)
        return rc;
    if (spin_trylock(&domctl_lock)) {
        rc = d && (o->flags & ALIVE) && d->dying ? -EINVAL : o->fn(d, op);
        spin_unlock(&domctl_lock);
    } else {
        rc = -ERESTART;
    }
    if (d)
        domain_put(d);
    return rc;
}

long do_domctl(uint64_t uop)
{
    static const struct operation unknown;
    const struct operation *o = &unknown;
    struct xen_domctl op;
    int rc;

    if (copy_from_guest(&op, uop, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    if (op.cmd < ARRAY_SIZE(ops))
        o = &ops[index_nospec(op.cmd, ARRAY_SIZE(ops))];
    rc = execute(&op, o);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_domctl, 1, uop);
    if (o->flags & (rc ? REPORT : RESULT) && copy_to_guest(uop, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
