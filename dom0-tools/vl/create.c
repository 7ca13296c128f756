// create, config-update.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "domain/userdata.h"
#include "pv-abi/sched.h"
#include "vl/commands.h"
#include "vl/console.h"
#include "vl/create.h"
#include "vl/domains.h"
#include "vl/host.h"
#include "vl/table.h"

struct create_options {
    const char *file;
    const char **overrides;
    size_t overrides_count;
    bool console, paused, foreground, quiet, no_monitor, dump;
};

// The first operand without '=' is the file; "-f" names it, too.
static void read_operands(int argc, char **argv, struct create_options *o)
{
    o->overrides = vl_alloc((size_t)argc * sizeof(*o->overrides));
    for (int i = optind; i < argc; i++) {
        if (strchr(argv[i], '='))
            o->overrides[o->overrides_count++] = argv[i];
        else if (!o->file)
            o->file = argv[i];
        else
            vl_misused("'%s' is neither the configuration's file, which is '%s', nor KEY=VALUE",
                       argv[i], o->file);
    }
}

static struct create_options read_options(int argc, char **argv)
{
    static const struct option options[] = {{"defconfig", required_argument, NULL, 'f'},
                                            {"dryrun", no_argument, NULL, 'n'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"debug", no_argument, NULL, 'd'},
                                            {"vncviewer", no_argument, NULL, 'V'},
                                            {"vncviewer-autopass", no_argument, NULL, 'A'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct create_options o = {0};
    int option;

    while ((option = vl_option(argc, argv, "cpnqFevdf:VA", options)) != -1) {
        o.console |= option == 'c';
        o.paused |= option == 'p';
        o.quiet |= option == 'q';
        o.foreground |= option == 'F';
        o.no_monitor |= option == 'e';
        o.dump |= option == 'd';
        vl_dry_run |= option == 'n';
        vl_verbose |= option == 'v';
        if (option == 'f')
            o.file = optarg;
        if (option == 'V' || option == 'A')
            vl_misused("a PV guest has no VNC display");
    }
    read_operands(argc, argv, &o);
    return o;
}

static int print_config(const struct domain_config *config)
{
    char *json = domain_config_to_json(config);

    if (!json)
        return vl_complain("out of memory");
    fputs(json, stdout);
    free(json);
    return VL_OK;
}

// Nodes and "all" mean this machine's; a dry run does without the machine.
static int resolve_cpus(struct domain_config *config)
{
    struct cpu_topology topology = vl_topology();
    int error = domain_config_resolve_cpus(config, &topology, stderr);

    free((void *)topology.node_of);
    return error;
}

static int foreground(domid_t id)
{
    int error = domain_monitor(vl_toolstack(), id);

    return error && error != -ESRCH ? VL_FAILED : VL_OK;
}

int vl_start_monitor(domid_t id)
{
    if (!domain_monitor_start(vl_toolstack(), id))
        return VL_OK;
    return vl_complain("domain %u has no monitor: nobody will act when it shuts down", id);
}

// The console is opened while the guest is still paused, so that not a line of it is missed.
int vl_start_domain(domid_t id, const struct vl_start *how)
{
    const struct toolstack *t = vl_toolstack();
    int tty = how->console ? vl_open_console(id, 0, true) : -1;
    int result = how->console && tty < 0 ? VL_FAILED : VL_OK;

    if (!how->no_monitor && !how->foreground && vl_start_monitor(id))
        result = VL_FAILED;
    if (!how->paused && domain_unpause(t, id))
        result = VL_FAILED;
    if (tty >= 0)
        vl_attach_console(id, tty);
    return how->foreground ? foreground(id) : result;
}

static int create(const struct create_options *o, struct domain_config *config)
{
    struct vl_start how = {o->paused, o->console, o->foreground, o->no_monitor};
    domid_t id;

    if (resolve_cpus(config))
        return VL_CONFIG;
    if (domain_create(vl_toolstack(), config, &id))
        return vl_complain("domain '%s' was not created", config->name);
    if (!o->quiet)
        printf("Domain '%s' is created; its number is %u.\n", config->name, id);
    fflush(stdout);
    return vl_start_domain(id, &how);
}

int vl_create(int argc, char **argv)
{
    struct create_options o = read_options(argc, argv);
    struct domain_config *config;
    int result = VL_OK;

    if (!o.file && !o.overrides_count)
        vl_misused("needs the file of a configuration, or its settings as KEY=VALUE");
    if (domain_config_load(o.file, o.overrides, o.overrides_count, !o.quiet, stderr, &config))
        return vl_complain("nothing was created"), VL_CONFIG;
    if (o.dump || vl_dry_run)
        result = print_config(config);
    if (!vl_dry_run && !result)
        result = create(&o, config);
    domain_config_free(config);
    free(o.overrides);
    return result;
}

int vl_replace_config(domid_t id, const char *path)
{
    struct domain_config *config;

    if (domain_config_load(path, NULL, 0, true, stderr, &config))
        return VL_CONFIG;
    int error = userdata_store(vl_toolstack(), id, config);
    domain_config_free(config);
    return error ? VL_FAILED : VL_OK;
}

int vl_config_update(int argc, char **argv)
{
    struct create_options o = {0};
    struct xen_domctl_getdomaininfo info;
    struct domain_config *config;
    int option;

    while ((option = vl_option(argc, argv, "f:d", NULL)) != -1) {
        if (option == 'f')
            o.file = optarg;
        o.dump |= option == 'd';
    }
    vl_operands(argc, 1, -1);
    domid_t id = vl_guest(argv[optind++], "given a configuration");
    read_operands(argc, argv, &o);
    if (!o.file && !o.overrides_count)
        vl_misused("needs the file of the new configuration");
    if (domain_config_load(o.file, o.overrides, o.overrides_count, true, stderr, &config))
        return vl_complain("domain %u keeps its configuration", id), VL_CONFIG;
    if (vl_domain_info(id, &info)) // a UUID of its own that the file does not name is made up
        memcpy(config->uuid, info.handle, sizeof(config->uuid));
    int result = o.dump ? print_config(config) : VL_OK;
    if (!vl_dry_run && !result && userdata_store(vl_toolstack(), id, config))
        result = VL_FAILED;
    domain_config_free(config);
    free(o.overrides);
    return result;
}
