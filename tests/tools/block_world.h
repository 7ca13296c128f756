// A guest and its disk for tests of backends/block on the host: the front end's ring and pages are
// memory shared with the worker, a process that can be killed; grants are indexes of pages, event
// channels are eventfds. I/O is the real thing.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/disk.h"

#define WORLD_PAGES  1024 // that the guest grants; its rings are the first
#define WORLD_RING   4    // pages of the ring
#define RING_ENTRIES 128

struct world {
    uint8_t page[WORLD_PAGES][BLK_PAGE];
    bool revoked[WORLD_PAGES];
    struct disk_ready ready; // what the worker said
    unsigned readies, complaints, resumed;
    uint32_t
        die_at; // the worker kills itself at so many copies and notifications from now; 0: never
};

extern struct world *world;
extern struct ring front;
extern const char world_image[];

// A fresh image of so many bytes, and a ring; nobody serves it yet.
void world_begin(size_t bytes);
void world_end(void);

extern bool world_read_only;   // until world_begin(), as are...
extern const char *world_rate; // ...limits; "": none
extern uint32_t world_iops;

// Starts a worker, or another, which resumes if there was one.
void world_serve(void);
// Kills it.
void world_kill(void);
// Its exit status once it has ended; -1: it was killed.
int world_status(void);
bool world_serving(void); // without waiting

// Puts a request; shows it to the worker.
void world_ask(const void *entry);
// The next response; fails the test if there is none within a while. A worker that dies meanwhile
// is replaced if `revive`.
struct blkif_response world_response(bool revive);

// A whole request and its response's status. `data`: pages from `first` on.
int world_do(uint8_t operation, uint64_t sector, uint32_t pages, uint32_t first);
