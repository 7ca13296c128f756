// One device in the keeper: the XenbusState handshake, from the back end's side.
//
//   both Initialising             prepare(), back end InitWait
//   front end Initialised         connect(), a worker; when it is ready, back end Connected
//     (or Connected)
//   front end Closing             the worker ends, back end Closing
//   front end Closed, or gone     the worker ends, back end Closed
//   front end Initialising anew   the worker ends, prepare(), back end InitWait
//
// The toolstack ends a device by online = 0 and state = Closing of the back end; the front end then
// closes, and as long as it does not, it is served. If the back end's nodes are removed, the device
// is gone at once.
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/keeper.h"
#include "backends/common/keys.h"
#include "backends/common/store.h"

domid_t device_domain(const struct device *device)
{
    return device->domain;
}

uint32_t device_number(const struct device *device)
{
    return device->number;
}

const char *device_type(const struct device *device)
{
    return device->type;
}

const char *device_back_path(const struct device *device)
{
    return device->back;
}

const char *device_front_path(const struct device *device)
{
    return device->front;
}

const char *device_name(const struct device *device)
{
    return device->name;
}

void *device_of_kind(struct device *device)
{
    return device->of_kind;
}

// What others wrote may be part of it, and shall not speak to the reader's terminal.
static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

void device_note(const struct device *device, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    make_printable(text);
    fprintf(stderr, "%s: %s: %s\n", device->keeper->kind->program, device->name, text);
}

int device_fail(struct device *device, int error, const char *format, ...)
{
    char text[512], path[2 * BACKEND_PATH_MAX];
    size_t length;
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    length = strlen(text);
    if (error)
        snprintf(text + length, sizeof(text) - length, ": %s", strerror(-error));
    make_printable(text);
    device_note(device, "%s", text);
    snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u/%u/error", device->type,
             device->domain, device->number);
    store_write(device, path, text);
    store_write_back(device, "hotplug-error", text);
    return error;
}

void device_write(struct device *device, const char *name, const char *value)
{
    int rc = store_write_back(device, name, value);

    if (rc && rc != -ENOENT)
        device_note(device, "cannot write %s/%s: %s", device->back, name, strerror(-rc));
}

void device_write_number(struct device *device, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    device_write(device, name, text);
}

static void set_state(struct device *device, enum xenbus_state state)
{
    device->begun = true;
    if (store_state(device, device->back) != state)
        device_write_number(device, "state", state);
}

void device_announce(struct device *device)
{
    device_write_number(device, "state", store_state(device, device->back));
}

// --- the front end's offer and its end ---

void device_give_up(struct device *device)
{
    device->failed = true;
    device->prepared = false;
    set_state(device, XenbusStateClosing);
}

static void prepare(struct device *device)
{
    if (device->keeper->kind->prepare(device)) {
        device_give_up(device);
        return;
    }
    device->prepared = true;
    device->failed = false;
    set_state(device, XenbusStateInitWait);
}

static void connect_front(struct device *device, bool resume)
{
    struct backend_connection *connection = calloc(1, sizeof(*connection));
    int rc = connection ? 0 : -ENOMEM;

    device->prepared = false;
    if (!rc) {
        connection->domain = device->domain;
        connection->device = device->number;
        connection->resume = resume;
        connection->user = device->keeper->first_user + device->domain;
        snprintf(connection->name, sizeof(connection->name), "%.63s", device->name);
        rc = device->keeper->kind->connect(device, connection);
    }
    if (!rc)
        rc = process_open_state(device, connection);
    if (rc) {
        free(connection);
        device_give_up(device);
        return;
    }
    device->process.connection = connection;
    process_start(device);
}

// True if there is no worker (any more).
static bool without_worker(struct device *device)
{
    struct process *process = &device->process;

    if (process->pid) {
        if (!process->stopping)
            process_stop(device, false);
        return false;
    }
    process_forget(device);
    return true;
}

static bool is_online(struct device *device)
{
    char *online = keys_text(device, device->back, "online", 8);
    bool is = !online || strcmp(online, "0");

    free(online);
    return is;
}

static void front_closed(struct device *device)
{
    if (without_worker(device)) {
        device->prepared = device->failed = false; // it may start over
        set_state(device, XenbusStateClosed);
    }
}

// The front end is Initialising; the back end is in `back`.
static void front_new(struct device *device, enum xenbus_state back)
{
    if (!without_worker(device) || device->prepared || device->failed)
        return;
    if (!is_online(device)) {
        set_state(device, XenbusStateClosed);
        return;
    }
    if (back != XenbusStateClosing)
        prepare(device);
}

// The front end has offered its rings.
static void front_ready(struct device *device, enum xenbus_state back)
{
    if (device->process.connection || device->failed)
        return;
    if (device->prepared)
        connect_front(device, false);
    else if (back == XenbusStateConnected) // the keeper was away
        connect_front(device, true);
    else if (back == XenbusStateInitWait || back == XenbusStateInitialising)
        prepare(device); // ...or came late; the front end's state will be looked at again
}

static void follow_front(struct device *device, enum xenbus_state front, enum xenbus_state back)
{
    switch (front) {
    case XenbusStateInitialising:
    case XenbusStateInitWait:
        front_new(device, back);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        front_ready(device, back);
        if (device->prepared)
            front_ready(device, back);
        break;
    case XenbusStateClosing:
        if (without_worker(device))
            set_state(device, XenbusStateClosing);
        break;
    case XenbusStateClosed:
    case XenbusStateUnknown:
        front_closed(device);
        break;
    default:
        break;
    }
}

// --- life ---

static void forget_front(struct device *device)
{
    char token[BACKEND_PATH_MAX + 8];

    if (!device->front)
        return;
    snprintf(token, sizeof(token), "f%s", device->back);
    if (device_store(device))
        xs_unwatch(device_store(device), device->front, token);
    free(device->front);
    device->front = NULL;
}

static void destroy(struct device *device)
{
    struct device **at = &device->keeper->devices;

    while (*at != device)
        at = &(*at)->next;
    *at = device->next;
    forget_front(device);
    process_forget(device);
    if (device->keeper->kind->release)
        device->keeper->kind->release(device);
    free(device->of_kind);
    free(device);
}

static void remove_error(struct device *device)
{
    char path[BACKEND_PATH_MAX];

    snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u/%u", device->type,
             device->domain, device->number);
    store_remove(device, path);
}

static void gone(struct device *device)
{
    if (!device->gone)
        remove_error(device);
    device->gone = true;
    if (device->process.pid)
        process_stop(device, true);
    else
        destroy(device);
}

void device_watch(struct device *device)
{
    char token[BACKEND_PATH_MAX + 8];

    if (!device->front || !device_store(device))
        return;
    snprintf(token, sizeof(token), "f%s", device->back);
    if (!xs_watch(device_store(device), device->front, token) && errno != EEXIST)
        device_note(device, "cannot watch %s: %s", device->front, strerror(errno));
}

// The front end must be the guest's own: nobody else's states are to be followed.
static bool find_front(struct device *device)
{
    char own[40];

    if (device->front)
        return true;
    device->front = keys_text(device, device->back, "frontend", BACKEND_PATH_MAX - 1);
    if (!device->front)
        return false;
    snprintf(own, sizeof(own), "/local/domain/%u/", device->domain);
    if (strncmp(device->front, own, strlen(own))) {
        if (!device->failed) {
            device_fail(device, -EINVAL, "its front end is said to be %s", device->front);
            device_give_up(device);
        }
        free(device->front);
        device->front = NULL;
        return false;
    }
    device_watch(device);
    return true;
}

// Only the toolstack writes Initialising: it is another device of the same name, and nothing of the
// former was seen to go. False: its worker is still to end.
static bool begin_anew(struct device *device)
{
    if (device->process.pid) {
        process_stop(device, true);
        return false;
    }
    process_forget(device);
    forget_front(device);
    device->begun = device->prepared = device->failed = false;
    return true;
}

void device_update(struct device *device)
{
    enum xenbus_state back, front;

    if (!device_store(device) && !device->gone)
        return; // it will be looked at once the store is back
    if (device->gone || !store_exists(device, device->back)) {
        gone(device);
        return;
    }
    back = store_state(device, device->back);
    if (back == XenbusStateInitialising && device->begun && !begin_anew(device))
        return;
    if (back == XenbusStateUnknown || !find_front(device))
        return; // it is being written
    front = store_state(device, device->front);
    if (front == XenbusStateUnknown && back == XenbusStateInitialising &&
        store_exists(device, device->front))
        return;
    follow_front(device, front, back);
    if (device->keeper->kind->changed)
        device->keeper->kind->changed(device);
}

struct device *device_new(struct keeper *keeper, const char *type, domid_t domain, uint32_t number)
{
    struct device *device = calloc(1, sizeof(*device));

    if (!device)
        return NULL;
    device->of_kind = calloc(1, keeper->kind->device_bytes + 1);
    if (!device->of_kind) {
        free(device);
        return NULL;
    }
    device->keeper = keeper;
    device->domain = domain;
    device->number = number;
    device->process.socket = device->process.state = -1;
    snprintf(device->type, sizeof(device->type), "%.31s", type);
    snprintf(device->name, sizeof(device->name), "domain %u, %.31s %u", domain, type, number);
    snprintf(device->back, sizeof(device->back), "/local/domain/0/backend/%s/%u/%u", type, domain,
             number);
    device->next = keeper->devices;
    keeper->devices = device;
    return device;
}
