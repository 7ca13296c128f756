// sched, and its other names sched-credit and sched-credit2: weights and caps.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "vl/commands.h"
#include "vl/domains.h"
#include "vl/host.h"
#include "vl/table.h"

struct sched_options {
    const char *domain;
    int weight, cap; // -1: not given
    bool json;
};

static struct sched_options read_options(int argc, char **argv)
{
    static const struct option options[] = {{"domain", required_argument, NULL, 'd'},
                                            {"weight", required_argument, NULL, 'w'},
                                            {"cap", required_argument, NULL, 'c'},
                                            {"cpupool", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct sched_options o = {.weight = -1, .cap = -1};
    int option;

    while ((option = vl_option(argc, argv, "d:w:c:p:j", options)) != -1) {
        if (option == 'd')
            o.domain = optarg;
        else if (option == 'w')
            o.weight = (int)vl_number(optarg, "the weight", 1, 65535);
        else if (option == 'c')
            o.cap = (int)vl_number(optarg, "the cap", 0, 65535);
        else if (option == 'j')
            o.json = true;
    }
    vl_operands(argc, 0, 0);
    if (!o.domain && (o.weight >= 0 || o.cap >= 0))
        vl_misused("a weight or cap needs a domain: -d DOMAIN");
    return o;
}

// Credit's parameters and credit2's have the same shape.
static int sched_op(domid_t domain, uint32_t command, struct xen_domctl_sched_credit *credit)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_scheduler_op, .domain = domain};
    uint32_t id = vl_scheduler();

    if (id != XEN_SCHEDULER_CREDIT && id != XEN_SCHEDULER_CREDIT2) {
        vl_complain("the scheduler here is %s, which has no weights and caps",
                    vl_scheduler_name(id));
        exit(VL_FAILED);
    }
    op.u.scheduler_op.sched_id = id;
    op.u.scheduler_op.cmd = command;
    op.u.scheduler_op.u.credit = *credit;
    int error = control_domctl(vl_control(), &op);
    *credit = op.u.scheduler_op.u.credit;
    return error;
}

static int change(const struct sched_options *o)
{
    domid_t domain = vl_domain(o->domain);
    struct xen_domctl_sched_credit credit = {0};
    int error = sched_op(domain, XEN_DOMCTL_SCHEDOP_getinfo, &credit);

    if (o->weight >= 0)
        credit.weight = (uint16_t)o->weight;
    if (o->cap >= 0)
        credit.cap = (uint16_t)o->cap;
    if (!error)
        error = sched_op(domain, XEN_DOMCTL_SCHEDOP_putinfo, &credit);
    if (error)
        return vl_fail(error, "domain '%s' cannot be given weight %u and cap %u", o->domain,
                       credit.weight, credit.cap);
    return VL_OK;
}

static void print_row(struct vl_table *table, const char *name, domid_t domain)
{
    struct xen_domctl_sched_credit credit = {0};

    if (!sched_op(domain, XEN_DOMCTL_SCHEDOP_getinfo, &credit))
        vl_table_row(table, name, (int64_t)domain, (int64_t)credit.weight, (int64_t)credit.cap);
}

int vl_sched(int argc, char **argv)
{
    static const struct vl_column columns[] = {{"Name", "name", -33, VL_TEXT},
                                               {"ID", "domid", 4, VL_NUMBER},
                                               {"Weight", "weight", 6, VL_NUMBER},
                                               {"Cap", "cap", 4, VL_NUMBER}};
    struct sched_options o = read_options(argc, argv);
    struct vl_domain *domains;

    if (o.weight >= 0 || o.cap >= 0)
        return change(&o);
    domid_t only = o.domain ? vl_domain(o.domain) : DOMID_INVALID;
    size_t count = vl_domains(&domains);
    struct vl_table *table = vl_table_new(columns, 4, o.json);
    for (size_t i = 0; i < count; i++)
        if (only == DOMID_INVALID || domains[i].info.domain == only)
            print_row(table, domains[i].name, domains[i].info.domain);
    vl_table_end(table);
    vl_domains_free(domains, count);
    return VL_OK;
}
