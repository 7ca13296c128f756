// The shared ring, both sides in one thread: order, wrap, fullness, hold-off of notifications, and
// peers that write anything at all into the indexes.
//
// sources: ring/ring.c
#include <CUnit/Basic.h>
#include <string.h>

#include "pv-abi/io/blkif.h"
#include "ring/ring.h"
#include "tests/suite.h"

#define PAGE 4096

struct request {
    uint64_t number;
    uint8_t rest[104];
};

struct response {
    uint64_t number;
    uint64_t status;
};

static _Alignas(64) uint8_t page[4 * PAGE];
static struct ring front, back;
static struct ring_header *const header = (struct ring_header *)page;

// Both sides at indexes `start`, as after 2^32 less a few entries.
static void begin(size_t bytes, uint32_t start)
{
    memset(page, 0xaa, sizeof(page));
    ring_format(page);
    ring_attach(&front, RING_FRONT, page, bytes, sizeof(struct request), sizeof(struct response));
    ring_attach(&back, RING_BACK, page, bytes, sizeof(struct request), sizeof(struct response));
    header->req_prod = header->rsp_prod = start;
    header->req_event = header->rsp_event = start + 1;
    front.produced = front.consumed = front.published = start;
    CU_ASSERT(ring_resume(&back, start, start));
}

static bool ask(uint64_t number)
{
    struct request request = {.number = number};

    return ring_put(&front, &request);
}

static bool answer(uint64_t number)
{
    struct response response = {number, ~number};

    return ring_put(&back, &response);
}

static void check_request(uint64_t number)
{
    struct request request;

    CU_ASSERT_EQUAL_FATAL(ring_take(&back, &request), RING_TAKEN);
    CU_ASSERT_EQUAL(request.number, number);
}

static void check_response(uint64_t number)
{
    struct response response;

    CU_ASSERT_EQUAL_FATAL(ring_take(&front, &response), RING_TAKEN);
    CU_ASSERT_EQUAL(response.number, number);
    CU_ASSERT_EQUAL(response.status, ~number);
}

static void test_size(void)
{
    CU_ASSERT_EQUAL(ring_entries(PAGE, 112), 32);
    CU_ASSERT_EQUAL(ring_entries(2 * PAGE, 112), 64);
    CU_ASSERT_EQUAL(ring_entries(16 * PAGE, 112), 512);
    CU_ASSERT_EQUAL(ring_entries(PAGE, 12), 256);
    CU_ASSERT_EQUAL(ring_entries(64 + 112, 112), 1);
    CU_ASSERT_EQUAL(ring_entries(64 + 111, 112), 0);
    CU_ASSERT_EQUAL(ring_entries(64, 1), 0);
    CU_ASSERT_EQUAL(ring_entries(PAGE, 0), 0);
    CU_ASSERT_EQUAL(offsetof(struct blkif_sring, ring), sizeof(struct ring_header));
    begin(PAGE, 0);
    CU_ASSERT_EQUAL(front.size, 32);
    CU_ASSERT_EQUAL(front.stride, 112);
}

// Many times round, over the end of the index's range, with the answers in another order.
static void test_wrap(void)
{
    begin(PAGE, UINT32_MAX - 70);
    for (uint64_t i = 0; i < 1000; i++) {
        for (uint64_t k = 0; k < 5; k++)
            CU_ASSERT_FATAL(ask(5 * i + k));
        ring_publish(&front);
        for (uint64_t k = 0; k < 5; k++)
            check_request(5 * i + k);
        for (uint64_t k = 0; k < 5; k++)
            CU_ASSERT_FATAL(answer(5 * i + 4 - k));
        ring_publish(&back);
        for (uint64_t k = 0; k < 5; k++)
            check_response(5 * i + 4 - k);
    }
    CU_ASSERT_EQUAL(front.produced, UINT32_MAX - 70 + 5000);
}

static void test_full(void)
{
    begin(2 * PAGE, UINT32_MAX - 10);
    CU_ASSERT_EQUAL(ring_room(&front), 64);
    for (uint64_t i = 0; i < 64; i++)
        CU_ASSERT(ask(i));
    CU_ASSERT_EQUAL(ring_room(&front), 0);
    CU_ASSERT_FALSE(ask(64));
    ring_publish(&front);
    CU_ASSERT_FALSE(answer(0)); // what nobody has taken
    for (uint64_t i = 0; i < 64; i++)
        check_request(i);
    CU_ASSERT_EQUAL(ring_room(&back), 64);
    for (uint64_t i = 0; i < 64; i++)
        CU_ASSERT(answer(i));
    CU_ASSERT_FALSE(answer(64));
    ring_publish(&back);
    CU_ASSERT_EQUAL(ring_room(&front), 0); // until the answers are taken
    check_response(0);
    CU_ASSERT(ask(64));
    CU_ASSERT_FALSE(ask(65));
}

static void test_unpublished(void)
{
    struct request request;

    begin(PAGE, 0);
    ask(1);
    CU_ASSERT_EQUAL(ring_take(&back, &request), RING_EMPTY);
    ring_publish(&front);
    check_request(1);
    answer(1);
    CU_ASSERT_EQUAL(ring_take(&front, &request), RING_EMPTY);
}

// The entry is a copy: what the peer writes afterwards changes nothing, and nothing beyond the
// entry's size is written.
static void test_copies(void)
{
    struct {
        struct request request;
        uint8_t guard[16];
    } taken;
    struct request *slot = (struct request *)(page + 64);

    memset(&taken, 0x55, sizeof(taken));
    begin(PAGE, 0);
    ask(7);
    ring_publish(&front);
    CU_ASSERT_EQUAL(ring_take(&back, &taken.request), RING_TAKEN);
    slot->number = 8;
    CU_ASSERT_EQUAL(taken.request.number, 7);
    for (size_t i = 0; i < sizeof(taken.guard); i++)
        CU_ASSERT_EQUAL(taken.guard[i], 0x55);
    answer(9); // of 16 bytes; the remainder of the slot is left alone
    CU_ASSERT_EQUAL(slot->number, 9);
    CU_ASSERT_EQUAL(page[64 + 16], 0);
    CU_ASSERT_EQUAL(page[64 + 112], 0xaa);
}

static void test_hold_off(void)
{
    begin(PAGE, UINT32_MAX - 1);
    ask(0);
    CU_ASSERT(ring_publish(&front)); // the first is asked for
    ask(1);
    CU_ASSERT_FALSE(ring_publish(&front)); // the back end is awake
    CU_ASSERT_FALSE(ring_publish(&front)); // nothing new
    check_request(0);
    CU_ASSERT_EQUAL(ring_before_sleep(&back), RING_TAKEN); // it must not sleep
    check_request(1);
    CU_ASSERT_EQUAL(ring_before_sleep(&back), RING_EMPTY);
    ask(2);
    ask(3);
    CU_ASSERT(ring_publish(&front)); // a batch that passes the event index
    check_request(2);
    check_request(3);
    // A front end that wants a single event for three answers.
    header->rsp_event = UINT32_MAX - 1 + 3;
    answer(0);
    CU_ASSERT_FALSE(ring_publish(&back));
    answer(1);
    CU_ASSERT_FALSE(ring_publish(&back));
    answer(2);
    CU_ASSERT(ring_publish(&back));
    answer(3);
    CU_ASSERT_FALSE(ring_publish(&back));
}

// What a back end makes of a front end's index: `ahead` of what it has taken, `open` unanswered.
static void test_hostile_front(void)
{
    struct request request;

    for (uint32_t open = 0; open <= 32; open += 8) {
        for (uint64_t ahead = 0; ahead <= UINT32_MAX;
             ahead = ahead < 80 ? ahead + 1 : ahead * 2 + 1) {
            uint32_t consumed = 1000 + open;

            begin(PAGE, 1000);
            CU_ASSERT(ring_resume(&back, 1000, consumed));
            header->req_prod = consumed + (uint32_t)ahead;
            enum ring_result expected = !ahead               ? RING_EMPTY
                                        : ahead <= 32 - open ? RING_TAKEN
                                                             : RING_OVERRUN;
            CU_ASSERT_EQUAL(ring_before_sleep(&back), expected);
            CU_ASSERT_EQUAL(ring_take(&back, &request), expected);
            CU_ASSERT_EQUAL(back.consumed, consumed + (expected == RING_TAKEN));
        }
    }
}

// What a front end makes of a back end's: no more answers than published requests.
static void test_hostile_back(void)
{
    struct response response;

    for (uint64_t ahead = 0; ahead <= UINT32_MAX; ahead = ahead < 80 ? ahead + 1 : ahead * 2 + 1) {
        begin(PAGE, UINT32_MAX - 5);
        for (uint64_t i = 0; i < 10; i++)
            ask(i);
        ring_publish(&front);
        ask(10); // not published: it cannot be answered
        header->rsp_prod = UINT32_MAX - 5 + (uint32_t)ahead;
        enum ring_result expected = !ahead ? RING_EMPTY : ahead <= 10 ? RING_TAKEN : RING_OVERRUN;
        CU_ASSERT_EQUAL(ring_before_sleep(&front), expected);
        CU_ASSERT_EQUAL(ring_take(&front, &response), expected);
    }
}

// Our own indexes in shared memory are the peer's to scribble on, to his own harm alone.
static void test_scribbled_own(void)
{
    begin(PAGE, 0);
    ask(1);
    ring_publish(&front);
    header->rsp_prod = 0xdead; // by the front end
    check_request(1);
    CU_ASSERT(answer(1));
    ring_publish(&back);
    CU_ASSERT_EQUAL(header->rsp_prod, 1);
    header->rsp_event = 0x80000000; // any event index at all
    CU_ASSERT_FALSE(answer(2));
    CU_ASSERT_FALSE(ring_publish(&back));
}

static void test_resume(void)
{
    begin(PAGE, 0);
    for (uint64_t i = 0; i < 20; i++)
        ask(i);
    ring_publish(&front);
    for (uint64_t i = 0; i < 10; i++)
        check_request(i);
    answer(3);
    ring_publish(&back);
    ring_attach(&back, RING_BACK, page, PAGE, sizeof(struct request), sizeof(struct response));
    CU_ASSERT(ring_resume(&back, 1, 10));
    check_request(10);
    answer(5);
    ring_publish(&back);
    check_response(3);
    check_response(5);
    CU_ASSERT_FALSE(ring_resume(&back, 10, 9));
    CU_ASSERT_FALSE(ring_resume(&back, 0, 33));
    CU_ASSERT(ring_resume(&back, 0, 32));
    CU_ASSERT_FALSE(ring_resume(&front, 0, 0));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"size", test_size},
        {"wrap", test_wrap},
        {"full", test_full},
        {"unpublished", test_unpublished},
        {"copies", test_copies},
        {"hold off", test_hold_off},
        {"hostile front", test_hostile_front},
        {"hostile back", test_hostile_back},
        {"scribbled own", test_scribbled_own},
        {"resume", test_resume},
        CU_TEST_INFO_NULL,
    };

    return run_suite("ring", tests);
}
