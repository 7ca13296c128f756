// A domain's ring: a well-behaved guest under a store that is killed all the time, and hostile
// guests.
//
// sources: dom0-tools/store/*.c
#include <CUnit/Basic.h>

#include "store/ring.h"
#include "store/state.h"
#include "tests/suite.h"
#include "tests/tools/xenstored_client.h"

static uint64_t seed = 1;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

// The guest's end: streams of bytes, as its kernel would have them.
struct guest {
    struct xenstore_domain_interface page;
    char out[8192]; // what it still has to write
    size_t out_at, out_length;
    char in[1 << 14];
    size_t in_length;
    uint32_t asked, answered;
};

static void guest_write(struct guest *guest)
{
    while (guest->out_at < guest->out_length &&
           guest->page.req_prod - guest->page.req_cons < XENSTORE_RING_SIZE) {
        guest->page.req[MASK_XENSTORE_IDX(guest->page.req_prod)] = guest->out[guest->out_at++];
        guest->page.req_prod++;
        if (below(200) == 0)
            return; // for now
    }
}

// Request N writes N to its node, or reads it; now and then with a path that is longer than the
// ring.
static void guest_ask(struct guest *guest)
{
    struct xsd_sockmsg header = {.type = below(2) ? XS_WRITE : XS_READ, .req_id = ++guest->asked};
    char *payload = guest->out + sizeof(header);
    size_t length = 0;

    if (below(10) == 0) {
        length = 1 + below(1500);
        memset(payload, 'x', length);
    } else {
        length = (size_t)sprintf(payload, "node%u", below(5));
    }
    payload[length++] = '\0';
    if (header.type == XS_WRITE)
        length += (size_t)sprintf(payload + length, "%u", guest->asked);
    header.len = (uint32_t)length;
    memcpy(guest->out, &header, sizeof(header));
    guest->out_at = 0;
    guest->out_length = sizeof(header) + length;
}

static void guest_read(struct guest *guest)
{
    struct xsd_sockmsg header;

    while (guest->page.rsp_cons != guest->page.rsp_prod) {
        guest->in[guest->in_length++] = guest->page.rsp[MASK_XENSTORE_IDX(guest->page.rsp_cons)];
        guest->page.rsp_cons++;
        if (below(300) == 0)
            break;
    }
    while (guest->in_length >= sizeof(header)) {
        memcpy(&header, guest->in, sizeof(header));
        CU_ASSERT_FATAL(header.len <= XENSTORE_PAYLOAD_MAX);
        if (guest->in_length < sizeof(header) + header.len)
            return;
        if (header.type != XS_WATCH_EVENT) {
            CU_ASSERT_EQUAL_FATAL(header.req_id, ++guest->answered); // each once, in order
            CU_ASSERT(header.type == XS_WRITE || header.type == XS_READ || header.type == XS_ERROR);
        }
        guest->in_length -= sizeof(header) + header.len;
        memmove(guest->in, guest->in + sizeof(header) + header.len, guest->in_length);
    }
}

static struct store *successor(struct store *store, struct guest *guest)
{
    struct store *next = store_new(NULL);

    CU_ASSERT_EQUAL_FATAL(state_restore(next, store->journal, NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(state_begin(next, NULL), 0);
    journal_free(store->journal);
    store_free(store);
    ring_resume(store_domain(next, 5)->connection, &guest->page);
    return next;
}

// As if the process had been killed after it had committed and before it moved an index: both ways.
static void undo_index(struct guest *guest, uint32_t consumed, uint32_t produced)
{
    if (below(2) && guest->page.req_prod - consumed <= XENSTORE_RING_SIZE)
        guest->page.req_cons = consumed;
    if (below(2))
        guest->page.rsp_prod = produced;
}

static void test_killed(void)
{
    static struct guest guest;
    struct store *store = store_new(NULL);
    struct connection *five;
    unsigned kills = 0;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    five = domain(store, 5);
    ring_begin(five, &guest.page, true);
    say(store_connect(store), XS_WRITE, 0, "/local/domain/5|");
    say(store_connect(store), XS_SET_PERMS, 0, "/local/domain/5|n5|");
    say(five, XS_WATCH, 0, "node1|token|");
    guest.page.rsp_prod = guest.page.rsp_cons =
        five->queue_start; // it was answered behind the ring's back
    state_commit(store);
    for (int step = 0; step < 60000; step++) {
        uint32_t consumed = guest.page.req_cons, produced = guest.page.rsp_prod;
        bool told;

        switch (below(5)) {
        case 0:
            if (guest.out_at == guest.out_length)
                guest_ask(&guest);
            break;
        case 1:
            guest_write(&guest);
            break;
        case 2:
            guest_read(&guest);
            break;
        case 3:
            CU_ASSERT_FATAL(ring_receive(five, &guest.page, 1 + below(3), &told) >= 0);
            break;
        case 4:
            state_commit(store);
            CU_ASSERT_EQUAL_FATAL(ring_send(five, &guest.page, &told), 0);
            break;
        }
        if (below(30) == 0) {
            undo_index(&guest, consumed, produced);
            store = successor(store, &guest);
            five = store_domain(store, 5)->connection;
            kills++;
        }
    }
    CU_ASSERT(guest.answered > 2000 && kills > 1000);
    CU_ASSERT(guest.asked - guest.answered <= 25);
    CU_ASSERT_EQUAL(store_check(store), 0);
    CU_ASSERT_FALSE(five->ignored);
    journal_free(store->journal);
    store_free(store);
}

static void test_indexes(void)
{
    struct xenstore_domain_interface page = {.req_prod = 0};
    struct store *store = store_new(NULL);
    struct connection *five = domain(store, 5);
    bool told = false;

    ring_begin(five, &page, true);
    CU_ASSERT_EQUAL(page.server_features & XENSTORE_SERVER_FEATURE_ERROR,
                    XENSTORE_SERVER_FEATURE_ERROR);
    page.req_prod = XENSTORE_RING_SIZE + 1;
    CU_ASSERT_EQUAL(ring_receive(five, &page, 10, &told), -EIO);
    page.req_prod = UINT32_MAX;
    CU_ASSERT_EQUAL(ring_receive(five, &page, 10, &told), -EIO);
    ring_report(&page, -EIO);
    CU_ASSERT_EQUAL(page.error, XENSTORE_ERROR_RINGIDX);
    page.req_prod = page.req_cons;
    connection_event(five, "/a", "b");
    page.rsp_cons = 1;
    CU_ASSERT_EQUAL(ring_send(five, &page, &told), -EIO);
    store_ignore(five);
    CU_ASSERT_EQUAL(ring_receive(five, &page, 10, &told), 0); // not heard
    page.connection = XENSTORE_RECONNECT;                     // until it begins anew
    CU_ASSERT_EQUAL(ring_receive(five, &page, 10, &told), 0);
    CU_ASSERT_EQUAL(page.connection, XENSTORE_CONNECTED);
    CU_ASSERT_FALSE(five->ignored);
    store_free(store);
}

// A boot loader clears the page when it is done, and the kernel begins at zero.
static void test_cleared(void)
{
    static struct guest guest;
    struct store *store = store_new(NULL);
    struct connection *five = domain(store, 5);
    bool told;

    ring_begin(five, &guest.page, true);
    for (int i = 0; i < 100; i++) {
        guest_ask(&guest);
        while (guest.answered < guest.asked) {
            guest_write(&guest);
            CU_ASSERT_FATAL(ring_receive(five, &guest.page, 10, &told) >= 0);
            CU_ASSERT_EQUAL_FATAL(ring_send(five, &guest.page, &told), 0);
            guest_read(&guest);
        }
        if (i % 10 == 0)
            memset(&guest.page, 0, sizeof(guest.page));
    }
    CU_ASSERT_EQUAL(guest.answered, 100);
    store_free(store);
}

static void test_too_long(void)
{
    struct xenstore_domain_interface page = {.req_prod = 0};
    struct store *store = store_new(NULL);
    struct connection *five = domain(store, 5);
    struct xsd_sockmsg header = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};
    bool told = false;

    ring_begin(five, &page, true);
    memcpy(page.req, &header, sizeof(header));
    page.req_prod = sizeof(header);
    CU_ASSERT_EQUAL(ring_receive(five, &page, 10, &told), -EPROTO);
    CU_ASSERT_EQUAL(say(store_connect(store), XS_READ, 0, "/|")[0], '\0'); // others are served
    store_free(store);
}

// Anything at all in the page, at any time.
// A message in pieces: each piece is gone from the ring at once, since the guest's kernel rings the
// bell for the next only if it finds the ring empty.
static void test_pieces(void)
{
    static struct xenstore_domain_interface page;
    static const struct {
        struct xsd_sockmsg header;
        char path[2];
    } message = {{XS_DIRECTORY, 7, 0, 2}, "/"};
    struct store *store = store_new(NULL);
    struct connection *five;
    bool told;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    five = domain(store, 5);
    ring_begin(five, &page, true);
    for (size_t i = 0; i < sizeof(struct xsd_sockmsg) + 2; i++) {
        page.req[MASK_XENSTORE_IDX(page.req_prod++)] = ((const char *)&message)[i];
        CU_ASSERT_EQUAL(ring_receive(five, &page, 5, &told), 0);
        CU_ASSERT_EQUAL(page.req_cons, page.req_prod);
    }
    CU_ASSERT_EQUAL(ring_send(five, &page, &told), 0);
    CU_ASSERT_EQUAL(((struct xsd_sockmsg *)page.rsp)->req_id, 7);
    journal_free(store->journal);
    store_free(store);
}

static void test_garbage(void)
{
    static struct xenstore_domain_interface page;
    struct store *store = store_new(NULL);
    struct connection *five;
    unsigned bad = 0;

    CU_ASSERT_EQUAL_FATAL(state_begin(store, NULL), 0);
    five = domain(store, 5);
    ring_begin(five, &page, true);
    for (int step = 0; step < 300000; step++) {
        struct xsd_sockmsg header = {below(24), below(4), below(3), below(100)};
        uint32_t *words = (uint32_t *)&page.req_cons;
        bool told = false;
        int error;

        if (below(50) == 0)
            words[below(7)] = below(3) ? below(2048) : (uint32_t)seed;
        if (below(3) == 0)
            page.req[below(XENSTORE_RING_SIZE)] = (char)seed;
        if (page.req_prod - page.req_cons < 512)
            for (size_t i = 0; i < sizeof(header) + header.len; i++)
                page.req[MASK_XENSTORE_IDX(page.req_prod++)] =
                    i < sizeof(header) ? ((char *)&header)[i] : "/abc@\0001"[below(8)];
        error = below(2) ? ring_receive(five, &page, 5, &told) : ring_send(five, &page, &told);
        page.rsp_cons = below(2) ? page.rsp_prod : page.rsp_cons;
        state_commit(store);
        if (error < 0) {
            ring_report(&page, error);
            store_ignore(five);
            bad++;
            memset(words, 0, 28);
        }
        if (five->ignored)
            page.connection = XENSTORE_RECONNECT;
    }
    printf("    %u times ignored\n", bad);
    CU_ASSERT(bad > 100);
    CU_ASSERT_EQUAL(store_check(store), 0);
    journal_free(store->journal);
    store_free(store);
}

int main(int argc, char **argv)
{
    static CU_TestInfo tests[] = {
        {"a store that is killed all the time", test_killed},
        {"indexes", test_indexes},
        {"a cleared page", test_cleared},
        {"too long", test_too_long},
        {"pieces", test_pieces},
        {"garbage", test_garbage},
        CU_TEST_INFO_NULL,
    };

    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    return run_suite("xenstored ring", tests);
}
