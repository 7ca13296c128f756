// Sending and receiving.
#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "frontends/net/netfront.h"

void netfront_fail(struct netfront *n, const char *why)
{
    if (!n->broken)
        n->broken = why;
    wake_all(&n->progress);
}

static void notify(const struct netfront *n)
{
    event_send((evtchn_port_t)n->port);
}

// Sending

static struct net_page *free_tx_page(struct netfront *n)
{
    for (unsigned i = 0; i < NET_TX_SLOTS; i++)
        if (!n->tx_pages[i].lent)
            return &n->tx_pages[i];
    return NULL;
}

int netfront_send(struct netfront *n, const void *frame, size_t bytes)
{
    struct net_page *p = free_tx_page(n);
    struct netif_tx_request request;

    if (n->broken)
        return -XEN_EIO;
    if (bytes < NET_FRAME_LEAST || bytes > NET_FRAME_MOST)
        return -XEN_EINVAL;
    if (!p || !ring_room(&n->tx))
        return -XEN_EAGAIN;
    memcpy(p->page, frame, bytes);
    p->lent = true;
    request = (struct netif_tx_request){
        .gref = p->ref, .id = (uint16_t)(p - n->tx_pages), .size = (uint16_t)bytes};
    ring_put(&n->tx, &request);
    if (ring_publish(&n->tx))
        notify(n);
    n->counters.sent++;
    n->counters.bytes_sent += bytes;
    return 0;
}

int netfront_send_wait(struct netfront *n, const void *frame, size_t bytes)
{
    int error;

    while ((error = netfront_send(n, frame, bytes)) == -XEN_EAGAIN)
        if (!wait_on(&n->progress, clock_after(10 * NS_PER_S)))
            return -XEN_ETIMEDOUT;
    return error;
}

static void sent(struct netfront *n, const struct netif_tx_response *rsp)
{
    if (n->options.answered) {
        n->options.answered(n->options.arg, rsp);
        return;
    }
    if (rsp->id >= NET_TX_SLOTS || !n->tx_pages[rsp->id].lent) {
        netfront_fail(n, "a response to no packet");
        return;
    }
    n->tx_pages[rsp->id].lent = false;
    if (rsp->status != NETIF_RSP_OKAY)
        n->counters.refused++;
}

// Receiving

static void lend(struct netfront *n, unsigned i)
{
    struct netif_rx_request request = {.id = (uint16_t)i, .gref = n->rx_pages[i].ref};

    n->rx_pages[i].lent = ring_put(&n->rx, &request);
}

void netfront_lend_all(struct netfront *n)
{
    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        lend(n, i);
    ring_publish(&n->rx);
}

// A whole packet in one slot, within its page: what was agreed.
static bool is_packet(const struct netfront *n, const struct netif_rx_response *rsp)
{
    return !n->in_packet && rsp->status >= (int)NET_FRAME_LEAST &&
           rsp->offset + (unsigned)rsp->status <= PAGE_SIZE &&
           (unsigned)rsp->status <= NET_FRAME_MOST &&
           !(rsp->flags & (NETRXF_more_data | NETRXF_extra_info));
}

static void received(struct netfront *n, const struct netif_rx_response *rsp)
{
    static uint8_t frame[NET_FRAME_MOST];

    if (rsp->id >= NET_RX_SLOTS || !n->rx_pages[rsp->id].lent) {
        netfront_fail(n, "a packet in no page of ours");
        return;
    }
    n->rx_pages[rsp->id].lent = false;
    if (is_packet(n, rsp)) {
        n->counters.received++;
        n->counters.bytes_received += (unsigned)rsp->status;
        memcpy(frame, (char *)n->rx_pages[rsp->id].page + rsp->offset, (size_t)rsp->status);
        if (n->options.receive)
            n->options.receive(n->options.arg, frame, (size_t)rsp->status);
    } else {
        n->counters.dropped++;
    }
    n->in_packet = rsp->flags & NETRXF_more_data;
    lend(n, rsp->id);
}

// Events

// Takes what is in one of the rings; RING_EMPTY unless the back end is at fault.
static enum ring_result drain(struct netfront *n, struct ring *ring)
{
    enum ring_result result = RING_TAKEN;
    union {
        struct netif_tx_response tx;
        struct netif_rx_response rx;
    } rsp;

    while (!n->broken && result == RING_TAKEN) {
        result = ring_take(ring, &rsp);
        if (result == RING_TAKEN && ring == &n->tx)
            sent(n, &rsp.tx);
        else if (result == RING_TAKEN)
            received(n, &rsp.rx);
        else if (result == RING_EMPTY)
            result = ring_before_sleep(ring);
    }
    return result;
}

void netfront_news(void *net)
{
    struct netfront *n = net;
    enum ring_result tx = drain(n, &n->tx), rx = drain(n, &n->rx);

    if (tx == RING_OVERRUN || rx == RING_OVERRUN)
        netfront_fail(n, "more responses than requests");
    if (!n->broken && ring_publish(&n->rx))
        notify(n);
    wake_all(&n->progress);
}
