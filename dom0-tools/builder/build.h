// How a planned image becomes a domain that can run: steps, one list for each kind of guest.
// Private to the builder.
#pragma once

#include "builder/builder.h"
#include "builder/image.h"
#include "builder/memory.h"

struct build {
    struct guest_image *image;
    const struct guest_target *target;
    struct guest_build *result;
    struct guest_memory memory;

    // Of a PV guest, while it is filled.
    uint8_t *main; // guest frames [layout.kernel, layout.stack]
    uint8_t *rest; // [layout.rest, ...), if there is anything
    uint64_t rest_pages;
    uint64_t shared_info; // machine frame
};

struct build_step {
    int (*run)(struct build *b); // 0 or -errno
    const char *what;            // an error of it means
    bool reads;                  // files; -EIO is theirs
};

// The first gives the domain its memory, and fails with -ENOMEM if there is not enough; after the
// last comes one without run(). They fill *result but for the times.
extern const struct build_step pv_build_steps[], pvh_build_steps[], hvm_build_steps[];

// Reads the RAM disk to `to`, which has room for it. -EIO: its file has become shorter.
int image_read_ramdisk(const struct guest_image *image, uint8_t *to);
