// Pages that other domains grant, through Linux's /dev/xen/gntdev.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pv-abi/xen.h"

// A file descriptor, close-on-exec, or -errno.
int grant_open(void);

// Maps `count` granted pages of `domain` side by side; NULL and errno on failure. `protection` as
// mmap(2)'s.
void *grant_map(int fd, domid_t domain, const uint32_t *references, size_t count, int protection);
void grant_unmap(int fd, void *address, size_t count);
