// The machine's processors, as domain 0 sees them.
#include "core/platform_op.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/percpu.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "platform/acpi.h"

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
