// A guest's ring of pages to receive into.
//
// Entries are answered in their order: the answer to the nth lies in the nth's place, as front ends
// expect. A frame takes as many as it has pages, and one for its extra info; its answers are
// published together.
#pragma once

#include "backends/net/batch.h"
#include "ring/ring.h"

// Entries that the longest frame takes.
#define RX_SLOTS_MAX (NET_FRAME_PAGES + 1)

struct rx_ring {
    struct ring ring;
    uint32_t first, count;                              // of those taken and unused
    struct netif_rx_request requests[NET_RING_ENTRIES]; // taken, by index modulo their number
};

// How many pages the guest has given that are unused; -1: the ring is broken (*why). If there are
// less than `wanted`, the guest notifies when there are more.
int rx_pages(struct rx_ring *rx, uint32_t wanted, const char **why);

// Plans the copy of a frame, of which data, length and offload are set, into pages that there are.
void rx_place(struct rx_ring *rx, struct net_batch *batch, struct net_frame *frame);

// Entries that a frame will take.
uint32_t rx_slots(const struct net_frame *frame);

// Answers all that is in the batch, after the copy: a page that could not be reached gets an error.
// True: the guest wants to be notified.
bool rx_answer(struct rx_ring *rx, struct net_batch *batch);

// Gives back, as errors, what another server of this ring has left. For a ring that was resumed at
// its published index. False: *why.
bool rx_abandon(struct rx_ring *rx, bool *notify, const char **why);
