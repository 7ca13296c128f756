// Headers and checksums of an Ethernet frame: where TCP or UDP begin in it, if they do.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER   14    // the shortest frame: two addresses and a type
#define FRAME_TAG      4     // of a VLAN
#define FRAME_BYTES    65549 // the longest: an IP packet of 65535 behind its header
#define FRAME_TCP_SUM  16    // where the checksum lies in a TCP header,
#define FRAME_UDP_SUM  6     // in a UDP header
#define FRAME_TAGS_MAX 2

// Offsets are from the frame's start.
struct frame_layout {
    bool tagged;        // a VLAN's tag stands before the IP header
    bool ipv6;          // otherwise IPv4
    bool tcp;           // otherwise UDP
    uint16_t network;   // the IP header
    uint16_t transport; // the TCP or UDP header
    uint16_t checksum;  // its checksum
    uint16_t payload;   // what follows it
};

// False: not TCP or UDP of IPv4 or IPv6 with whole headers, or a fragment.
bool frame_parse(const uint8_t *frame, size_t length, struct frame_layout *layout);

// Writes the checksum of the pseudo header alone, for `length` bytes of frame, where the layout
// says.
void frame_write_pseudo(uint8_t *frame, size_t length, const struct frame_layout *layout);

// Sums up from `start` to the end and writes the result `offset` bytes behind `start`, where the
// pseudo header's sum stands. False: that is not within the frame.
bool frame_complete(uint8_t *frame, size_t length, size_t start, size_t offset);
