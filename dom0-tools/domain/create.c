// Making a domain: everything about the files is found out first, then the hypervisor's side is
// made, then xenstore's. Whatever fails, what was made is taken away again.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "domain/device_model.h"
#include "domain/devices.h"
#include "domain/impl.h"
#include "domain/userdata.h"
#include "domain/vifs.h"
#include "pv-abi/event_channel.h"
#include "stream/file.h"
#include "stream/stream.h"

#define CONSOLE_SECONDS 2

struct creation {
    const struct toolstack *t;
    const struct domain_config *config;
    struct guest_image *image;
    int fd;        // of a saved domain
    bool incoming; // which may have a namesake here: itself
    domid_t id;
    bool made; // the hypervisor knows the domain
    int claim; // on the name, until xenstore has it; -1: none
    struct domain_rings rings;
};

static int check_name(const struct creation *c, const char *name, bool may_be_itself)
{
    int other = domain_find(c->t, name);
    struct xen_domctl_getdomaininfo info;

    if (other == -ESRCH)
        return 0;
    if (other < 0)
        return domain_fail(c->t, other, "xenstore does not tell which names are taken");
    if (may_be_itself && !domain_info(c->t, (domid_t)other, &info) &&
        !memcmp(info.handle, c->config->uuid, sizeof(info.handle)))
        return 0;
    fprintf(c->t->messages,
            "domain %d is called %s already; names are unique (name=, or rename the other)\n",
            other, name);
    return -EEXIST;
}

static int check_names(const struct creation *c)
{
    const char *name = c->config->name;
    int rc = check_name(c, name, false);

    if (!rc && c->incoming) {
        char *later = strndup(name, strlen(name) - strlen(DOMAIN_INCOMING));

        rc = later ? check_name(c, later, true) : -ENOMEM;
        free(later);
    }
    return rc;
}

static int check_type(const struct creation *c)
{
    const uint32_t needed = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    const char *type = domain_type_name(c->config->type);
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int rc;

    if (c->config->type == DOMAIN_TYPE_PV)
        return 0;
    if (c->config->type == DOMAIN_TYPE_HVM && c->fd >= 0) {
        fprintf(c->t->messages, "type = \"hvm\": such domains cannot be restored yet: what their "
                                "device model knew is not kept\n");
        return -ENOSYS;
    }
    rc = control_sysctl(c->t->control, &op);
    if (rc)
        return domain_fail(c->t, rc, "the hypervisor does not tell what the machine can do");
    if ((op.u.physinfo.capabilities & needed) == needed)
        return 0;
    fprintf(
        c->t->messages,
        "type = \"%s\": the processor's virtualization with nested paging (AMD-V with NPT, VT-x "
        "with EPT) is not there, or not used ('vl info' shows virt_caps); type = \"pv\" does "
        "without\n",
        type);
    return -ENOSYS;
}

// A saved one may have given some back.
static int check_memory(const struct creation *c)
{
    const struct domain_config *config = c->config;

    if (config->type == DOMAIN_TYPE_PV || c->fd >= 0 ||
        config->max_memory_kib == config->memory_kib)
        return 0;
    fprintf(c->t->messages,
            "maxmem: %" PRIu64 " cannot be had: a %s guest has all its memory from the start "
            "(there is no populate-on-demand); leave it out or raise memory\n",
            config->max_memory_kib / 1024, config->type == DOMAIN_TYPE_PVH ? "PVH" : "HVM");
    return -ENOSYS;
}

static int check_config(struct creation *c)
{
    const struct domain_config *config = c->config;
    int rc;

    c->claim = name_claim(c->t, config->name);
    if (c->claim < 0)
        return c->claim;
    rc = check_names(c);
    if (rc)
        return rc;
    rc = check_type(c);
    if (rc)
        return rc;
    rc = check_memory(c);
    if (!rc)
        rc = device_model_check(c->t, config);
    if (rc)
        return rc;
    for (size_t i = 0; i < config->disks_count; i++) {
        if (disk_check(c->t, &config->disks[i]))
            return -ENOSYS;
    }
    for (size_t i = 0; i < config->vifs_count; i++) {
        if (vif_check(c->t, &config->vifs[i]))
            return -ENOSYS;
    }
    if (strcmp(config->pool, "Pool-0")) {
        fprintf(c->t->messages, "pool = \"%s\": there is only Pool-0\n", config->pool);
        return -ENOSYS;
    }
    return 0;
}

static int open_image(struct creation *c)
{
    static const enum guest_kind kinds[] = {
        [DOMAIN_TYPE_PV] = GUEST_PV, [DOMAIN_TYPE_PVH] = GUEST_PVH, [DOMAIN_TYPE_HVM] = GUEST_HVM};
    struct guest_image_source source = {
        .kind = kinds[c->config->type],
        .kernel = c->config->kernel,
        .ramdisk = c->config->ramdisk,
        .cmdline = c->config->cmdline,
        .memory_kib = c->config->memory_kib,
        .vcpus = c->config->vcpus,
        .max_vcpus = c->config->max_vcpus,
        .apic = c->config->hvm.apic,
        .hpet = c->config->hvm.hpet,
    };
    int rc;

    if (source.kind == GUEST_HVM) {
        source.kernel = device_model_loader(&c->config->hvm);
        source.ramdisk = device_model_bios(&c->config->hvm);
        source.memory_kib -= hvm_video_kib(&c->config->hvm); // its device model takes that
    }
    if (!source.kernel) {
        fprintf(c->t->messages, "kernel: not given, and there is no other way to start a guest\n");
        return -EINVAL;
    }
    rc = guest_image_open(&source, c->t->messages, &c->image);
    if (!rc && c->t->verbose)
        fprintf(c->t->messages, "%s: %s, packing %s\n", source.kernel, guest_image_name(c->image),
                guest_image_packing(c->image));
    return rc;
}

// The highest version of grant tables that the domain may choose.
static int grant_version(const struct creation *c, uint32_t *version)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int rc = 0;

    *version = (uint32_t)c->config->max_grant_version;
    if (c->config->max_grant_version < 0) {
        rc = control_sysctl(c->t->control, &op);
        *version = op.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? 2 : 1;
    }
    return rc;
}

static int make_domain(struct creation *c)
{
    const struct domain_config *config = c->config;
    struct xen_domctl op = {.u.createdomain = {
                                .max_vcpus = config->max_vcpus,
                                .max_evtchn_port = config->max_event_channels,
                                .max_grant_frames = config->max_grant_frames,
                                .max_maptrack_frames = config->max_maptrack_frames,
                            }};
    int rc = grant_version(c, &op.u.createdomain.grant_opts);

    if (config->type != DOMAIN_TYPE_PV) {
        op.u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        op.u.createdomain.arch.emulation_flags = config->type == DOMAIN_TYPE_PVH
                                                     ? XEN_X86_EMU_LAPIC
                                                     : XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    }
    memcpy(op.u.createdomain.handle, config->uuid, sizeof(config->uuid));
    if (!rc)
        rc = domain_control(c->t, XEN_DOMCTL_createdomain, 0, &op);
    if (rc)
        return domain_fail(c->t, rc,
                           "the hypervisor makes no domain (maxvcpus %u, %u event "
                           "channels, %d grant frames)",
                           config->max_vcpus, config->max_event_channels, config->max_grant_frames);
    c->id = op.domain;
    c->made = true;
    return 0;
}

static int set_up(struct creation *c)
{
    return setup_domain(c->t, c->id, c->config);
}

// A port of the guest's to which domain 0 may bind.
static int new_port(const struct creation *c, uint32_t *port)
{
    struct control *control = c->t->control;
    struct evtchn_alloc_unbound *op = control_buffer(control, sizeof(*op));
    uint64_t arguments[5] = {EVTCHNOP_alloc_unbound, (uintptr_t)op};
    long rc;

    if (!op)
        return -ENOMEM;
    op->dom = c->id;
    rc = control_hypercall(control, __HYPERVISOR_event_channel_op, arguments);
    *port = op->port;
    control_buffer_free(control, op, sizeof(*op));
    return (int)rc;
}

static int make_ports(struct creation *c)
{
    int rc = new_port(c, &c->rings.xenstore_port);

    if (!rc)
        rc = new_port(c, &c->rings.console_port);
    return rc ? domain_fail(c->t, rc, "domain %u gets no event channel", c->id) : 0;
}

static int build(struct creation *c)
{
    struct guest_build result = {0};
    struct guest_target target = {
        .control = c->t->control,
        .domain = c->id,
        .console_port = c->rings.console_port,
        .xenstore_port = c->rings.xenstore_port,
    };
    int rc = guest_image_build(c->image, &target, c->t->messages, &result);

    c->rings.console_mfn = result.console_mfn;
    c->rings.xenstore_mfn = result.xenstore_mfn;
    return rc;
}

static int read_stream(struct creation *c)
{
    struct stream_restored result = {0};
    struct stream_restore restore = {
        .control = c->t->control,
        .domain = c->id,
        .hvm = c->config->type != DOMAIN_TYPE_PV,
        .fd = c->fd,
        .messages = c->t->messages,
        .console_port = c->rings.console_port,
        .xenstore_port = c->rings.xenstore_port,
    };
    int rc = stream_restore_guest(&restore, &result);

    if (!rc)
        rc = saved_read_end(c->fd, c->t->messages);
    c->rings.console_mfn = result.console_mfn;
    c->rings.xenstore_mfn = result.xenstore_mfn;
    return rc;
}

static int write_nodes(struct creation *c)
{
    int rc = nodes_create(c->t, c->id, c->config, &c->rings);

    name_release(c->claim); // now it can be found
    c->claim = -1;
    return rc;
}

static int introduce(struct creation *c)
{
    if (xs_introduce_domain(c->t->store, c->id, c->rings.xenstore_mfn, c->rings.xenstore_port))
        return 0;
    return domain_fail(c->t, -errno, "xenstored does not take in domain %u", c->id);
}

static int keep_config(struct creation *c)
{
    return userdata_store(c->t, c->id, c->config);
}

static int add_devices(struct creation *c)
{
    return devices_add_all(c->t, c->id, c->config, c->fd >= 0);
}

static int start_device_model(struct creation *c)
{
    return c->config->type == DOMAIN_TYPE_HVM ? device_model_start(c->t, c->id, c->config) : 0;
}

static bool console_taken(const struct creation *c)
{
    char *tty = domain_read(c->t, c->id, "console/tty");
    bool taken = tty && *tty;

    free(tty);
    return taken;
}

static bool wait_until_taken(struct creation *c)
{
    char path[DOMAIN_PATH_MAX];
    struct waiter w;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", c->id);
    rc = waiter_open(&w, c->t, c->id, path, CONSOLE_SECONDS);
    while (!rc && !console_taken(c))
        rc = waiter_next(&w);
    waiter_close(&w);
    return !rc;
}

// What a guest prints in its first moments is lost if it ends before the console daemon has its
// page. A machine without the daemon is no reason to make no guests.
static int wait_for_console(struct creation *c)
{
    if (!console_taken(c) && !wait_until_taken(c))
        fprintf(c->t->messages,
                "no console daemon has taken notice of domain %u within %u s: what it prints first "
                "may be lost; is vellum-consoled running?\n",
                c->id, CONSOLE_SECONDS);
    return 0;
}

struct step {
    int (*run)(struct creation *c);
    const char *name; // for `verbose`
};

static const struct step create_steps[] = {
    {check_config, "check"},
    {open_image, "read the kernel"},
    {make_domain, "make domain"},
    {set_up, "set limits"},
    {make_ports, "make event channels"},
    {build, "fill memory"},
    {write_nodes, "write nodes"},
    {introduce, "tell xenstored"},
    {keep_config, "keep config"},
    {add_devices, "connect devices"},
    {start_device_model, "start the device model"},
    {wait_for_console, "wait for the console daemon"},
    {NULL, NULL},
};

static const struct step restore_steps[] = {
    {check_config, "check"},
    {make_domain, "make domain"},
    {set_up, "set limits"},
    {make_ports, "make event channels"},
    {read_stream, "read memory"},
    {write_nodes, "write nodes"},
    {introduce, "tell xenstored"},
    {keep_config, "keep config"},
    {add_devices, "connect devices"},
    {wait_for_console, "wait for the console daemon"},
    {NULL, NULL},
};

static int run_steps(struct creation *c, const struct step *step)
{
    int rc = 0;

    for (; step->run && !rc; step++) {
        uint64_t start = domain_now();

        rc = step->run(c);
        if (c->t->verbose)
            fprintf(c->t->messages, "%9.3f ms  %s\n", (double)(domain_now() - start) / 1e6,
                    step->name);
    }
    name_release(c->claim);
    guest_image_free(c->image);
    if (rc && c->made) {
        fprintf(c->t->messages, "domain %u is taken away again\n", c->id);
        domain_destroy(c->t, c->id);
    }
    return rc;
}

int domain_create(const struct toolstack *t, const struct domain_config *config, domid_t *id)
{
    struct creation c = {.t = t, .config = config, .fd = -1, .claim = -1};
    int rc = run_steps(&c, create_steps);

    *id = c.id;
    return rc;
}

static int restore_steps_of(struct creation *c)
{
    struct domain_config config = *c->config;
    struct creation renamed = *c;
    int rc;

    if (!c->incoming)
        return run_steps(c, restore_steps);
    if (asprintf(&config.name, "%s" DOMAIN_INCOMING, c->config->name) < 0)
        return -ENOMEM;
    renamed.config = &config;
    rc = run_steps(&renamed, restore_steps);
    c->id = renamed.id;
    free(config.name);
    return rc;
}

int domain_restore(const struct toolstack *t, int fd, const struct domain_config *config,
                   bool incoming, domid_t *id)
{
    struct creation c = {.t = t, .config = config, .fd = fd, .incoming = incoming, .claim = -1};
    struct domain_config *saved = NULL;
    char *json = NULL;
    int rc = saved_read_begin(fd, &json, t->messages);

    if (!rc && !config) {
        rc = domain_config_from_json(json, strlen(json), t->messages, &saved);
        c.config = saved;
    }
    free(json);
    if (!rc)
        rc = restore_steps_of(&c);
    if (saved)
        domain_config_free(saved);
    *id = c.id;
    return rc;
}
