// The keeper's way to the store. Writes below a back end's path never make a path anew that the
// toolstack has removed.
#pragma once

#include "backends/common/backend.h"

// NULL while the store is not reached; the others fail then, a node counts as being there.
struct xs_handle *device_store(const struct device *device);

// PATH/NAME of the store as a state; XenbusStateUnknown: there is none, or it is none.
enum xenbus_state store_state(const struct device *device, const char *path);

// Whether there is such a node.
bool store_exists(const struct device *device, const char *path);

// Writes BACK/NAME if the back end still is there. 0 or -errno.
int store_write_back(const struct device *device, const char *name, const char *value);

// Writes any other node of the program's own.
void store_write(const struct device *device, const char *path, const char *value);
void store_remove(const struct device *device, const char *path);
