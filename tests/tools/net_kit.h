// A guest's network device without a hypervisor: pages that it grants, its ends of the rings, and a
// pair of sockets for the tap device.
#pragma once

#include "backends/net/queue.h"

#define KIT_PAGES 600

struct net_kit {
    uint8_t pages[KIT_PAGES][NET_PAGE]; // the reference of a page is its number
    bool revoked[KIT_PAGES];
    uint8_t tx_page[NET_PAGE], rx_page[NET_PAGE];
    struct ring tx, rx; // the guest's ends
    int network;        // the other end of the tap device
    bool copy_fails;
    struct net_port port;
    struct net_queue queue;
};

// Ends with abort() what cannot be set up.
struct net_kit *kit_new(void);
void kit_free(struct net_kit *kit);

// Fresh rings, as after a connection.
void kit_connect(struct net_kit *kit);

// What a server that takes the rings over does first, in place of the one that was there.
void kit_take_over(struct net_kit *kit);

// A frame of `length` bytes with TCP (or UDP) over IPv4 (or IPv6), its checksum whole; its payload
// depends on `seed`.
void kit_make_frame(uint8_t *frame, size_t length, bool ipv6, bool tcp, unsigned seed);
bool kit_sum_is_right(const uint8_t *frame, size_t length);

// Puts a request for data at the start of page `page`, whose id is the page's number too.
void kit_request(struct net_kit *kit, uint32_t page, uint32_t size, uint16_t flags);
void kit_extra(struct net_kit *kit, const struct netif_extra_info *info);

// The next answer: its status. -100: there is none.
int kit_answer(struct net_kit *kit, uint16_t *id);

// Gives `count` pages, from number `first` on, to receive into.
void kit_give(struct net_kit *kit, uint32_t first, uint32_t count);

// Sends all that waits, in as many calls as it takes; what the calls returned.
unsigned kit_send_all(struct net_kit *kit);
unsigned kit_receive_all(struct net_kit *kit);

// The next frame that came out of the tap device; 0: none. -1: longer than `size`.
long kit_from_tap(struct net_kit *kit, struct virtio_net_hdr *header, uint8_t *frame, size_t size);
void kit_to_tap(struct net_kit *kit, const struct virtio_net_hdr *header, const uint8_t *frame,
                size_t length);
