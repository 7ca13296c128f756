// HYPERVISOR_sysctl: the tools' questions about the machine, and what they may change of it.
//
// What concerns frequencies, traces, counters, faulty memory and cache allotment is not done, and
// answers as a Xen does that was built, or runs on a machine, without it.
#include "core/sysctl.h"

#include "core/console.h"
#include "core/domain.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define CHUNK 256 // bytes copied at a time, on the stack

static int op_readconsole(struct xen_sysctl *op)
{
    struct xen_sysctl_readconsole *r = &op->u.readconsole;
    uint32_t index = r->incremental ? r->index : 0, done = 0;
    char text[CHUNK];

    while (done < r->count) {
        size_t n = console_ring_read(&index, text, MIN(r->count - done, (uint32_t)CHUNK));

        if (!n)
            break;
        if (copy_to_guest((uint64_t)r->buffer + done, text, n))
            return -EFAULT;
        done += (uint32_t)n;
    }
    r->count = done;
    r->index = index;
    if (r->clear)
        console_ring_clear();
    return 0;
}

static int op_debug_keys(struct xen_sysctl *op)
{
    const struct xen_sysctl_debug_keys *k = &op->u.debug_keys;

    for (uint32_t i = 0; i < k->nr_keys; i++) {
        char key;

        if (copy_from_guest(&key, (uint64_t)k->keys + i, 1))
            return -EFAULT;
        debug_key(key);
    }
    return 0;
}

static int op_unsupported(struct xen_sysctl *op)
{
    return -EOPNOTSUPP;
}

static int op_no_device(struct xen_sysctl *op)
{
    return -ENODEV;
}

static const struct {
    int (*fn)(struct xen_sysctl *op);
    bool result; // the argument is written back
} ops[] = {
    [XEN_SYSCTL_readconsole] = {op_readconsole, true},
    [XEN_SYSCTL_physinfo] = {sysctl_physinfo, true},
    [XEN_SYSCTL_sched_id] = {sysctl_sched_id, true},
    [XEN_SYSCTL_getdomaininfolist] = {sysctl_getdomaininfolist, true},
    [XEN_SYSCTL_debug_keys] = {op_debug_keys, false},
    [XEN_SYSCTL_getcpuinfo] = {sysctl_getcpuinfo, true},
    [XEN_SYSCTL_availheap] = {sysctl_availheap, true},
    [XEN_SYSCTL_get_pmstat] = {sysctl_get_pmstat, true},
    [XEN_SYSCTL_pm_op] = {sysctl_pm_op, true},
    [XEN_SYSCTL_cpu_hotplug] = {sysctl_cpu_hotplug, false},
    [XEN_SYSCTL_cputopoinfo] = {sysctl_cputopoinfo, true},
    [XEN_SYSCTL_numainfo] = {sysctl_numainfo, true},
    [XEN_SYSCTL_cpupool_op] = {sysctl_cpupool_op, true},
    [XEN_SYSCTL_scheduler_op] = {sysctl_scheduler_op, true},
    [XEN_SYSCTL_coverage_op] = {op_unsupported, false},
    [XEN_SYSCTL_psr_cmt_op] = {op_no_device, false},
    [XEN_SYSCTL_psr_alloc] = {op_no_device, false},
    [XEN_SYSCTL_pcitopoinfo] = {sysctl_pcitopoinfo, true},
    [XEN_SYSCTL_get_cpu_levelling_caps] = {sysctl_cpu_levelling_caps, true},
    [XEN_SYSCTL_get_cpu_featureset] = {sysctl_cpu_featureset, true},
    [XEN_SYSCTL_get_cpu_policy] = {sysctl_cpu_policy, true},
    // Not done: tbuf_op, perfc_op, lockprof_op, page_offline_op, livepatch_op.
};

long do_sysctl(uint64_t uop)
{
    struct xen_sysctl op;
    size_t cmd;
    long rc;

    if (copy_from_guest(&op, uop, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    if (permit(PERMIT_sysctl, NULL))
        return -EPERM;
    if (op.cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = index_nospec(op.cmd, ARRAY_SIZE(ops));
    if (!ops[cmd].fn)
        return -ENOSYS;
    rc = ops[cmd].fn(&op);
    // -ENOBUFS: as much as there was room for was given, and the argument tells how much.
    if ((!rc || rc == -ENOBUFS) && ops[cmd].result && copy_to_guest(uop, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}
