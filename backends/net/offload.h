// Work that a network's two ends leave to each other - checksums, segmentation - as a guest's rings
// say it (NETTXF_*, NETRXF_*, extra infos) and as Linux's tap devices do (struct virtio_net_hdr).
//
// A header for the kernel is never what a guest wrote: it is made of what the frame itself turns
// out to be, and a frame that is not what the guest claims is refused.
#pragma once

#include <linux/virtio_net.h>

#include "backends/net/frame.h"
#include "pv-abi/io/netif.h"

// The smallest segment: least that TCP leaves for payload (tcp_min_snd_mss, less options).
#define OFFLOAD_SEGMENT_MIN 8

// What a guest's front end takes, as it says in xenstore.
struct net_guest {
    bool sg;                   // frames in several pages
    bool gso_tcpv4, gso_tcpv6; // segments yet to be cut
    bool csum_ipv4, csum_ipv6; // checksums yet to be made
};

struct net_offload {
    bool blank;        // the checksum is the pseudo header's
    bool validated;    // there is no need to look at it
    uint8_t gso_type;  // XEN_NETIF_GSO_TYPE_*
    uint16_t gso_size; // payload of a segment
};

// What a guest says of a frame that it sends, for the kernel; may correct the frame's checksum.
// False: the frame is not of the kind claimed.
bool offload_to_kernel(uint8_t *frame, size_t length, const struct net_offload *said,
                       struct virtio_net_hdr *header);

// What the kernel says of a frame, for the guest; does in the frame what this one does not take.
// False: it cannot be given to him.
bool offload_to_guest(uint8_t *frame, size_t length, const struct virtio_net_hdr *header,
                      const struct net_guest *guest, struct net_offload *said);

// TUN_F_*: what the kernel may leave to this guest.
unsigned offload_tap_flags(const struct net_guest *guest);
