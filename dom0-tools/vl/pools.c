// cpupool-list; the commands that change pools are refused by the hypervisor.
#include "vl/pools.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cpu_list.h"
#include "vl/commands.h"
#include "vl/host.h"
#include "vl/table.h"

#define MAX_CPUS 4096

char *vl_pool_name(uint32_t pool)
{
    char path[60], *name = NULL;

    snprintf(path, sizeof(path), "/local/pool/%u/name", pool);
    if (vl_store_if_any())
        name = xs_read(vl_store_if_any(), XBT_NULL, path, NULL);
    if (!name && asprintf(&name, "Pool-%u", pool) < 0)
        exit(vl_complain("out of memory"));
    return name;
}

// The pool of this number or the next higher one; false if there is none.
static bool next_pool(uint32_t first, struct xen_sysctl_cpupool_op *out, uint8_t *cpus)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpupool_op};
    uint8_t *bitmap = vl_buffer(MAX_CPUS / 8);

    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    op.u.cpupool_op.cpupool_id = first;
    op.u.cpupool_op.cpumap.bitmap = bitmap;
    op.u.cpupool_op.cpumap.nr_bits = MAX_CPUS;
    int error = control_sysctl(vl_control(), &op);
    memcpy(cpus, bitmap, MAX_CPUS / 8);
    control_buffer_free(vl_control(), bitmap, MAX_CPUS / 8);
    if (error && error != -ENOENT) {
        vl_fail(error, "the hypervisor does not tell about its CPU pools");
        exit(VL_FAILED);
    }
    *out = op.u.cpupool_op;
    return !error;
}

static int64_t count_bits(const uint8_t *bitmap)
{
    int64_t count = 0;

    for (int i = 0; i < MAX_CPUS / 8; i++)
        count += __builtin_popcount(bitmap[i]);
    return count;
}

static void pool_row(struct vl_table *table, const struct xen_sysctl_cpupool_op *pool,
                     const uint8_t *cpus, bool list)
{
    char *name = vl_pool_name(pool->cpupool_id);
    char *text = cpu_list_format(cpus, MAX_CPUS, 0);

    if (list)
        vl_table_row(table, name, text ? text : "?");
    else
        vl_table_row(table, name, count_bits(cpus), vl_scheduler_name(pool->sched_id), "y",
                     (int64_t)pool->n_dom);
    free(name);
    free(text);
}

int vl_cpupool_list(int argc, char **argv)
{
    static const struct vl_column columns[] = {{"Name", "name", -15, VL_TEXT},
                                               {"CPUs", "cpus", 4, VL_NUMBER},
                                               {"Sched", "scheduler", 9, VL_TEXT},
                                               {"Active", "active", 8, VL_TEXT},
                                               {"Domain count", "domains", 14, VL_NUMBER}};
    static const struct vl_column cpu_columns[] = {{"Name", "name", -15, VL_TEXT},
                                                   {"CPU list", "cpu_list", -10, VL_TEXT}};
    static const struct option options[] = {{"cpus", no_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    bool list = false, json = false, found = false;
    struct xen_sysctl_cpupool_op pool;
    uint8_t cpus[MAX_CPUS / 8];
    int option;

    while ((option = vl_option(argc, argv, "cj", options)) != -1) {
        list |= option == 'c';
        json |= option == 'j';
    }
    const char *only = vl_operands(argc, 0, 1) ? argv[optind] : NULL;
    struct vl_table *table = vl_table_new(list ? cpu_columns : columns, list ? 2 : 5, json);
    for (uint32_t id = 0; next_pool(id, &pool, cpus); id = pool.cpupool_id + 1) {
        char *name = vl_pool_name(pool.cpupool_id);
        if (!only || !strcmp(only, name)) {
            pool_row(table, &pool, cpus, list);
            found = true;
        }
        free(name);
    }
    vl_table_end(table);
    return !found && only ? vl_complain("there is no CPU pool '%s'", only) : VL_OK;
}
