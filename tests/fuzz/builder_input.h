// What the fuzzers of the builder share: the input is a kernel's file.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "builder/builder.h"

#define PAGES 2048 // of the guest

// Plans a guest of it. Where that succeeds, `build` must be able to build it; where it does not, it
// must have said why.
static inline void try_kernel(const uint8_t *data, size_t size, bool pvh,
                              void (*build)(struct guest_image *image, FILE *messages))
{
    static FILE *messages;
    static char path[32], said[4096];
    static int fd = -1;
    struct guest_image_source source = {.kernel = path,
                                        .cmdline = "console=hvc0",
                                        .memory_kib = PAGES * 4,
                                        .kind = pvh ? GUEST_PVH : GUEST_PV,
                                        .vcpus = 1,
                                        .max_vcpus = 2};
    struct guest_image *image;

    if (fd < 0) {
        fd = memfd_create("kernel", 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        messages = fmemopen(said, sizeof(said), "w");
    }
    rewind(messages);
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    if (guest_image_open(&source, messages, &image)) {
        fflush(messages);
        if (ftell(messages) <= 0)
            abort();
        return;
    }
    build(image, messages);
    guest_image_free(image);
}
