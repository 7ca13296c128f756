// One pair of rings and the tap device's queue that it is joined with: frames pass between the two.
//
// No call takes long: each moves one batch at most. Nothing here waits or sleeps; who calls knows
// from the result when to call again.
#pragma once

#include "backends/net/batch.h"
#include "backends/common/credit.h"
#include "backends/net/filter.h"
#include "backends/net/rx.h"
#include "backends/net/tx.h"

// "tx" and "rx" as the guest sees them.
struct net_statistics {
    uint64_t tx_frames, tx_bytes, tx_errors, tx_dropped;
    uint64_t rx_frames, rx_bytes, rx_errors, rx_dropped;
    uint64_t tx_batches, rx_batches;
};

// What the queues of a device share.
struct net_port {
    struct net_guest guest;
    struct net_filter filter;
    struct credit credit;
    struct net_batch *batch;
    struct net_statistics statistics;
    // Copies all segments; -errno if that cannot be done at all.
    int (*copy)(void *context, struct grant_copy *copies, uint32_t count);
    void *context;
};

struct net_queue {
    struct net_port *port;
    int tap; // non-blocking; frames behind a struct virtio_net_hdr
    struct ring tx;
    struct rx_ring rx;
};

#define QUEUE_NOTIFY (1U << 0) // the guest asked for an event
#define QUEUE_AGAIN  (1U << 1) // there is more to do: call again
#define QUEUE_WAIT \
    (1U << 2) // sending: no credit; receiving: no pages: leave the tap alone until there are
#define QUEUE_BROKEN (1U << 3) // the rings cannot be used any further: *why

// From the guest to the tap device. `now_us` is for the limit on what may be sent.
unsigned queue_send(struct net_queue *queue, uint64_t now_us, const char **why);

// From the tap device to the guest.
unsigned queue_receive(struct net_queue *queue, const char **why);
