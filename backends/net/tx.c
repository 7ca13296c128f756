#include "backends/net/tx.h"

#include <string.h>

static const char overrun[] = "its request index overran the ring";

static bool take_entry(struct ring *ring, void *entry, const char **why)
{
    switch (ring_take(ring, entry)) {
    case RING_TAKEN:
        return true;
    case RING_EMPTY:
        *why = "a frame's entries end before the frame";
        return false;
    default:
        *why = overrun;
        return false;
    }
}

static struct net_slot *add_slot(struct net_batch *batch, struct net_frame *frame)
{
    struct net_slot *slot = &batch->slots[batch->slots_count++];

    *slot = (struct net_slot){.status = NETIF_RSP_OKAY};
    frame->slots++;
    return slot;
}

static void take_gso(struct net_frame *frame, const struct netif_extra_info *info)
{
    uint8_t type = info->u.gso.type;

    frame->offload.gso_type = type;
    frame->offload.gso_size = info->u.gso.size;
    if ((type != XEN_NETIF_GSO_TYPE_TCPV4 && type != XEN_NETIF_GSO_TYPE_TCPV6) ||
        info->u.gso.features)
        frame->status = NETIF_RSP_ERROR;
}

static void take_info(struct net_frame *frame, const struct netif_extra_info *info)
{
    switch (info->type) {
    case XEN_NETIF_EXTRA_TYPE_GSO:
        take_gso(frame, info);
        break;
    case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
    case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
        frame->verb =
            info->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ? NET_MULTICAST_ADD : NET_MULTICAST_DELETE;
        memcpy(frame->address, info->u.mcast.addr, sizeof(frame->address));
        break;
    default: // a hash was not offered
        frame->status = NETIF_RSP_ERROR;
    }
}

static bool take_infos(struct ring *ring, struct net_batch *batch, struct net_frame *frame,
                       const char **why)
{
    // A ring's entry is as long as its largest member, an info shorter.
    union netif_tx_sring_entry entry;
    struct netif_extra_info info;
    int count = 0;

    do {
        struct net_slot *slot;

        if (count++ == TX_EXTRAS_MAX) {
            *why = "a frame's extra infos have no end";
            return false;
        }
        if (!take_entry(ring, &entry, why))
            return false;
        memcpy(&info, &entry, sizeof(info));
        slot = add_slot(batch, frame);
        slot->extra = true;
        slot->status = NETIF_RSP_NULL;
        slot->info = info;
        take_info(frame, &info);
    } while (info.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return true;
}

static void add_segment(struct net_batch *batch, struct net_slot *slot, uint8_t *to,
                        const struct netif_tx_request *request, uint32_t size)
{
    slot->copied = true;
    slot->segment = batch->segments_count;
    batch->segments[batch->segments_count++] = (struct grant_copy){
        .local = to,
        .reference = request->gref,
        .offset = request->offset,
        .length = (uint16_t)size,
    };
}

struct chain {
    uint32_t count;
    struct netif_tx_request requests[TX_CHAIN_MAX]; // of data
    uint32_t slots[TX_CHAIN_MAX];                   // theirs in the batch
};

// Takes the rest of a chain off the ring, whatever it says; false: it has no end. The first entry
// is in `chain` already.
static bool take_chain(struct ring *ring, struct net_batch *batch, struct net_frame *frame,
                       struct chain *chain, const char **why)
{
    for (;;) {
        const struct netif_tx_request *request = &chain->requests[chain->count];

        chain->slots[chain->count++] = batch->slots_count;
        add_slot(batch, frame)->id = request->id;
        if (chain->count == 1 && request->flags & NETTXF_extra_info &&
            !take_infos(ring, batch, frame, why))
            return false;
        if (!(request->flags & NETTXF_more_data))
            return true;
        if (chain->count == TX_CHAIN_MAX) {
            *why = "a frame's entries have no end";
            return false;
        }
        if (!take_entry(ring, &chain->requests[chain->count], why))
            return false;
    }
}

// The first entry's size is the frame's; its own share is what the others leave.
static uint32_t first_share(const struct chain *chain)
{
    uint32_t rest = 0, all = chain->requests[0].size;

    for (uint32_t i = 1; i < chain->count; i++)
        rest += chain->requests[i].size;
    return rest < all ? all - rest : 0;
}

static bool makes_sense(const struct chain *chain, uint32_t first)
{
    if (chain->count > TX_SLOTS_MAX || chain->requests[0].size < FRAME_HEADER || first == 0)
        return false;
    for (uint32_t i = 0; i < chain->count; i++) {
        uint32_t size = i ? chain->requests[i].size : first;

        if (size == 0 || chain->requests[i].offset + size > NET_PAGE)
            return false;
    }
    return true;
}

static void plan_copy(struct net_batch *batch, struct net_frame *frame, const struct chain *chain)
{
    uint32_t first = first_share(chain), done = 0;

    if (!makes_sense(chain, first)) {
        frame->status = NETIF_RSP_ERROR;
        return;
    }
    frame->length = chain->requests[0].size;
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct netif_tx_request *request = &chain->requests[i];
        uint32_t size = i ? request->size : first;

        add_segment(batch, &batch->slots[chain->slots[i]], frame->data + done, request, size);
        done += size;
    }
    batch_use(batch, frame->length);
}

static enum ring_result take_first(struct ring *ring, struct netif_tx_request *request)
{
    enum ring_result result;

    do {
        result = ring_take(ring, request);
    } while (result == RING_EMPTY && ring_before_sleep(ring) == RING_TAKEN);
    return result;
}

enum tx_result tx_take(struct ring *ring, struct net_batch *batch, const char **why)
{
    struct net_frame *frame = &batch->frames[batch->frames_count];
    struct chain chain = {0};
    uint8_t *data = batch_next(batch);
    uint16_t flags;

    if (!data || batch->slots_count + TX_CHAIN_MAX + TX_EXTRAS_MAX > NET_BATCH_SEGMENTS)
        return TX_FULL;
    switch (take_first(ring, &chain.requests[0])) {
    case RING_EMPTY:
        return TX_EMPTY;
    case RING_OVERRUN:
        *why = overrun;
        return TX_BROKEN;
    default:
        break;
    }
    *frame = (struct net_frame){.data = data, .first_slot = batch->slots_count};
    if (!take_chain(ring, batch, frame, &chain, why))
        return TX_BROKEN;
    batch->frames_count++;
    flags = chain.requests[0].flags;
    frame->offload.blank = flags & NETTXF_csum_blank;
    frame->offload.validated = flags & NETTXF_data_validated;
    if (frame->verb == NET_FRAME && frame->status == NETIF_RSP_OKAY)
        plan_copy(batch, frame, &chain);
    return TX_TAKEN;
}

void tx_copied(struct net_batch *batch)
{
    for (uint32_t i = 0; i < batch->frames_count; i++) {
        struct net_frame *frame = &batch->frames[i];

        for (uint32_t k = frame->first_slot; k < frame->first_slot + frame->slots; k++)
            if (batch->slots[k].copied &&
                batch->segments[batch->slots[k].segment].status != GNTST_okay)
                frame->status = NETIF_RSP_ERROR;
    }
}

static void answer(struct ring *ring, const struct net_slot *slot, int16_t status)
{
    struct netif_tx_response response = {.id = slot->id, .status = status};

    if (slot->extra)
        response = (struct netif_tx_response){
            .id = (uint16_t)(slot->info.type | slot->info.flags << 8), .status = NETIF_RSP_NULL};
    ring_put(ring, &response);
}

bool tx_answer(struct ring *ring, const struct net_batch *batch)
{
    for (uint32_t i = 0; i < batch->frames_count; i++) {
        const struct net_frame *frame = &batch->frames[i];

        for (uint32_t k = 0; k < frame->slots; k++)
            answer(ring, &batch->slots[frame->first_slot + k], frame->status);
    }
    return ring_publish(ring);
}

bool tx_abandon(struct ring *ring, bool *notify, const char **why)
{
    union netif_tx_sring_entry entry;
    bool more = false, info = false;
    enum ring_result result;

    while ((result = ring_take(ring, &entry)) == RING_TAKEN) {
        struct net_slot slot = {.id = entry.req.id, .extra = info};

        if (info) {
            memcpy(&slot.info, &entry, sizeof(slot.info));
            info = slot.info.flags & XEN_NETIF_EXTRA_FLAG_MORE;
        } else {
            info = !more && entry.req.flags & NETTXF_extra_info;
            more = entry.req.flags & NETTXF_more_data;
        }
        answer(ring, &slot, NETIF_RSP_DROPPED);
    }
    *notify = ring_publish(ring);
    *why = overrun;
    return result == RING_EMPTY;
}
