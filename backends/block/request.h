// A request of a block ring, checked. Pure: no I/O, no memory but the caller's.
//
// What comes in is a private copy of the ring's entry (and of the page of segments, if it is an
// indirect one); what goes out has been checked in every field, so that whoever carries it out need
// not look at the entry again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-abi/io/blkif.h"

#define BLK_SEGMENTS_MOST     256  // what "feature-max-indirect-segments" says
#define BLK_SECTOR            512u // of requests, whatever the disk's own is
#define BLK_PAGE              4096u
#define BLK_SEGMENTS_PER_PAGE (BLK_PAGE / sizeof(struct blkif_request_segment))

enum blk_action { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_BARRIER, BLK_DISCARD };

// What the disk can do.
struct blk_limits {
    uint64_t sectors;     // its size
    uint32_t sector_size; // bytes of its own sectors, a multiple of BLK_SECTOR
    bool read_only;
    bool discard; // and ...
    bool secure;  // ...if it shall be beyond recovery
};

struct blk_segment {
    uint32_t reference;
    uint16_t offset; // bytes
    uint16_t length;
};

struct blk_request {
    enum blk_action action;
    uint64_t id;
    uint8_t operation; // as the response names it
    uint64_t offset;   // bytes
    uint64_t length;
    uint32_t segments; // of an indirect one: that are to be read first
    uint32_t pages;    // of segments; 0: it is a direct one
    uint32_t page[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

// Checks everything but the segments of an indirect request. Those of a direct one go to
// segment[BLK_SEGMENTS_MOST]. Returns 0, or what is to be answered, with *why for the log; id and
// operation are right in any case.
int blk_parse(const struct blkif_request *entry, const struct blk_limits *limits,
              struct blk_request *request, struct blk_segment *segment, const char **why);

// The rest of an indirect request: `raw` is a copy of its segments, request->segments of them.
int blk_parse_segments(const struct blkif_request_segment *raw, const struct blk_limits *limits,
                       struct blk_request *request, struct blk_segment *segment, const char **why);
