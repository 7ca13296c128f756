// What the store answers, message by message.
// sources: dom0-tools/store/*.c
#include <CUnit/Basic.h>

#include "tests/suite.h"
#include "tests/tools/xenstored_client.h"

static struct store *store;
static struct connection *dom0, *other;

static int setup(void)
{
    store = store_new(NULL);
    dom0 = store_connect(store);
    other = store_connect(store);
    return 0;
}

static void fresh(void)
{
    if (store)
        store_free(store);
    setup();
}

#define EXPECT(connection, type, text, reply)                                                    \
    do {                                                                                         \
        const char *got_ = say(connection, type, 0, text);                                       \
        if (strcmp(got_, reply))                                                                 \
            fprintf(stderr, "%s:%d: \"%s\": got \"%s\", not \"%s\"\n", __FILE__, __LINE__, text, \
                    got_, reply);                                                                \
        CU_ASSERT_STRING_EQUAL(got_, reply);                                                     \
    } while (0)
#define EXPECT_TX(connection, tx, type, text, reply)                                             \
    do {                                                                                         \
        const char *got_ = say(connection, type, tx, text);                                      \
        if (strcmp(got_, reply))                                                                 \
            fprintf(stderr, "%s:%d: \"%s\": got \"%s\", not \"%s\"\n", __FILE__, __LINE__, text, \
                    got_, reply);                                                                \
        CU_ASSERT_STRING_EQUAL(got_, reply);                                                     \
    } while (0)
#define EVENTS(connection, text)                   \
    do {                                           \
        drain(connection);                         \
        CU_ASSERT_STRING_EQUAL(seen.events, text); \
    } while (0)

static void test_values(void)
{
    fresh();
    EXPECT(dom0, XS_READ, "/a|", "!ENOENT");
    EXPECT(dom0, XS_WRITE, "/a/b/c|hello", "OK|");
    EXPECT(dom0, XS_READ, "/a/b/c|", "hello");
    EXPECT(dom0, XS_READ, "/a/b|", "");
    EXPECT(dom0, XS_WRITE, "/a/b/c|", "OK|");
    EXPECT(dom0, XS_READ, "/a/b/c|", "");
    EXPECT(dom0, XS_WRITE, "/a/b/c|x|y|", "OK|"); // a value may hold NULs
    EXPECT(dom0, XS_READ, "/a/b/c|", "x|y|");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "b|");
    EXPECT(dom0, XS_MKDIR, "/a/z|", "OK|");
    EXPECT(dom0, XS_MKDIR, "/a/b|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "b|z|");
    EXPECT(dom0, XS_RM, "/a/b|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "z|");
    EXPECT(dom0, XS_RM, "/a/b|", "OK|"); // it was not there, but its parent is
    EXPECT(dom0, XS_RM, "/x/y|", "!ENOENT");
    EXPECT(dom0, XS_RM, "/|", "!EINVAL");
    EXPECT(dom0, XS_READ, "|", "!EINVAL");
    EXPECT(dom0, XS_WRITE, "rel/path|v", "OK|"); // relative to domain 0's home
    EXPECT(dom0, XS_READ, "/local/domain/0/rel/path|", "v");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_bad_messages(void)
{
    char deep[4097];

    fresh();
    EXPECT(dom0, XS_READ, "/a", "!EINVAL");    // no NUL
    EXPECT(dom0, XS_READ, "/a|b|", "!EINVAL"); // two texts
    EXPECT(dom0, XS_READ, "", "!EINVAL");
    EXPECT(dom0, XS_WRITE, "/a", "!EINVAL");
    EXPECT(dom0, XS_READ, "//|", "!EINVAL");
    EXPECT(dom0, XS_READ, "/a/|", "!EINVAL");
    EXPECT(dom0, XS_READ, "/a//b|", "!EINVAL");
    EXPECT(dom0, XS_READ, "/a b|", "!EINVAL");
    EXPECT(dom0, XS_READ, "/a.b|", "!EINVAL");
    EXPECT(dom0, XS_READ, "@x|", "!EINVAL"); // no node
    EXPECT(dom0, XS_WATCH_EVENT, "/a|t|", "!ENOSYS");
    EXPECT(dom0, XS_ERROR, "x|", "!ENOSYS");
    EXPECT(dom0, 20, "|", "!ENOSYS");
    EXPECT(dom0, 23, "|", "!ENOSYS");
    EXPECT(dom0, 0xffff, "|", "!ENOSYS");
    EXPECT(dom0, XS_TRANSACTION_END, "X|", "!EINVAL");
    EXPECT(dom0, XS_TRANSACTION_END, "T|", "!ENOENT");
    EXPECT_TX(dom0, 7, XS_READ, "/|", "!ENOENT"); // no such transaction
    EXPECT(dom0, XS_SET_PERMS, "/|", "!EINVAL");
    EXPECT(dom0, XS_SET_PERMS, "/|x0|", "!EINVAL");
    EXPECT(dom0, XS_SET_PERMS, "/|r|", "!EINVAL");
    EXPECT(dom0, XS_SET_PERMS, "/|r1z|", "!EINVAL");
    EXPECT(dom0, XS_WATCH, "/a|", "!EINVAL");
    EXPECT(dom0, XS_UNWATCH, "/a|", "!EINVAL");
    EXPECT(dom0, XS_UNWATCH, "/a|t|", "!ENOENT");
    EXPECT(dom0, XS_INTRODUCE, "1|2|", "!EINVAL");
    EXPECT(dom0, XS_INTRODUCE, "1|2|0|", "!EINVAL");
    EXPECT(dom0, XS_INTRODUCE, "0|2|3|", "!EINVAL");
    EXPECT(dom0, XS_INTRODUCE, "40000|2|3|", "!EINVAL");
    EXPECT(dom0, XS_RELEASE, "1|", "!ENOENT");
    EXPECT(dom0, XS_RELEASE, "0|", "!EINVAL");
    EXPECT(dom0, XS_CONTROL, "nonsense|", "!EINVAL");
    EXPECT(dom0, XS_CONTROL, "", "!EINVAL");
    memset(deep, 'a', sizeof(deep));
    deep[0] = '/';
    deep[3071] = '\0';
    CU_ASSERT_STRING_EQUAL(ask(dom0, XS_WRITE, 0, deep, 3072), "OK|");
    deep[3071] = 'a';
    deep[3072] = '\0';
    CU_ASSERT_STRING_EQUAL(ask(dom0, XS_WRITE, 0, deep, 3073), "!EINVAL");
    for (int i = 0; i < 3070; i++)
        deep[i] = i % 2 ? 'a' : '/';
    deep[3070] = '\0';
    CU_ASSERT_STRING_EQUAL(ask(dom0, XS_WRITE, 0, deep, 3071), "OK|"); // 1,535 names
    EXPECT(dom0, XS_RM, "/a|", "OK|");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_lengths(void)
{
    static char message[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg *header = (struct xsd_sockmsg *)message;
    char *payload = message + sizeof(*header);
    struct connection *client;

    fresh();
    client = store_connect(store);
    memcpy(payload, "/big\0", 5);
    memset(payload + 5, 'v', XENSTORE_PAYLOAD_MAX - 5);
    *header = (struct xsd_sockmsg){.type = XS_WRITE, .len = XENSTORE_PAYLOAD_MAX};
    for (size_t i = 0; i < sizeof(message); i++) // byte by byte
        CU_ASSERT_EQUAL(connection_input(client, message + i, 1), 0);
    drain(client);
    CU_ASSERT_STRING_EQUAL(seen.reply, "OK");
    EXPECT(dom0, XS_CONTROL, "check|", "OK|");
    CU_ASSERT_EQUAL(strlen(say(dom0, XS_READ, 0, "/big|")), XENSTORE_PAYLOAD_MAX - 5);
    header->len = XENSTORE_PAYLOAD_MAX + 1;
    CU_ASSERT_EQUAL(connection_input(client, message, sizeof(*header)), -EPROTO);
    store_disconnect(client);
    client = store_connect(store);
    header->len = UINT32_MAX;
    CU_ASSERT_EQUAL(connection_input(client, message, 3), 0);
    CU_ASSERT_EQUAL(connection_input(client, message + 3, sizeof(*header) - 3), -EPROTO);
    store_disconnect(client);
}

static void test_directory_part(void)
{
    char path[64], all[1 << 14], text[64];
    size_t length = 0, offset = 0, parts = 0;

    fresh();
    for (int i = 0; i < 1000; i++) {
        sprintf(path, "/d/node-%d|", i);
        EXPECT(dom0, XS_WRITE, path, "OK|");
    }
    EXPECT(dom0, XS_DIRECTORY, "/d|", "!E2BIG");
    for (;; parts++) {
        const char *names;
        size_t n;

        sprintf(text, "/d|%zu|", offset);
        CU_ASSERT_NOT_EQUAL(say(dom0, XS_DIRECTORY_PART, 0, text)[0], '!');
        names = seen.reply + strlen(seen.reply) + 1;
        n = seen.length - (size_t)(names - seen.reply);
        memcpy(all + length, names, n);
        length += n;
        offset += n;
        if (!all[length - 2] || parts > 10)
            break;
    }
    CU_ASSERT(parts >= 2);
    length = 0;
    for (int i = 0; i < 1000; i++) { // in the order of their creation
        sprintf(path, "node-%d", i);
        CU_ASSERT_STRING_EQUAL(all + length, path);
        length += strlen(path) + 1;
    }
    CU_ASSERT_STRING_EQUAL(all + length, "");
    CU_ASSERT_STRING_EQUAL(strchr(say(dom0, XS_DIRECTORY_PART, 0, "/d|99999|"), '|'), "||");
    CU_ASSERT_STRING_EQUAL(strchr(say(dom0, XS_DIRECTORY_PART, 0, "/d|-1|"), '|'), "||");
    EXPECT(dom0, XS_DIRECTORY_PART, "/d|", "!EINVAL");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_watches(void)
{
    fresh();
    EXPECT(dom0, XS_WATCH, "/a|tok|", "OK|");
    CU_ASSERT_STRING_EQUAL(seen.events, "/a tok;");
    EXPECT(dom0, XS_WATCH, "/a|tok|", "!EEXIST");
    EXPECT(dom0, XS_WATCH, "/|root|0|", "OK|"); // the root alone
    EXPECT(dom0, XS_WATCH, "/a|one|1|", "OK|"); // and its children
    EXPECT(dom0, XS_WATCH, "/a|x|y|", "!EINVAL");
    EXPECT(other, XS_WRITE, "/a/b|v", "OK|");
    EVENTS(dom0, "/a/b tok;/a/b one;");
    EXPECT(other, XS_WRITE, "/a/b/c|v", "OK|");
    EVENTS(dom0, "/a/b/c tok;");
    EXPECT(other, XS_WRITE, "/ab|v", "OK|"); // not below /a
    EVENTS(dom0, "");
    EXPECT(other, XS_WRITE, "/|v", "OK|");
    EVENTS(dom0, "/ root;");
    EXPECT(other, XS_WRITE, "/a/b|1", "OK|");
    EXPECT(other, XS_WRITE, "/a/b|2", "OK|"); // an equal event waits already
    EVENTS(dom0, "/a/b tok;/a/b one;");
    EXPECT(dom0, XS_WATCH, "/a/b/c|deep|", "OK|");
    EXPECT(other, XS_RM, "/a|", "OK|");
    EVENTS(dom0, "/a/b/c deep;/a tok;/a one;");
    EXPECT(dom0, XS_WATCH, "rel|r|", "OK|");
    CU_ASSERT_STRING_EQUAL(seen.events, "rel r;");
    EXPECT(other, XS_WRITE, "/local/domain/0/rel/x|v", "OK|");
    EVENTS(dom0, "rel/x r;");
    EXPECT(dom0, XS_UNWATCH, "rel|r|", "OK|");
    EXPECT(dom0, XS_UNWATCH, "/a|tok|", "OK|");
    EXPECT(dom0, XS_UNWATCH, "/a|tok|", "!ENOENT");
    EXPECT(dom0, XS_RESET_WATCHES, "|", "OK|");
    EXPECT(other, XS_WRITE, "/a/b/c|v", "OK|");
    EVENTS(dom0, "");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_special_watches(void)
{
    struct connection *guest;

    fresh();
    EXPECT(dom0, XS_WATCH, "@introduceDomain|i|", "OK|");
    EXPECT(dom0, XS_WATCH, "@releaseDomain|r|", "OK|");
    EXPECT(dom0, XS_WATCH, "@releaseDomain|which|1|", "OK|");
    EXPECT(dom0, XS_WATCH, "@releaseDomain/6|six|", "OK|");
    EXPECT(other, XS_INTRODUCE, "5|1|1|", "OK|");
    EVENTS(dom0, "@introduceDomain i;");
    EXPECT(other, XS_INTRODUCE, "5|1|2|", "OK|"); // known already
    EVENTS(dom0, "");
    EXPECT(other, XS_IS_DOMAIN_INTRODUCED, "5|", "T|");
    EXPECT(other, XS_IS_DOMAIN_INTRODUCED, "6|", "F|");
    guest = domain(store, 6);
    EVENTS(dom0, "@introduceDomain i;");
    EXPECT(guest, XS_WATCH, "@releaseDomain|g|", "OK|");
    EXPECT(other, XS_RELEASE, "5|", "OK|");
    EVENTS(dom0, "@releaseDomain/5 which;@releaseDomain r;");
    EVENTS(guest, ""); // it may not know
    EXPECT(guest, XS_SET_PERMS, "@releaseDomain|n0|r6|", "!EINVAL");
    EXPECT(dom0, XS_SET_PERMS, "@releaseDomain|n0|r6|", "OK|");
    EXPECT(dom0, XS_GET_PERMS, "@releaseDomain|", "n0|r6|");
    EXPECT(dom0, XS_SET_PERMS, "@nonsense|n0|r6|", "!EINVAL");
    EXPECT(dom0, XS_INTRODUCE, "5|1|1|", "OK|");
    drain(dom0);
    store_shut_down(store, store_domain(store, 5));
    store_shut_down(store, store_domain(store, 5)); // said once
    EVENTS(dom0, "@releaseDomain/5 which;@releaseDomain r;");
    EVENTS(guest, "@releaseDomain g;");
    EXPECT(dom0, XS_RESUME, "5|", "OK|");
    store_shut_down(store, store_domain(store, 5));
    EVENTS(dom0, "@releaseDomain/5 which;@releaseDomain r;");
    store_release(store, store_domain(store, 6));
    EVENTS(dom0, "@releaseDomain/6 six;@releaseDomain/6 which;@releaseDomain r;");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_permissions(void)
{
    struct connection *five, *six;

    fresh();
    five = domain(store, 5);
    six = domain(store, 6);
    EXPECT(five, XS_READ, "/|", "!EACCES");
    EXPECT(five, XS_WRITE, "/x|v", "!EACCES");
    EXPECT(five, XS_READ, "/nothing|", "!EACCES"); // not even that
    EXPECT(dom0, XS_WRITE, "/local/domain/5|", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/local/domain/5|n5|r6|", "OK|");
    EXPECT(dom0, XS_GET_PERMS, "/local/domain/5|", "n5|r6|");
    EXPECT(five, XS_WRITE, "data|v", "OK|");
    EXPECT(five, XS_GET_PERMS, "data|", "n5|r6|");
    EXPECT(six, XS_READ, "/local/domain/5/data|", "v");
    EXPECT(six, XS_WRITE, "/local/domain/5/data|w", "!EACCES");
    EXPECT(six, XS_READ, "/local/domain/5/nothing|", "!ENOENT"); // it may read the parent
    EXPECT(six, XS_WRITE, "/local/domain/5/nothing|w", "!EACCES");
    EXPECT(five, XS_SET_PERMS, "data|n5|b6|", "OK|");
    EXPECT(six, XS_WRITE, "/local/domain/5/data/six|w", "OK|");
    EXPECT(dom0, XS_GET_PERMS, "/local/domain/5/data/six|", "n6|b6|"); // who makes it owns it
    EXPECT(six, XS_SET_PERMS, "/local/domain/5/data|b6|", "!EACCES");
    EXPECT(five, XS_SET_PERMS, "data|b6|", "!EPERM"); // owners stay
    EXPECT(five, XS_SET_PERMS, "data|b5|r1|r2|r3|r4|r7|", "!ENOSPC");
    EXPECT(five, XS_INTRODUCE, "9|1|1|", "!EACCES");
    EXPECT(five, XS_CONTROL, "check|", "!EACCES");
    EXPECT(five, XS_RM, "/local/domain/5|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/local/domain|", "");
    // A device model may what its domain may.
    EXPECT(dom0, XS_WRITE, "/priv|", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/priv|n6|", "OK|");
    EXPECT(five, XS_READ, "/priv|", "!EACCES");
    EXPECT(dom0, XS_SET_TARGET, "5|6|", "OK|");
    EXPECT(five, XS_WRITE, "/priv|x", "OK|");
    EXPECT(dom0, XS_SET_TARGET, "5|7|", "!ENOENT");
    store_release(store, store_domain(store, 6)); // with what it owned
    EXPECT(dom0, XS_READ, "/priv|", "!ENOENT");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

// A domain id that is used again gives the new domain nothing of what the old one had.
static void test_reused_domid(void)
{
    struct connection *six;

    fresh();
    domain(store, 6);
    EXPECT(dom0, XS_WRITE, "/secret|v", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/secret|n0|r6|", "OK|");
    EXPECT(store_domain(store, 6)->connection, XS_READ, "/secret|", "v");
    EXPECT(dom0, XS_RELEASE, "6|", "OK|");
    six = domain(store, 6);
    EXPECT(six, XS_READ, "/secret|", "!EACCES");
    EXPECT(dom0, XS_WRITE, "/secret|w", "OK|");
    EXPECT(six, XS_READ, "/secret|", "!EACCES");
    EXPECT(dom0, XS_SET_PERMS, "/secret|n0|r6|", "OK|");
    EXPECT(six, XS_READ, "/secret|", "w");
}

// Events go to those who may read the node, or its parent, or could read it until now.
static void test_watch_permissions(void)
{
    struct connection *five;

    fresh();
    five = domain(store, 5);
    EXPECT(five, XS_WATCH, "/a|w|", "OK|");
    EXPECT(dom0, XS_WRITE, "/a/b|v", "OK|");
    EVENTS(five, "");
    EXPECT(dom0, XS_SET_PERMS, "/a/b|n0|r5|", "OK|");
    EVENTS(five, "/a/b w;");
    EXPECT(dom0, XS_WRITE, "/a/b|w", "OK|");
    EVENTS(five, "/a/b w;");
    EXPECT(dom0, XS_SET_PERMS, "/a/b|n0|", "OK|");
    EVENTS(five, "/a/b w;");
    EXPECT(dom0, XS_WRITE, "/a/b|x", "OK|");
    EVENTS(five, "");
    EXPECT(dom0, XS_SET_PERMS, "/a/b|n0|r5|", "OK|");
    drain(five);
    EXPECT(dom0, XS_RM, "/a/b|", "OK|");
    EVENTS(five, "/a/b w;");
}

static void test_transactions(void)
{
    uint32_t t, u;

    fresh();
    EXPECT(dom0, XS_WRITE, "/a|1", "OK|");
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_TRANSACTION_START, "|", "!EBUSY");
    EXPECT_TX(dom0, t, XS_WRITE, "/a|2", "OK|");
    EXPECT_TX(dom0, t, XS_READ, "/a|", "2");
    EXPECT(dom0, XS_READ, "/a|", "1");
    EXPECT_TX(other, t, XS_READ, "/a|", "!ENOENT"); // another's
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "F|", "OK|");
    EXPECT(dom0, XS_READ, "/a|", "1");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "!ENOENT");
    // What was read must not have changed.
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_READ, "/a|", "1");
    EXPECT_TX(dom0, t, XS_WRITE, "/b|x", "OK|");
    EXPECT(other, XS_WRITE, "/a|2", "OK|");
    EXPECT_TX(dom0, t, XS_READ, "/a|", "1");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "!EAGAIN");
    EXPECT(dom0, XS_READ, "/b|", "!ENOENT");
    // Others' children of one parent, and others' values, do not matter.
    t = begin(dom0);
    u = begin(other);
    EXPECT_TX(dom0, t, XS_WRITE, "/d/t|1", "OK|");
    EXPECT_TX(other, u, XS_WRITE, "/d/u|1", "OK|");
    EXPECT_TX(dom0, t, XS_READ, "/a|", "2");
    EXPECT(other, XS_WRITE, "/a/child|2", "OK|"); // /a itself is as it was
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "OK|");
    EXPECT_TX(other, u, XS_TRANSACTION_END, "T|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/d|", "t|u|");
    // But a list of children that was read does, and so does what was not there.
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_DIRECTORY, "/d|", "t|u|");
    EXPECT(other, XS_WRITE, "/d/v|", "OK|");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "!EAGAIN");
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_READ, "/d/w|", "!ENOENT");
    EXPECT(other, XS_WRITE, "/d/w|", "OK|");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "!EAGAIN");
    // A removal inside, seen inside only.
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_RM, "/d|", "OK|");
    EXPECT_TX(dom0, t, XS_READ, "/d/t|", "!ENOENT");
    EXPECT(other, XS_READ, "/d/t|", "1");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "OK|");
    EXPECT(other, XS_READ, "/d|", "!ENOENT");
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_transaction_events(void)
{
    uint32_t t;

    fresh();
    EXPECT(other, XS_WATCH, "/a|w|", "OK|");
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_WRITE, "/a/b|1", "OK|");
    EXPECT_TX(dom0, t, XS_WRITE, "/a/b|2", "OK|");
    EXPECT_TX(dom0, t, XS_WRITE, "/a/c|2", "OK|");
    EVENTS(other, "");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "T|", "OK|");
    EVENTS(other, "/a/b w;/a/c w;");
    t = begin(dom0);
    EXPECT_TX(dom0, t, XS_RM, "/a|", "OK|");
    EXPECT_TX(dom0, t, XS_TRANSACTION_END, "F|", "OK|");
    EVENTS(other, "");
}

static void test_quotas(void)
{
    struct connection *five;
    char text[4096];
    uint32_t t;
    int i;

    fresh();
    five = domain(store, 5);
    EXPECT(dom0, XS_WRITE, "/local/domain/5|", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/local/domain/5|n5|", "OK|");
    for (i = 1; i < 1000; i++) {
        sprintf(text, "d%d/n%d|", i / 100, i);
        if (strcmp(say(five, XS_WRITE, 0, text), "OK|"))
            break;
    }
    CU_ASSERT_EQUAL(store_domain(store, 5)->nodes, 1000);
    CU_ASSERT_EQUAL(i, 990);
    EXPECT(five, XS_WRITE, "more|", "!ENOSPC");
    EXPECT(five, XS_MKDIR, "more|", "!ENOSPC");
    t = begin(five);
    EXPECT_TX(five, t, XS_WRITE, "more|", "!ENOSPC");
    EXPECT_TX(five, t, XS_RM, "d0|", "OK|");
    EXPECT_TX(five, t, XS_WRITE, "more|", "OK|");
    EXPECT_TX(five, t, XS_TRANSACTION_END, "T|", "OK|");
    CU_ASSERT_EQUAL(store_domain(store, 5)->nodes, 901);
    memset(text, 'x', sizeof(text));
    memcpy(text, "v", 2);
    CU_ASSERT_STRING_EQUAL(ask(five, XS_WRITE, 0, text, 2 + 2048 - 24 - 8), "!ENOSPC");
    CU_ASSERT_STRING_EQUAL(ask(five, XS_WRITE, 0, text, 2 + 2047 - 24 - 8), "OK|");
    for (i = 0; i < 200; i++) {
        sprintf(text, "w|%d|", i);
        if (strcmp(say(five, XS_WATCH, 0, text), "OK|"))
            break;
    }
    CU_ASSERT_EQUAL(i, 129); // Xen's store lets one more than the quota says
    EXPECT(five, XS_WATCH, "more|t|", "!E2BIG");
    for (i = 0; i < 20 && begin(five); i++)
        ;
    CU_ASSERT_EQUAL(i, 11);
    CU_ASSERT_PTR_NOT_NULL(strstr(say(dom0, XS_CONTROL, 0, "quota|5|"),
                                  "Domain 5:\nnodes           :      902\n"
                                  "watches         :      129\ntransactions    :       11\n"));
    CU_ASSERT_EQUAL(store_check(store), 0);
}

static void test_quota_control(void)
{
    struct connection *five;

    fresh();
    five = domain(store, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(say(dom0, XS_CONTROL, 0, "quota|"),
                                  "nodes            :     1000 Nodes per domain\n"));
    EXPECT(dom0, XS_CONTROL, "quota|set|watches|1|", "OK|");
    EXPECT(dom0, XS_CONTROL, "quota|set|nonsense|1|", "!EINVAL");
    EXPECT(dom0, XS_CONTROL, "quota|set|watches|x|", "!EINVAL");
    EXPECT(dom0, XS_CONTROL, "quota|9|", "!ENOENT");
    EXPECT(five, XS_WATCH, "a|1|", "OK|");
    EXPECT(five, XS_WATCH, "a|2|", "OK|");
    EXPECT(five, XS_WATCH, "a|3|", "!E2BIG");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(say(dom0, XS_CONTROL, 0, "quota|5|"), "hit watches     :        1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(say(dom0, XS_CONTROL, 0, "quota-soft|"), "memory"));
    CU_ASSERT_PTR_NOT_NULL(strstr(say(dom0, XS_CONTROL, 0, "help|"), "memreport\t[<file>]\n"));
}

// A domain that does not take its events has them counted and dropped when its memory is used up.
static void test_flood(void)
{
    struct connection *five;
    char text[64];

    fresh();
    five = domain(store, 5);
    EXPECT(dom0, XS_CONTROL, "quota|set|memory|100000|", "OK|");
    EXPECT(dom0, XS_WRITE, "/f|", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/f|r0|", "OK|");
    EXPECT(five, XS_WATCH, "/f|w|", "OK|");
    for (int i = 0; i < 5000; i++) {
        sprintf(text, "/f/%d|", i);
        EXPECT(dom0, XS_WRITE, text, "OK|");
    }
    CU_ASSERT(store_domain(store, 5)->memory <= 100000);
    CU_ASSERT(store_domain(store, 5)->events_lost > 1000);
    CU_ASSERT_FALSE(connection_may_ask(five));
    drain(five);
    CU_ASSERT(connection_may_ask(five));
    CU_ASSERT(store_domain(store, 5)->memory < 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(say(dom0, XS_CONTROL, 0, "quota|5|"), "events lost"));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"values", test_values},
        {"bad messages", test_bad_messages},
        {"lengths", test_lengths},
        {"directory in parts", test_directory_part},
        {"watches", test_watches},
        {"special watches", test_special_watches},
        {"permissions", test_permissions},
        {"domain ids used again", test_reused_domid},
        {"who is told of what", test_watch_permissions},
        {"transactions", test_transactions},
        {"events of transactions", test_transaction_events},
        {"quotas", test_quotas},
        {"quotas shown and set", test_quota_control},
        {"a flood of events", test_flood},
        CU_TEST_INFO_NULL,
    };
    int failed;

    failed = run_suite("xenstored store", tests);
    if (store)
        store_free(store);
    return failed;
}
