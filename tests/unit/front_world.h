// What the front ends stand on, faked for the host: pages, grants, events, time, xenstore. The test
// is the back end: it acts in world.step(), which is called whenever the front end waits.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontends/kernel/events.h"
#include "frontends/xenbus/device.h"
#include "pv-abi/grant_table.h"

#define WORLD_GRANTS 512

struct world {
    bool (*step)(void); // false: nothing happens any more, so the time of whoever waits runs out
    uint64_t now;
    event_handler *handler;
    void *handler_arg;
    unsigned sent;  // events, to the back end
    unsigned pages; // in use
    struct {
        void *page;
        bool read_only, in_use, mapped; // mapped: the back end does not let go
    } grants[WORLD_GRANTS];
    unsigned grants_in_use;
    enum xenbus_state backend;
    // Keys that the back end has set, and a number for each.
    struct {
        const char *name;
        uint64_t value;
    } keys[16];
    int restart_error;
};

extern struct world world;

// Everything as at first; ends the test if something is in use still.
void world_reset(void);
// The event, to the front end.
void world_notify(void);
void world_key(const char *name, uint64_t value);
