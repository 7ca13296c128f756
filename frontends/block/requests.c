// Requests and responses.
#include "frontends/block/blkfront.h"
#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"

#define SECTORS_PER_PAGE (PAGE_SIZE / BLOCK_SECTOR)

// Composing

static unsigned last_sector(const struct block_request *r, unsigned page)
{
    uint64_t rest = r->sectors - page * SECTORS_PER_PAGE;

    return (unsigned)MIN(rest, SECTORS_PER_PAGE) - 1;
}

static struct blkif_request_segment segment(const struct block_request *r, unsigned i)
{
    return (struct blkif_request_segment){
        .gref = r->pages[i].ref, .first_sect = 0, .last_sect = (uint8_t)last_sector(r, i)};
}

static void compose_direct(const struct block_request *r, struct blkif_request *out)
{
    out->nr_segments = (uint8_t)r->nr_pages;
    out->sector_number = r->sector;
    for (unsigned i = 0; i < r->nr_pages; i++)
        out->seg[i] = segment(r, i);
}

static void compose_indirect(const struct block_request *r, struct blkif_request_indirect *out)
{
    unsigned n = r->nr_pages - 1;
    struct blkif_request_segment *segments = r->pages[n].page;

    out->operation = BLKIF_OP_INDIRECT;
    out->indirect_op = r->operation;
    out->nr_segments = (uint16_t)n;
    out->sector_number = r->sector;
    out->indirect_grefs[0] = r->pages[n].ref;
    for (unsigned i = 0; i < n; i++)
        segments[i] = segment(r, i);
}

static void compose_discard(const struct block_request *r, struct blkif_request_discard *out)
{
    out->sector_number = r->sector;
    out->nr_sectors = r->sectors;
}

static void compose(const struct block_request *r, struct blkif_request *out)
{
    memset(out, 0, sizeof(*out));
    out->operation = r->operation;
    if (r->nr_pages > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        compose_indirect(r, (struct blkif_request_indirect *)out);
    else if (r->operation == BLKIF_OP_DISCARD)
        compose_discard(r, (struct blkif_request_discard *)out);
    else
        compose_direct(r, out);
    out->id = r->id; // at the same place in all of them
}

_Static_assert(offsetof(struct blkif_request, id) == offsetof(struct blkif_request_indirect, id) &&
                   offsetof(struct blkif_request, id) == offsetof(struct blkif_request_discard, id),
               "compose() sets it once");

// Submitting

static int check(const struct blkfront *b, const struct block_request *r)
{
    switch (r->operation) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
        if (!r->data || (uint64_t)r->data % PAGE_SIZE || r->sectors == 0 ||
            r->sectors > BLOCK_PAGES_MOST * SECTORS_PER_PAGE)
            return -XEN_EINVAL;
        return 0;
    case BLKIF_OP_FLUSH_DISKCACHE:
        return b->flush && !r->sectors ? 0 : -XEN_EOPNOTSUPP;
    case BLKIF_OP_WRITE_BARRIER:
        return b->barrier && !r->sectors ? 0 : -XEN_EOPNOTSUPP;
    case BLKIF_OP_DISCARD:
        return b->discard ? 0 : -XEN_EOPNOTSUPP;
    default:
        return -XEN_EINVAL;
    }
}

static unsigned pages_of(const struct block_request *r)
{
    if (r->operation == BLKIF_OP_DISCARD)
        return 0;
    return (unsigned)((r->sectors + SECTORS_PER_PAGE - 1) / SECTORS_PER_PAGE);
}

static int free_slot(const struct blkfront *b)
{
    for (unsigned i = 0; i < b->ring.size; i++)
        if (!b->under_way[i])
            return (int)i;
    return -1;
}

static void send(struct blkfront *b, struct block_request *r)
{
    unsigned slot = (unsigned)free_slot(b);
    struct blkif_request out;

    r->id = (uint64_t)++b->serial << 32 | slot;
    b->under_way[slot] = r;
    compose(r, &out);
    ring_put(&b->ring, &out);
    if (ring_publish(&b->ring))
        event_send((evtchn_port_t)b->port);
}

static bool has_room(const struct blkfront *b)
{
    return ring_room(&b->ring) && free_slot(b) >= 0;
}

int blkfront_submit(struct blkfront *b, struct block_request *r)
{
    unsigned pages = pages_of(r);
    bool indirect = pages > BLKIF_MAX_SEGMENTS_PER_REQUEST;
    int error = check(b, r);

    if (error)
        return error;
    if (indirect && pages > b->indirect_most)
        return -XEN_EOPNOTSUPP;
    r->done = false;
    r->error = 0;
    error = blkfront_take_pages(b, r, pages, indirect);
    if (error)
        return error;
    BLKFRONT_WAIT(b, has_room(b));
    if (b->broken) {
        r->error = -XEN_EIO;
        blkfront_give_pages(b, r);
        return -XEN_EIO;
    }
    send(b, r);
    return 0;
}

// Completing

static void finish(struct blkfront *b, unsigned slot, int error)
{
    struct block_request *r = b->under_way[slot];

    b->under_way[slot] = NULL;
    r->error = error;
    r->finished = tsc_read();
    blkfront_give_pages(b, r);
    r->done = true;
}

void blkfront_fail(struct blkfront *b, const char *why)
{
    if (!b->broken)
        b->broken = why;
    for (unsigned i = 0; i < BLOCK_SLOTS_MOST; i++)
        if (b->under_way[i])
            finish(b, i, -XEN_EIO);
    wake_all(&b->progress);
}

static int error_of(int status)
{
    return status == BLKIF_RSP_OKAY         ? 0
           : status == BLKIF_RSP_EOPNOTSUPP ? -XEN_EOPNOTSUPP
                                            : -XEN_EIO;
}

// False: no such request is under way.
static bool complete(struct blkfront *b, const struct blkif_response *rsp)
{
    uint32_t slot = (uint32_t)rsp->id;
    const struct block_request *r;

    if (b->options.responses) {
        b->options.responses(b->options.arg, rsp);
        return true;
    }
    r = slot < BLOCK_SLOTS_MOST ? b->under_way[slot] : NULL;
    if (!r || r->id != rsp->id)
        return false;
    finish(b, slot, error_of(rsp->status));
    return true;
}

void blkfront_news(void *block)
{
    struct blkfront *b = block;
    struct blkif_response rsp;
    enum ring_result result = RING_TAKEN;

    while (!b->broken && result == RING_TAKEN) {
        result = ring_take(&b->ring, &rsp);
        if (result == RING_TAKEN && !complete(b, &rsp))
            blkfront_fail(b, "a response to no request");
        if (result == RING_EMPTY)
            result = ring_before_sleep(&b->ring);
    }
    if (result == RING_OVERRUN)
        blkfront_fail(b, "more responses than requests");
    wake_all(&b->progress);
}

void blkfront_look(struct blkfront *b)
{
    if (xenbus_backend_state(&b->device) != XenbusStateConnected)
        blkfront_fail(b, "the back end is no longer connected");
}

int blkfront_wait(struct blkfront *b, struct block_request *r)
{
    BLKFRONT_WAIT(b, r->done);
    return r->error;
}

int blkfront_do(struct blkfront *b, struct block_request *r)
{
    int error = blkfront_submit(b, r);

    return error ? error : blkfront_wait(b, r);
}
