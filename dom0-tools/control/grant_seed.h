// The grants that every guest is born with.
#pragma once

#include "control/control.h"

struct grant_seed {
    domid_t domain; // who may map it
    uint64_t mfn;   // a guest frame, if the guest has its own map of memory
};

// Lets the domains that serve a guest's console and xenstore map the guest's pages for that, by
// GNTTAB_RESERVED_CONSOLE and _XENSTORE of its table. 0 or -errno.
int control_seed_grants(struct control *control, domid_t guest, struct grant_seed console,
                        struct grant_seed xenstore);

// The same for a guest with its own map of memory, HVM: its table is shown at `guest_frame`, where
// nothing is, until this returns.
int control_seed_grants_at(struct control *control, domid_t guest, uint64_t guest_frame,
                           struct grant_seed console, struct grant_seed xenstore);
