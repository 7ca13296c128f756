// The block front end, against back ends that serve it, that err, and that mean it harm.
//
// sources: frontends/block/blkfront.c frontends/block/requests.c frontends/block/pages.c
// sources: ring/ring.c tests/unit/front_world.c

#include <CUnit/Basic.h>
#include <stdlib.h>

#include "front_world.h"
#include "frontends/block/blkfront.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "tests/suite.h"

#define SECTORS 2048

static struct blkfront block;
static struct ring back; // the other side of the front end's ring
static uint8_t disk[SECTORS * BLOCK_SECTOR];
static unsigned seed;

static unsigned draw(unsigned below)
{
    return (unsigned)rand_r(&seed) % below;
}

// A back end that serves

static void transfer(const struct blkif_request_segment *s, uint8_t *at, bool write)
{
    size_t bytes = (s->last_sect - s->first_sect + 1u) * BLOCK_SECTOR;
    uint8_t *page = (uint8_t *)world.grants[s->gref].page + s->first_sect * BLOCK_SECTOR;

    CU_ASSERT_TRUE_FATAL(s->gref < WORLD_GRANTS && world.grants[s->gref].in_use);
    CU_ASSERT_TRUE_FATAL(at + bytes <= disk + sizeof(disk));
    CU_ASSERT_TRUE(write || !world.grants[s->gref].read_only);
    if (write)
        memcpy(at, page, bytes);
    else
        memcpy(page, at, bytes);
}

static void serve(const struct blkif_request *r)
{
    const struct blkif_request_indirect *indirect = (const void *)r;
    struct blkif_response rsp = {.id = r->id, .operation = r->operation};
    const struct blkif_request_segment *segments = r->seg;
    unsigned n = r->nr_segments;
    uint8_t operation = r->operation;
    uint64_t sector = r->sector_number;

    if (operation == BLKIF_OP_INDIRECT) {
        segments = world.grants[indirect->indirect_grefs[0]].page;
        n = indirect->nr_segments;
        operation = indirect->indirect_op;
        sector = indirect->sector_number;
    }
    for (unsigned i = 0; i < n && operation <= BLKIF_OP_WRITE; i++) {
        transfer(&segments[i], disk + sector * BLOCK_SECTOR, operation == BLKIF_OP_WRITE);
        sector += segments[i].last_sect - segments[i].first_sect + 1u;
    }
    CU_ASSERT_TRUE(ring_put(&back, &rsp));
}

static void attach_back(void)
{
    ring_attach(&back, RING_BACK, block.memory, block.nr_ring_pages * PAGE_SIZE,
                sizeof(struct blkif_request), sizeof(struct blkif_response));
}

static bool serve_all(void)
{
    struct blkif_request r;
    unsigned n = 0;

    for (; ring_take(&back, &r) == RING_TAKEN; n++)
        serve(&r);
    ring_publish(&back);
    world_notify();
    return n;
}

static void open_as(bool persistent, unsigned order)
{
    struct block_options options = {.persistent = persistent, .ring_order = order};

    world_key("sectors", SECTORS);
    world_key("max-ring-page-order", 2);
    world_key("feature-persistent", 1);
    world_key("feature-max-indirect-segments", 256);
    CU_ASSERT_EQUAL_FATAL(blkfront_open(&block, 51712, &options), 0);
    attach_back();
    world.step = serve_all;
}

static void end(void)
{
    blkfront_close(&block);
    world_reset();
}

static int transact(uint8_t operation, uint64_t sector, uint64_t sectors, uint8_t *data)
{
    struct block_request r = {
        .operation = operation, .sector = sector, .sectors = sectors, .data = data};
    int error = blkfront_do(&block, &r);

    CU_ASSERT_FALSE(r.stuck);
    return error;
}

static void write_and_read(uint64_t sectors)
{
    unsigned pages = (unsigned)((sectors + 7) / 8);
    uint8_t *out = pages_alloc(pages), *in = pages_alloc(pages);

    for (size_t i = 0; i < sectors * BLOCK_SECTOR; i++)
        out[i] = (uint8_t)draw(256);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_WRITE, 100, sectors, out), 0);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 100, sectors, in), 0);
    CU_ASSERT_FALSE(memcmp(in, out, sectors * BLOCK_SECTOR));
    CU_ASSERT_FALSE(memcmp(disk + 100 * BLOCK_SECTOR, out, sectors * BLOCK_SECTOR));
    pages_free(out, pages);
    pages_free(in, pages);
}

static void test_serves(void)
{
    for (unsigned way = 0; way < 4; way++) {
        open_as(way & 1, way & 2);
        CU_ASSERT_EQUAL(block.sectors, SECTORS);
        CU_ASSERT_EQUAL(block.persistent, way & 1);
        CU_ASSERT_EQUAL(block.ring.size, way & 2 ? 128 : 32);
        for (uint64_t sectors = 1; sectors <= BLOCK_PAGES_MOST * 8; sectors += 1 + sectors / 3)
            write_and_read(sectors);
        end();
    }
}

static void test_refuses(void)
{
    uint8_t *page;

    open_as(false, 0);
    page = page_alloc();
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 0, page), -XEN_EINVAL);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, BLOCK_PAGES_MOST * 8 + 1, page), -XEN_EINVAL);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page + 512), -XEN_EINVAL);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, NULL), -XEN_EINVAL);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, NULL), -XEN_EOPNOTSUPP);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_DISCARD, 0, 8, NULL), -XEN_EOPNOTSUPP);
    CU_ASSERT_EQUAL(transact(77, 0, 8, page), -XEN_EINVAL);
    CU_ASSERT_EQUAL(world.sent, 0);
    page_free(page);
    end();
}

// Back ends that err

static int16_t status;

static bool answer_with_status(void)
{
    struct blkif_request r;
    struct blkif_response rsp;

    if (ring_take(&back, &r) != RING_TAKEN)
        return false;
    rsp = (struct blkif_response){.id = r.id, .status = status};
    ring_put(&back, &rsp);
    ring_publish(&back);
    world_notify();
    return true;
}

static void test_errors(void)
{
    static const struct {
        int16_t status;
        int error;
    } answers[] = {{0, 0},         {-1, -XEN_EIO}, {-2, -XEN_EOPNOTSUPP},
                   {-3, -XEN_EIO}, {1, -XEN_EIO},  {-32768, -XEN_EIO}};
    uint8_t *page;

    open_as(false, 0);
    page = page_alloc();
    world.step = answer_with_status;
    for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
        status = answers[i].status;
        CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page), answers[i].error);
    }
    page_free(page);
    end();
}

// One that has gone: nothing waits for ever.
static void test_gone(void)
{
    uint8_t *page;

    open_as(false, 0);
    page = page_alloc();
    world.step = NULL;
    world.backend = XenbusStateClosing;
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page), -XEN_EIO);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page), -XEN_EIO);
    page_free(page);
    end();
}

// One that does not connect, or connects and says nothing of itself.
static void test_no_connection(void)
{
    world.restart_error = -XEN_ETIMEDOUT;
    CU_ASSERT_EQUAL(blkfront_open(&block, 1, NULL), -XEN_ETIMEDOUT);
    world_reset();
    CU_ASSERT_EQUAL(blkfront_open(&block, 1, NULL), 0);
    CU_ASSERT_EQUAL(block.sectors, 0);
    end();
}

// Pages that it does not give back are not used again, the ring's among them.
static void test_keeps_pages(void)
{
    struct block_request r = {.operation = BLKIF_OP_READ, .sectors = 8};
    void *ring;

    open_as(false, 0);
    r.data = page_alloc();
    CU_ASSERT_EQUAL(blkfront_submit(&block, &r), 0);
    for (unsigned i = 0; i < WORLD_GRANTS; i++)
        world.grants[i].mapped = world.grants[i].in_use;
    CU_ASSERT_EQUAL(blkfront_wait(&block, &r), 0);
    CU_ASSERT_TRUE(r.stuck);
    ring = block.memory;
    blkfront_close(&block);
    CU_ASSERT_EQUAL(world.pages, 2); // the request's and the ring's
    pages_free(r.data, 1);
    pages_free(ring, 1);
    world.grants_in_use = 0;
    world_reset();
}

// Back ends that mean harm

static void (*harm)(void);

static bool do_harm(void)
{
    harm();
    world_notify();
    return true;
}

static struct blkif_response bad_response;

static void harm_overrun(void)
{
    block.ring.shared->rsp_prod += 2;
}

static void harm_response(void)
{
    ring_put(&back, &bad_response);
    ring_publish(&back);
}

static void check_broken(void)
{
    uint8_t *page;

    open_as(false, 0);
    page = page_alloc();
    world.step = do_harm;
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page), -XEN_EIO);
    CU_ASSERT_PTR_NOT_NULL(block.broken);
    CU_ASSERT_EQUAL(transact(BLKIF_OP_READ, 0, 8, page), -XEN_EIO);
    page_free(page);
    end();
}

static void harm_taken_response(void)
{
    struct blkif_request r;

    ring_take(&back, &r);
    harm_response();
}

static void test_overrun(void)
{
    harm = harm_overrun;
    check_broken();
}

static void test_wrong_ids(void)
{
    static const uint64_t ids[] = {
        0, 1, 31, 32, 127, 128, 0xffffffff, 1UL << 32 | 1, 2UL << 32, UINT64_MAX};

    harm = harm_taken_response;
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        bad_response = (struct blkif_response){.id = ids[i]};
        check_broken();
    }
}

// Random words over all that the back end can write, at random moments.
static bool harm_at_random(void)
{
    uint32_t *words = block.memory;

    if (draw(4) == 0) {
        for (unsigned i = 0; i < 8; i++)
            words[draw((unsigned)PAGE_SIZE / 4)] = (uint32_t)rand_r(&seed);
    } else if (draw(3) == 0) {
        block.ring.shared->rsp_prod += draw(3);
    } else {
        struct blkif_response rsp = {.id = (uint64_t)draw(20) << 32 | draw(40)};

        ring_put(&back, &rsp);
        ring_publish(&back);
    }
    if (draw(20) == 0)
        world.backend = (enum xenbus_state)draw(9);
    world_notify();
    return draw(5);
}

static void test_random_harm(void)
{
    for (unsigned round = 0; round < 3000; round++) {
        struct block_request requests[8] = {0};
        unsigned n;

        seed = round;
        open_as(round % 2, round % 3);
        world.step = harm_at_random;
        for (n = 0; n < 8; n++) {
            requests[n].operation = (uint8_t)draw(2);
            requests[n].sectors = 1 + draw(8 * 12);
            requests[n].data = pages_alloc(12);
            requests[n].error = blkfront_submit(&block, &requests[n]);
            requests[n].done |= requests[n].error != 0;
        }
        world.backend = XenbusStateClosed;
        for (n = 0; n < 8; n++) {
            if (!requests[n].done)
                blkfront_wait(&block, &requests[n]);
            CU_ASSERT_TRUE(requests[n].done);
            pages_free(requests[n].data, 12);
        }
        end();
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"serves, in every size and way", test_serves},
        {"refuses what cannot be asked", test_refuses},
        {"errors of the back end's", test_errors},
        {"a back end that is gone", test_gone},
        {"no connection", test_no_connection},
        {"a back end that keeps pages", test_keeps_pages},
        {"more responses than requests", test_overrun},
        {"responses to no request", test_wrong_ids},
        {"random harm", test_random_harm},
        CU_TEST_INFO_NULL,
    };

    world.backend = XenbusStateConnected;
    return run_suite("blkfront", tests);
}
