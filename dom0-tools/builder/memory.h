// A guest's memory as its builder handles it.
#pragma once

#include <stdint.h>

#include "control/control.h"

struct guest_memory {
    struct control *control;
    domid_t domain;
    uint64_t nr_pages;
    uint64_t *mfns; // the machine frame of each guest frame
};

// Has the hypervisor give the domain `nr_pages` frames, guest frames 0 and up: all or, with
// -ENOMEM, not enough of them. To be ended with guest_memory_free(), which leaves the domain as it
// is.
int guest_memory_populate(struct guest_memory *memory, struct control *control, domid_t domain,
                          uint64_t nr_pages);
void guest_memory_free(struct guest_memory *memory);

// Maps guest frames for reading and writing; NULL and errno on failure. control_unmap() ends it.
void *guest_memory_map(const struct guest_memory *memory, uint64_t first, uint64_t count);
