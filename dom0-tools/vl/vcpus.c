// vcpu-list, vcpu-pin, vcpu-set.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/host.h"
#include "vl/table.h"

#define MAX_CPUS 4096

struct affinity {
    uint8_t hard[MAX_CPUS / 8], soft[MAX_CPUS / 8];
};

// Gets (XEN_DOMCTL_getvcpuaffinity) or sets what `flags` names; the result is in *affinity.
static int affinity_op(uint32_t command, domid_t domain, uint32_t vcpu, uint32_t flags,
                       struct affinity *affinity)
{
    struct xen_domctl op = {.cmd = command, .domain = domain};
    struct affinity *buffer = vl_buffer(sizeof(*buffer));

    *buffer = *affinity;
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = flags;
    op.u.vcpuaffinity.cpumap_hard = (struct xenctl_bitmap){buffer->hard, MAX_CPUS};
    op.u.vcpuaffinity.cpumap_soft = (struct xenctl_bitmap){buffer->soft, MAX_CPUS};
    int error = control_domctl(vl_control(), &op);
    *affinity = *buffer;
    control_buffer_free(vl_control(), buffer, sizeof(*buffer));
    return error;
}

static const struct vl_column columns[] = {{"Name", "name", -32, VL_TEXT},
                                           {"ID", "domid", 5, VL_NUMBER},
                                           {"VCPU", "vcpu", 5, VL_NUMBER},
                                           {"CPU", "cpu", 5, VL_TEXT},
                                           {"State", "state", 5, VL_TEXT},
                                           {"Time(s)", "cpu_seconds", 9, VL_DECIMAL},
                                           {"Affinity (Hard / Soft)", "affinity", -10, VL_TEXT}};
static const struct vl_column json_columns[] = {
    {"", "name", 0, VL_TEXT},          {"", "domid", 0, VL_NUMBER},
    {"", "vcpu", 0, VL_NUMBER},        {"", "cpu", 0, VL_TEXT},
    {"", "state", 0, VL_TEXT},         {"", "cpu_seconds", 0, VL_DECIMAL},
    {"", "hard_affinity", 0, VL_TEXT}, {"", "soft_affinity", 0, VL_TEXT}};

// XEN_DOMCTL_getvcpuinfo; false if there is no such vCPU.
static bool vcpu_info(domid_t domain, uint32_t vcpu, struct xen_domctl_getvcpuinfo *out)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuinfo, .domain = domain};

    op.u.getvcpuinfo.vcpu = vcpu;
    if (control_domctl(vl_control(), &op))
        return false;
    *out = op.u.getvcpuinfo;
    return true;
}

static const char *vcpu_state(const struct xen_domctl_getvcpuinfo *info)
{
    if (!info->online)
        return "--p";
    return info->running ? "r--" : info->blocked ? "-b-" : "---";
}

static void vcpu_row(struct vl_table *table, const struct vl_domain *d, uint32_t vcpu,
                     uint32_t cpus, bool json)
{
    struct xen_domctl_getvcpuinfo info;
    struct affinity affinity = {0};
    char cpu[12] = "-", *both = NULL;

    if (!vcpu_info(d->info.domain, vcpu, &info) ||
        affinity_op(XEN_DOMCTL_getvcpuaffinity, d->info.domain, vcpu,
                    XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, &affinity))
        return; // the domain has gone meanwhile
    char *hard = cpu_list_format(affinity.hard, MAX_CPUS, cpus);
    char *soft = cpu_list_format(affinity.soft, MAX_CPUS, cpus);
    if (info.online)
        snprintf(cpu, sizeof(cpu), "%u", info.cpu);
    if (!hard || !soft || asprintf(&both, "%s / %s", hard, soft) < 0)
        exit(vl_complain("out of memory"));
    vl_table_row(table, d->name, (int64_t)d->info.domain, (int64_t)vcpu, cpu, vcpu_state(&info),
                 (double)info.cpu_time / 1e9, json ? hard : both, soft);
    free(hard);
    free(soft);
    free(both);
}

static void list_domain(struct vl_table *table, const struct vl_domain *d, uint32_t cpus, bool json)
{
    if (d->info.max_vcpu_id == XEN_INVALID_MAX_VCPU_ID)
        return;
    for (uint32_t vcpu = 0; vcpu <= d->info.max_vcpu_id; vcpu++)
        vcpu_row(table, d, vcpu, cpus, json);
}

int vl_vcpu_list(int argc, char **argv)
{
    bool json = vl_json_option(argc, argv, 0, -1);
    uint32_t cpus = vl_physinfo().max_cpu_id + 1;
    struct vl_table *table = vl_table_new(json ? json_columns : columns, json ? 8 : 7, json);
    struct vl_domain *domains, one;

    for (int i = optind; i < argc; i++) {
        domid_t domain = vl_domain(argv[i]);
        if (!vl_domain_info(domain, &one.info))
            continue;
        one.name = vl_domain_name(domain);
        list_domain(table, &one, cpus, json);
        free(one.name);
    }
    size_t count = optind == argc ? vl_domains(&domains) : 0;
    for (size_t i = 0; i < count; i++)
        list_domain(table, &domains[i], cpus, json);
    if (count)
        vl_domains_free(domains, count);
    vl_table_end(table);
    return VL_OK;
}

// "-" leaves the affinity alone.
static bool parse_cpus(const char *text, uint8_t *bitmap)
{
    struct cpu_topology topology = vl_topology();
    char *why = NULL;

    if (!strcmp(text, "-"))
        return false;
    if (cpu_list_parse(text, &topology, bitmap, MAX_CPUS, &why))
        vl_misused("'%s': %s", text, why ? why : "is no list of CPUs");
    free((void *)topology.node_of);
    return true;
}

static int pin(domid_t domain, uint32_t vcpu, uint32_t flags, const struct affinity *wanted)
{
    struct affinity affinity = *wanted;
    int error = affinity_op(XEN_DOMCTL_setvcpuaffinity, domain, vcpu, flags, &affinity);

    if (error == -EBUSY)
        return vl_fail(error,
                       "vCPU %u is pinned by the domain itself for a while; --force overrides that",
                       vcpu);
    if (error)
        return vl_fail(error, "vCPU %u cannot be pinned", vcpu);
    if ((flags & XEN_VCPUAFFINITY_HARD &&
         memcmp(affinity.hard, wanted->hard, sizeof(affinity.hard))) ||
        (flags & XEN_VCPUAFFINITY_SOFT &&
         memcmp(affinity.soft, wanted->soft, sizeof(affinity.soft))))
        vl_complain(
            "vCPU %u: not all of these CPUs are in use ('vl vcpu-list' shows what came of it)",
            vcpu);
    return VL_OK;
}

int vl_vcpu_pin(int argc, char **argv)
{
    static const struct option options[] = {
        {"force", no_argument, NULL, 'f'},
        {"ignore-global-affinity-masks", no_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    struct xen_domctl_getdomaininfo info;
    struct affinity wanted = {0};
    uint32_t flags = 0, first, last;
    int option, result = VL_OK;

    while ((option = vl_option(argc, argv, "fi", options)) != -1)
        flags |= option == 'f' ? XEN_VCPUAFFINITY_FORCE : 0;
    int count = vl_operands(argc, 3, 4);
    domid_t domain = vl_domain(argv[optind]);
    const char *vcpu = argv[optind + 1];
    if (!vl_domain_info(domain, &info))
        return vl_complain("domain '%s' is gone", argv[optind]);
    if (parse_cpus(argv[optind + 2], wanted.hard))
        flags |= XEN_VCPUAFFINITY_HARD;
    if (count == 4 && parse_cpus(argv[optind + 3], wanted.soft))
        flags |= XEN_VCPUAFFINITY_SOFT;
    first = strcmp(vcpu, "all") ? (uint32_t)vl_number(vcpu, "the vCPU", 0, info.max_vcpu_id) : 0;
    last = strcmp(vcpu, "all") ? first : info.max_vcpu_id;
    if (!(flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
        vl_misused("two '-' leave everything as it is");
    for (uint32_t i = first; i <= last && !result && !vl_dry_run; i++)
        result = pin(domain, i, flags, &wanted);
    return result;
}

int vl_vcpu_set(int argc, char **argv)
{
    static const struct option options[] = {
        {"ignore-host", no_argument, NULL, 'i'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct xen_domctl_getdomaininfo info;
    bool ignore_host = false;
    int option;

    while ((option = vl_option(argc, argv, "i", options)) != -1)
        ignore_host |= option == 'i';
    vl_operands(argc, 2, 2);
    domid_t domain = vl_domain(argv[optind]);
    if (!vl_domain_info(domain, &info))
        return vl_complain("domain '%s' is gone", argv[optind]);
    uint32_t count = (uint32_t)vl_number(argv[optind + 1], "the number of vCPUs", 1, 8192);
    if (count > info.max_vcpu_id + 1)
        return vl_complain("domain '%s' has room for %u vCPUs (maxvcpus), not for %u", argv[optind],
                           info.max_vcpu_id + 1, count);
    if (count > vl_physinfo().nr_cpus && !ignore_host)
        return vl_complain(
            "the machine has %u CPUs; --ignore-host gives a domain more vCPUs than that",
            vl_physinfo().nr_cpus);
    for (uint32_t i = 0; i <= info.max_vcpu_id; i++) {
        char path[40];
        snprintf(path, sizeof(path), "cpu/%u/availability", i);
        if (vl_store_write(domain, path, i < count ? "online" : "offline"))
            return VL_FAILED;
    }
    return VL_OK;
}
