// vellum-blkback's worker on the host: what a front end asks for is done, what it must not ask for
// is refused, and whatever a predecessor had in hand when it was killed is done by the next, once.
//
// sources: tests/tools/block_world.c backends/block/disk.c backends/block/queue.c
// sources: backends/block/steps.c backends/block/data.c backends/block/buffer.c
// sources: backends/block/inflight.c backends/block/image.c
// sources: backends/block/request.c backends/block/throttle.c backends/common/credit.c
// sources: ring/ring.c
// libraries: -luring -levent_core
#include <CUnit/Basic.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/block_world.h"

#define IMAGE_BYTES (8u << 20)
#define SECTORS     (IMAGE_BYTES / BLK_SECTOR)
#define DATA        16 // the first page of data

static uint64_t seed = 7;

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void fill(uint32_t page, uint64_t value)
{
    uint64_t *words = (uint64_t *)world->page[page];

    for (unsigned i = 0; i < BLK_PAGE / 8; i++)
        words[i] = value * 0x9e3779b97f4a7c15u + i;
}

static bool holds(uint32_t page, uint64_t value)
{
    const uint64_t *words = (const uint64_t *)world->page[page];

    for (unsigned i = 0; i < BLK_PAGE / 8; i++) {
        if (words[i] != (value ? value * 0x9e3779b97f4a7c15u + i : 0))
            return false;
    }
    return true;
}

// --- what it does ---

static void test_read_write(void)
{
    world_begin(IMAGE_BYTES);
    world_serve();
    for (uint32_t i = 0; i < 11; i++)
        fill(DATA + i, i + 1);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE, 80, 11, DATA), 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 80, 11, DATA + 20), 0);
    for (uint32_t i = 0; i < 11; i++)
        CU_ASSERT(holds(DATA + 20 + i, i + 1));
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 80 + 8 * 10, 2, DATA + 40), 0);
    CU_ASSERT(holds(DATA + 40, 11));
    CU_ASSERT(holds(DATA + 41, 0));
    CU_ASSERT_EQUAL(world->ready.sectors, SECTORS);
    CU_ASSERT_EQUAL(world->ready.sector_size, 512);
    CU_ASSERT_EQUAL(world->complaints, 0);
    world_end();
}

// One sector in the middle of a page: nothing else is touched.
static void test_sectors(void)
{
    struct blkif_request request = {.operation = BLKIF_OP_READ, .nr_segments = 1, .id = 5};

    world_begin(IMAGE_BYTES);
    world_serve();
    fill(DATA, 1);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE, 0, 1, DATA), 0);
    memset(world->page[DATA + 1], 0x33, BLK_PAGE);
    request.seg[0] = (struct blkif_request_segment){DATA + 1, 3, 4};
    request.sector_number = 1;
    world_ask(&request);
    CU_ASSERT_EQUAL(world_response(false).status, 0);
    CU_ASSERT(!memcmp(world->page[DATA + 1] + 3 * 512, world->page[DATA] + 512, 1024));
    CU_ASSERT(world->page[DATA + 1][3 * 512 - 1] == 0x33 && world->page[DATA + 1][5 * 512] == 0x33);
    world_end();
}

static int do_indirect(uint8_t operation, uint64_t sector, uint32_t pages, uint32_t first,
                       uint32_t list)
{
    struct blkif_request_indirect indirect = {.operation = BLKIF_OP_INDIRECT,
                                              .indirect_op = operation,
                                              .nr_segments = (uint16_t)pages,
                                              .id = 77,
                                              .sector_number = sector,
                                              .indirect_grefs = {list}};
    struct blkif_request entry = {0};
    struct blkif_request_segment *segment = (struct blkif_request_segment *)world->page[list];

    for (uint32_t i = 0; i < pages && i < 512; i++)
        segment[i] = (struct blkif_request_segment){first + i, 0, 7};
    memcpy(&entry, &indirect, sizeof(indirect));
    world_ask(&entry);
    struct blkif_response response = world_response(false);
    CU_ASSERT_EQUAL(response.id, 77);
    return response.status;
}

static void test_indirect(void)
{
    world_begin(IMAGE_BYTES);
    world_serve();
    for (uint32_t i = 0; i < 256; i++)
        fill(DATA + i, 1000 + i);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_WRITE, 800, 256, DATA, 10), 0);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_READ, 800, 256, DATA + 300, 10), 0);
    for (uint32_t i = 0; i < 256; i++)
        CU_ASSERT(holds(DATA + 300 + i, 1000 + i));
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_READ, 800, 257, DATA, 10), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_READ, 800, 0, DATA, 10), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_DISCARD, 800, 1, DATA, 10), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_READ, SECTORS - 7, 1, DATA, 10), BLKIF_RSP_ERROR);
    world->revoked[11] = true;
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_READ, 0, 1, DATA, 11), BLKIF_RSP_ERROR);
    world_end();
}

static void test_flush_and_barrier(void)
{
    world_begin(IMAGE_BYTES);
    world_serve();
    fill(DATA, 5);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_FLUSH_DISKCACHE, 8, 1, DATA), 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE_BARRIER, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE_BARRIER, 16, 1, DATA), 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 8, 2, DATA + 1), 0);
    CU_ASSERT(holds(DATA + 1, 5) && holds(DATA + 2, 5));
    world_end();
}

// Writes, a barrier, more writes, all at once: the barrier's answer comes after those before it and
// before those behind it.
static void test_barrier_order(void)
{
    struct blkif_request request = {.operation = BLKIF_OP_WRITE, .nr_segments = 1};

    world_begin(IMAGE_BYTES);
    for (uint64_t i = 0; i < 60; i++) {
        request.id = i;
        request.operation = i == 30 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE;
        request.sector_number = 8 * i;
        request.seg[0] = (struct blkif_request_segment){DATA + (uint32_t)i, 0, 7};
        world_ask(&request);
    }
    world_serve();
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t id = world_response(false).id;

        CU_ASSERT(i < 30 ? id < 30 : i == 30 ? id == 30 : id > 30);
    }
    world_end();
}

static void test_discard(void)
{
    struct blkif_request_discard discard = {
        .operation = BLKIF_OP_DISCARD, .id = 9, .sector_number = 8, .nr_sectors = 16};
    struct blkif_request entry = {0};

    world_begin(IMAGE_BYTES);
    world_serve();
    for (uint32_t i = 0; i < 4; i++)
        fill(DATA + i, 3);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE, 0, 4, DATA), 0);
    memcpy(&entry, &discard, sizeof(discard));
    world_ask(&entry);
    CU_ASSERT_EQUAL(world_response(false).status, 0);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 0, 4, DATA + 4), 0);
    CU_ASSERT(holds(DATA + 4, 3) && holds(DATA + 5, 0) && holds(DATA + 6, 0) && holds(DATA + 7, 3));
    discard.flag = BLKIF_DISCARD_SECURE;
    memcpy(&entry, &discard, sizeof(discard));
    world_ask(&entry);
    CU_ASSERT_EQUAL(world_response(false).status, BLKIF_RSP_EOPNOTSUPP);
    discard = (struct blkif_request_discard){
        .operation = BLKIF_OP_DISCARD, .sector_number = SECTORS - 1, .nr_sectors = UINT64_MAX};
    memcpy(&entry, &discard, sizeof(discard));
    world_ask(&entry);
    CU_ASSERT_EQUAL(world_response(false).status, BLKIF_RSP_ERROR);
    world_end();
}

// --- what it refuses ---

static int try(uint8_t operation, uint8_t segments, uint64_t sector,
               struct blkif_request_segment segment)
{
    struct blkif_request request = {
        .operation = operation, .nr_segments = segments, .sector_number = sector, .id = 1};

    for (unsigned i = 0; i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        request.seg[i] = segment;
    world_ask(&request);
    return world_response(false).status;
}

static void test_bad_requests(void)
{
    const struct blkif_request_segment good = {DATA, 0, 7};

    world_begin(IMAGE_BYTES);
    world_serve();
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 0, 0, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 12, 0, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_WRITE, 255, 0, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, SECTORS, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, SECTORS - 7, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, SECTORS - 8, good), BLKIF_RSP_OKAY);
    CU_ASSERT_EQUAL(try(BLKIF_OP_WRITE, 1, UINT64_MAX, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_WRITE, 1, UINT64_MAX - 6, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, 0, (struct blkif_request_segment){DATA, 4, 3}),
                    BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, 0, (struct blkif_request_segment){DATA, 0, 8}),
                    BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, 0, (struct blkif_request_segment){DATA, 255, 255}),
                    BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, 0, (struct blkif_request_segment){UINT32_MAX, 0, 7}),
                    BLKIF_RSP_ERROR);
    for (unsigned operation = 7; operation < 256; operation++)
        CU_ASSERT_EQUAL(try((uint8_t)operation, 1, 0, good), BLKIF_RSP_EOPNOTSUPP);
    CU_ASSERT_EQUAL(try(BLKIF_OP_RESERVED_1, 1, 0, good), BLKIF_RSP_EOPNOTSUPP);
    world->revoked[DATA] = true;
    CU_ASSERT_EQUAL(try(BLKIF_OP_WRITE, 1, 0, good), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(try(BLKIF_OP_READ, 1, 0, good), BLKIF_RSP_ERROR);
    CU_ASSERT(world_serving());
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 0, 1, DATA + 1), 0);
    world_end();
}

static void test_read_only(void)
{
    world_begin(IMAGE_BYTES);
    world_read_only = true;
    world_serve();
    fill(DATA, 1);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE, 0, 1, DATA), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_WRITE_BARRIER, 0, 1, DATA), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_FLUSH_DISKCACHE, 0, 1, DATA), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(do_indirect(BLKIF_OP_WRITE, 0, 1, DATA, 10), BLKIF_RSP_ERROR);
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 0, 1, DATA + 1), 0);
    CU_ASSERT(holds(DATA + 1, 0));
    world_end();
}

static void test_overrun(void)
{
    uint32_t *request_index = (uint32_t *)world;

    world_begin(IMAGE_BYTES);
    world_serve();
    CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 0, 1, DATA), 0);
    request_index = (uint32_t *)world->page[0];
    *request_index += RING_ENTRIES + 1;
    world_ask(&(struct blkif_request){.operation = BLKIF_OP_READ}); // its index is as it should be
    *request_index = front.produced + RING_ENTRIES + 1;
    world_kill();
    world_serve();
    CU_ASSERT_EQUAL(world_status(), WORKER_GUEST_WRONG);
    world_end();
}

// --- kill -9 ---

#define BLOCKS 256 // of a page each; one request at a time for each

struct block {
    uint64_t value;   // what it holds as far as was acknowledged; 0: zeros
    uint64_t writing; // what it shall hold; 0: nothing is under way
    bool reading;
};

static struct block blocks[BLOCKS];

static void ask_block(uint32_t number, uint64_t value)
{
    struct block *block = &blocks[number];
    struct blkif_request request = {.operation = below(3) ? BLKIF_OP_WRITE : BLKIF_OP_READ,
                                    .nr_segments = 1,
                                    .id = number,
                                    .sector_number = 8 * number};

    request.seg[0] = (struct blkif_request_segment){DATA + number, 0, 7};
    if (request.operation == BLKIF_OP_WRITE) {
        block->writing = value;
        fill(DATA + number, value);
    } else {
        block->reading = true;
        memset(world->page[DATA + number], 0x5a, BLK_PAGE);
    }
    world_ask(&request);
}

static void check_block(const struct blkif_response *response)
{
    struct block *block = &blocks[response->id % BLOCKS];

    CU_ASSERT_FATAL(response->id < BLOCKS);
    CU_ASSERT_FATAL(block->writing || block->reading); // it is the first answer
    CU_ASSERT_EQUAL_FATAL(response->status, 0);
    if (block->writing)
        block->value = block->writing;
    else
        CU_ASSERT_FATAL(holds(DATA + (uint32_t)response->id, block->value));
    block->writing = 0;
    block->reading = false;
}

static void test_killed(void)
{
    unsigned open = 0, deaths = 0;
    uint64_t asked = 0;

    world_begin(IMAGE_BYTES);
    memset(blocks, 0, sizeof(blocks));
    while (asked < 40000 || open) {
        if (!world_serving()) {
            deaths++;
            world->die_at = asked < 39000 ? 1 + below(90) : 0;
            world_serve();
        } else if (below(400) == 0 && asked < 39000) {
            world_kill(); // anywhere
        }
        uint32_t number = below(BLOCKS);
        bool idle = !blocks[number].writing && !blocks[number].reading;
        if (asked < 40000 && idle && open < 40 && ring_room(&front)) {
            ask_block(number, ++asked);
            open++;
            continue;
        }
        struct blkif_response response = world_response(true);
        check_block(&response);
        open--;
    }
    CU_ASSERT(deaths > 100);
    CU_ASSERT(world->resumed > 100);
    printf("(%u deaths, %u with requests in hand) ", deaths, world->resumed);
    CU_ASSERT_EQUAL(world->complaints, 0);
    world_kill();
    for (uint32_t i = 0; i < BLOCKS; i++)
        memset(world->page[DATA + i], 0x5a, BLK_PAGE);
    world_serve();
    for (uint32_t i = 0; i < BLOCKS; i++) {
        CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 8 * i, 1, DATA + i), 0);
        CU_ASSERT(holds(DATA + i, blocks[i].value));
    }
    world_end();
}

// Every state of a slot that a death can leave, and ring indexes that no such state can.
static void test_resume_states(void)
{
    static struct inflight_queue queue;
    static uint8_t memory[4096];
    struct ring_header *header = (struct ring_header *)memory;
    uint16_t list[INFLIGHT_SLOTS];
    uint32_t taken, answered;
    struct ring ring;

    memset(&queue, 0, sizeof(queue));
    ring_format(memory);
    ring_attach(&ring, RING_BACK, memory, sizeof(memory), 112, 16);
    struct blkif_request entry = {0};
    for (unsigned i = 0; i < 6; i++)
        inflight_take(&queue, i, &entry);
    queue.slot[6].state = INFLIGHT_TAKEN; // copied, not counted
    queue.slot[6].index = queue.consumed;
    inflight_answer(&queue, 4, 0, 0); // seen, not freed
    inflight_answer(&queue, 2, 1, -1);
    header->rsp_prod = 1;
    CU_ASSERT(inflight_resume(&queue, &ring, list, &taken, &answered));
    CU_ASSERT(taken == 4 && list[0] == 0 && list[1] == 1 && list[2] == 3 && list[3] == 5);
    CU_ASSERT(answered == 1 && list[4] == 2);
    CU_ASSERT(ring.produced == 1 && ring.consumed == 6);
    CU_ASSERT_EQUAL(queue.slot[6].state, INFLIGHT_FREE);
    CU_ASSERT_EQUAL(queue.slot[4].state, INFLIGHT_FREE);
    for (uint32_t wrong = 2; wrong < 100; wrong++) {
        header->rsp_prod = wrong == 2 ? UINT32_MAX : wrong;
        struct inflight_queue copy = queue;
        CU_ASSERT_FALSE(inflight_resume(&copy, &ring, list, &taken, &answered));
    }
}

// --- limits ---

// Milliseconds that so many reads take, all asked for as soon as there is room.
static uint64_t time_of_reads(unsigned count, uint32_t pages)
{
    uint64_t start = worker_now();

    for (unsigned i = 0; i < count; i++)
        CU_ASSERT_EQUAL(world_do(BLKIF_OP_READ, 0, pages, DATA), 0);
    return worker_now() - start;
}

// What is saved up, a 20th of a second's worth, goes at once; the rest at the rate that was set.
// Slower is the machine's doing: the upper bounds tell only that it is not slower by much.
static void test_limits(void)
{
    uint64_t ms;

    world_begin(IMAGE_BYTES);
    world_iops = 200;
    world_serve();
    ms = time_of_reads(110, 1); // 10, and 100
    CU_ASSERT(ms >= 400 && ms < 20000);
    world_end();
    world_begin(IMAGE_BYTES);
    world_rate = "100000,50000"; // 2 MB/s
    world_serve();
    ms = time_of_reads(25, 10); // 1 MB
    CU_ASSERT(ms >= 400 && ms < 20000);
    world_kill();
    world_serve(); // who takes over knows them, too
    ms = time_of_reads(25, 10);
    CU_ASSERT(ms >= 400 && ms < 20000);
    CU_ASSERT_EQUAL(world->complaints, 0);
    world_end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"read write", test_read_write},
        {"sectors", test_sectors},
        {"indirect", test_indirect},
        {"flush and barrier", test_flush_and_barrier},
        {"barrier order", test_barrier_order},
        {"discard", test_discard},
        {"bad requests", test_bad_requests},
        {"read only", test_read_only},
        {"overrun", test_overrun},
        {"resume states", test_resume_states},
        {"killed", test_killed},
        {"limits", test_limits},
        CU_TEST_INFO_NULL,
    };

    return run_suite("vellum-blkback", tests);
}
