#include "backends/common/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/keeper.h"

struct xs_handle *device_store(const struct device *device)
{
    return device->keeper->store;
}

enum xenbus_state store_state(const struct device *device, const char *path)
{
    char full[2 * BACKEND_PATH_MAX];
    char *text;
    enum xenbus_state state = XenbusStateUnknown;

    if (!device_store(device))
        return state;
    snprintf(full, sizeof(full), "%s/state", path);
    text = xs_read(device_store(device), XBT_NULL, full, NULL);
    if (text && text[0] >= '1' && text[0] <= '8' && !text[1])
        state = (enum xenbus_state)(text[0] - '0');
    free(text);
    return state;
}

bool store_exists(const struct device *device, const char *path)
{
    char *text;

    if (!device_store(device))
        return true;
    text = xs_read(device_store(device), XBT_NULL, path, NULL);
    free(text);
    return text || errno != ENOENT;
}

// One try, in a transaction: the back end is there as long as its node `frontend` is.
static int try_write(const struct device *device, const char *name, const char *value)
{
    struct xs_handle *store = device_store(device);
    xs_transaction_t transaction = xs_transaction_start(store);
    char path[2 * BACKEND_PATH_MAX];
    char *front;
    int rc = 0;

    if (transaction == XBT_NULL)
        return -errno;
    snprintf(path, sizeof(path), "%s/frontend", device->back);
    front = xs_read(store, transaction, path, NULL);
    if (!front)
        rc = -errno;
    free(front);
    snprintf(path, sizeof(path), "%s/%s", device->back, name);
    if (!rc && !xs_write(store, transaction, path, value, (unsigned)strlen(value)))
        rc = -errno;
    if (!xs_transaction_end(store, transaction, rc != 0) && !rc)
        rc = -errno;
    return rc;
}

int store_write_back(const struct device *device, const char *name, const char *value)
{
    int rc;

    if (!device_store(device))
        return -EBADF;
    do {
        rc = try_write(device, name, value);
    } while (rc == -EAGAIN);
    return rc;
}

void store_write(const struct device *device, const char *path, const char *value)
{
    if (device_store(device))
        xs_write(device_store(device), XBT_NULL, path, value, (unsigned)strlen(value));
}

void store_remove(const struct device *device, const char *path)
{
    if (device_store(device))
        xs_rm(device_store(device), XBT_NULL, path);
}
