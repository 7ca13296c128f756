// A request/response ring in memory shared with another domain, from either side.
//
// The shared memory is laid out as pv-abi/io/ring.h says. A side has a private copy of its two
// indexes, `produced` (entries written, published or not) and `consumed` (the peer's entries
// taken); of what the peer can write nothing is read twice and nothing believed:
//
//   - An entry is copied out once, whole, before anyone looks at it. Whoever parses the copy parses
//     what he checked.
//   - The peer's producer index is read once a call and compared with what it may be at the most.
//     More is an overrun: the peer is broken or hostile, and the ring is of no use any further.
//   - Our own indexes in shared memory are written, never read back.
//
// Invariants, modulo 2^32:
//   front end: consumed <= peer's rsp_prod <= published <= produced <= consumed + size
//   back end:  produced <= consumed <= peer's req_prod <= produced + size
//
// The protocol of notifications loses no wake-up: a producer stores its index and then loads the
// peer's event index; a consumer that wants to sleep stores its event index and then loads the
// peer's producer index. Both pairs are sequentially consistent, so one of the two sees the other's
// store.
//
// Freestanding; memcpy is all it asks for. Not to be shared by threads without a lock.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The page's header, as struct <name>_sring of pv-abi/io/ring.h has it.
struct ring_header {
    uint32_t req_prod;
    uint32_t req_event;
    uint32_t rsp_prod;
    uint32_t rsp_event;
    uint8_t reserved[48];
};
_Static_assert(sizeof(struct ring_header) == 64, "entries follow the header at 64");

enum ring_side { RING_FRONT, RING_BACK };

struct ring {
    enum ring_side side;
    struct ring_header *shared;
    uint32_t size;                  // in entries, a power of two
    uint32_t stride;                // bytes from entry to entry: the larger of request and response
    uint32_t put_bytes, take_bytes; // of what this side writes and reads
    uint32_t produced, consumed;
    uint32_t published; // what the peer was told of `produced`
};

enum ring_result { RING_EMPTY, RING_TAKEN, RING_OVERRUN };

// How many entries of `stride` bytes a ring in `bytes` of shared memory has; 0: none fit.
static inline uint32_t ring_entries(size_t bytes, size_t stride)
{
    uint32_t size = 1;

    if (bytes < sizeof(struct ring_header) + stride || stride == 0)
        return 0;
    while (2 * (size_t)size * stride <= bytes - sizeof(struct ring_header))
        size *= 2;
    return size;
}

// What a front end makes of fresh shared memory before it lets the back end see it.
static inline void ring_format(void *memory)
{
    struct ring_header *header = (struct ring_header *)memory;

    *header = (struct ring_header){.req_event = 1, .rsp_event = 1};
}

// Attaches one side to `bytes` of shared memory, which it keeps using, at indexes 0. Neither a
// request nor a response may be larger than `stride`, and an entry must fit.
void ring_attach(struct ring *ring, enum ring_side side, void *memory, size_t bytes,
                 size_t request_bytes, size_t response_bytes);

// The same for a back end that takes over from another which had answered up to `produced` and
// taken up to `consumed`. False: such indexes cannot be, by the invariants.
bool ring_resume(struct ring *ring, uint32_t produced, uint32_t consumed);

// Entries that ring_put() would take now.
uint32_t ring_room(const struct ring *ring);

// Copies a request (front end) or response (back end) into the ring; false if there is no room,
// which for a back end means that it answers what nobody asked. Unseen by the peer until published.
bool ring_put(struct ring *ring, const void *entry);

// Shows the peer what was put. True: he asked to be notified of it.
bool ring_publish(struct ring *ring);

// Copies the next response (front end) or request (back end) to *entry.
enum ring_result ring_take(struct ring *ring, void *entry);

// Asks the peer for a notification of the next entry. Not RING_EMPTY: there is something already,
// or there was an overrun, so do not sleep.
enum ring_result ring_before_sleep(struct ring *ring);
