#include "ring/ring.h"

#include <string.h>

struct shared_indexes {
    uint32_t *produced; // ours, and the peer's wish to be told of it
    uint32_t *peer_event;
    uint32_t *peer_produced; // his, and our wish to be told of it
    uint32_t *event;
};

static struct shared_indexes indexes_of(const struct ring *ring)
{
    struct ring_header *shared = ring->shared;

    if (ring->side == RING_FRONT)
        return (struct shared_indexes){&shared->req_prod, &shared->req_event, &shared->rsp_prod,
                                       &shared->rsp_event};
    return (struct shared_indexes){&shared->rsp_prod, &shared->rsp_event, &shared->req_prod,
                                   &shared->req_event};
}

static uint8_t *entry_at(const struct ring *ring, uint32_t index)
{
    return (uint8_t *)(ring->shared + 1) + (size_t)(index & (ring->size - 1)) * ring->stride;
}

void ring_attach(struct ring *ring, enum ring_side side, void *memory, size_t bytes,
                 size_t request_bytes, size_t response_bytes)
{
    size_t stride = request_bytes > response_bytes ? request_bytes : response_bytes;

    *ring = (struct ring){
        .side = side,
        .shared = (struct ring_header *)memory,
        .size = ring_entries(bytes, stride),
        .stride = (uint32_t)stride,
        .put_bytes = (uint32_t)(side == RING_FRONT ? request_bytes : response_bytes),
        .take_bytes = (uint32_t)(side == RING_FRONT ? response_bytes : request_bytes),
    };
}

bool ring_resume(struct ring *ring, uint32_t produced, uint32_t consumed)
{
    if (ring->side != RING_BACK || consumed - produced > ring->size)
        return false;
    ring->produced = ring->published = produced;
    ring->consumed = consumed;
    return true;
}

uint32_t ring_room(const struct ring *ring)
{
    if (ring->side == RING_FRONT)
        return ring->size - (ring->produced - ring->consumed);
    return ring->consumed - ring->produced;
}

bool ring_put(struct ring *ring, const void *entry)
{
    if (ring_room(ring) == 0)
        return false;
    memcpy(entry_at(ring, ring->produced), entry, ring->put_bytes);
    ring->produced++;
    return true;
}

bool ring_publish(struct ring *ring)
{
    struct shared_indexes indexes = indexes_of(ring);
    uint32_t fresh = ring->produced - ring->published, event;

    __atomic_store_n(indexes.produced, ring->produced, __ATOMIC_SEQ_CST);
    ring->published = ring->produced;
    event = __atomic_load_n(indexes.peer_event, __ATOMIC_SEQ_CST);
    return ring->produced - event < fresh;
}

// How many entries of the peer's wait; more than there can be is an overrun.
static enum ring_result waiting(const struct ring *ring)
{
    uint32_t peer = __atomic_load_n(indexes_of(ring).peer_produced, __ATOMIC_SEQ_CST);
    uint32_t most = ring->side == RING_FRONT ? ring->published : ring->produced + ring->size;

    if (peer == ring->consumed)
        return RING_EMPTY;
    return peer - ring->consumed > most - ring->consumed ? RING_OVERRUN : RING_TAKEN;
}

enum ring_result ring_take(struct ring *ring, void *entry)
{
    enum ring_result result = waiting(ring);

    if (result == RING_TAKEN) {
        memcpy(entry, entry_at(ring, ring->consumed), ring->take_bytes);
        ring->consumed++;
    }
    return result;
}

enum ring_result ring_before_sleep(struct ring *ring)
{
    __atomic_store_n(indexes_of(ring).event, ring->consumed + 1, __ATOMIC_SEQ_CST);
    return waiting(ring);
}
