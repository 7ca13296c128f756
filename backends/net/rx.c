#include "backends/net/rx.h"

#include <string.h>

static const char overrun[] = "its index of receive buffers overran the ring";

static bool take_all(struct rx_ring *rx)
{
    enum ring_result result;

    do {
        uint32_t at = (rx->first + rx->count) % NET_RING_ENTRIES;

        result = ring_take(&rx->ring, &rx->requests[at]);
        rx->count += result == RING_TAKEN;
    } while (result == RING_TAKEN);
    return result == RING_EMPTY;
}

int rx_pages(struct rx_ring *rx, uint32_t wanted, const char **why)
{
    // The invariant of the ring (taken - answered <= its size) keeps `requests` from overflowing.
    while (rx->count < wanted) {
        if (!take_all(rx)) {
            *why = overrun;
            return -1;
        }
        if (rx->count >= wanted || ring_before_sleep(&rx->ring) == RING_EMPTY)
            break;
    }
    return (int)rx->count;
}

static struct netif_rx_request next_request(struct rx_ring *rx)
{
    struct netif_rx_request request = rx->requests[rx->first];

    rx->first = (rx->first + 1) % NET_RING_ENTRIES;
    rx->count--;
    return request;
}

static struct net_slot *add_slot(struct rx_ring *rx, struct net_batch *batch,
                                 struct net_frame *frame, uint32_t *reference)
{
    struct netif_rx_request request = next_request(rx);
    struct net_slot *slot = &batch->slots[batch->slots_count++];

    *slot = (struct net_slot){.id = request.id};
    *reference = request.gref;
    frame->slots++;
    return slot;
}

static void add_info(struct rx_ring *rx, struct net_batch *batch, struct net_frame *frame)
{
    uint32_t unused;
    struct net_slot *slot = add_slot(rx, batch, frame, &unused);

    slot->extra = true;
    slot->info.type = XEN_NETIF_EXTRA_TYPE_GSO;
    slot->info.u.gso.type = frame->offload.gso_type;
    slot->info.u.gso.size = frame->offload.gso_size;
}

uint32_t rx_slots(const struct net_frame *frame)
{
    return (frame->length + NET_PAGE - 1) / NET_PAGE +
           (frame->offload.gso_type != XEN_NETIF_GSO_TYPE_NONE);
}

static uint16_t first_flags(const struct net_offload *offload)
{
    return (uint16_t)((offload->blank ? NETRXF_csum_blank : 0) |
                      (offload->validated ? NETRXF_data_validated : 0) |
                      (offload->gso_type != XEN_NETIF_GSO_TYPE_NONE ? NETRXF_extra_info : 0));
}

void rx_place(struct rx_ring *rx, struct net_batch *batch, struct net_frame *frame)
{
    frame->first_slot = batch->slots_count;
    frame->slots = 0;
    for (uint32_t done = 0, size; done < frame->length; done += size) {
        uint32_t reference;
        struct net_slot *slot = add_slot(rx, batch, frame, &reference);

        size = frame->length - done < NET_PAGE ? frame->length - done : NET_PAGE;
        slot->status = (int16_t)size;
        slot->flags = (uint16_t)((done + size < frame->length ? NETRXF_more_data : 0) |
                                 (done ? 0 : first_flags(&frame->offload)));
        slot->copied = true;
        slot->segment = batch->segments_count;
        batch->segments[batch->segments_count++] = (struct grant_copy){
            .local = frame->data + done,
            .reference = reference,
            .length = (uint16_t)size,
            .to_guest = true,
        };
        if (!done && frame->offload.gso_type != XEN_NETIF_GSO_TYPE_NONE)
            add_info(rx, batch, frame);
    }
}

static void answer(struct rx_ring *rx, const struct net_batch *batch, const struct net_slot *slot)
{
    union netif_rx_sring_entry entry = {
        .rsp = {.id = slot->id, .flags = slot->flags, .status = slot->status}};

    if (slot->extra)
        memcpy(&entry, &slot->info, sizeof(slot->info));
    else if (slot->copied && batch->segments[slot->segment].status != GNTST_okay)
        entry.rsp.status = NETIF_RSP_ERROR;
    ring_put(&rx->ring, &entry);
}

bool rx_answer(struct rx_ring *rx, struct net_batch *batch)
{
    for (uint32_t i = 0; i < batch->slots_count; i++)
        answer(rx, batch, &batch->slots[i]);
    return ring_publish(&rx->ring);
}

bool rx_abandon(struct rx_ring *rx, bool *notify, const char **why)
{
    if (!take_all(rx)) {
        *why = overrun;
        return false;
    }
    while (rx->count) {
        struct netif_rx_request request = next_request(rx);
        struct netif_rx_response response = {.id = request.id, .status = NETIF_RSP_ERROR};

        ring_put(&rx->ring, &response);
    }
    *notify = ring_publish(&rx->ring);
    return true;
}
