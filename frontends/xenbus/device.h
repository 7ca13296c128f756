// The part that every front end's life has in common: two folders in xenstore, a state in each, and
// the steps from one state to the next.
#pragma once

#include "frontends/xenbus/store.h"
#include "pv-abi/io/xenbus.h"
#include "pv-abi/xen.h"

struct xenbus_device {
    char path[64]; // of our folder, relative: device/vbd/51712
    char backend[STORE_PATH_MAX];
    domid_t backend_id;
    struct store_watch backend_state;
};

// KIND is "vbd" or "vif". Reads where the back end is, and watches its state.
int xenbus_open(struct xenbus_device *device, const char *kind, unsigned handle);
void xenbus_close(struct xenbus_device *device);

enum xenbus_state
xenbus_backend_state(const struct xenbus_device *device); // Unknown: there is none
int xenbus_switch(struct xenbus_device *device, enum xenbus_state state);

// Waits until the back end is in one of the STATES (a bit each: XENBUS_IN(state) | ...).
#define XENBUS_IN(state) (1u << (state))
// -ETIMEDOUT, or -ECONNREFUSED if it closes, or goes, instead.
int xenbus_wait(struct xenbus_device *device, unsigned states, uint64_t ns);

// Gets the device to where a front end may publish its keys: our state Initialising, the back end's
// InitWait. A device that was connected before is taken through Closing and Closed first.
int xenbus_restart(struct xenbus_device *device);
// Closing and Closed, and waits for the back end to have followed (-ETIMEDOUT if it does not).
int xenbus_shutdown(struct xenbus_device *device);

// Writes keys in a transaction, again and again while others interfere: WRITE gets the transaction.
int xenbus_publish(int (*write)(uint32_t transaction, void *arg), void *arg);
