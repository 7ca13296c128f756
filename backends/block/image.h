// What a disk's contents are kept in: a raw file or a block device.
//
// Whoever serves an image holds a lock on it (flock(2): exclusive to write, shared to read), which
// belongs to the open file, not to the process. Every request that the kernel still has in hand
// holds on to that open file. So who gets the lock knows that nothing of a predecessor's, however
// it ended, is still to reach the image.
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern unsigned image_patience; // how long a lock is waited for, ms

struct image {
    int fd;
    bool device;         // a block device, no file
    bool direct;         // reads and writes pass by the page cache
    bool discard;        // parts can be let go
    uint64_t bytes;      // a multiple of 512
    uint32_t block_size; // of its own sectors, bytes
};

// Opens and locks it, waiting for a predecessor's requests for up to image_patience. 0 or
// -errno (-EWOULDBLOCK: another program serves it), with *what the step that failed.
int image_open(struct image *image, const char *path, bool read_only, bool discard,
               const char **what);

// No medium: no sectors, and nothing to be locked.
void image_none(struct image *image);

// Whether another holds a lock that stands against it. 0, -EWOULDBLOCK, or -errno as open(2) says.
int image_in_use(const char *path, bool read_only);

// Looks at its size anew. True: it has changed.
bool image_resized(struct image *image);

// From now on through the page cache: the file system takes no direct reads and writes as they are.
void image_not_direct(struct image *image);
