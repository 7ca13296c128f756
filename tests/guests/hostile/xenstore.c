// A guest that is no friend of xenstore: it asks for what is not its own, for more than it may
// have, and in ways that make no sense.
#include "tests/guests/common/guest.h"
#include "tests/guests/hostile/store.h"

// The store must still be there for us.
static void check_alive(void)
{
    CHECK_EQ(store_path(XS_READ, "domid"), XS_READ);
}

TEST(store_what_is_not_its_own)
{
    static const char *const others[] = {
        "/local/domain/0/name",         "/vm", "/tool", "/", "@releaseDomain",
        "/local/domain/0/backend/vbd/0"};
    char path[48], own[48];

    check_alive();
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        CHECK_EQ(store_write(others[i], "mine"), XS_ERROR);
        CHECK_EQ(store_path(XS_RM, others[i]), XS_ERROR);
    }
    // Whether there is such a domain or not; but its own it may write.
    CHECK_EQ(store_path(XS_READ, "domid"), XS_READ);
    print_to(own, sizeof(own), "/local/domain/%s/control/shutdown", store_reply);
    for (unsigned id = 0; id < 64; id++) {
        print_to(path, sizeof(path), "/local/domain/%u/control/shutdown", id);
        if (strcmp(path, own))
            CHECK_EQ(store_write(path, "poweroff"), XS_ERROR);
    }
    CHECK_EQ(store_request(XS_INTRODUCE, 0, "0\0000\0000", 6), XS_ERROR);
    CHECK_EQ(store_request(XS_RELEASE, 0, "0", 2), XS_ERROR);
    CHECK_EQ(store_request(XS_SET_TARGET, 0, "0\0001", 4), XS_ERROR);
    CHECK_EQ(store_request(XS_RESUME, 0, "0", 2), XS_ERROR);
    CHECK_EQ(store_request(XS_CONTROL, 0, "quota", 6), XS_ERROR);
    check_alive();
}

// Some of every kind, long and short; each is answered.
TEST(store_messages_of_every_type)
{
    static const struct {
        char text[24];
        unsigned length;
    } payloads[] = {
        {"", 0},
        {"", 1},
        {"x", 1},
        {"/", 2},
        {"data", 5},
        {"\0\0", 3},
        {"data\0x", 6},
        {"//", 3},
        {"data/", 6},
        {"%n%s", 5},
        {"data/\xff\xfe", 8},
        {"../..", 6},
        {"@", 2},
        {"@introduceDomain", 17},
    };

    for (unsigned type = 0; type < 30; type++)
        for (unsigned i = 0; i < ARRAY_SIZE(payloads); i++)
            if (type != XS_RESET_WATCHES && type != XS_WATCH)
                CHECK(store_request(type, i % 3, payloads[i].text, payloads[i].length) >= 0);
    check_alive();
}

TEST(store_nodes_without_end)
{
    char path[40];
    unsigned n;
    int said = XS_WRITE;

    for (n = 0; n < 20000 && said == XS_WRITE; n++) {
        print_to(path, sizeof(path), "data/n%u", n);
        said = store_write(path, "x");
    }
    CHECK_EQ(said, XS_ERROR); // a quota is there, and said so
    CHECK(n > 10);
    print("     %u nodes, then %s\n", n, store_reply);
    store_path(XS_RM, "data");
    check_alive();
}

TEST(store_watches_without_end)
{
    char payload[64];
    unsigned n;
    int said = XS_WATCH;

    for (n = 0; n < 20000 && said == XS_WATCH; n++) {
        print_to(payload, sizeof(payload), "data/w%u", n);
        payload[strlen(payload) + 1] = 't'; // the token
        payload[strlen(payload) + 2] = 0;
        said = store_request(XS_WATCH, 0, payload, (unsigned)strlen(payload) + 3);
    }
    CHECK_EQ(said, XS_ERROR);
    print("     %u watches, then %s\n", n, store_reply);
    CHECK_EQ(store_request(XS_RESET_WATCHES, 0, "", 1), XS_RESET_WATCHES);
    check_alive();
}

TEST(store_transactions_without_end)
{
    unsigned n;
    int said = XS_TRANSACTION_START;

    for (n = 0; n < 1000 && said == XS_TRANSACTION_START; n++)
        said = store_request(XS_TRANSACTION_START, 0, "", 1);
    CHECK_EQ(said, XS_ERROR);
    print("     %u transactions, then %s\n", n, store_reply);
    CHECK_EQ(store_request(XS_TRANSACTION_END, 0x7fffffff, "T", 2), XS_ERROR);
    for (unsigned id = 1; id < 64; id++)
        store_request(XS_TRANSACTION_END, id, "F", 2);
    check_alive();
}

// Values and paths of the greatest length, and beyond.
TEST(store_sizes)
{
    static char payload[XENSTORE_PAYLOAD_MAX + 1];

    memset(payload, 'a', sizeof(payload));
    CHECK_EQ(store_request(XS_READ, 0, payload, XENSTORE_PAYLOAD_MAX), XS_ERROR);
    payload[0] = '/';
    payload[XENSTORE_ABS_PATH_MAX + 1] = 0;
    CHECK_EQ(store_request(XS_READ, 0, payload, XENSTORE_ABS_PATH_MAX + 2), XS_ERROR);
    memcpy(payload, "data/x", 7);
    CHECK(store_request(XS_WRITE, 0, payload, XENSTORE_PAYLOAD_MAX) >= 0);
    check_alive();
}

// A reader that never reads: replies pile up, and the server must not wait for us.
TEST(store_unread_replies)
{
    volatile struct xenstore_domain_interface *r = store_ring();
    struct xsd_sockmsg m = {XS_DIRECTORY, 99, 0, 2};

    for (unsigned i = 0; i < 200; i++)
        if (!store_put(&m, sizeof(m)) || !store_put("/", 2))
            break;
    events_sleep(50 * NS_PER_MS);
    r->rsp_cons = r->rsp_prod; // thrown away, wherever in a message that was
    store_notify();
    CHECK(store_reconnect());
    check_alive();
}

// What breaks the ring for good, as far as the server cannot start anew: last.
TEST(store_zz_broken_ring)
{
    volatile struct xenstore_domain_interface *r = store_ring();
    static uint8_t garbage[XENSTORE_RING_SIZE];
    struct xsd_sockmsg huge = {XS_WRITE, 1, 0, 0xffffffff};
    uint64_t state = 1;
    bool renewable = r->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION;

    store_put(&huge, sizeof(huge));
    events_sleep(20 * NS_PER_MS);
    CHECK(!renewable || store_reconnect());
    r->req_prod = r->req_cons + 5 * XENSTORE_RING_SIZE;
    store_notify();
    events_sleep(20 * NS_PER_MS);
    CHECK(!renewable || store_reconnect());
    r->rsp_cons = r->rsp_prod + 12345;
    store_notify();
    events_sleep(20 * NS_PER_MS);
    CHECK(!renewable || store_reconnect());
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < sizeof(garbage); i++)
            garbage[i] = (uint8_t)random_next(&state);
        store_put(garbage, sizeof(garbage) - 1);
        r->connection = (uint32_t)random_next(&state);
        r->server_features = r->error = (uint32_t)random_next(&state);
        store_notify();
    }
    for (unsigned i = 0; i < 5000; i++) // news of nothing
        store_notify();
    r->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION; // that was us
    CHECK(!renewable || store_reconnect());
}
