// Frames on their way between a guest's pages and this program's memory, many at a time.
//
// A batch is filled from one side (a ring, a tap device), copied by one call for all its grants,
// and handed to the other side. All that is in it is private to this program.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/net/offload.h"
#include "control/grant.h"

#define NET_PAGE           4096U
#define NET_RING_ENTRIES   256 // of either ring, at the most: a page's worth
#define NET_BATCH_PAGES    96  // of memory; more than the longest frame needs, twice over
#define NET_BATCH_FRAMES   64
#define NET_BATCH_SEGMENTS (NET_RING_ENTRIES + 1)
_Static_assert(NET_BATCH_SEGMENTS <= GRANT_COPY_MOST, "a batch is copied at once");
// Pages of the longest frame.
#define NET_FRAME_PAGES ((FRAME_BYTES + FRAME_TAGS_MAX * FRAME_TAG + NET_PAGE - 1) / NET_PAGE)

// An entry of the ring, in the ring's order, and its answer.
struct net_slot {
    uint16_t id;
    int16_t status;   // NETIF_RSP_*, or bytes received
    uint16_t flags;   // NETRXF_*
    bool extra;       // netif_extra_info: `info`
    uint32_t segment; // of the batch, if `copied`
    bool copied;
    struct netif_extra_info info;
};

enum net_verb { NET_FRAME, NET_MULTICAST_ADD, NET_MULTICAST_DELETE };

struct net_frame {
    enum net_verb verb;
    uint8_t *data;
    uint32_t length;
    uint32_t first_slot, slots;
    struct net_offload offload;
    uint8_t address[6]; // of NET_MULTICAST_*
    int16_t status;     // NETIF_RSP_OKAY as long as nothing is wrong with it
};

struct net_batch {
    uint32_t frames_count, slots_count, segments_count, pages_count;
    struct net_frame frames[NET_BATCH_FRAMES];
    struct net_slot slots[NET_BATCH_SEGMENTS];
    struct grant_copy segments[NET_BATCH_SEGMENTS];
    uint8_t *memory; // NET_BATCH_PAGES pages
};

// NULL: no memory.
struct net_batch *batch_new(void);
void batch_free(struct net_batch *batch);

void batch_clear(struct net_batch *batch);

// Where the next frame goes, with NET_FRAME_PAGES pages behind it, or NULL if the batch is full.
uint8_t *batch_next(const struct net_batch *batch);

// Takes `pages` of that place.
void batch_use(struct net_batch *batch, size_t bytes);
