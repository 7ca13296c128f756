// Requests that go together, and watches with a depth, against a peer that speaks the protocol.
//
// sources: dom0-tools/xenstore/connection.c dom0-tools/xenstore/message.c
// sources: dom0-tools/xenstore/watch.c dom0-tools/xenstore/node.c dom0-tools/xenstore/batch.c
// sources: dom0-tools/xenstore/text.c tests/tools/xenstore_peer.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "xenstore/extensions.h"
#include "xenstore_peer.h"

#define TEXT(text) text, sizeof(text) // with its end

static struct xs_handle *h;
static struct xs_batch *batch;
static char heard[65536]; // "path=value;" or "path!errno;" of each reply

static void begin(xs_transaction_t t)
{
    peer_start();
    h = xs_open(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    batch = xs_batch_new(h, t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch);
    *heard = '\0';
}

static void end(void)
{
    xs_batch_free(batch);
    xs_close(h);
    CU_ASSERT(peer_content());
    peer_stop();
}

static void hear(void *arg, const char *path, char *value)
{
    size_t len = strlen(heard);

    CU_ASSERT_PTR_EQUAL(arg, heard);
    if (value)
        snprintf(heard + len, sizeof(heard) - len, "%s=%s;", path, value);
    else
        snprintf(heard + len, sizeof(heard) - len, "%s!%d;", path, errno);
    free(value);
}

static bool run(void)
{
    *heard = '\0';
    return xs_batch_run(batch, hear, heard);
}

static void expect_all(unsigned t)
{
    peer_reply(XS_READ, t, TEXT("/a"), XS_READ, "one", 3);
    peer_reply(XS_WRITE, t, "/b\0two", 6, XS_WRITE, TEXT("OK"));
    peer_reply(XS_READ, t, TEXT("/none"), XS_ERROR, TEXT("ENOENT"));
    peer_reply(XS_SET_PERMS, t, TEXT("/b\0n0\0r7"), XS_SET_PERMS, TEXT("OK"));
    peer_reply(XS_RM, t, TEXT("/c"), XS_RM, TEXT("OK"));
}

static void add_all(void)
{
    struct xs_permissions perms[] = {{0, XS_PERM_NONE}, {7, XS_PERM_READ}};

    xs_batch_read(batch, "/a");
    xs_batch_write(batch, "/b", "two");
    xs_batch_read(batch, "/none");
    xs_batch_set_permissions(batch, "/b", perms, 2);
    xs_batch_rm(batch, "/c");
}

static void test_together(void)
{
    begin(5);
    CU_ASSERT(run());             // of nothing
    for (int i = 0; i < 2; i++) { // it can be used again
        expect_all(5);
        add_all();
        CU_ASSERT(run());
        CU_ASSERT_STRING_EQUAL(heard, "/a=one;/b=OK;/none!2;/b=OK;/c=OK;");
    }
    end();
}

// Where a thread reads, it hands over one reply at a time.
static void test_with_watches(void)
{
    begin(0);
    peer_reply(XS_WATCH, 0, TEXT("/w\0token"), XS_WATCH, TEXT("OK"));
    CU_ASSERT(xs_watch(h, "/w", "token"));
    expect_all(0);
    add_all();
    CU_ASSERT(run());
    CU_ASSERT_STRING_EQUAL(heard, "/a=one;/b=OK;/none!2;/b=OK;/c=OK;");
    end();
}

// More than goes at once, with events between the replies.
static void test_many(void)
{
    char path[256], *at = heard;
    unsigned count = 0;

    begin(0);
    peer_obey();
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/%0200d", i);
        xs_batch_read(batch, path);
        xs_batch_write(batch, "/w", "x"); // of which the peer sends an event first
    }
    CU_ASSERT(run());
    for (; (at = strstr(at, "/w=OK;")); at++)
        count++;
    CU_ASSERT_EQUAL(count, 100);
    count = 0;
    for (char **event; (event = xs_check_watch(h)); count++)
        free(event);
    CU_ASSERT_EQUAL(count, 100);
    end();
}

static void test_too_long(void)
{
    static char value[XENSTORE_PAYLOAD_MAX];
    struct xs_permissions wrong = {0, 77};

    memset(value, 'x', sizeof(value) - 1);
    begin(0);
    xs_batch_read(batch, "/a");
    xs_batch_write(batch, "/b", value);
    CU_ASSERT_FALSE(run());
    CU_ASSERT_EQUAL(errno, E2BIG);
    CU_ASSERT_STRING_EQUAL(heard, ""); // nothing was sent
    xs_batch_set_permissions(batch, "/b", &wrong, 1);
    CU_ASSERT_FALSE(run());
    peer_reply(XS_READ, 0, TEXT("/a"), XS_READ, "one", 3);
    xs_batch_read(batch, "/a");
    CU_ASSERT(run());
    end();
}

static void test_lost(void)
{
    begin(0);
    peer_reply(XS_READ, 0, TEXT("/a"), XS_READ, "one", 3);
    peer_expect(XS_READ, 0, TEXT("/b"), NULL);
    xs_batch_read(batch, "/a");
    xs_batch_read(batch, "/b");
    CU_ASSERT_FALSE(run());
    CU_ASSERT_EQUAL(errno, EBADF);
    CU_ASSERT_STRING_EQUAL(heard, "/a=one;");
    xs_batch_read(batch, "/c");
    CU_ASSERT_FALSE(run());
    CU_ASSERT_EQUAL(errno, EBADF);
    end();
}

// A reply of another type than was asked for: the peer is out of step.
static void test_out_of_step(void)
{
    begin(0);
    peer_reply(XS_READ, 0, TEXT("/a"), XS_RM, TEXT("OK"));
    xs_batch_read(batch, "/a");
    CU_ASSERT_FALSE(run());
    CU_ASSERT_EQUAL(errno, EBADF);
    end();
}

static void test_depth(void)
{
    begin(0);
    peer_reply(XS_WATCH, 0,
               TEXT("@releaseDomain/7\0token\0"
                    "0"),
               XS_WATCH, TEXT("OK"));
    CU_ASSERT(xs_watch_depth(h, "@releaseDomain/7", "token", 0));
    peer_reply(XS_WATCH, 0,
               TEXT("/a\0token\0"
                    "12"),
               XS_ERROR, TEXT("EINVAL"));
    CU_ASSERT_FALSE(xs_watch_depth(h, "/a", "token", 12));
    CU_ASSERT_EQUAL(errno, EINVAL);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"together", test_together}, {"with watches", test_with_watches},
        {"many", test_many},         {"too long", test_too_long},
        {"lost", test_lost},         {"out of step", test_out_of_step},
        {"depth", test_depth},       CU_TEST_INFO_NULL,
    };

    return run_suite("xenstore batch", tests);
}
