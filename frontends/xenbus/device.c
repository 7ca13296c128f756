#include "frontends/xenbus/device.h"

#include "frontends/kernel/guest.h"
#include "hypervisor/lib/printf.h"

#define PATIENCE (10 * NS_PER_S)
#define ATTEMPTS 20

int xenbus_open(struct xenbus_device *device, const char *kind, unsigned handle)
{
    char path[STORE_PATH_MAX];
    uint64_t id;
    int error;

    snprintf(device->path, sizeof(device->path), "device/%s/%u", kind, handle);
    error = store_read_at(0, device->path, "backend", device->backend, sizeof(device->backend));
    if (error < 0)
        return error;
    error = store_read_number(0, device->path, "backend-id", &id);
    if (error < 0)
        return error;
    device->backend_id = (domid_t)id;
    snprintf(path, sizeof(path), "%s/state", device->backend);
    return (int)MIN(store_watch(&device->backend_state, path), 0);
}

void xenbus_close(struct xenbus_device *device)
{
    store_unwatch(&device->backend_state);
}

enum xenbus_state xenbus_backend_state(const struct xenbus_device *device)
{
    uint64_t state;

    if (store_read_number(0, device->backend, "state", &state) < 0 ||
        state > XenbusStateReconfigured)
        return XenbusStateUnknown;
    return (enum xenbus_state)state;
}

int xenbus_switch(struct xenbus_device *device, enum xenbus_state state)
{
    return (int)MIN(store_write_number(0, device->path, "state", state), 0);
}

int xenbus_wait(struct xenbus_device *device, unsigned states, uint64_t ns)
{
    const unsigned ended = XENBUS_IN(XenbusStateClosing) | XENBUS_IN(XenbusStateClosed) |
                           XENBUS_IN(XenbusStateUnknown);
    uint64_t deadline = clock_after(ns);

    for (;;) {
        struct store_watch *watch = &device->backend_state;
        unsigned seen = watch->fired, now = XENBUS_IN(xenbus_backend_state(device));

        if (now & states)
            return 0;
        if (now & ended && !(states & ended))
            return -XEN_ECONNREFUSED;
        if (!WAIT_FOR(&watch->queue, watch->fired != seen, deadline))
            return -XEN_ETIMEDOUT;
    }
}

int xenbus_shutdown(struct xenbus_device *device)
{
    const unsigned ended = XENBUS_IN(XenbusStateClosed) | XENBUS_IN(XenbusStateUnknown);
    int error = xenbus_switch(device, XenbusStateClosing);

    if (error)
        return error;
    error = xenbus_wait(device, XENBUS_IN(XenbusStateClosing) | ended, PATIENCE);
    if (error)
        return error;
    error = xenbus_switch(device, XenbusStateClosed);
    return error ? error : xenbus_wait(device, ended, PATIENCE);
}

int xenbus_restart(struct xenbus_device *device)
{
    enum xenbus_state theirs = xenbus_backend_state(device);
    int error = 0;

    if (theirs == XenbusStateInitialised || theirs == XenbusStateConnected ||
        theirs == XenbusStateClosing)
        error = xenbus_shutdown(device);
    if (!error)
        error = xenbus_switch(device, XenbusStateInitialising);
    // Still Closed for a moment, if it was.
    for (unsigned i = 0; !error && i < ATTEMPTS; i++) {
        error = xenbus_wait(device, XENBUS_IN(XenbusStateInitWait), PATIENCE);
        if (error != -XEN_ECONNREFUSED)
            break;
        thread_sleep(100 * NS_PER_MS);
        error = i + 1 < ATTEMPTS ? 0 : error;
    }
    return error;
}

int xenbus_publish(int (*write)(uint32_t transaction, void *arg), void *arg)
{
    int error = 0;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        uint32_t transaction;

        error = store_begin(&transaction);
        if (error < 0)
            return error;
        error = write(transaction, arg);
        if (error < 0) {
            store_end(transaction, false);
            return error;
        }
        error = store_end(transaction, true);
        if (error != -XEN_EAGAIN)
            break;
    }
    return (int)MIN(error, 0);
}
