// A guest's memory as its builder handles it.
#pragma once

#include <stdint.h>

#include "control/control.h"

struct guest_memory {
    struct control *control;
    domid_t domain;
    uint64_t nr_pages;
    uint64_t *mfns; // the machine frame of each guest frame; NULL: the guest has a map of its own
};

// Has the hypervisor give the domain `nr_pages` frames, guest frames 0 and up: all or, with
// -ENOMEM, not enough of them. To be ended with guest_memory_free(), which leaves the domain as it
// is.
int guest_memory_populate(struct guest_memory *memory, struct control *control, domid_t domain,
                          uint64_t nr_pages);
void guest_memory_free(struct guest_memory *memory);

// Sets `pages` aside for the domain, so that whether the machine has them shows at once and stays
// so: -ENOMEM if not. 0 ends that.
int guest_memory_claim(const struct guest_memory *memory, uint64_t pages);

// Has the hypervisor put memory at `count` guest frames from `first` on, in large pieces where it
// can. `memory` has no `mfns` or has room there. -ENOMEM: not enough.
int guest_memory_populate_range(const struct guest_memory *memory, uint64_t first, uint64_t count);

// Maps guest frames for reading and writing; NULL and errno on failure. control_unmap() ends it.
void *guest_memory_map(const struct guest_memory *memory, uint64_t first, uint64_t count);
