#include "tests/tools/net_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void must(bool done)
{
    if (!done)
        abort();
}

static int16_t copy_one(struct net_kit *kit, const struct grant_copy *c)
{
    // The driver refuses the whole call for these: whoever asks has not checked.
    must(c->offset + c->length <= (int)NET_PAGE);
    if (c->reference >= KIT_PAGES || kit->revoked[c->reference])
        return GNTST_bad_gntref;
    if (c->to_guest)
        memcpy(kit->pages[c->reference] + c->offset, c->local, c->length);
    else
        memcpy(c->local, kit->pages[c->reference] + c->offset, c->length);
    return GNTST_okay;
}

static int copy(void *context, struct grant_copy *copies, uint32_t count)
{
    struct net_kit *kit = context;

    if (kit->copy_fails)
        return -EFAULT;
    for (uint32_t i = 0; i < count; i++)
        copies[i].status = copy_one(kit, &copies[i]);
    return 0;
}

struct net_kit *kit_new(void)
{
    struct net_kit *kit = calloc(1, sizeof(*kit));
    int ends[2], room = 4 << 20;

    must(kit && !socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    kit->network = ends[1];
    kit->queue.tap = ends[0];
    kit->queue.port = &kit->port;
    kit->port.guest = (struct net_guest){true, true, true, true, true};
    kit->port.batch = batch_new();
    kit->port.copy = copy;
    kit->port.context = kit;
    must(kit->port.batch);
    kit_connect(kit);
    return kit;
}

void kit_free(struct net_kit *kit)
{
    close(kit->network);
    close(kit->queue.tap);
    batch_free(kit->port.batch);
    free(kit);
}

static void attach(struct net_kit *kit)
{
    ring_attach(&kit->queue.tx, RING_BACK, kit->tx_page, NET_PAGE, sizeof(struct netif_tx_request),
                sizeof(struct netif_tx_response));
    kit->queue.rx = (struct rx_ring){0};
    ring_attach(&kit->queue.rx.ring, RING_BACK, kit->rx_page, NET_PAGE,
                sizeof(struct netif_rx_request), sizeof(struct netif_rx_response));
}

void kit_connect(struct net_kit *kit)
{
    ring_format(kit->tx_page);
    ring_format(kit->rx_page);
    ring_attach(&kit->tx, RING_FRONT, kit->tx_page, NET_PAGE, sizeof(struct netif_tx_request),
                sizeof(struct netif_tx_response));
    ring_attach(&kit->rx, RING_FRONT, kit->rx_page, NET_PAGE, sizeof(struct netif_rx_request),
                sizeof(struct netif_rx_response));
    attach(kit);
}

void kit_take_over(struct net_kit *kit)
{
    const struct ring_header *tx = (const void *)kit->tx_page, *rx = (const void *)kit->rx_page;
    const char *why;
    bool notify;

    attach(kit);
    must(ring_resume(&kit->queue.tx, tx->rsp_prod, tx->rsp_prod));
    must(ring_resume(&kit->queue.rx.ring, rx->rsp_prod, rx->rsp_prod));
    must(tx_abandon(&kit->queue.tx, &notify, &why));
    must(rx_abandon(&kit->queue.rx, &notify, &why));
}

static uint16_t sum16(const uint8_t *at, size_t length, uint32_t total)
{
    for (size_t i = 0; i < length; i++)
        total += i & 1 ? at[i] : (uint32_t)at[i] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

// Sum of pseudo header and all that follows; 0xffff in a frame that is right.
static uint16_t transport_sum(const uint8_t *frame, size_t length)
{
    bool ipv6 = frame[12] == 0x86;
    size_t transport = 14 + (ipv6 ? 40 : 20), rest = length - transport;
    uint16_t head = ipv6 ? sum16(frame + 22, 32, 0) : sum16(frame + 26, 8, 0);

    return sum16(frame + transport, rest, head + (ipv6 ? frame[20] : frame[23]) + (uint32_t)rest);
}

bool kit_sum_is_right(const uint8_t *frame, size_t length)
{
    return transport_sum(frame, length) == 0xffff;
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void kit_make_frame(uint8_t *frame, size_t length, bool ipv6, bool tcp, unsigned seed)
{
    static const uint8_t head[] = {0, 0x16, 0x3e, 1, 2, 3, 0, 0x16, 0x3e, 4, 5, 6};
    size_t transport = 14 + (ipv6 ? 40 : 20), at = transport + (tcp ? 16 : 6);

    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 31 + seed + (i >> 8));
    memcpy(frame, head, sizeof(head));
    put16(frame + 12, ipv6 ? 0x86dd : 0x0800);
    memset(frame + 14, 0, transport - 14);
    frame[14] = ipv6 ? 0x60 : 0x45;
    put16(frame + (ipv6 ? 18 : 16), length - (ipv6 ? 54 : 14));
    frame[ipv6 ? 20 : 23] = tcp ? 6 : 17;
    memset(frame + (ipv6 ? 22 : 26), 0xfd, ipv6 ? 32 : 8);
    if (tcp)
        frame[transport + 12] = 0x50;
    else
        put16(frame + transport + 4, length - transport);
    put16(frame + at, 0);
    put16(frame + at, (uint16_t)~transport_sum(frame, length));
}

void kit_request(struct net_kit *kit, uint32_t page, uint32_t size, uint16_t flags)
{
    struct netif_tx_request request = {
        .gref = page, .id = (uint16_t)page, .size = (uint16_t)size, .flags = flags};

    must(ring_put(&kit->tx, &request));
}

void kit_extra(struct net_kit *kit, const struct netif_extra_info *info)
{
    union netif_tx_sring_entry entry = {0};

    memcpy(&entry, info, sizeof(*info));
    must(ring_put(&kit->tx, &entry));
}

int kit_answer(struct net_kit *kit, uint16_t *id)
{
    struct netif_tx_response response;

    if (ring_take(&kit->tx, &response) != RING_TAKEN)
        return -100;
    *id = response.id;
    return response.status;
}

void kit_give(struct net_kit *kit, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct netif_rx_request request = {.id = (uint16_t)i, .gref = i};

        must(ring_put(&kit->rx, &request));
    }
    ring_publish(&kit->rx);
}

unsigned kit_send_all(struct net_kit *kit)
{
    const char *why = NULL;
    unsigned todo, all = 0;

    do {
        todo = queue_send(&kit->queue, 0, &why);
        must(!(todo & QUEUE_BROKEN) || why);
        all |= todo;
    } while (todo & QUEUE_AGAIN && !(todo & QUEUE_BROKEN));
    return all;
}

unsigned kit_receive_all(struct net_kit *kit)
{
    const char *why = NULL;
    unsigned todo, all = 0;

    do {
        todo = queue_receive(&kit->queue, &why);
        must(!(todo & QUEUE_BROKEN) || why);
        all |= todo;
    } while (todo & QUEUE_AGAIN && !(todo & (QUEUE_BROKEN | QUEUE_WAIT)));
    return all;
}

long kit_from_tap(struct net_kit *kit, struct virtio_net_hdr *header, uint8_t *frame, size_t size)
{
    struct iovec parts[] = {{header, sizeof(*header)}, {frame, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t n = recvmsg(kit->network, &message, 0);

    if (n < 0)
        return 0;
    return message.msg_flags & MSG_TRUNC ? -1 : n - (ssize_t)sizeof(*header);
}

void kit_to_tap(struct net_kit *kit, const struct virtio_net_hdr *header, const uint8_t *frame,
                size_t length)
{
    struct iovec parts[] = {{(void *)(uintptr_t)header, sizeof(*header)},
                            {(void *)(uintptr_t)frame, length}};

    must(writev(kit->network, parts, 2) == (ssize_t)(sizeof(*header) + length));
}
