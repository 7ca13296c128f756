// System control: how processors, memory and devices hang together. Memory is one node.
#include "core/domain.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "lib/errno.h"
#include "mm/frame.h"
#include "mm/guest.h"
#include "platform/pci.h"

#define LEAF_TOPOLOGY  0xbu
#define LEVEL_SMT      1
#define LEAF_AMD_SIZES 0x80000008u
#define LEAF1_EDX_HTT  (1u << 28)
#define NUMA_LOCAL     10 // distance of a node to itself, by ACPI's convention
#define PCI_PREEMPT    64

static unsigned order_of(unsigned count)
{
    return count > 1 ? bit_last(count - 1) + 1 : 0;
}

// Intel SDM vol. 2, CPUID leaf 0Bh: sub-leaf by sub-leaf the width of a level in the APIC id.
static bool by_extended_topology(struct cpu_topology *t)
{
    bool found = false;

    if (cpuid(0).a < LEAF_TOPOLOGY)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        struct cpuid_regs r = cpuid_count(LEAF_TOPOLOGY, i);
        unsigned level = r.c >> 8 & 0xff;

        if (!level || !r.b)
            break;
        found = true;
        if (level == LEVEL_SMT)
            t->core_shift = r.a & 31;
        t->socket_shift = r.a & 31; // the last level's is all that is within the package
    }
    return found;
}

static void by_counts(struct cpu_topology *t)
{
    struct cpuid_regs r = cpuid(1);
    unsigned logical = r.d & LEAF1_EDX_HTT ? r.b >> 16 & 0xff : 1;

    if (cpu_features.amd && cpuid(0x80000000u).a >= LEAF_AMD_SIZES) {
        uint32_t c = cpuid(LEAF_AMD_SIZES).c;

        t->socket_shift = c >> 12 & 15 ? c >> 12 & 15 : order_of((c & 0xff) + 1);
    } else {
        t->socket_shift = order_of(logical);
    }
}

void sysctl_topology(struct cpu_topology *t)
{
    uint64_t threads = 0, cores = 0;

    t->core_shift = t->socket_shift = 0;
    if (!by_extended_topology(t))
        by_counts(t);
    // Of the first CPU's core and socket, those that are up.
    for (unsigned i = 0; i < nr_cpus; i++) {
        uint32_t id = apic_id_of(i), first = apic_id_of(0);

        if (id >> t->core_shift == first >> t->core_shift)
            threads++;
        if (id >> t->socket_shift == first >> t->socket_shift)
            cores++;
    }
    t->threads_per_core = (unsigned)threads;
    t->cores_per_socket = threads ? (unsigned)(cores / threads) : 1;
}

static bool is_online(uint32_t cpu)
{
    return cpu < nr_cpus && (cpus_online & cpumask_of(cpu));
}

int sysctl_getcpuinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_getcpuinfo *g = &op->u.getcpuinfo;
    uint32_t n = MIN(g->max_cpus, nr_cpus);

    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cpuinfo info = {.idletime =
                                              (uint64_t)(time_now() - sched_cpu_busy_time(i))};

        if (copy_to_guest((uint64_t)(g->info + i), &info, sizeof(info)))
            return -EFAULT;
    }
    g->nr_cpus = n;
    return 0;
}

int sysctl_cputopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_cputopoinfo *g = &op->u.cputopoinfo;
    uint32_t n = g->cputopo ? MIN(g->num_cpus, nr_cpus) : nr_cpus;
    struct cpu_topology t;

    sysctl_topology(&t);
    for (uint32_t i = 0; g->cputopo && i < n; i++) {
        uint32_t id = apic_id_of(i);
        struct xen_sysctl_cputopo cpu = {
            .core = (id & ((1u << t.socket_shift) - 1)) >> t.core_shift,
            .socket = id >> t.socket_shift,
        };

        if (copy_to_guest((uint64_t)(g->cputopo + i), &cpu, sizeof(cpu)))
            return -EFAULT;
    }
    g->num_cpus = n;
    return 0;
}

int sysctl_numainfo(struct xen_sysctl *op)
{
    struct xen_sysctl_numainfo *g = &op->u.numainfo;
    struct xen_sysctl_meminfo memory = {frames_total() << PAGE_SHIFT, frames_free() << PAGE_SHIFT};
    uint32_t distance = NUMA_LOCAL;

    if ((g->meminfo || g->distance) && !g->num_nodes)
        return 0;
    if (g->meminfo && copy_to_guest((uint64_t)g->meminfo, &memory, sizeof(memory)))
        return -EFAULT;
    if (g->distance && copy_to_guest((uint64_t)g->distance, &distance, sizeof(distance)))
        return -EFAULT;
    g->num_nodes = 1;
    return 0;
}

// At most PCI_PREEMPT devices at a time: the number done tells the caller where to go on.
int sysctl_pcitopoinfo(struct xen_sysctl *op)
{
    struct xen_sysctl_pcitopoinfo *g = &op->u.pcitopoinfo;
    uint32_t n = MIN(g->num_devs, (uint32_t)PCI_PREEMPT);

    if (!g->devs || !g->nodes || !g->num_devs)
        return -EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        struct physdev_pci_device dev;
        uint32_t node;

        if (copy_from_guest(&dev, (uint64_t)(g->devs + i), sizeof(dev)))
            return -EFAULT;
        node = pci_present(pci_sbdf(dev.seg, dev.bus, dev.devfn)) ? 0 : XEN_INVALID_DEV;
        if (copy_to_guest((uint64_t)(g->nodes + i), &node, sizeof(node)))
            return -EFAULT;
    }
    g->num_devs = n;
    return 0;
}

int sysctl_cpu_hotplug(struct xen_sysctl *op)
{
    const struct xen_sysctl_cpu_hotplug *h = &op->u.cpu_hotplug;

    switch (h->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return is_online(h->cpu) ? -EEXIST : -EINVAL;
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return is_online(h->cpu) && h->cpu ? -EOPNOTSUPP : -EINVAL;
    default:
        return -EOPNOTSUPP;
    }
}
