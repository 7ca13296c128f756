// A machine with one PVH guest for the builder: its frames, each a page of a file, so that mappings
// share them, behind the functions of control/control.h. A call that makes no sense ends the test.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"
#include "pv-abi/hvm/params.h"

#define PVH_GUEST 5

struct pvh_machine {
    unsigned frames, most; // that the guest has; that it can be given
    uint64_t claimed;
    uint64_t params[HVM_NR_PARAMS];
    uint8_t context[4096]; // as it was set
    uint32_t context_len;
    uint32_t map_entries;
    uint64_t grants_at; // guest frame where the grant table was shown; 0: never
    const char *refuse; // what fails: "map", "param", "grants" or "context"
};
extern struct pvh_machine pvh_machine;

// A guest with nothing, on a machine that has so many frames for it.
void pvh_machine_reset(unsigned most);

// Whether the guest has this frame.
bool pvh_machine_has(uint64_t gfn);

// A copy of one of its frames, until the next is asked for; and of its grant table.
const void *pvh_machine_page(uint64_t gfn);
const void *pvh_machine_grants(void);

// Writes what the hypervisor tells of two vCPUs that have not run, unless `to` is NULL; its length.
uint32_t pvh_machine_context(uint8_t *to);
