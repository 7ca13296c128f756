#include "backends/net/queue.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

// All of a batch's grants at once; if that fails as a whole, so does each.
static void copy(struct net_port *port, struct net_batch *batch)
{
    if (batch->segments_count &&
        port->copy(port->context, batch->segments, batch->segments_count) < 0)
        for (uint32_t i = 0; i < batch->segments_count; i++)
            batch->segments[i].status = GNTST_general_error;
}

// Sending
// --------------------------------------------------------------------------------------------

static int16_t write_frame(struct net_queue *queue, const struct net_frame *frame)
{
    struct virtio_net_hdr header;
    struct iovec parts[] = {{&header, sizeof(header)}, {frame->data, frame->length}};

    if (!filter_may_send(&queue->port->filter, frame->data))
        return NETIF_RSP_DROPPED;
    if (!offload_to_kernel(frame->data, frame->length, &frame->offload, &header))
        return NETIF_RSP_ERROR;
    if (writev(queue->tap, parts, 2) >= 0)
        return NETIF_RSP_OKAY;
    return errno == EINVAL ? NETIF_RSP_ERROR : NETIF_RSP_DROPPED;
}

static int16_t change_groups(struct net_filter *filter, const struct net_frame *frame)
{
    if (!filter->chosen_multicast)
        return NETIF_RSP_ERROR;
    if (frame->verb == NET_MULTICAST_ADD)
        return filter_add_group(filter, frame->address) ? NETIF_RSP_OKAY : NETIF_RSP_ERROR;
    filter_remove_group(filter, frame->address);
    return NETIF_RSP_OKAY;
}

static void count_sent(struct net_statistics *statistics, const struct net_frame *frame)
{
    statistics->tx_errors += frame->status == NETIF_RSP_ERROR;
    statistics->tx_dropped += frame->status == NETIF_RSP_DROPPED;
    if (frame->status == NETIF_RSP_OKAY && frame->verb == NET_FRAME) {
        statistics->tx_frames++;
        statistics->tx_bytes += frame->length;
    }
}

static void send_batch(struct net_queue *queue, struct net_batch *batch)
{
    struct net_port *port = queue->port;

    copy(port, batch);
    tx_copied(batch);
    for (uint32_t i = 0; i < batch->frames_count; i++) {
        struct net_frame *frame = &batch->frames[i];

        if (frame->status == NETIF_RSP_OKAY)
            frame->status = frame->verb == NET_FRAME ? write_frame(queue, frame)
                                                     : change_groups(&port->filter, frame);
        count_sent(&port->statistics, frame);
    }
    port->statistics.tx_batches++;
}

unsigned queue_send(struct net_queue *queue, uint64_t now_us, const char **why)
{
    struct net_batch *batch = queue->port->batch;
    struct credit *credit = &queue->port->credit;
    enum tx_result result = TX_TAKEN;
    unsigned todo = 0;

    batch_clear(batch);
    while (result == TX_TAKEN) {
        if (credit_wait(credit, now_us)) {
            todo |= QUEUE_WAIT;
            break;
        }
        result = tx_take(&queue->tx, batch, why);
        if (result == TX_TAKEN)
            credit_spend(credit, batch->frames[batch->frames_count - 1].length);
    }
    if (result == TX_BROKEN)
        return QUEUE_BROKEN;
    if (result == TX_FULL)
        todo |= QUEUE_AGAIN;
    if (!batch->frames_count)
        return todo;
    send_batch(queue, batch);
    return todo | (tx_answer(&queue->tx, batch) ? QUEUE_NOTIFY : 0);
}

// Receiving
// ------------------------------------------------------------------------------------------

// Reads a frame; false: there is none, or it was dropped (*dropped).
static bool read_frame(struct net_queue *queue, struct net_frame *frame, bool *dropped)
{
    struct net_port *port = queue->port;
    struct virtio_net_hdr header;
    struct iovec parts[] = {{&header, sizeof(header)},
                            {frame->data, (size_t)NET_FRAME_PAGES * NET_PAGE}};
    ssize_t n = readv(queue->tap, parts, 2);

    *dropped = n >= 0;
    if (n < (ssize_t)sizeof(header) + FRAME_HEADER)
        return false;
    frame->length = (uint32_t)n - (uint32_t)sizeof(header);
    return filter_gets(&port->filter, frame->data) &&
           offload_to_guest(frame->data, frame->length, &header, &port->guest, &frame->offload) &&
           (port->guest.sg || rx_slots(frame) == 1);
}

static void read_batch(struct net_queue *queue, struct net_batch *batch, unsigned *todo,
                       const char **why)
{
    uint32_t wanted = queue->port->guest.sg ? RX_SLOTS_MAX : 1;

    for (unsigned reads = 0; reads < NET_BATCH_FRAMES; reads++) {
        struct net_frame *frame = &batch->frames[batch->frames_count];
        uint8_t *data = batch_next(batch);
        bool dropped;
        int pages;

        if (!data || batch->slots_count + RX_SLOTS_MAX > NET_BATCH_SEGMENTS)
            break;
        pages = rx_pages(&queue->rx, wanted, why);
        if (pages < (int)wanted) {
            *todo |= pages < 0 ? QUEUE_BROKEN : QUEUE_WAIT;
            return;
        }
        *frame = (struct net_frame){.data = data};
        if (read_frame(queue, frame, &dropped)) {
            rx_place(&queue->rx, batch, frame);
            batch_use(batch, frame->length);
            batch->frames_count++;
        } else if (dropped) {
            queue->port->statistics.rx_dropped++;
        } else {
            return;
        }
    }
    *todo |= QUEUE_AGAIN;
}

static void count_received(struct net_statistics *statistics, const struct net_batch *batch)
{
    for (uint32_t i = 0; i < batch->frames_count; i++) {
        statistics->rx_frames++;
        statistics->rx_bytes += batch->frames[i].length;
    }
    for (uint32_t i = 0; i < batch->segments_count; i++)
        statistics->rx_errors += batch->segments[i].status != GNTST_okay;
    statistics->rx_batches++;
}

unsigned queue_receive(struct net_queue *queue, const char **why)
{
    struct net_batch *batch = queue->port->batch;
    unsigned todo = 0;

    batch_clear(batch);
    read_batch(queue, batch, &todo, why);
    if (!batch->frames_count || todo & QUEUE_BROKEN)
        return todo;
    copy(queue->port, batch);
    count_received(&queue->port->statistics, batch);
    return todo | (rx_answer(&queue->rx, batch) ? QUEUE_NOTIFY : 0);
}
