// info, uptime, dmesg, debug-keys.
#include "vl/host.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <uuid/uuid.h>

#include "common/json.h"
#include "pv-abi/version.h"
#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/table.h"

struct xen_sysctl_physinfo vl_physinfo(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int error = control_sysctl(vl_control(), &op);

    if (error) {
        vl_fail(error, "the hypervisor does not describe the machine");
        exit(VL_FAILED);
    }
    return op.u.physinfo;
}

struct cpu_topology vl_topology(void)
{
    uint32_t cpus = vl_physinfo().max_cpu_id + 1;
    size_t size = cpus * sizeof(xen_sysctl_cputopo_t);
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};
    uint32_t *nodes = vl_alloc(cpus * sizeof(*nodes));

    op.u.cputopoinfo.num_cpus = cpus;
    op.u.cputopoinfo.cputopo = vl_buffer(size);
    int error = control_sysctl(vl_control(), &op);
    if (error) {
        vl_fail(error, "the hypervisor does not describe the CPUs");
        exit(VL_FAILED);
    }
    if (op.u.cputopoinfo.num_cpus < cpus)
        cpus = op.u.cputopoinfo.num_cpus;
    for (uint32_t i = 0; i < cpus; i++)
        nodes[i] = op.u.cputopoinfo.cputopo[i].node;
    control_buffer_free(vl_control(), op.u.cputopoinfo.cputopo, size);
    return (struct cpu_topology){nodes, cpus};
}

uint32_t vl_nodes(void)
{
    return vl_physinfo().nr_nodes;
}

uint32_t vl_scheduler(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};
    int error = control_sysctl(vl_control(), &op);

    if (error) {
        vl_fail(error, "the hypervisor does not name its scheduler");
        exit(VL_FAILED);
    }
    return op.u.sched_id.sched_id;
}

const char *vl_scheduler_name(uint32_t id)
{
    static const char *const names[] = {[XEN_SCHEDULER_CREDIT] = "credit",
                                        [XEN_SCHEDULER_CREDIT2] = "credit2",
                                        [XEN_SCHEDULER_ARINC653] = "arinc653",
                                        [XEN_SCHEDULER_RTDS] = "rtds",
                                        [XEN_SCHEDULER_NULL] = "null"};

    return id < sizeof(names) / sizeof(names[0]) && names[id] ? names[id] : "unknown";
}

// One pair of `info`: text as xl's, or a member of a JSON map.
__attribute__((format(printf, 3, 4))) static void put(struct json *json, const char *name,
                                                      const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        exit(vl_complain("out of memory"));
    va_end(arguments);
    if (json)
        json_string(json, name, text);
    else
        printf("%-23s: %s\n", name, text);
    free(text);
}

static void put_number(struct json *json, const char *name, int64_t value)
{
    if (json)
        json_number(json, name, value);
    else
        printf("%-23s: %lld\n", name, (long long)value);
}

static void put_host(struct json *json)
{
    struct utsname host;

    if (uname(&host))
        memset(&host, 0, sizeof(host));
    put(json, "host", "%s", host.nodename);
    put(json, "release", "%s", host.release);
    put(json, "version", "%s", host.version);
    put(json, "machine", "%s", host.machine);
}

static void put_capabilities(struct json *json, uint32_t capabilities)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{XEN_SYSCTL_PHYSCAP_pv, "pv"},
                 {XEN_SYSCTL_PHYSCAP_hvm, "hvm"},
                 {XEN_SYSCTL_PHYSCAP_directio, "hvm_directio"},
                 {XEN_SYSCTL_PHYSCAP_hap, "hap"},
                 {XEN_SYSCTL_PHYSCAP_shadow, "shadow"},
                 {XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share, "iommu_hap_pt_share"},
                 {XEN_SYSCTL_PHYSCAP_vmtrace, "vmtrace"},
                 {XEN_SYSCTL_PHYSCAP_gnttab_v1, "gnttab-v1"},
                 {XEN_SYSCTL_PHYSCAP_gnttab_v2, "gnttab-v2"}};
    char text[200] = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (capabilities & names[i].bit) {
            strcat(text, *text ? " " : "");
            strcat(text, names[i].name);
        }
    put(json, "virt_caps", "%s", text);
}

static void put_machine(struct json *json)
{
    struct xen_sysctl_physinfo p = vl_physinfo();
    const uint32_t *hw = p.hw_cap;

    put_number(json, "nr_cpus", p.nr_cpus);
    put_number(json, "max_cpu_id", p.max_cpu_id);
    put_number(json, "nr_nodes", p.nr_nodes);
    put_number(json, "cores_per_socket", p.cores_per_socket);
    put_number(json, "threads_per_core", p.threads_per_core);
    put(json, "cpu_mhz", "%u.%03u", p.cpu_khz / 1000, p.cpu_khz % 1000);
    put(json, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", hw[0], hw[1], hw[2], hw[3],
        hw[4], hw[5], hw[6], hw[7]);
    put_capabilities(json, p.capabilities);
    put_number(json, "total_memory", (int64_t)(p.total_pages / 256));
    put_number(json, "free_memory", (int64_t)((p.free_pages - p.outstanding_pages) / 256));
    put_number(json, "free_memory_kb", (int64_t)((p.free_pages - p.outstanding_pages) * 4));
    put_number(json, "outstanding_claims", (int64_t)(p.outstanding_pages / 256));
    put_number(json, "free_cpus", 0);
}

// xen_version() with an argument of `size` bytes, in *out; an empty one if it fails.
static long version(uint64_t command, void *out, size_t size)
{
    void *buffer = size ? vl_buffer(size) : NULL;
    uint64_t arguments[5] = {command, (uintptr_t)buffer};
    long result = control_hypercall(vl_control(), __HYPERVISOR_xen_version, arguments);

    if (size) {
        memcpy(out, buffer, size);
        control_buffer_free(vl_control(), buffer, size);
    }
    return result;
}

static void put_version(struct json *json)
{
    long number = version(XENVER_version, NULL, 0);
    xen_extraversion_t extra;
    xen_capabilities_info_t caps;

    version(XENVER_extraversion, extra, sizeof(extra));
    version(XENVER_capabilities, caps, sizeof(caps));
    put_number(json, "xen_major", number >> 16);
    put_number(json, "xen_minor", number & 0xffff);
    put(json, "xen_extra", "%.*s", (int)sizeof(extra), extra);
    put(json, "xen_version", "%ld.%ld%.*s", number >> 16, number & 0xffff, (int)sizeof(extra),
        extra);
    put(json, "xen_caps", "%.*s", (int)sizeof(caps), caps);
    put(json, "xen_scheduler", "%s", vl_scheduler_name(vl_scheduler()));
    put_number(json, "xen_pagesize", version(XENVER_pagesize, NULL, 0));
}

static void put_build(struct json *json)
{
    xen_platform_parameters_t platform;
    xen_changeset_info_t changeset;
    xen_commandline_t line;
    xen_compile_info_t compile;

    version(XENVER_platform_parameters, &platform, sizeof(platform));
    version(XENVER_changeset, changeset, sizeof(changeset));
    version(XENVER_commandline, line, sizeof(line));
    version(XENVER_compile_info, &compile, sizeof(compile));
    put(json, "platform_params", "virt_start=0x%lx", (unsigned long)platform.virt_start);
    put(json, "xen_changeset", "%.*s", (int)sizeof(changeset), changeset);
    put(json, "xen_commandline", "%.*s", (int)sizeof(line), line);
    put(json, "cc_compiler", "%.64s", compile.compiler);
    put(json, "cc_compile_by", "%.16s", compile.compile_by);
    put(json, "cc_compile_domain", "%.32s", compile.compile_domain);
    put(json, "cc_compile_date", "%.32s", compile.compile_date);
    put_number(json, "xend_config_format", 4);
}

static void print_numa(void)
{
    struct cpu_topology topology = vl_topology();

    puts("cpu_topology           :\ncpu:    node");
    for (uint32_t i = 0; i < topology.cpus; i++)
        if (topology.node_of[i] != XEN_INVALID_NODE_ID)
            printf("%3u: %7u\n", i, topology.node_of[i]);
    free((void *)topology.node_of);
}

int vl_info(int argc, char **argv)
{
    static const struct option options[] = {{"numa", no_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    bool numa = false, as_json = false;
    struct json *json = NULL;
    int option;

    while ((option = vl_option(argc, argv, "nj", options)) != -1) {
        numa |= option == 'n';
        as_json |= option == 'j';
    }
    vl_operands(argc, 0, 0);
    if (as_json) {
        json = json_new();
        json_map(json, NULL);
    }
    put_host(json);
    put_machine(json);
    put_version(json);
    put_build(json);
    if (numa && !as_json)
        print_numa();
    if (!as_json)
        return VL_OK;
    json_end_map(json);
    return vl_print_json(json);
}

// Seconds since the domain was made; negative: not known.
static double uptime_of(domid_t domain)
{
    double up = -1;

    if (!domain) {
        FILE *file = fopen("/proc/uptime", "re");
        if (!file || fscanf(file, "%lf", &up) != 1)
            up = -1;
        if (file)
            fclose(file);
        return up;
    }
    char *vm = vl_store_read(domain, "vm"), path[200];
    struct timeval now;
    snprintf(path, sizeof(path), "%s/start_time", vm ? vm : "");
    char *start = vm ? xs_read(vl_store(), XBT_NULL, path, NULL) : NULL;
    gettimeofday(&now, NULL);
    if (start)
        up = (double)now.tv_sec + (double)now.tv_usec / 1e6 - strtod(start, NULL);
    free(vm);
    free(start);
    return up;
}

static const char *duration(double up, char text[60])
{
    long seconds = (long)up, days = seconds / 86400;

    if (up < 0)
        snprintf(text, 60, "unknown");
    else if (days)
        snprintf(text, 60, "%ld day%s, %2ld:%02ld:%02ld", days, days == 1 ? "" : "s",
                 seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    else
        snprintf(text, 60, "%2ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return text;
}

static void uptime_row(struct vl_table *table, domid_t domain, bool json)
{
    char *name = vl_domain_name(domain), text[60];
    double up = uptime_of(domain);

    if (json)
        vl_table_row(table, name, (int64_t)domain, (int64_t)up);
    else
        vl_table_row(table, name, (int64_t)domain, duration(up, text));
    free(name);
}

int vl_uptime(int argc, char **argv)
{
    static const struct vl_column text_columns[] = {
        {"Name", "", -33, VL_TEXT}, {"ID", "", 4, VL_NUMBER}, {"Uptime", "", -20, VL_TEXT}};
    static const struct vl_column json_columns[] = {{"", "name", 0, VL_TEXT},
                                                    {"", "domid", 0, VL_NUMBER},
                                                    {"", "uptime_seconds", 0, VL_NUMBER}};
    bool json = vl_json_option(argc, argv, 0, -1);
    struct vl_table *table = vl_table_new(json ? json_columns : text_columns, 3, json);
    struct vl_domain *domains;

    for (int i = optind; i < argc; i++)
        uptime_row(table, vl_domain(argv[i]), json);
    size_t count = optind == argc ? vl_domains(&domains) : 0;
    for (size_t i = 0; i < count; i++)
        uptime_row(table, domains[i].info.domain, json);
    if (count)
        vl_domains_free(domains, count);
    vl_table_end(table);
    return VL_OK;
}

int vl_dmesg(int argc, char **argv)
{
    static const struct option options[] = {
        {"clear", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const size_t size = 1 << 20;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole};
    struct xen_sysctl_readconsole *read = &op.u.readconsole;
    int option;

    while ((option = vl_option(argc, argv, "c", options)) != -1)
        read->clear = option == 'c';
    vl_operands(argc, 0, 0);
    read->incremental = !read->clear; // several reads, each from where the last one ended
    read->buffer = vl_buffer(size);
    do {
        read->count = size;
        int error = control_sysctl(vl_control(), &op);
        if (error)
            return vl_fail(error, "the hypervisor's console cannot be read");
        fwrite(read->buffer, 1, read->count, stdout);
    } while (read->count && read->incremental);
    control_buffer_free(vl_control(), read->buffer, size);
    return VL_OK;
}

int vl_debug_keys(int argc, char **argv)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_debug_keys};

    vl_no_options(argc, argv);
    vl_operands(argc, 1, 1);
    size_t length = strlen(argv[optind]);
    char *keys = vl_buffer(length + 1);
    memcpy(keys, argv[optind], length);
    op.u.debug_keys.keys = keys;
    op.u.debug_keys.nr_keys = (uint32_t)length;
    int error = control_sysctl(vl_control(), &op);
    control_buffer_free(vl_control(), keys, length + 1);
    if (error)
        return vl_fail(error, "the keys '%s' cannot be sent to the hypervisor", argv[optind]);
    return VL_OK;
}
