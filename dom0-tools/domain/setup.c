// What a new domain is allowed: vCPUs, memory, time, CPUs, devices' resources.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/cpu_list.h"
#include "domain/impl.h"
#include "pv-abi/memory.h"

// The guest's limit is this much above what it has, as libxl leaves it: for pages that a guest
// has for a moment beside those that it is about to give back.
#define MEMORY_SLACK_KIB 1024

#define E820_RAM 1

struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

static int set_vcpus(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct xen_domctl op = {.u.max_vcpus.max = config->max_vcpus};
    int rc = domain_control(t, XEN_DOMCTL_max_vcpus, id, &op);

    return rc ? domain_fail(t, rc, "no %u vCPUs can be made (maxvcpus)", config->max_vcpus) : 0;
}

// The map tells a PV guest up to where it may grow; others' is the builder's matter.
static int set_map(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct e820_entry *map = control_buffer(t->control, sizeof(*map));
    struct xen_foreign_memory_map foreign = {.domid = id, .map = {1, map}};
    int rc = -ENOMEM;

    if (map) {
        *map = (struct e820_entry){0, config->max_memory_kib << 10, E820_RAM};
        rc = (int)control_memory_op(t->control, XENMEM_set_memory_map, &foreign, sizeof(foreign));
    }
    control_buffer_free(t->control, map, sizeof(*map));
    return rc;
}

// What the hypervisor may use for nested page tables: for each vCPU something to
// begin with, and for each MiB, at worst mapped by 4 KB, half a page of them and as much again.
static int set_paging_pool(const struct toolstack *t, domid_t id,
                           const struct domain_config *config)
{
    struct xen_domctl op = {.u.paging_mempool.size = ((uint64_t)config->max_vcpus << 20) +
                                                     (config->max_memory_kib + 1023) / 1024 * 4096};

    return domain_control(t, XEN_DOMCTL_set_paging_mempool_size, id, &op);
}

static int set_memory(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct xen_domctl op = {.u.max_mem.max_memkb = config->memory_kib + MEMORY_SLACK_KIB};
    int rc = domain_control(t, XEN_DOMCTL_max_mem, id, &op);

    if (!rc)
        rc = config->type == DOMAIN_TYPE_PV ? set_map(t, id, config)
                                            : set_paging_pool(t, id, config);
    return rc ? domain_fail(t, rc, "the domain's memory cannot be limited") : 0;
}

static int set_tsc(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct xen_domctl op = {.u.tsc_info.tsc_mode = (uint32_t)config->tsc_mode};
    int rc = 0;

    if (config->tsc_mode != TSC_DEFAULT)
        rc = domain_control(t, XEN_DOMCTL_settscinfo, id, &op);
    return rc ? domain_fail(t, rc, "tsc_mode %s cannot be had",
                            domain_tsc_mode_name(config->tsc_mode))
              : 0;
}

static int set_shares(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct xen_sysctl which = {.cmd = XEN_SYSCTL_sched_id};
    struct xen_domctl op = {0};
    int rc;

    if (config->weight == 256 && !config->cap)
        return 0;
    rc = control_sysctl(t->control, &which);
    op.u.scheduler_op.sched_id = which.u.sched_id.sched_id;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.scheduler_op.u.credit.weight = (uint16_t)config->weight; // credit2's is the same
    op.u.scheduler_op.u.credit.cap = (uint16_t)config->cap;
    if (!rc)
        rc = domain_control(t, XEN_DOMCTL_scheduler_op, id, &op);
    return rc ? domain_fail(t, rc, "weight %u and cap %u cannot be set", config->weight,
                            config->cap)
              : 0;
}

// Affinity
// -------------------------------------------------------------------------------------------

struct cpus {
    uint32_t count;
    uint32_t *nodes;
    uint8_t *bitmap; // hypercall memory, one bit for each
    size_t bitmap_len;
};

static void free_cpus(const struct toolstack *t, struct cpus *cpus)
{
    control_buffer_free(t->control, cpus->bitmap, cpus->bitmap_len);
    free(cpus->nodes);
}

static int read_cpus(const struct toolstack *t, struct cpus *cpus)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};
    int rc = control_sysctl(t->control, &op);
    uint32_t count = op.u.cputopoinfo.num_cpus;
    xen_sysctl_cputopo_t *list;

    if (rc)
        return rc;
    list = control_buffer(t->control, count * sizeof(*list));
    cpus->bitmap_len = (count + 7) / 8;
    cpus->bitmap = control_buffer(t->control, cpus->bitmap_len);
    cpus->nodes = calloc(count ? count : 1, sizeof(*cpus->nodes));
    op.cmd = XEN_SYSCTL_cputopoinfo;
    op.u.cputopoinfo.num_cpus = count;
    op.u.cputopoinfo.cputopo = list;
    rc = list && cpus->bitmap && cpus->nodes ? control_sysctl(t->control, &op) : -ENOMEM;
    cpus->count = count;
    for (uint32_t i = 0; !rc && i < count; i++)
        cpus->nodes[i] = list[i].core == XEN_INVALID_CORE_ID ? UINT32_MAX : list[i].node;
    control_buffer_free(t->control, list, count * sizeof(*list));
    return rc;
}

static int pin(const struct toolstack *t, domid_t id, unsigned vcpu, const char *list,
               struct cpus *cpus, uint32_t flags)
{
    struct cpu_topology topology = {cpus->nodes, cpus->count};
    struct xenctl_bitmap map = {cpus->bitmap, cpus->count};
    struct xen_domctl op = {.u.vcpuaffinity = {.vcpu = vcpu, .flags = flags}};
    char *why = NULL;
    int rc;

    memset(cpus->bitmap, 0, cpus->bitmap_len);
    rc = cpu_list_parse(list, &topology, cpus->bitmap, cpus->count, &why);
    if (rc) {
        fprintf(t->messages, "CPUs \"%s\" of vCPU %u: %s\n", list, vcpu, why ? why : strerror(-rc));
        free(why);
        return rc;
    }
    if (flags & XEN_VCPUAFFINITY_HARD)
        op.u.vcpuaffinity.cpumap_hard = map;
    else
        op.u.vcpuaffinity.cpumap_soft = map;
    rc = domain_control(t, XEN_DOMCTL_setvcpuaffinity, id, &op);
    return rc ? domain_fail(t, rc, "vCPU %u cannot be bound to CPUs \"%s\"", vcpu, list) : 0;
}

static int pin_all(const struct toolstack *t, domid_t id, const struct domain_config *config,
                   const struct domain_affinity *wanted, struct cpus *cpus, uint32_t flags)
{
    int rc = 0;

    for (unsigned v = 0; v < config->max_vcpus && !rc; v++)
        if (wanted->every || v < wanted->count)
            rc = pin(t, id, v, wanted->lists[wanted->every ? 0 : v], cpus, flags);
    return rc;
}

static int set_affinity(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    struct cpus cpus = {0};
    int rc;

    if (!config->hard.count && !config->soft.count)
        return 0;
    rc = read_cpus(t, &cpus);
    if (rc)
        domain_fail(t, rc, "the machine's CPUs cannot be listed");
    if (!rc && config->hard.count)
        rc = pin_all(t, id, config, &config->hard, &cpus, XEN_VCPUAFFINITY_HARD);
    if (!rc && config->soft.count)
        rc = pin_all(t, id, config, &config->soft, &cpus, XEN_VCPUAFFINITY_SOFT);
    free_cpus(t, &cpus);
    return rc;
}

// Resources of devices
// -------------------------------------------------------------------------------

static int allow_ports(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    for (size_t i = 0; i < config->ioports_count; i++) {
        const struct io_port_range *r = config->ioports + i;
        struct xen_domctl op = {.u.ioport_permission = {r->first, r->count, 1}};
        int rc = domain_control(t, XEN_DOMCTL_ioport_permission, id, &op);

        if (rc)
            return domain_fail(t, rc, "I/O ports %#x-%#x cannot be given to it", r->first,
                               r->first + r->count - 1);
    }
    return 0;
}

static int allow_irqs(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    for (size_t i = 0; i < config->irqs_count; i++) {
        struct xen_domctl op = {.u.irq_permission = {.pirq = config->irqs[i], .allow_access = 1}};
        int rc = domain_control(t, XEN_DOMCTL_irq_permission, id, &op);

        if (rc)
            return domain_fail(t, rc, "interrupt %u cannot be given to it", config->irqs[i]);
    }
    return 0;
}

static int allow_memory(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    for (size_t i = 0; i < config->iomem_count; i++) {
        const struct io_memory_range *r = config->iomem + i;
        struct xen_domctl op = {.u.iomem_permission = {r->first_frame, r->frames, 1}};
        int rc = domain_control(t, XEN_DOMCTL_iomem_permission, id, &op);

        if (rc)
            return domain_fail(t, rc, "device memory at frame %#lx cannot be given to it",
                               (unsigned long)r->first_frame);
    }
    return 0;
}

int setup_domain(const struct toolstack *t, domid_t id, const struct domain_config *config)
{
    static int (*const steps[])(const struct toolstack *, domid_t, const struct domain_config *) = {
        set_vcpus,    set_memory,  setup_cpuid, set_tsc,      set_shares,
        set_affinity, allow_ports, allow_irqs,  allow_memory,
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int rc = steps[i](t, id, config);

        if (rc)
            return rc;
    }
    return 0;
}
