// The block exerciser: writes patterns and reads them again, measures latency and throughput.
#include "frontends/block/blkfront.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/reference/shell.h"

#define DEPTH_MOST       16u
#define SECTORS_PER_PAGE (PAGE_SIZE / BLOCK_SECTOR)

struct lane {
    struct block_request request;
    uint64_t started;
};

// A number of requests of one kind.
struct job {
    struct blkfront *block;
    uint8_t operation;
    unsigned depth;              // under way at a time
    unsigned pages;              // of a request
    uint64_t count, first, span; // requests; where on the disk, in requests
    bool random;
    uint64_t seed; // of the pattern written, or looked for; 0: none
    // Results.
    uint64_t ns, latency_sum, latency_most; // latencies by the TSC
    struct lane lanes[DEPTH_MOST];
};

// The pattern tells the sector, the place in it, and the round.
static uint64_t word_of(uint64_t seed, uint64_t sector, unsigned i)
{
    uint64_t x = (seed << 48 ^ sector << 8 ^ i) * 0x9e3779b97f4a7c15u;

    return x ^ x >> 29;
}

#define WORDS (BLOCK_SECTOR / sizeof(uint64_t))

static void fill(const struct job *job, const struct block_request *r)
{
    uint64_t *to = r->data;

    for (uint64_t s = 0; s < r->sectors; s++)
        for (unsigned i = 0; i < WORDS; i++)
            *to++ = word_of(job->seed, r->sector + s, i);
}

static int compare(const struct job *job, const struct block_request *r)
{
    const uint64_t *from = r->data;

    for (uint64_t s = 0; s < r->sectors; s++) {
        for (unsigned i = 0; i < WORDS; i++, from++) {
            if (*from == word_of(job->seed, r->sector + s, i))
                continue;
            print("sector %lu, word %u: %#lx instead of %#lx\n", r->sector + s, i, *from,
                  word_of(job->seed, r->sector + s, i));
            return -XEN_EILSEQ;
        }
    }
    return 0;
}

static uint64_t place_of(const struct job *job, uint64_t i)
{
    uint64_t n = job->random ? (i * 0x9e3779b97f4a7c15u >> 20) % job->span : i % job->span;

    return (job->first + n) * job->pages * SECTORS_PER_PAGE;
}

static int begin(struct job *job, struct lane *lane, uint64_t i)
{
    struct block_request *r = &lane->request;

    r->operation = job->operation;
    r->sector = place_of(job, i);
    r->sectors = job->pages * SECTORS_PER_PAGE;
    if (job->seed && job->operation == BLKIF_OP_WRITE)
        fill(job, r);
    lane->started = tsc_read();
    return blkfront_submit(job->block, r);
}

static int end(struct job *job, struct lane *lane)
{
    struct block_request *r = &lane->request;
    int error = blkfront_wait(job->block, r);
    uint64_t latency = r->finished - lane->started;

    job->latency_sum += latency;
    if (latency > job->latency_most)
        job->latency_most = latency;
    if (!error && job->seed && job->operation == BLKIF_OP_READ)
        error = compare(job, r);
    if (error)
        print("request of sector %lu: %s\n", r->sector, error_name(error));
    return error;
}

static int run_lanes(struct job *job)
{
    uint64_t begun, ended = 0;
    int error = 0, e;

    for (begun = 0; begun < job->count && !error; begun++) {
        struct lane *lane = &job->lanes[begun % job->depth];

        if (begun - ended == job->depth) {
            error = end(job, lane);
            ended++;
        }
        if (!error && (error = begin(job, lane, begun)))
            break;
    }
    while (ended < begun && (error == 0 || job->lanes[ended % job->depth].request.id))
        if ((e = end(job, &job->lanes[ended++ % job->depth])) && !error)
            error = e;
    return error;
}

static int job_run(struct job *job)
{
    uint64_t start;
    int error = 0;

    memset(job->lanes, 0, sizeof(job->lanes));
    job->latency_sum = job->latency_most = 0;
    for (unsigned i = 0; i < job->depth; i++)
        if (!(job->lanes[i].request.data = pages_alloc(job->pages)))
            error = -XEN_ENOMEM;
    start = clock_now();
    if (!error)
        error = run_lanes(job);
    job->ns = clock_now() - start;
    for (unsigned i = 0; i < job->depth; i++)
        if (job->lanes[i].request.data && !job->lanes[i].request.stuck)
            pages_free(job->lanes[i].request.data, job->pages);
    return error;
}

// Requests of the size and depth that the device and our memory allow.
static unsigned largest(const struct blkfront *block)
{
    uint64_t most = block->indirect_most > BLKIF_MAX_SEGMENTS_PER_REQUEST
                        ? block->indirect_most
                        : BLKIF_MAX_SEGMENTS_PER_REQUEST;

    return (unsigned)MIN(most, (uint64_t)BLOCK_PAGES_MOST);
}

static struct job *job_make(struct blkfront *block, uint8_t operation, unsigned depth,
                            unsigned pages)
{
    struct job *job = heap_alloc(sizeof(*job));

    if (job) {
        job->block = block;
        job->operation = operation;
        job->depth = MIN(depth, DEPTH_MOST);
        job->pages = pages;
        job->span = block->sectors / (pages * SECTORS_PER_PAGE);
    }
    return job;
}

// Verifying

static int pass(struct blkfront *block, uint8_t operation, unsigned pages, uint64_t bytes,
                uint64_t seed)
{
    struct job *job = job_make(block, operation, 8, pages);
    int error = job ? 0 : -XEN_ENOMEM;

    if (job && job->span) {
        job->span = MIN(job->span, bytes / (pages * PAGE_SIZE) + 1);
        job->count = job->span;
        job->seed = seed;
        error = job_run(job);
    }
    heap_free(job);
    return error;
}

static int flush(struct blkfront *block)
{
    struct block_request r = {.operation = BLKIF_OP_FLUSH_DISKCACHE};

    return block->flush ? blkfront_do(block, &r) : 0;
}

// What is written in one size is read in another.
static int verify(struct blkfront *block, uint64_t bytes)
{
    const unsigned sizes[] = {1, 3, 11, largest(block)};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(sizes) && !error; i++) {
        error = pass(block, BLKIF_OP_WRITE, sizes[i], bytes, i + 1);
        if (!error)
            error = flush(block);
        for (unsigned j = 0; j < ARRAY_SIZE(sizes) && !error; j++)
            error = pass(block, BLKIF_OP_READ, sizes[j], bytes - bytes / 8, i + 1);
    }
    if (!error)
        print("block: verified %lu KB in requests of 1 to %u pages\n", bytes >> 10, largest(block));
    return error;
}

// Measuring

static void report(const char *what, const struct job *job)
{
    uint64_t us = job->ns / NS_PER_US + 1, bytes = job->count * job->pages * PAGE_SIZE;

    print("BENCH %s: %lu requests of %lu KB, %u at a time: %lu KB/s, %lu requests/s, latency mean "
          "%lu most %lu ticks\n",
          what, job->count, job->pages * PAGE_SIZE >> 10, job->depth,
          bytes * 1000 / us * 1000 >> 10, job->count * 1000000 / us, job->latency_sum / job->count,
          job->latency_most);
}

static int measure(struct blkfront *block, const char *what, uint8_t operation, unsigned depth,
                   unsigned pages, uint64_t count, bool random)
{
    struct job *job = job_make(block, operation, depth, pages);
    int error = job ? 0 : -XEN_ENOMEM;

    if (job) {
        job->count = count;
        job->random = random;
        error = job_run(job);
        if (!error)
            report(what, job);
    }
    heap_free(job);
    return error;
}

static int bench(struct blkfront *block, uint64_t bytes)
{
    unsigned pages = largest(block);
    uint64_t count = bytes / (pages * PAGE_SIZE) + 1;
    int error = measure(block, "read_sequential", BLKIF_OP_READ, 8, pages, count, false);

    if (!error && !(block->info & VDISK_READONLY))
        error = measure(block, "write_sequential", BLKIF_OP_WRITE, 8, pages, count, false);
    if (!error)
        error = measure(block, "read_random_4k", BLKIF_OP_READ, 16, 1, 4 * count, true);
    if (!error)
        error = measure(block, "read_latency_4k", BLKIF_OP_READ, 1, 1, count, true);
    return error;
}

// Requests that a front end must not even send, and one beyond the disk's end, which the back end
// refuses.
static int refused(struct blkfront *block)
{
    struct block_request r = {.operation = BLKIF_OP_READ, .sector = block->sectors, .sectors = 8};
    struct block_request none = {.operation = BLKIF_OP_READ, .sectors = 0};
    int error;

    r.data = page_alloc();
    if (!r.data)
        return -XEN_ENOMEM;
    error = blkfront_do(block, &r);
    if (!r.stuck)
        page_free(r.data);
    return error == -XEN_EIO && blkfront_submit(block, &none) == -XEN_EINVAL ? 0 : -XEN_EILSEQ;
}

static void show(const struct blkfront *block)
{
    print("block: %lu sectors, sector size %lu, info %lu,%s%s%s%s indirect %lu, ring of %u\n",
          block->sectors, block->sector_size, block->info, block->flush ? " flush" : "",
          block->barrier ? " barrier" : "", block->discard ? " discard" : "",
          block->persistent ? " persistent" : "", block->indirect_most, block->ring.size);
}

COMMAND(block, "HANDLE info|verify|bench [KB] [persistent] [multipage]",
        "tries and measures a disk, device/vbd/HANDLE; verify overwrites it")
{
    static struct blkfront block;
    struct block_options options = {
        .ring_order = word_given(nr_words, words, "multipage") ? BLOCK_RING_ORDER_MOST : 0,
        .persistent = word_given(nr_words, words, "persistent"),
    };
    uint64_t bytes = word_number(MIN(nr_words, 4u), words, 3, 1024) << 10;
    int error = blkfront_open(&block, (unsigned)word_number(nr_words, words, 1, 51712), &options);

    if (error)
        return error;
    show(&block);
    if (word_given(nr_words, words, "verify"))
        error = refused(&block) ? -XEN_EILSEQ : verify(&block, bytes);
    if (word_given(nr_words, words, "bench"))
        error = bench(&block, bytes);
    blkfront_close(&block);
    return error;
}
