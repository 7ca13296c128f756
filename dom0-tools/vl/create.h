// What follows once a domain has been made, be it created or restored.
#pragma once

#include "vl/toolstack.h"
#include "vl/vl.h"

struct vl_start {
    bool paused;     // leave it so
    bool console;    // attach to it
    bool foreground; // stay with it until it is gone
    bool no_monitor;
};

// Returns an exit code.
int vl_start_domain(domid_t id, const struct vl_start *how);

// Has a monitor stay with it, or says why that cannot be. Returns an exit code.
int vl_start_monitor(domid_t id);

// Keeps the configuration at `path` of a domain instead of its own. Returns an exit code.
int vl_replace_config(domid_t id, const char *path);
