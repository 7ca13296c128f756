#include "backends/net/offload.h"

#include <linux/if_tun.h>

bool offload_to_kernel(uint8_t *frame, size_t length, const struct net_offload *said,
                       struct virtio_net_hdr *header)
{
    bool segments = said->gso_type != XEN_NETIF_GSO_TYPE_NONE;
    bool ipv6 = said->gso_type == XEN_NETIF_GSO_TYPE_TCPV6;
    struct frame_layout layout;

    *header = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (!segments && !said->blank)
        return true;
    if (!frame_parse(frame, length, &layout))
        return false;
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = layout.transport;
    header->csum_offset = (uint16_t)(layout.checksum - layout.transport);
    if (!segments)
        return true;
    if (!layout.tcp || layout.ipv6 != ipv6 || said->gso_size < OFFLOAD_SEGMENT_MIN)
        return false;
    // A frame yet to be cut has no checksum that could be right.
    if (!said->blank)
        frame_write_pseudo(frame, length, &layout);
    if (length - layout.payload > said->gso_size) {
        header->gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
        header->gso_size = said->gso_size;
        header->hdr_len = layout.payload;
    }
    return true;
}

static bool translate_segments(const struct virtio_net_hdr *header, const struct net_guest *guest,
                               struct net_offload *said)
{
    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        said->gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
        said->gso_size = header->gso_size;
        return guest->sg && guest->gso_tcpv4 && header->gso_size;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        said->gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
        said->gso_size = header->gso_size;
        return guest->sg && guest->gso_tcpv6 && header->gso_size;
    default:
        return false;
    }
}

// A front end finds the place of a checksum by itself, and only in untagged TCP and UDP.
static bool finds(const uint8_t *frame, size_t length, const struct virtio_net_hdr *header,
                  const struct net_guest *guest)
{
    struct frame_layout layout;

    return frame_parse(frame, length, &layout) && !layout.tagged &&
           (layout.ipv6 ? guest->csum_ipv6 : guest->csum_ipv4) &&
           header->csum_start == layout.transport &&
           header->csum_start + header->csum_offset == layout.checksum;
}

bool offload_to_guest(uint8_t *frame, size_t length, const struct virtio_net_hdr *header,
                      const struct net_guest *guest, struct net_offload *said)
{
    *said = (struct net_offload){.validated = header->flags & VIRTIO_NET_HDR_F_DATA_VALID};
    if (!translate_segments(header, guest, said))
        return false;
    if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return said->gso_type == XEN_NETIF_GSO_TYPE_NONE;
    said->blank = finds(frame, length, header, guest);
    said->validated = true;
    if (said->blank)
        return true;
    return said->gso_type == XEN_NETIF_GSO_TYPE_NONE &&
           frame_complete(frame, length, header->csum_start, header->csum_offset);
}

unsigned offload_tap_flags(const struct net_guest *guest)
{
    // Not TUN_F_TSO_ECN: rings have no word for segments of which only the first has CWR.
    unsigned flags = guest->csum_ipv4 || guest->csum_ipv6 ? TUN_F_CSUM : 0;

    if (guest->sg && guest->gso_tcpv4 && guest->csum_ipv4)
        flags |= TUN_F_TSO4;
    if (guest->sg && guest->gso_tcpv6 && guest->csum_ipv6)
        flags |= TUN_F_TSO6;
    return flags;
}
