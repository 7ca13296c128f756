#include "frontends/net/ip.h"

#include "frontends/kernel/guest.h"

#define ETHERTYPE_IP  0x0800
#define ETHERTYPE_ARP 0x0806
#define ARP_ASK       1
#define ARP_TELL      2
#define PROTOCOL_ICMP 1
#define PROTOCOL_UDP  17
#define ICMP_ANSWER   0
#define ICMP_ECHO     8
#define FRAGMENT_BITS 0x3fff // more fragments, and the offset

struct ethernet {
    uint8_t to[6], from[6];
    uint16_t type;
} __attribute__((packed));

struct arp {
    uint16_t hardware, protocol;
    uint8_t hardware_bytes, protocol_bytes;
    uint16_t operation;
    uint8_t sender_mac[6];
    uint32_t sender;
    uint8_t target_mac[6];
    uint32_t target;
} __attribute__((packed));

struct ipv4 {
    uint8_t version, tos;
    uint16_t bytes, id, fragment;
    uint8_t ttl, protocol;
    uint16_t checksum;
    uint32_t from, to;
} __attribute__((packed));

struct udp {
    uint16_t from, to, bytes, checksum;
} __attribute__((packed));

struct icmp {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
} __attribute__((packed));

struct packet {
    struct ethernet ethernet;
    union {
        struct arp arp;
        struct {
            struct ipv4 ip;
            union {
                struct udp udp;
                struct icmp icmp;
            };
            uint8_t data[IP_UDP_MOST];
        } __attribute__((packed));
    };
} __attribute__((packed));
_Static_assert(sizeof(struct packet) == NET_FRAME_MOST, "the largest frame");
#define HEADERS (sizeof(struct packet) - IP_UDP_MOST)

static inline uint16_t swap16(uint16_t x)
{
    return __builtin_bswap16(x);
}

static inline uint32_t swap32(uint32_t x)
{
    return __builtin_bswap32(x);
}

// The sum of the Internet's checksum, not yet folded; an odd byte is the first of two.
static uint32_t sum(const void *bytes, size_t size, uint32_t start)
{
    const uint8_t *p = bytes;

    for (; size > 1; size -= 2, p += 2)
        start += (uint32_t)(p[0] << 8 | p[1]);
    return size ? start + (uint32_t)(p[0] << 8) : start;
}

static uint16_t fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return swap16((uint16_t)~total);
}

static uint32_t pseudo_header(const struct ipv4 *ip, size_t bytes)
{
    return sum(&ip->from, 8, (uint32_t)(ip->protocol + bytes));
}

bool ip_parse(const char *text, uint32_t *address)
{
    uint32_t parts[4] = {0};
    unsigned n = 0;

    for (const char *p = text;; p++) {
        if (*p >= '0' && *p <= '9' && parts[n] < 256)
            parts[n] = parts[n] * 10 + (uint32_t)(*p - '0');
        else if ((*p != '.' && *p) || p == text || (*p == '.' && ++n > 3))
            return false;
        if (!*p)
            break;
    }
    *address = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3];
    return n == 3 && (parts[0] | parts[1] | parts[2] | parts[3]) < 256;
}

// Sending

static void address_frame(const struct ip *ip, struct packet *p, const uint8_t to[6], uint16_t type)
{
    memcpy(p->ethernet.to, to, 6);
    memcpy(p->ethernet.from, ip->net.mac, 6);
    p->ethernet.type = swap16(type);
}

static int send_arp(struct ip *ip, unsigned operation, const uint8_t to_mac[6], uint32_t to)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct packet p;

    address_frame(ip, &p, operation == ARP_ASK ? everybody : to_mac, ETHERTYPE_ARP);
    p.arp = (struct arp){.hardware = swap16(1),
                         .protocol = swap16(ETHERTYPE_IP),
                         .hardware_bytes = 6,
                         .protocol_bytes = 4,
                         .operation = swap16((uint16_t)operation),
                         .sender = swap32(ip->address),
                         .target = swap32(to)};
    memcpy(p.arp.sender_mac, ip->net.mac, 6);
    memcpy(p.arp.target_mac, to_mac, 6);
    return netfront_send(&ip->net, &p, sizeof(p.ethernet) + sizeof(p.arp));
}

// With the headers' other fields and the data filled in.
static int send_ip(struct ip *ip, struct packet *p, const uint8_t to_mac[6], uint32_t to,
                   unsigned protocol, size_t data)
{
    size_t bytes = HEADERS + data - sizeof(p->ethernet);

    address_frame(ip, p, to_mac, ETHERTYPE_IP);
    p->ip = (struct ipv4){.version = 0x45,
                          .bytes = swap16((uint16_t)bytes),
                          .id = swap16(ip->next_id++),
                          .ttl = 64,
                          .protocol = (uint8_t)protocol,
                          .from = swap32(ip->address),
                          .to = swap32(to)};
    p->ip.checksum = fold(sum(&p->ip, sizeof(p->ip), 0));
    if (protocol == PROTOCOL_UDP) {
        p->udp.checksum = 0;
        p->udp.checksum =
            fold(sum(&p->udp, sizeof(p->udp) + data, pseudo_header(&p->ip, sizeof(p->udp) + data)));
        if (!p->udp.checksum)
            p->udp.checksum = 0xffff; // 0 says that there is none
    } else {
        p->icmp.checksum = 0;
        p->icmp.checksum = fold(sum(&p->icmp, sizeof(p->icmp) + data, 0));
    }
    return netfront_send(&ip->net, p, sizeof(p->ethernet) + bytes);
}

int ip_send_udp(struct ip *ip, uint16_t from_port, uint16_t to_port, const void *data, size_t bytes)
{
    struct packet p;

    if (bytes > IP_UDP_MOST)
        return -XEN_EMSGSIZE;
    if (!ip->peer_known)
        return -XEN_ENOTCONN;
    p.udp = (struct udp){swap16(from_port), swap16(to_port),
                         swap16((uint16_t)(sizeof(p.udp) + bytes)), 0};
    memcpy(p.data, data, bytes);
    return send_ip(ip, &p, ip->peer_mac, ip->peer, PROTOCOL_UDP, bytes);
}

int ip_send_echo(struct ip *ip, uint16_t sequence, const void *data, size_t bytes)
{
    struct packet p;

    if (bytes > IP_UDP_MOST)
        return -XEN_EMSGSIZE;
    if (!ip->peer_known)
        return -XEN_ENOTCONN;
    p.icmp = (struct icmp){.type = ICMP_ECHO, .id = swap16(1), .sequence = swap16(sequence)};
    memcpy(p.data, data, bytes);
    return send_ip(ip, &p, ip->peer_mac, ip->peer, PROTOCOL_ICMP, bytes);
}

int ip_resolve(struct ip *ip, uint32_t peer, uint64_t ns)
{
    uint64_t deadline = clock_after(ns);

    ip->peer = peer;
    ip->peer_known = false;
    while (!ip->peer_known) {
        int error = send_arp(ip, ARP_ASK, (const uint8_t[6]){0}, peer);

        if (error && error != -XEN_EAGAIN)
            return error;
        if (clock_now() >= deadline)
            return -XEN_ETIMEDOUT;
        WAIT_FOR(&ip->net.progress, ip->peer_known, clock_after(200 * NS_PER_MS));
    }
    return 0;
}

// Receiving

static void take_arp(struct ip *ip, const struct packet *p, size_t bytes)
{
    if (bytes < sizeof(p->ethernet) + sizeof(p->arp) || swap32(p->arp.target) != ip->address)
        return;
    if (p->arp.operation == swap16(ARP_ASK)) {
        send_arp(ip, ARP_TELL, p->arp.sender_mac, swap32(p->arp.sender));
    } else if (p->arp.operation == swap16(ARP_TELL) && swap32(p->arp.sender) == ip->peer) {
        memcpy(ip->peer_mac, p->arp.sender_mac, 6);
        ip->peer_known = true;
    }
}

static void take_icmp(struct ip *ip, const struct packet *p, size_t data)
{
    struct packet answer;

    if (sum(&p->icmp, sizeof(p->icmp) + data, 0) % 0xffff) {
        ip->bad++;
        return;
    }
    if (p->icmp.type == ICMP_ANSWER)
        ip->echoes++;
    if (p->icmp.type != ICMP_ECHO)
        return;
    answer.icmp = p->icmp;
    answer.icmp.type = ICMP_ANSWER;
    memcpy(answer.data, p->data, data);
    send_ip(ip, &answer, p->ethernet.from, swap32(p->ip.from), PROTOCOL_ICMP, data);
}

static void take_udp(struct ip *ip, const struct packet *p, size_t data)
{
    size_t bytes = swap16(p->udp.bytes);
    struct packet answer;

    if (bytes < sizeof(p->udp) || bytes > sizeof(p->udp) + data ||
        (p->udp.checksum && sum(&p->udp, bytes, pseudo_header(&p->ip, bytes)) % 0xffff)) {
        ip->bad++;
        return;
    }
    bytes -= sizeof(p->udp);
    if (ip->datagram && swap16(p->udp.to) == ip->port)
        ip->datagram(ip, swap32(p->ip.from), swap16(p->udp.from), p->data, bytes);
    if (swap16(p->udp.to) != UDP_ECHO)
        return;
    answer.udp = (struct udp){p->udp.to, p->udp.from, p->udp.bytes, 0};
    memcpy(answer.data, p->data, bytes);
    send_ip(ip, &answer, p->ethernet.from, swap32(p->ip.from), PROTOCOL_UDP, bytes);
}

static void take_ip(struct ip *ip, const struct packet *p, size_t bytes)
{
    size_t all = swap16(p->ip.bytes);

    if (bytes < HEADERS || p->ip.version != 0x45 || all + sizeof(p->ethernet) > bytes ||
        all < HEADERS - sizeof(p->ethernet) || sum(&p->ip, sizeof(p->ip), 0) % 0xffff) {
        ip->bad++;
        return;
    }
    if (swap32(p->ip.to) != ip->address || swap16(p->ip.fragment) & FRAGMENT_BITS)
        return;
    if (p->ip.protocol == PROTOCOL_ICMP)
        take_icmp(ip, p, all + sizeof(p->ethernet) - HEADERS);
    else if (p->ip.protocol == PROTOCOL_UDP)
        take_udp(ip, p, all + sizeof(p->ethernet) - HEADERS);
}

static void take_frame(void *arg, const uint8_t *frame, size_t bytes)
{
    const struct packet *p = (const struct packet *)frame;

    if (p->ethernet.type == swap16(ETHERTYPE_ARP))
        take_arp(arg, p, bytes);
    else if (p->ethernet.type == swap16(ETHERTYPE_IP))
        take_ip(arg, p, bytes);
}

int ip_open(struct ip *ip, unsigned handle, uint32_t address)
{
    struct net_options options = {.receive = take_frame, .arg = ip};

    memset(ip, 0, sizeof(*ip));
    ip->address = address;
    return netfront_open(&ip->net, handle, &options);
}

void ip_close(struct ip *ip)
{
    netfront_close(&ip->net);
}
