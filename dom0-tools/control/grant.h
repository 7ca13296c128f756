// Pages that other domains grant, through Linux's /dev/xen/gntdev.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-abi/xen.h"

// A file descriptor, close-on-exec, or -errno.
int grant_open(void);

// Maps `count` granted pages of `domain` side by side; NULL and errno on failure. `protection` as
// mmap(2)'s.
void *grant_map(int fd, domid_t domain, const uint32_t *references, size_t count, int protection);
void grant_unmap(int fd, void *address, size_t count);

// Copies of bytes between this program's memory and granted pages, in one call.
struct grant_copy {
    void *local;
    uint32_t reference; // a page of the domain's
    uint16_t offset;    // in that page
    uint16_t length;    // up to its end
    bool to_guest;
    int16_t status; // out: 0, or one of GNTST_*: nothing was copied
};

#define GRANT_COPY_MOST 512 // at once

// 0 if all were tried, and then each has its status; or -errno.
int grant_copy(int fd, domid_t domain, struct grant_copy *copies, size_t count);
