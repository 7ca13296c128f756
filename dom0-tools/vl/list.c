// list, vm-list, claims.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "config/cpu_list.h"
#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/host.h"
#include "vl/pools.h"
#include "vl/saved_config.h"
#include "vl/table.h"

#define PAGE_KIB  4
#define MAX_NODES 64

static int64_t memory_mib(const struct xen_domctl_getdomaininfo *info)
{
    return (int64_t)((info->tot_pages + info->outstanding_pages) * PAGE_KIB / 1024);
}

static double seconds(const struct xen_domctl_getdomaininfo *info)
{
    return (double)info->cpu_time / 1e9;
}

// Those that the operands name, or all.
static size_t chosen(int argc, char **argv, struct vl_domain **out)
{
    struct vl_domain *all;
    size_t count = vl_domains(&all), kept = 0;

    *out = all;
    if (optind == argc)
        return count;
    *out = vl_alloc((size_t)(argc - optind) * sizeof(**out));
    for (int i = optind; i < argc; i++) {
        domid_t domain = vl_domain(argv[i]);
        struct vl_domain *d = &(*out)[kept++];
        if (!vl_domain_info(domain, &d->info))
            exit(vl_complain("domain %u is gone", domain));
        d->name = vl_domain_name(domain);
    }
    vl_domains_free(all, count);
    return kept;
}

#define NAME                         \
    {                                \
        "Name", "name", -40, VL_TEXT \
    }
#define ID                          \
    {                               \
        "ID", "domid", 5, VL_NUMBER \
    }
#define BASICS                                                                      \
    NAME, ID, {"Mem", "memory_mb", 5, VL_NUMBER}, {"VCPUs", "vcpus", 5, VL_NUMBER}, \
        {"    State", "state", 10, VL_TEXT},                                        \
    {                                                                               \
        "  Time(s)", "cpu_seconds", 9, VL_DECIMAL                                   \
    }
#define UUID                         \
    {                                \
        "UUID", "uuid", -36, VL_TEXT \
    }
#define REASON                                    \
    {                                             \
        "Reason", "shutdown_reason", -10, VL_TEXT \
    }
#define BASIC_VALUES(d)                                           \
    (d)->name, (int64_t)(d)->info.domain, memory_mib(&(d)->info), \
        (int64_t)(d)->info.nr_online_vcpus, state, seconds(&(d)->info)

struct list_options {
    bool details, verbose, pool, numa, json;
};

enum { LIST_UUID = 6, LIST_REASON, LIST_POOL, LIST_NODES, LIST_COLUMNS };

// Of the nodes whose memory a domain is to have; "-" where the hypervisor does not tell.
static char *node_affinity(domid_t domain)
{
    uint8_t *nodes = vl_buffer(MAX_NODES / 8);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getnodeaffinity, .domain = domain};
    char *text;

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){nodes, MAX_NODES};
    if (control_domctl(vl_control(), &op))
        text = strdup("-");
    else
        text = cpu_list_format(nodes, MAX_NODES, vl_nodes());
    control_buffer_free(vl_control(), nodes, MAX_NODES / 8);
    if (!text)
        exit(vl_complain("out of memory"));
    return text;
}

// Asks only for what will be seen.
static void list_row(struct vl_table *table, const struct list_options *o,
                     const struct vl_domain *d)
{
    char state[7], uuid[UUID_STR_LEN];
    char *pool = o->pool || o->json ? vl_pool_name(d->info.cpupool) : NULL;
    char *nodes = o->numa || o->json ? node_affinity(d->info.domain) : NULL;

    vl_domain_state(&d->info, state);
    uuid_unparse_lower(d->info.handle, uuid);
    vl_table_row(table, BASIC_VALUES(d), uuid, vl_shutdown_reason(&d->info), pool, nodes);
    free(nodes);
    free(pool);
}

static void list_table(const struct list_options *o, struct vl_domain *domains, size_t count)
{
    struct vl_column columns[LIST_COLUMNS] = {BASICS,
                                              UUID,
                                              REASON,
                                              {"Cpupool", "cpupool", -10, VL_TEXT},
                                              {"NODE Affinity", "node_affinity", -13, VL_TEXT}};
    struct vl_table *table;

    if (!o->verbose)
        columns[LIST_UUID].title = columns[LIST_REASON].title = NULL;
    if (!o->pool)
        columns[LIST_POOL].title = NULL;
    if (!o->numa)
        columns[LIST_NODES].title = NULL;
    table = vl_table_new(columns, LIST_COLUMNS, o->json);
    for (size_t i = 0; i < count; i++)
        list_row(table, o, &domains[i]);
    vl_table_end(table);
}

static int list_details(struct vl_domain *domains, size_t count, bool single)
{
    struct json *json = json_new();

    if (!single)
        json_array(json, NULL);
    for (size_t i = 0; i < count; i++) {
        json_map(json, NULL);
        json_number(json, "domid", domains[i].info.domain);
        vl_write_config(json, "config", &domains[i]);
        json_end_map(json);
    }
    if (!single)
        json_end_array(json);
    return vl_print_json(json);
}

static struct list_options list_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"long", no_argument, NULL, 'l'},    {"verbose", no_argument, NULL, 'v'},
        {"cpupool", no_argument, NULL, 'c'}, {"numa", no_argument, NULL, 'n'},
        {"context", no_argument, NULL, 'Z'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},    {0}};
    struct list_options o = {0};
    int option;

    while ((option = vl_option(argc, argv, "lvcnZj", options)) != -1) {
        o.details |= option == 'l';
        o.verbose |= option == 'v' || option == 'Z';
        o.pool |= option == 'c';
        o.numa |= option == 'n';
        o.json |= option == 'j';
    }
    return o;
}

int vl_list(int argc, char **argv)
{
    struct list_options o = list_options(argc, argv);
    struct vl_domain *domains;
    size_t count = chosen(argc, argv, &domains);
    int result = VL_OK;

    if (o.details)
        result = list_details(domains, count, optind + 1 == argc);
    else
        list_table(&o, domains, count);
    vl_domains_free(domains, count);
    return result;
}

int vl_vm_list(int argc, char **argv)
{
    static const struct vl_column columns[] = {UUID, ID, {"name", "name", -40, VL_TEXT}};
    bool json = vl_json_option(argc, argv, 0, 0);
    struct vl_domain *domains;
    size_t count = vl_domains(&domains);
    struct vl_table *table = vl_table_new(columns, 3, json);

    for (size_t i = 0; i < count; i++) {
        char uuid[UUID_STR_LEN];
        uuid_unparse_lower(domains[i].info.handle, uuid);
        if (domains[i].info.domain)
            vl_table_row(table, uuid, (int64_t)domains[i].info.domain, domains[i].name);
    }
    vl_table_end(table);
    vl_domains_free(domains, count);
    return VL_OK;
}

int vl_claims(int argc, char **argv)
{
    static const struct vl_column columns[] = {BASICS, {"Claimed", "claimed_mb", 8, VL_NUMBER}};
    bool json = vl_json_option(argc, argv, 0, 0);
    struct vl_domain *domains;
    size_t count = vl_domains(&domains);
    struct vl_table *table = vl_table_new(columns, 7, json);

    for (size_t i = 0; i < count; i++) {
        char state[7];
        vl_domain_state(&domains[i].info, state);
        vl_table_row(table, BASIC_VALUES(&domains[i]),
                     (int64_t)(domains[i].info.outstanding_pages * PAGE_KIB / 1024));
    }
    vl_table_end(table);
    vl_domains_free(domains, count);
    return VL_OK;
}
