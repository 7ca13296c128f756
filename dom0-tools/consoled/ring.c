#include "consoled/ring.h"

#include <errno.h>
#include <string.h>

// Indices belong to the two sides; the bytes between them do so once the index has been seen.
static uint32_t index_of(const XENCONS_RING_IDX *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void set_index(XENCONS_RING_IDX *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);
}

ssize_t ring_read(struct xencons_interface *ring, char to[RING_OUT_SIZE])
{
    uint32_t consumer = index_of(&ring->out_cons), producer = index_of(&ring->out_prod);
    uint32_t len = producer - consumer, start = MASK_XENCONS_IDX(consumer, ring->out);

    if (len > RING_OUT_SIZE) {
        set_index(&ring->out_cons, producer);
        return -EPROTO;
    }
    uint32_t first = len < RING_OUT_SIZE - start ? len : RING_OUT_SIZE - start;

    memcpy(to, ring->out + start, first);
    memcpy(to + first, ring->out, len - first);
    return len;
}

void ring_taken(struct xencons_interface *ring, size_t len)
{
    set_index(&ring->out_cons, index_of(&ring->out_cons) + (uint32_t)len);
}

size_t ring_room(struct xencons_interface *ring)
{
    uint32_t used = index_of(&ring->in_prod) - index_of(&ring->in_cons);

    return used > sizeof(ring->in) ? 0 : sizeof(ring->in) - used;
}

void ring_give(struct xencons_interface *ring, const char *from, size_t len)
{
    uint32_t producer = index_of(&ring->in_prod), start = MASK_XENCONS_IDX(producer, ring->in);
    size_t first = len < sizeof(ring->in) - start ? len : sizeof(ring->in) - start;

    memcpy(ring->in + start, from, first);
    memcpy(ring->in, from + first, len - first);
    set_index(&ring->in_prod, producer + len);
}
