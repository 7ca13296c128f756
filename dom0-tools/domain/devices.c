#include "domain/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "domain/impl.h"
#include "pv-abi/io/xenbus.h"

#define CONNECT_SECONDS 10
#define REMOVE_SECONDS  10
#define CLOSE_SECONDS   10

void device_node(struct device_nodes *nodes, const char *name, const char *format, ...)
{
    char *value = NULL;
    va_list list;

    va_start(list, format);
    if (nodes->count == DEVICE_NODES_MAX || vasprintf(&value, format, list) < 0) {
        nodes->overflow = true;
    } else {
        nodes->node[nodes->count].name = name;
        nodes->node[nodes->count++].value = value;
    }
    va_end(list);
}

void device_rate(struct device_nodes *nodes, const struct rate_config *rate)
{
    if (rate->bytes)
        device_node(nodes, "rate", "%" PRIu64 ",%u", rate->bytes, rate->interval_us);
}

void device_nodes_free(struct device_nodes *nodes)
{
    for (unsigned i = 0; i < nodes->count; i++)
        free(nodes->node[i].value);
    nodes->count = 0;
}

void device_free(struct device *device)
{
    device_nodes_free(&device->front);
    device_nodes_free(&device->back);
}

// --- paths ---

struct paths {
    char front[DOMAIN_PATH_MAX], back[DOMAIN_PATH_MAX], libxl[DOMAIN_PATH_MAX];
};

static void find_paths(struct paths *paths, domid_t id, const char *kind, uint32_t number)
{
    snprintf(paths->front, sizeof(paths->front), "/local/domain/%u/device/%s/%u", id, kind, number);
    snprintf(paths->libxl, sizeof(paths->libxl), "/libxl/%u/device/%s/%u", id, kind, number);
    paths->back[0] = '\0';
}

static char *read_node(const struct toolstack *t, const char *path, const char *name)
{
    char full[2 * DOMAIN_PATH_MAX];

    snprintf(full, sizeof(full), "%s/%s", path, name);
    return xs_read(t->store, XBT_NULL, full, NULL);
}

// The state that a path's node tells of; Unknown: there is none.
static enum xenbus_state state_of(const struct toolstack *t, const char *path)
{
    char *text = read_node(t, path, "state");
    unsigned long state = text ? strtoul(text, NULL, 10) : 0;

    free(text);
    return state <= XenbusStateReconfigured ? (enum xenbus_state)state : XenbusStateUnknown;
}

// Fills in the back end's path, of a device that there is. Only what the toolstack wrote is asked.
static bool find_back(const struct toolstack *t, struct paths *paths)
{
    char *back = read_node(t, paths->libxl, "backend");

    if (back && !strncmp(back, "/local/domain/", 14))
        snprintf(paths->back, sizeof(paths->back), "%s", back);
    free(back);
    return paths->back[0];
}

// --- writing ---

struct writer {
    const struct toolstack *t;
    xs_transaction_t transaction;
    int error;
};

static void put(struct writer *w, const char *folder, const char *name, const char *value)
{
    char path[2 * DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
    if (!w->error && !xs_write(w->t->store, w->transaction, path, value, (unsigned)strlen(value)))
        w->error = -errno;
}

static void put_number(struct writer *w, const char *folder, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    put(w, folder, name, text);
}

// A folder of its own: whose it is, and who else may read it.
static void put_folder(struct writer *w, const char *path, domid_t owner, domid_t reader)
{
    struct xs_permissions rights[] = {{owner, XS_PERM_NONE}, {reader, XS_PERM_READ}};

    put(w, path, "", "");
    if (!w->error && !xs_set_permissions(w->t->store, w->transaction, path, rights, 2))
        w->error = -errno;
}

static void put_nodes(struct writer *w, const char *folder, const struct device_nodes *nodes)
{
    for (unsigned i = 0; i < nodes->count; i++)
        put(w, folder, nodes->node[i].name, nodes->node[i].value);
}

static void put_back(struct writer *w, const char *folder, domid_t id, const struct device *device,
                     const char *front)
{
    put(w, folder, "frontend", front);
    put_number(w, folder, "frontend-id", id);
    put(w, folder, "online", "1");
    put_number(w, folder, "state", XenbusStateInitialising);
    put_nodes(w, folder, &device->back);
}

static void put_all(struct writer *w, domid_t id, const struct device *device,
                    const struct paths *paths)
{
    put_folder(w, paths->front, id, device->backend_domain);
    put(w, paths->front, "backend", paths->back);
    put_number(w, paths->front, "backend-id", device->backend_domain);
    put_number(w, paths->front, "state", XenbusStateInitialising);
    put_nodes(w, paths->front, &device->front);
    put_folder(w, paths->back, device->backend_domain, id);
    put_back(w, paths->back, id, device, paths->front);
    put(w, paths->libxl, "backend", paths->back);
    put_back(w, paths->libxl, id, device, paths->front);
}

static int try_write(const struct toolstack *t, domid_t id, const struct device *device,
                     const struct paths *paths)
{
    struct writer w = {.t = t, .transaction = xs_transaction_start(t->store)};
    char *there;

    if (w.transaction == XBT_NULL)
        return -errno;
    there = xs_read(t->store, w.transaction, paths->front, NULL);
    if (there)
        w.error = -EEXIST;
    free(there);
    put_all(&w, id, device, paths);
    if (!xs_transaction_end(t->store, w.transaction, w.error != 0) && !w.error)
        w.error = -errno;
    return w.error;
}

int device_write(const struct toolstack *t, domid_t id, const struct device *device)
{
    struct paths paths = {0};
    int rc;

    if (device->front.overflow || device->back.overflow)
        return domain_fail(t, -ENOMEM, "%s", device->label);
    find_paths(&paths, id, device->kind, device->number);
    snprintf(paths.back, sizeof(paths.back), "/local/domain/%u/backend/%s/%u/%u",
             device->backend_domain, device->back_kind, id, device->number);
    do {
        rc = try_write(t, id, device, &paths);
    } while (rc == -EAGAIN);
    if (rc == -EEXIST)
        return domain_fail(t, rc, "domain %u has %s already", id, device->label);
    return rc ? domain_fail(t, rc, "%s of domain %u cannot be written to xenstore", device->label,
                            id)
              : 0;
}

// --- waiting ---

// Waits for a state of the back end: at least `least`, or that it has gone.
static int wait_back(const struct toolstack *t, domid_t id, const char *back,
                     enum xenbus_state least, unsigned seconds, enum xenbus_state *state)
{
    char path[2 * DOMAIN_PATH_MAX];
    struct waiter w;
    int rc;

    snprintf(path, sizeof(path), "%s/state", back);
    rc = waiter_open(&w, t, id, path, seconds);
    while (!rc) {
        *state = state_of(t, back);
        if (*state >= least || *state == XenbusStateUnknown)
            break;
        rc = waiter_next(&w);
    }
    waiter_close(&w);
    return rc;
}

static int refused(const struct toolstack *t, domid_t id, const struct device *device,
                   const char *back)
{
    char *why = read_node(t, back, "hotplug-error");

    fprintf(t->messages, "%s of domain %u: %s refuses it: %s\n", device->label, id, device->server,
            why ? why : "it does not say why");
    free(why);
    return -EIO;
}

int device_wait(const struct toolstack *t, domid_t id, const struct device *device)
{
    enum xenbus_state state = XenbusStateUnknown;
    struct paths paths = {0};
    int rc;

    find_paths(&paths, id, device->kind, device->number);
    if (!find_back(t, &paths))
        return domain_fail(t, -ENOENT, "%s of domain %u", device->label, id);
    rc = wait_back(t, id, paths.back, XenbusStateInitWait, CONNECT_SECONDS, &state);
    if (rc == -ETIMEDOUT)
        fprintf(t->messages,
                "%s of domain %u: %s has not taken notice of it within %u s; is it running?\n",
                device->label, id, device->server, CONNECT_SECONDS);
    else if (!rc && (state == XenbusStateUnknown || state == XenbusStateClosing ||
                     state == XenbusStateClosed))
        rc = refused(t, id, device, paths.back);
    return rc;
}

static void remove_nodes(const struct toolstack *t, const struct paths *paths)
{
    xs_rm(t->store, XBT_NULL, paths->front);
    xs_rm(t->store, XBT_NULL, paths->libxl);
    if (paths->back[0])
        xs_rm(t->store, XBT_NULL, paths->back);
}

int device_add(const struct toolstack *t, domid_t id, const struct device *device)
{
    struct paths paths = {0};
    int rc = device_write(t, id, device);
    bool written = !rc;

    if (!rc)
        rc = device_wait(t, id, device);
    if (rc)
        disk_script_remove(t, id, device->script);
    if (rc && written) {
        find_paths(&paths, id, device->kind, device->number);
        find_back(t, &paths);
        remove_nodes(t, &paths);
    }
    return rc;
}

// --- what there is, and its end ---

int device_list(const struct toolstack *t, domid_t id, const char *kind, struct device_entry **out)
{
    char path[DOMAIN_PATH_MAX];
    unsigned count = 0;
    char **names;
    int found = 0;

    snprintf(path, sizeof(path), "/libxl/%u/device/%s", id, kind);
    names = xs_directory(t->store, XBT_NULL, path, &count);
    *out = calloc(count + 1, sizeof(**out));
    for (unsigned i = 0; i < count && *out; i++) {
        uint32_t number = (uint32_t)strtoul(names[i], NULL, 10);
        struct paths paths = {0};

        find_paths(&paths, id, kind, number);
        if (find_back(t, &paths))
            (*out)[found++] = (struct device_entry){number, strdup(paths.back)};
    }
    free(names);
    return *out ? found : -ENOMEM;
}

void device_list_free(struct device_entry *entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i].back_path);
    free(entries);
}

// Sets a node of the back end, which may go meanwhile.
static void set_back(const struct toolstack *t, const char *back, const char *name,
                     const char *value)
{
    char path[2 * DOMAIN_PATH_MAX];
    char *there;

    snprintf(path, sizeof(path), "%s/%s", back, name);
    there = xs_read(t->store, XBT_NULL, path, NULL);
    if (there)
        xs_write(t->store, XBT_NULL, path, value, (unsigned)strlen(value));
    free(there);
}

static void ask_to_close(const struct toolstack *t, domid_t id, const char *back)
{
    set_back(t, back, "online", "0");
    if (state_of(t, back) != XenbusStateClosed)
        set_back(t, back, "state", "5");
}

int device_remove(const struct toolstack *t, domid_t id, const char *kind, uint32_t number,
                  bool force)
{
    enum xenbus_state state;
    struct paths paths = {0};
    int rc;

    find_paths(&paths, id, kind, number);
    if (!find_back(t, &paths))
        return -ENOENT;
    if (force)
        xs_rm(t->store, XBT_NULL, paths.front); // the back end takes it for gone
    ask_to_close(t, id, paths.back);
    rc = wait_back(t, id, paths.back, XenbusStateClosed, REMOVE_SECONDS, &state);
    if (rc && !force)
        return domain_fail(t, rc, "domain %u has not let go of its %s %u within %u s", id, kind,
                           number, REMOVE_SECONDS);
    if (!strcmp(kind, "vbd"))
        disk_scripts_remove(t, id, number, NULL);
    remove_nodes(t, &paths);
    return 0;
}

// For one device of a domain that has ended: first all are asked, then all are waited for.
static void for_all(const struct toolstack *t, domid_t id,
                    void (*deed)(const struct toolstack *t, domid_t id, const char *back))
{
    char path[DOMAIN_PATH_MAX];
    unsigned count = 0;
    char **kinds;

    snprintf(path, sizeof(path), "/libxl/%u/device", id);
    kinds = xs_directory(t->store, XBT_NULL, path, &count);
    for (unsigned i = 0; i < count; i++) {
        struct device_entry *entries = NULL;
        int devices;

        if (!strcmp(kinds[i], "console"))
            continue; // of another make
        devices = device_list(t, id, kinds[i], &entries);
        for (int k = 0; k < devices; k++)
            deed(t, id, entries[k].back_path);
        device_list_free(entries, devices);
    }
    free(kinds);
}

static void wait_closed(const struct toolstack *t, domid_t id, const char *back)
{
    enum xenbus_state state = state_of(t, back);

    if (state != XenbusStateClosed && state != XenbusStateUnknown &&
        wait_back(t, id, back, XenbusStateClosed, CLOSE_SECONDS, &state))
        fprintf(t->messages, "%s has not let go within %u s, and is removed\n", back,
                CLOSE_SECONDS);
}

void devices_close(const struct toolstack *t, domid_t id)
{
    char path[DOMAIN_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/%u/device", id);
    xs_rm(t->store, XBT_NULL, path);
    for_all(t, id, ask_to_close);
    for_all(t, id, wait_closed);
}
