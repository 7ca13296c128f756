// The machine's processors, as domain 0 sees them.
#include "core/platform_op.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"
#include "cpu/smp.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "platform/acpi.h"

#define MSR_TSC          0x10
#define RESOURCE_ENTRIES 4 // most in one call

static bool is_online(uint32_t cpu)
{
    return cpu < nr_cpus && (cpus_online & cpumask_of(cpu));
}

static uint32_t acpi_id_of(unsigned cpu)
{
    for (unsigned i = 0; i < acpi.nr_cpus; i++)
        if (acpi.cpus[i].apic_id == apic_id_of(cpu))
            return acpi.cpus[i].uid;
    return 0xffffffff;
}

int platform_get_cpuinfo(struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *info = &op->u.pcpu_info;

    info->max_present = nr_cpus - 1;
    info->flags = XEN_PCPU_FLAGS_INVALID;
    if (is_online(info->xen_cpuid)) {
        info->flags = XEN_PCPU_FLAGS_ONLINE;
        info->apic_id = apic_id_of(info->xen_cpuid);
        info->acpi_id = acpi_id_of(info->xen_cpuid);
    }
    return 0;
}

// Intel SDM vol. 2, CPUID leaf 1: the extended fields add to the others where those are full.
static void decode_signature(uint32_t eax, struct xenpf_pcpu_version *v)
{
    v->stepping = eax & 15;
    v->model = eax >> 4 & 15;
    v->family = eax >> 8 & 15;
    if (v->family == 15)
        v->family += eax >> 20 & 0xff;
    if (v->family == 6 || v->family >= 15)
        v->model |= eax >> 12 & 0xf0;
}

int platform_get_cpu_version(struct xen_platform_op *op)
{
    struct xenpf_pcpu_version *v = &op->u.pcpu_version;
    struct cpuid_regs r = cpuid(0);

    v->max_present = nr_cpus - 1;
    if (!is_online(v->xen_cpuid)) {
        memset(v->vendor_id, 0, sizeof(v->vendor_id));
        v->family = v->model = v->stepping = 0;
        return 0;
    }
    // All CPUs of a machine are of one make.
    memcpy(v->vendor_id, &r.b, 4);
    memcpy(v->vendor_id + 4, &r.d, 4);
    memcpy(v->vendor_id + 8, &r.c, 4);
    decode_signature(cpuid(1).a, v);
    return 0;
}

int platform_cpu_online(struct xen_platform_op *op)
{
    return is_online(op->u.cpu_ol.cpuid) ? 0 : -EINVAL;
}

int platform_cpu_offline(struct xen_platform_op *op)
{
    return is_online(op->u.cpu_ol.cpuid) ? -EOPNOTSUPP : -EINVAL;
}

int platform_core_parking(struct xen_platform_op *op)
{
    struct xenpf_core_parking *p = &op->u.core_parking;

    switch (p->type) {
    case XEN_CORE_PARKING_SET:
        return p->idle_nums ? -EOPNOTSUPP : 0;
    case XEN_CORE_PARKING_GET:
        p->idle_nums = 0;
        return 0;
    default:
        return -EINVAL;
    }
}

// Idle CPUs halt and frequencies are the firmware's choice, so what the tables offer is thanked
// for.
int platform_set_pminfo(struct xen_platform_op *op)
{
    switch (op->u.set_pminfo.type) {
    case XEN_PM_CX:
    case XEN_PM_PX:
    case XEN_PM_TX:
    case XEN_PM_PDC:
        return 0;
    default:
        return -EINVAL;
    }
}

struct resource_work {
    unsigned nr, done;
    struct xenpf_resource_entry entries[RESOURCE_ENTRIES];
};

static int check_entry(const struct xenpf_resource_entry *e)
{
    if (e->rsvd)
        return -EINVAL;
    if (e->u.cmd != XEN_RESOURCE_OP_MSR_READ && e->u.cmd != XEN_RESOURCE_OP_MSR_WRITE)
        return -EOPNOTSUPP;
    // Of the registers that may be asked for, only this is not a cache monitor's, which nobody sets
    // up.
    return e->idx == MSR_TSC && e->u.cmd == XEN_RESOURCE_OP_MSR_READ ? 0 : -EACCES;
}

static void do_entries(void *arg)
{
    struct resource_work *w = arg;

    for (; w->done < w->nr; w->done++)
        w->entries[w->done].val = rdmsr(MSR_TSC);
}

int platform_resource_op(struct xen_platform_op *op)
{
    const struct xenpf_resource_op *r = &op->u.resource_op;
    struct resource_work w = {0};
    unsigned bad;

    if (!r->nr_entries || r->nr_entries > RESOURCE_ENTRIES)
        return -EINVAL;
    if (!is_online(r->cpu))
        return -ENODEV;
    if (copy_from_guest(w.entries, (uint64_t)r->entries, r->nr_entries * sizeof(w.entries[0])))
        return -EFAULT;
    for (bad = 0; bad < r->nr_entries; bad++) {
        int rc = check_entry(&w.entries[bad]);

        if (rc) {
            w.entries[bad].u.ret = rc;
            break;
        }
    }
    w.nr = bad;
    smp_call(cpumask_of(r->cpu), do_entries, &w);
    // Up to the first that failed, which says why.
    if (copy_to_guest((uint64_t)r->entries, w.entries,
                      MIN(bad + 1, r->nr_entries) * sizeof(w.entries[0])))
        return -EFAULT;
    return (int)w.done;
}
