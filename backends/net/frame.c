#include "backends/net/frame.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_QINQ     0x88a8
#define IPV4_HEADER        20
#define IPV6_HEADER        40
#define TCP_HEADER         20
#define UDP_HEADER         8
#define IPV6_EXTENSION_MAX 8 // headers between IPv6's and the transport's

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

// Ones' complement sum of bytes as big-endian words.
static uint64_t sum(const uint8_t *data, size_t length)
{
    uint64_t total = 0;
    size_t i = 0;

    for (; i + 1 < length; i += 2)
        total += get16(data + i);
    return i < length ? total + (uint64_t)(data[i] << 8) : total;
}

static uint16_t fold(uint64_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

static bool parse_ipv4(const uint8_t *frame, size_t length, size_t at, uint8_t *protocol,
                       size_t *transport)
{
    size_t header;

    if (length < at + IPV4_HEADER || frame[at] >> 4 != 4)
        return false;
    header = (size_t)(frame[at] & 15) * 4;
    if (header < IPV4_HEADER || (get16(frame + at + 6) & 0x3fff)) // an offset, or more fragments
        return false;
    *protocol = frame[at + 9];
    *transport = at + header;
    return true;
}

static bool parse_ipv6(const uint8_t *frame, size_t length, size_t at, uint8_t *protocol,
                       size_t *transport)
{
    if (length < at + IPV6_HEADER || frame[at] >> 4 != 6)
        return false;
    *protocol = frame[at + 6];
    at += IPV6_HEADER;
    for (int i = 0; i < IPV6_EXTENSION_MAX; i++) {
        if (*protocol != IPPROTO_HOPOPTS && *protocol != IPPROTO_ROUTING &&
            *protocol != IPPROTO_DSTOPTS) {
            *transport = at;
            return true;
        }
        if (length < at + 8)
            return false;
        *protocol = frame[at];
        at += ((size_t)frame[at + 1] + 1) * 8;
    }
    return false;
}

static bool parse_transport(const uint8_t *frame, size_t length, uint8_t protocol,
                            struct frame_layout *layout)
{
    size_t at = layout->transport;

    layout->tcp = protocol == IPPROTO_TCP;
    if (!layout->tcp && protocol != IPPROTO_UDP)
        return false;
    if (length < at + (layout->tcp ? TCP_HEADER : UDP_HEADER))
        return false;
    layout->checksum = (uint16_t)(at + (layout->tcp ? FRAME_TCP_SUM : FRAME_UDP_SUM));
    layout->payload =
        (uint16_t)(at + (layout->tcp ? (size_t)(frame[at + 12] >> 4) * 4 : UDP_HEADER));
    return layout->payload <= length && (!layout->tcp || layout->payload >= at + TCP_HEADER);
}

bool frame_parse(const uint8_t *frame, size_t length, struct frame_layout *layout)
{
    size_t type = FRAME_HEADER - 2, network, transport;
    uint8_t protocol;

    *layout = (struct frame_layout){0};
    if (length < FRAME_HEADER || length > FRAME_BYTES + FRAME_TAGS_MAX * FRAME_TAG)
        return false;
    for (int i = 0; i < FRAME_TAGS_MAX; i++)
        if (get16(frame + type) == ETHERTYPE_VLAN || get16(frame + type) == ETHERTYPE_QINQ) {
            type += FRAME_TAG;
            layout->tagged = true;
            if (length < type + 2)
                return false;
        }
    network = type + 2;
    layout->ipv6 = get16(frame + type) == ETHERTYPE_IPV6;
    if (!layout->ipv6 && get16(frame + type) != ETHERTYPE_IP)
        return false;
    if (!(layout->ipv6 ? parse_ipv6 : parse_ipv4)(frame, length, network, &protocol, &transport))
        return false;
    if (transport > length)
        return false;
    layout->network = (uint16_t)network;
    layout->transport = (uint16_t)transport;
    return parse_transport(frame, length, protocol, layout);
}

void frame_write_pseudo(uint8_t *frame, size_t length, const struct frame_layout *layout)
{
    const uint8_t *network = frame + layout->network;
    uint64_t total = layout->tcp ? IPPROTO_TCP : IPPROTO_UDP;

    total += length - layout->transport;
    total += layout->ipv6 ? sum(network + 8, 32) : sum(network + 12, 8);
    put16(frame + layout->checksum, fold(total));
}

bool frame_complete(uint8_t *frame, size_t length, size_t start, size_t offset)
{
    uint16_t result;

    if (start > length || offset > length - start || length - start - offset < 2)
        return false;
    result = (uint16_t)~fold(sum(frame + start, length - start));
    put16(frame + start + offset, result ? result : 0xffff); // UDP's 0 means that there is none
    return true;
}
