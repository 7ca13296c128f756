// A guest's ring of frames to send: what it says there, checked.
//
// A frame takes one to TX_SLOTS_MAX entries and extra infos behind the first. Where the ring says
// where a frame ends, a frame that makes no sense is answered with an error and the next one is
// looked at; where it does not (a chain that runs off the ring or has no end), the ring is broken,
// and the device with it.
//
// Answers go into the ring in the order of its entries, an extra info's with the info's first bytes
// as its id, and are published at the ends of frames. So whoever takes over a ring whose server has
// died finds in each entry that was not published what he needs to answer it: an answer overwrites
// the grant reference alone.
#pragma once

#include "backends/net/batch.h"
#include "ring/ring.h"

#define TX_SLOTS_MAX  XEN_NETIF_NR_SLOTS_MIN // of data in a frame
#define TX_CHAIN_MAX  40                     // entries up to which a chain is followed to its end
#define TX_EXTRAS_MAX 8

// Takes the next frame from the ring, if there is one and it fits into the batch: on return there
// is a frame more in it, or none.
enum tx_result {
    TX_TAKEN,
    TX_EMPTY,
    TX_FULL,
    TX_BROKEN, // *why says how
};
enum tx_result tx_take(struct ring *ring, struct net_batch *batch, const char **why);

// After the copy: frames of which a page could not be had get an error.
void tx_copied(struct net_batch *batch);

// Answers all that is in the batch. True: the guest wants to be notified.
bool tx_answer(struct ring *ring, const struct net_batch *batch);

// Answers what another server of this ring has left, unsent. For a ring that was resumed at its
// published index. False: *why.
bool tx_abandon(struct ring *ring, bool *notify, const char **why);
