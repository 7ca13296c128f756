// The hostile block front end: breaks the protocol in one way after another, and wants an error, a
// closed device or silence for it, never success; and after each to be served again when it
// behaves.
#include "frontends/block/blkfront.h"
#include "frontends/kernel/events.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/reference/hostile.h"
#include "frontends/reference/shell.h"

#define ANSWER_TIME (2 * NS_PER_S)
#define SILENCE     1000 // for a response's status
#define OF(array)   array, ARRAY_SIZE(array)

static struct {
    struct blkfront block;
    bool open;
    unsigned handle;
    uint64_t id; // of the last request
    bool answered;
    int status;
    struct hostile_page page;
} at;

static void response(void *unused, const struct blkif_response *rsp)
{
    if (rsp->id != at.id)
        return;
    at.answered = true;
    at.status = rsp->status;
}

// Connections

static void drop(void)
{
    if (at.open)
        blkfront_close(&at.block);
    at.open = false;
}

static int connect_as(const char *key, const char *value, unsigned order)
{
    struct block_options options = {.ring_order = order,
                                    .false_key = key,
                                    .false_value = value,
                                    .patience = key ? 4 * NS_PER_S : 0,
                                    .responses = response};
    int error;

    drop();
    error = blkfront_open(&at.block, at.handle, &options);
    at.open = !error;
    return error;
}

// Requests

static struct blkif_request honest(void)
{
    struct blkif_request r = {.operation = BLKIF_OP_READ, .nr_segments = 1, .id = ++at.id};

    r.seg[0] = (struct blkif_request_segment){.gref = at.page.ref, .last_sect = 7};
    return r;
}

// The status of the answer, or SILENCE.
static int ask(const void *request)
{
    at.answered = false;
    if (!ring_put(&at.block.ring, request))
        return SILENCE;
    hostile_show(&at.block.ring, at.block.port);
    return WAIT_FOR(&at.block.progress, at.answered || at.block.broken, clock_after(ANSWER_TIME)) &&
                   at.answered
               ? at.status
               : SILENCE;
}

static bool served(void)
{
    struct blkif_request r = honest();

    return at.open && ask(&r) == BLKIF_RSP_OKAY;
}

// On the connection that there is, or on a new one.
static int recover(void)
{
    if (served())
        return 0;
    if (connect_as(NULL, NULL, 0) || !served())
        return -XEN_EIO;
    return 0;
}

static int refused(const char *what, const void *request)
{
    int status = ask(request);

    if (status == BLKIF_RSP_OKAY) {
        print("hostile: %s was done\n", what);
        return -XEN_EILSEQ;
    }
    return 0;
}

static int try_operations(void)
{
    static const uint8_t operations[] = {4, 7, 8, 127, 128, 255};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
        struct blkif_request r = honest();

        r.operation = operations[i];
        error |= refused("an unknown operation", &r);
    }
    return error;
}

static int try_segments(void)
{
    static const struct {
        uint8_t count, first, last;
    } bad[] = {{0, 0, 7}, {12, 0, 7},  {255, 0, 7},   {1, 5, 4},
               {1, 0, 8}, {1, 0, 255}, {1, 255, 255}, {1, 8, 8}};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct blkif_request r = honest();

        r.nr_segments = bad[i].count;
        for (unsigned s = 0; s < BLKIF_MAX_SEGMENTS_PER_REQUEST; s++)
            r.seg[s] = r.seg[0];
        r.seg[0].first_sect = bad[i].first;
        r.seg[0].last_sect = bad[i].last;
        error |= refused("a read with bad segments", &r);
    }
    return error;
}

static int try_grants(void)
{
    const grant_ref_t bad[] = {
        2, 2047, 2048, 0x7fffffff, 0xffffffff, at.page.read_only, at.page.foreign};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct blkif_request r = honest();

        r.seg[0].gref = bad[i];
        error |= refused("a read into no page of ours", &r);
    }
    return error;
}

static int try_sectors(void)
{
    const uint64_t end = at.block.sectors;
    const uint64_t bad[] = {end,      end - 7, end + 1, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX >> 9,
                            1UL << 63};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        for (uint8_t operation = BLKIF_OP_READ; operation <= BLKIF_OP_WRITE; operation++) {
            struct blkif_request r = honest();

            r.operation = operation;
            r.sector_number = bad[i];
            error |= refused("a request beyond the end", &r);
        }
    }
    return error;
}

static struct blkif_request_indirect honest_indirect(grant_ref_t segments)
{
    struct blkif_request_indirect r = {.operation = BLKIF_OP_INDIRECT,
                                       .indirect_op = BLKIF_OP_READ,
                                       .nr_segments = 1,
                                       .id = ++at.id};

    r.indirect_grefs[0] = segments;
    return r;
}

static int try_indirect(void)
{
    struct blkif_request_segment *segments = page_alloc();
    grant_ref_t ref = segments ? grant_page(at.block.device.backend_id, segments, true) : 0;
    static const uint16_t counts[] = {0, 257, 513, 4097, 65535};
    static const uint8_t operations[] = {BLKIF_OP_DISCARD, BLKIF_OP_INDIRECT,
                                         BLKIF_OP_FLUSH_DISKCACHE, 255};
    struct blkif_request_indirect r;
    int error = 0;

    if (!ref)
        return -XEN_ENOMEM;
    segments[0] = (struct blkif_request_segment){.gref = at.page.ref, .last_sect = 7};
    for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
        r = honest_indirect(ref);
        r.nr_segments = counts[i];
        error |= refused("too many indirect segments", &r);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
        r = honest_indirect(ref);
        r.indirect_op = operations[i];
        error |= refused("an unknown indirect operation", &r);
    }
    r = honest_indirect(0xffffffff);
    error |= refused("segments in no page of ours", &r);
    r = honest_indirect(ref);
    segments[0].last_sect = 200;
    error |= refused("a bad indirect segment", &r);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*segments); i++)
        segments[i] = (struct blkif_request_segment){hostile_random(), 9, 3};
    r = honest_indirect(ref);
    r.nr_segments = 64;
    error |= refused("garbage as indirect segments", &r);
    if (grant_end(ref))
        page_free(segments);
    return error;
}

static int try_discard(void)
{
    const uint64_t end = at.block.sectors;
    const uint64_t bad[][2] = {
        {end, 8}, {0, end + 1}, {8, UINT64_MAX}, {UINT64_MAX, 8}, {UINT64_MAX - 3, 4}};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct blkif_request_discard r = {.operation = BLKIF_OP_DISCARD, .id = ++at.id};

        r.sector_number = bad[i][0];
        r.nr_sectors = bad[i][1];
        error |= refused("a discard beyond the end", &r);
    }
    return error;
}

// Indexes and memory. Nothing is to be answered rightly here; what counts is recover().

static int try_jumps(void)
{
    static const uint32_t by[] = {33, 1000, 0x7fffffff, 0x80000000, 0xffffffff};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(by) && !error; i++) {
        hostile_jump(&at.block.ring, at.block.port, by[i]);
        error = connect_as(NULL, NULL, 0);
    }
    return error;
}

// The whole ring full of garbage, again and again.
static int try_garbage(void)
{
    int error = 0;

    for (unsigned round = 0; round < 4 && !error; round++) {
        for (unsigned i = 0; i < at.block.ring.size; i++) {
            uint32_t words[sizeof(struct blkif_request) / 4];

            for (unsigned w = 0; w < ARRAY_SIZE(words); w++)
                words[w] = hostile_random();
            words[0] = (words[0] & 0xff00) | words[0] % 7; // mostly an operation that there is
            if ((words[0] & 0xff) == BLKIF_OP_WRITE || (words[0] & 0xff) == BLKIF_OP_DISCARD)
                words[0] &= ~0xffu; // other people's data stay
            ring_put(&at.block.ring, words);
        }
        hostile_show(&at.block.ring, at.block.port);
        thread_sleep(100 * NS_PER_MS);
        error = connect_as(NULL, NULL, 0);
    }
    return error;
}

// The back end's own words, overwritten; and news of nothing.
static int try_words(void)
{
    struct ring *const ring = &at.block.ring;

    hostile_words(&ring, 1, at.block.port);
    return connect_as(NULL, NULL, 0);
}

static void put_with(grant_ref_t ref)
{
    struct blkif_request r = honest();

    r.seg[0].gref = ref;
    ring_put(&at.block.ring, &r);
}

// Pages that go away while they are used: the data's, and the ring's own.
static int try_revoked(void)
{
    hostile_revoke(at.block.device.backend_id, false, &at.block.ring, at.block.port, put_with);
    grant_revoke(at.block.ring_refs[0]);
    served();
    return connect_as(NULL, NULL, 0);
}

// Keys and states

static int try_keys(void)
{
    static const struct lie lies[] = {
        {"ring-ref", NULL, 0},
        {"ring-ref", "abc", 0},
        {"ring-ref", "-1", 0},
        {"ring-ref", "4294967295", 0},
        {"ring-ref", "99999999999999999999999", 0},
        {"ring-ref", "2000", 0},
        {"event-channel", NULL, 0},
        {"event-channel", "0", 0},
        {"event-channel", "131071", 0},
        {"event-channel", "x", 0},
        {"protocol", "nonsense", 0},
        {"ring-page-order", "31", 1},
        {"ring-page-order", "-1", 1},
        {"ring-ref1", NULL, 1},
        {"ring-ref1", "77777", 1},
    };
    bool several = !connect_as(NULL, NULL, 1) && at.block.nr_ring_pages > 1;

    return hostile_lies(OF(lies), several, connect_as, served);
}

static int try_states(void)
{
    drop();
    return hostile_states("vbd", at.handle);
}

static const struct violation violations[] = {
    {"operations", try_operations}, {"segments", try_segments}, {"grants", try_grants},
    {"sectors", try_sectors},       {"indirect", try_indirect}, {"discard", try_discard},
    {"jumps", try_jumps},           {"garbage", try_garbage},   {"words", try_words},
    {"revoked", try_revoked},       {"keys", try_keys},         {"states", try_states},
};

COMMAND(hostile_block, "HANDLE [WHICH...]",
        "breaks the block protocol in every way, on device/vbd/HANDLE")
{
    int error;

    at.handle = (unsigned)word_number(nr_words, words, 1, 51712);
    error = connect_as(NULL, NULL, 0);
    if (error)
        return error;
    if (hostile_page_make(&at.page, at.block.device.backend_id, false))
        error = hostile_run("block", OF(violations), words + MIN(nr_words, 2u), recover);
    else
        error = -XEN_ENOMEM;
    drop();
    hostile_page_free(&at.page);
    return error;
}
