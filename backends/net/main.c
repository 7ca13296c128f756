// vellum-netback: guests' network devices, as tap devices in domain 0.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/net/netback.h"

#define STORE_PATIENCE 1 // seconds between tries

static const char *const types[] = {"vvif", "vif", NULL};

static bool lives(void *store, const char *owner)
{
    char *state, path[BACKEND_PATH_MAX + 8];

    snprintf(path, sizeof(path), "%.255s/state", owner);
    state = xs_read(store, XBT_NULL, path, NULL);
    free(state);
    return state != NULL;
}

// Tap devices of guests that went while no keeper was there.
static void sweep(void)
{
    struct xs_handle *store = xs_open(0);

    // Without a store nobody can tell.
    if (store && xs_is_domain_introduced(store, 0))
        tap_sweep(lives, store);
    if (store)
        xs_close(store);
}

int main(int argc, char **argv)
{
    static const struct backend_kind kind = {
        .program = "vellum-netback",
        .summary = "Serves guests' network devices: back ends of type vvif and, unless Linux's\n"
                   "xen-netback does, of type vif. Each is a tap device in domain 0.\n",
        .types = types,
        .shared_type = "vif",
        .device_bytes = TAP_NAME_MAX,
        .prepare = netback_prepare,
        .connect = netback_connect,
        .ready = netback_ready,
        .changed = netback_changed,
        .release = netback_release,
        .worker_open = netback_worker_open,
        .worker_start = netback_worker_start,
        .worker_message = netback_worker_message,
        .worker_stop = netback_worker_stop,
    };

    if (argc < 2 || (strcmp(argv[1], "--worker") && strcmp(argv[1], "--help")))
        sweep();
    return backend_main(&kind, argc, argv);
}
