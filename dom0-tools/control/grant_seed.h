// The grants that every PV guest is born with.
#pragma once

#include "control/control.h"

struct grant_seed {
    domid_t domain; // who may map it
    uint64_t mfn;
};

// Lets the domains that serve a guest's console and xenstore map the guest's pages for that, by
// GNTTAB_RESERVED_CONSOLE and _XENSTORE of its table. 0 or -errno.
int control_seed_grants(struct control *control, domid_t guest, struct grant_seed console,
                        struct grant_seed xenstore);
