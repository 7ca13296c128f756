// The network device's front end (pv-abi/io/netif.h): one queue, packets of one slot each, no
// offloads.
//
// Pages are granted once, when it connects: TX_SLOTS to send from, RX_SLOTS to receive into. Of the
// back end nothing is believed: indexes and responses are copied (ring/ring.h), a response must be
// to something under way, a packet must lie within its page and is copied before anyone looks at
// it. A back end that breaks the protocol stops the device, and says why in `broken`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontends/kernel/threads.h"
#include "frontends/xenbus/device.h"
#include "pv-abi/io/netif.h"
#include "ring/ring.h"

#define NET_TX_SLOTS    32u
#define NET_RX_SLOTS    64u
#define NET_FRAME_MOST  1514u
#define NET_FRAME_LEAST 14u

struct net_page {
    void *page;
    grant_ref_t ref;
    bool lent; // the back end's, for now
};

struct net_options {
    // Gets every packet, from an event handler; the bytes stay only as long as it runs.
    void (*receive)(void *arg, const uint8_t *frame, size_t bytes);
    void *arg;
    // Gets every answer to what was sent instead of the front end. From an event handler.
    void (*answered)(void *arg, const struct netif_tx_response *response);
    uint64_t patience; // ns that the back end has to connect; 0: as long as is usual
    // A key that is published with this value instead of its own, or beside the others; or, without
    // a value, not at all.
    const char *false_key, *false_value;
};

struct net_counters {
    uint64_t sent, received, bytes_sent, bytes_received;
    uint64_t refused; // by the back end: what we sent
    uint64_t dropped; // by us: what came and was no packet of ours
};

struct netfront {
    struct xenbus_device device;
    struct net_options options;
    uint8_t mac[6];
    void *tx_memory, *rx_memory; // of the rings
    grant_ref_t tx_ref, rx_ref;
    struct ring tx, rx;
    long port;
    const char *broken; // why nothing goes any more
    struct wait_queue progress;
    struct net_page tx_pages[NET_TX_SLOTS], rx_pages[NET_RX_SLOTS];
    bool in_packet; // of several slots, which is being dropped
    struct net_counters counters;
};

// Connects to the back end of device/vif/HANDLE; an error leaves nothing behind.
int netfront_open(struct netfront *net, unsigned handle, const struct net_options *options);
void netfront_close(struct netfront *net);

// Copies the frame and sends it. -EAGAIN: no room now (wait for `progress`); -EINVAL: no frame has
// this size; -EIO: broken.
int netfront_send(struct netfront *net, const void *frame, size_t bytes);
// The same from a thread: waits for room.
int netfront_send_wait(struct netfront *net, const void *frame, size_t bytes);

// For the front end's own files.
void netfront_news(void *net); // the event's handler
void netfront_fail(struct netfront *net, const char *why);
void netfront_lend_all(struct netfront *net); // what is there to receive into
