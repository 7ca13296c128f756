// The least of IPv4 that two machines on one wire can be tried with: ARP, ICMP echo, and UDP
// without fragments. It answers for its own address: ARP, ping, and UDP to port 7 (echo).
#pragma once

#include "frontends/net/netfront.h"

#define IP_UDP_MOST 1472u // bytes of a datagram
#define UDP_ECHO    7

struct ip {
    struct netfront net;
    uint32_t address; // a.b.c.d is a << 24 | b << 16 | c << 8 | d
    uint32_t peer;    // whose MAC address is known, or asked for
    uint8_t peer_mac[6];
    bool peer_known;
    uint16_t next_id;
    // A datagram to `port`, and an answer to a ping; from an event handler.
    uint16_t port;
    void (*datagram)(struct ip *ip, uint32_t from, uint16_t from_port, const uint8_t *data,
                     size_t bytes);
    unsigned echoes; // answers to pings
    uint64_t bad;    // packets with wrong checksums or lengths
};

// "10.0.0.2"; false if it is none.
bool ip_parse(const char *text, uint32_t *address);

int ip_open(struct ip *ip, unsigned handle, uint32_t address);
void ip_close(struct ip *ip);

// Asks for the peer's MAC address until it is told; -ETIMEDOUT after NS. The other calls send to
// him.
int ip_resolve(struct ip *ip, uint32_t peer, uint64_t ns);
int ip_send_udp(struct ip *ip, uint16_t from_port, uint16_t to_port, const void *data,
                size_t bytes);
int ip_send_echo(struct ip *ip, uint16_t sequence, const void *data, size_t bytes);
