// The nodes of a domain in xenstore, laid out as libxl lays them out, whose commands and daemons
// find what they look for.
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "domain/impl.h"
#include "xenstore/extensions.h"

// What a node is to the guest, beyond what it inherits: readable.
enum rights { INHERITED, GUEST_READS, GUEST_OWNS };

// Writes of one transaction, which go out together.
struct writer {
    struct xs_handle *store;
    struct xs_batch *batch;
    domid_t id;
    char base[DOMAIN_PATH_MAX];
    char path[2 * DOMAIN_PATH_MAX]; // of the last one; after they went out, of the one that failed
    int error;                      // the first
};

static void set_base(struct writer *w, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(w->base, sizeof(w->base), format, list);
    va_end(list);
}

static void set_rights(struct writer *w, enum rights rights)
{
    struct xs_permissions guest_owns[] = {{w->id, XS_PERM_NONE}};
    struct xs_permissions guest_reads[] = {{0, XS_PERM_NONE}, {w->id, XS_PERM_READ}};

    if (rights == GUEST_OWNS)
        xs_batch_set_permissions(w->batch, w->path, guest_owns, 1);
    else if (rights == GUEST_READS)
        xs_batch_set_permissions(w->batch, w->path, guest_reads, 2);
}

// The node `name` below the base; "" is the base itself.
static void node(struct writer *w, enum rights rights, const char *name, const char *value)
{
    snprintf(w->path, sizeof(w->path), "%s%s%s", w->base, *name ? "/" : "", name);
    xs_batch_write(w->batch, w->path, value);
    set_rights(w, rights);
}

static void number(struct writer *w, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    node(w, INHERITED, name, text);
}

static void write_cpus(struct writer *w, const struct domain_config *config)
{
    char name[40];

    for (unsigned i = 0; i < config->max_vcpus; i++) {
        snprintf(name, sizeof(name), "cpu/%u/availability", i);
        node(w, INHERITED, name, i < config->vcpus ? "online" : "offline");
    }
}

static void write_rings(struct writer *w, const struct domain_rings *rings)
{
    char backend[DOMAIN_PATH_MAX];

    snprintf(backend, sizeof(backend), "/local/domain/0/backend/console/%u/0", w->id);
    number(w, "store/port", rings->xenstore_port);
    number(w, "store/ring-ref", rings->xenstore_mfn);
    node(w, INHERITED, "console/backend", backend);
    number(w, "console/backend-id", 0);
    node(w, INHERITED, "console/limit", "1048576");
    node(w, INHERITED, "console/output", "pty");
    node(w, INHERITED, "console/tty", "");
    node(w, INHERITED, "console/type", "xenconsoled");
    number(w, "console/port", rings->console_port);
    number(w, "console/ring-ref", rings->console_mfn);
}

// What hvmloader asks for, and the guest's ACPI code.
static void write_platform(struct writer *w, const struct hvm_config *hvm)
{
    node(w, INHERITED, "hvmloader/bios", "seabios");
    node(w, INHERITED, "hvmloader/allow-memory-relocate", "0");
    node(w, INHERITED, "platform/device-model", "qemu_xen");
    number(w, "platform/acpi", hvm->acpi);
    number(w, "platform/acpi_s3", hvm->acpi_s3);
    number(w, "platform/acpi_s4", hvm->acpi_s4);
    number(w, "platform/acpi_laptop_slate", 0);
    node(w, GUEST_OWNS, "control/feature-s3", "");
    node(w, GUEST_OWNS, "control/feature-s4", "");
}

static void write_domain(struct writer *w, const struct domain_config *config, const char *uuid,
                         const struct domain_rings *rings)
{
    static const char *const owned[] = {
        "control/shutdown",
        "control/feature-poweroff",
        "control/feature-reboot",
        "control/feature-suspend",
        "control/sysrq",
        "device/suspend/event-channel",
        "data",
        "drivers",
        "feature",
        "attr",
        "error",
    };
    bool hvm = config->type == DOMAIN_TYPE_HVM;
    uint64_t video = hvm ? hvm_video_kib(&config->hvm) : 0;
    char vm[DOMAIN_PATH_MAX];

    set_base(w, "/local/domain/%u", w->id);
    node(w, GUEST_READS, "", "");
    snprintf(vm, sizeof(vm), "/vm/%s", uuid);
    node(w, INHERITED, "vm", vm);
    node(w, INHERITED, "name", config->name);
    number(w, "domid", w->id);
    number(w, "memory/static-max", config->max_memory_kib);
    number(w, "memory/target", config->memory_kib - video);
    number(w, "memory/videoram", video);
    write_cpus(w, config);
    node(w, INHERITED, "device", "");
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
        node(w, GUEST_OWNS, owned[i], "");
    node(w, INHERITED, "control/platform-feature-multiprocessor-suspend", "1");
    node(w, INHERITED, "control/platform-feature-xs_reset_watches", "1");
    if (hvm)
        write_platform(w, &config->hvm);
    write_rings(w, rings);
}

static void write_vm(struct writer *w, const struct domain_config *config, const char *uuid)
{
    set_base(w, "/vm/%s", uuid);
    node(w, GUEST_READS, "", "");
    node(w, INHERITED, "uuid", uuid);
    node(w, INHERITED, "name", config->name);
    number(w, "start_time", (uint64_t)time(NULL));
    node(w, INHERITED, "rtc/timeoffset", "");
    node(w, INHERITED, "image/ostype", config->type == DOMAIN_TYPE_HVM ? "hvm" : "linux");
    node(w, INHERITED, "image/kernel", config->kernel ? config->kernel : "");
    node(w, INHERITED, "image/ramdisk", config->ramdisk ? config->ramdisk : "");
    node(w, INHERITED, "image/cmdline", config->cmdline);
}

// The console's other end; libxl looks for what it shall clean away in its own folder.
static void write_console_backend(struct writer *w, enum domain_type type)
{
    char frontend[DOMAIN_PATH_MAX], backend[DOMAIN_PATH_MAX];

    snprintf(frontend, sizeof(frontend), "/local/domain/%u/console", w->id);
    snprintf(backend, sizeof(backend), "/local/domain/0/backend/console/%u/0", w->id);
    set_base(w, "%s", backend);
    node(w, GUEST_READS, "", "");
    node(w, INHERITED, "frontend", frontend);
    number(w, "frontend-id", w->id);
    number(w, "online", 1);
    number(w, "state", 1);
    node(w, INHERITED, "protocol", "vt100");
    set_base(w, "/libxl/%u", w->id);
    node(w, INHERITED, "type", domain_type_name(type));
    node(w, INHERITED, "device/console/0/frontend", frontend);
    node(w, INHERITED, "device/console/0/backend", backend);
    number(w, "device/console/0/frontend-id", w->id);
    number(w, "device/console/0/online", 1);
    number(w, "device/console/0/state", 1);
    node(w, INHERITED, "device/console/0/protocol", "vt100");
}

static void written(void *arg, const char *path, char *reply)
{
    struct writer *w = arg;

    if (!reply && !w->error) {
        w->error = -errno;
        snprintf(w->path, sizeof(w->path), "%s", path);
    }
    free(reply);
}

// There may have been nothing.
static void removed(void *arg, const char *path, char *reply)
{
    int *error = arg;

    if (!reply && errno != ENOENT && !*error)
        *error = -errno;
    free(reply);
}

static int write_all(struct writer *w, const struct domain_config *config,
                     const struct domain_rings *rings)
{
    char uuid[UUID_TEXT_MAX];

    domain_uuid_text(config->uuid, uuid);
    set_base(w, "/local/domain/%u", w->id);
    snprintf(w->path, sizeof(w->path), "%s", w->base);
    xs_batch_rm(w->batch, w->base); // of one that had this number
    if (!xs_batch_run(w->batch, removed, &w->error))
        return -errno;
    if (w->error)
        return w->error;
    write_domain(w, config, uuid, rings);
    write_vm(w, config, uuid);
    write_console_backend(w, config->type);
    return xs_batch_run(w->batch, written, w) ? w->error : -errno;
}

// One try; -EAGAIN if others' changes came between.
static int try_create(struct writer *w, const struct domain_config *config,
                      const struct domain_rings *rings)
{
    xs_transaction_t transaction = xs_transaction_start(w->store);
    int rc;

    if (transaction == XBT_NULL)
        return -errno;
    w->error = 0;
    w->batch = xs_batch_new(w->store, transaction);
    rc = w->batch ? write_all(w, config, rings) : -ENOMEM;
    xs_batch_free(w->batch);
    if (!xs_transaction_end(w->store, transaction, rc != 0) && !rc)
        rc = -errno;
    return rc;
}

int nodes_create(const struct toolstack *t, domid_t id, const struct domain_config *config,
                 const struct domain_rings *rings)
{
    struct writer w = {.store = t->store, .id = id};
    int rc;

    do {
        rc = try_create(&w, config, rings);
    } while (rc == -EAGAIN);
    if (rc)
        return domain_fail(t, rc, "domain %u cannot be written to xenstore (%s)", id, w.path);
    return 0;
}

// What serves the domain's devices, in domain 0, kind by kind.
static int add_backends(struct xs_batch *batch, const struct toolstack *t, domid_t id)
{
    char path[DOMAIN_PATH_MAX];
    unsigned count = 0;
    char **kinds = xs_directory(t->store, XBT_NULL, "/local/domain/0/backend", &count);
    int rc = kinds || errno == ENOENT ? 0 : -errno;

    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "/local/domain/0/backend/%s/%u", kinds[i], id);
        xs_batch_rm(batch, path);
    }
    free(kinds);
    return rc;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length > end_length && !strcmp(text + length - end_length, end);
}

// A domain that moves to the same machine has the same UUID, so the same folder, as its other self.
static bool has_twin(const struct toolstack *t, domid_t id, const char *vm)
{
    char *name = domain_read(t, id, "name");
    bool moves = name && (ends_with(name, DOMAIN_INCOMING) || ends_with(name, DOMAIN_MIGRATEDAWAY));
    bool found = false;
    unsigned count = 0;
    char **ids = moves ? xs_directory(t->store, XBT_NULL, "/local/domain", &count) : NULL;

    for (unsigned i = 0; i < count && !found; i++) {
        domid_t other = (domid_t)strtoul(ids[i], NULL, 10);
        char *others = domain_read(t, other, "vm");

        found = other != id && others && !strcmp(others, vm);
        free(others);
    }
    free(ids);
    free(name);
    return found;
}

static int run_removal(struct xs_batch *batch)
{
    int rc = 0;

    return xs_batch_run(batch, removed, &rc) ? rc : -errno;
}

// Its own folder goes last: as long as it is there, what could not be removed can be found again.
static int remove_all(const struct toolstack *t, domid_t id, const char *vm)
{
    struct xs_batch *batch = xs_batch_new(t->store, XBT_NULL);
    char path[DOMAIN_PATH_MAX];
    int rc = batch ? add_backends(batch, t, id) : -ENOMEM;

    if (!rc) {
        if (!strncmp(vm, "/vm/", 4) && vm[4] && !has_twin(t, id, vm))
            xs_batch_rm(batch, vm);
        snprintf(path, sizeof(path), "/libxl/%u", id);
        xs_batch_rm(batch, path);
        snprintf(path, sizeof(path), "/local/domain/0/device-model/%u", id);
        xs_batch_rm(batch, path);
        rc = run_removal(batch);
    }
    if (!rc) {
        snprintf(path, sizeof(path), "/local/domain/%u", id);
        xs_batch_rm(batch, path);
        rc = run_removal(batch);
    }
    xs_batch_free(batch);
    return rc;
}

int nodes_remove(const struct toolstack *t, domid_t id)
{
    char path[DOMAIN_PATH_MAX];
    char *base, *vm;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u", id);
    base = xs_read(t->store, XBT_NULL, path, NULL);
    rc = base ? 0 : -errno;
    free(base);
    if (rc && rc != -ENOENT)
        return rc;
    vm = domain_read(t, id, "vm");
    if (vm || errno == ENOENT) {
        int error = remove_all(t, id, vm ? vm : "");

        rc = error ? error : rc;
    } else {
        rc = -errno;
    }
    free(vm);
    return rc;
}
