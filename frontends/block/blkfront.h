// The block device's front end (pv-abi/io/blkif.h): one ring, of up to four pages.
//
// Of the back end nothing is believed: indexes and responses are copied (ring/ring.h), a response
// must be to a request under way and of its kind, and a back end that breaks the protocol, closes
// or goes leaves every request ended with an error. A back end that is restarted behind the same
// ring is not noticed.
//
// Pages go to the back end by grants, for each request anew; or, if it is asked for and offered, by
// grants that stay, and copies.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontends/kernel/threads.h"
#include "frontends/xenbus/device.h"
#include "pv-abi/io/blkif.h"
#include "ring/ring.h"

#define BLOCK_SECTOR          512u
#define BLOCK_PAGES_MOST      32u // of a request
#define BLOCK_RING_ORDER_MOST 2u
#define BLOCK_SLOTS_MOST      128u
#define BLOCK_POOL_PAGES      64u

struct block_page {
    void *page;
    grant_ref_t ref;
};

// A request; the caller's until it is done. SECTOR and SECTORS count 512 bytes.
struct block_request {
    uint8_t operation; // BLKIF_OP_READ, _WRITE, _FLUSH_DISKCACHE, _WRITE_BARRIER, _DISCARD
    uint64_t sector, sectors;
    void *data; // for reads and writes: whole pages, from a page's start on
    // Results.
    bool done;
    int error;         // 0, -EIO, -EOPNOTSUPP
    uint64_t finished; // when, by the TSC
    bool stuck;        // the back end has pages of it mapped still: never to be used again
    // The front end's.
    uint64_t id;
    unsigned nr_pages;
    struct block_page pages[BLOCK_PAGES_MOST + 1]; // the last: of segments
};

struct block_options {
    unsigned ring_order; // the ring's pages are 2^ring_order, or as many as the back end takes
    bool persistent;     // use grants that stay, if the back end does
    uint64_t patience;   // ns that the back end has to connect; 0: as long as is usual
    // A key that is published with this value instead of its own; or, without a value, not at all.
    const char *false_key, *false_value;
    // Gets every response instead of the front end. From an event handler.
    void (*responses)(void *arg, const struct blkif_response *response);
    void *arg;
};

struct blkfront {
    struct xenbus_device device;
    struct block_options options;
    // What the back end says of itself.
    uint64_t sectors; // of 512 bytes
    uint64_t sector_size, info;
    bool flush, barrier, discard;
    uint64_t indirect_most; // segments; 0: none
    // The connection.
    void *memory; // of the ring
    unsigned nr_ring_pages;
    grant_ref_t ring_refs[1u << BLOCK_RING_ORDER_MOST];
    long port;
    bool persistent;
    struct ring ring;
    const char *broken; // why nothing goes any more
    uint32_t serial;
    struct block_request *under_way[BLOCK_SLOTS_MOST];
    struct wait_queue progress;
    struct block_page pool[BLOCK_POOL_PAGES];
    unsigned pool_free;
};

// Connects to the back end of device/vbd/HANDLE; *BLOCK is the front end's until it is closed. An
// error leaves nothing behind.
int blkfront_open(struct blkfront *block, unsigned handle, const struct block_options *options);
// Ends what is under way, and disconnects.
void blkfront_close(struct blkfront *block);

// Waits for room in the ring, and sends. -EINVAL: no such request can be; -EOPNOTSUPP, -ENOMEM,
// -EIO.
int blkfront_submit(struct blkfront *block, struct block_request *request);
// Waits for the request's end; its error.
int blkfront_wait(struct blkfront *block, struct block_request *request);
// Both.
int blkfront_do(struct blkfront *block, struct block_request *request);

// For the front end's own files.
void blkfront_news(void *block); // the event's handler
void blkfront_fail(struct blkfront *block, const char *why);
// Ends everything if the back end is no longer connected.
void blkfront_look(struct blkfront *block);
// Waits for CONDITION, or until nothing goes any more.
#define BLKFRONT_WAIT(block, condition)                                                           \
    do {                                                                                          \
        while (                                                                                   \
            !WAIT_FOR(&(block)->progress, (condition) || (block)->broken, clock_after(NS_PER_S))) \
            blkfront_look(block);                                                                 \
    } while (0)
int blkfront_take_pages(struct blkfront *block, struct block_request *request, unsigned nr_data,
                        bool indirect);
void blkfront_give_pages(struct blkfront *block, struct block_request *request);
bool blkfront_make_pool(struct blkfront *block);
void blkfront_end_pool(struct blkfront *block);
