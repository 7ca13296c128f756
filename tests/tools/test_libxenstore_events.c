// The client library against a peer that speaks the protocol, badly if told so: events, and a
// connection that breaks. The same file, built with Debian's headers and -DORACLE, runs with
// Debian's libxenstore4.
//
// sources: dom0-tools/xenstore/connection.c dom0-tools/xenstore/message.c
// sources: dom0-tools/xenstore/watch.c dom0-tools/xenstore/node.c dom0-tools/xenstore/domain.c
// sources: dom0-tools/xenstore/text.c tests/tools/xenstore_peer.c tests/tools/libxenstore_kit.c
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/libxenstore_kit.h"

static void test_watches(void)
{
    struct bytes burst = {0};
    unsigned num = 0;

    begin();
    int fd = xs_fileno(h);
    CU_ASSERT(fd >= 0 && fd == xs_fileno(h));
    CU_ASSERT(!readable(fd, 0));
    CU_ASSERT_PTR_NULL(xs_check_watch(h));
    CU_ASSERT_EQUAL(errno, EAGAIN);
    watch("/w", "tok");
    event(&burst, "/w", "tok");
    event(&burst, "/w/x", "tok");
    peer_send(&burst);
    CU_ASSERT(readable(fd, 5000));
    CU_ASSERT(event_is(xs_read_watch(h, &num), "/w", "tok"));
    CU_ASSERT_EQUAL(num, 2);
    CU_ASSERT(readable(fd, 5000));
    CU_ASSERT(event_is(xs_check_watch(h), "/w/x", "tok"));
    CU_ASSERT(!readable(fd, 0));
    CU_ASSERT_PTR_NULL(xs_check_watch(h));
    CU_ASSERT_EQUAL(errno, EAGAIN);
    ANSWER(XS_UNWATCH, 0, TEXT("/w\0tok"));
    CU_ASSERT(xs_unwatch(h, "/w", "tok"));
    end();
}

// The descriptor may be asked for when events already wait.
static void test_late_fileno(void)
{
    struct bytes answer = {0};

    begin();
    watch("/w", "t");
    event(&answer, "/w", "t");
    add_message(&answer, XS_MKDIR, TEXT("OK")); // the event comes before the reply
    event(&answer, "/w/z", "t");
    peer_expect(XS_MKDIR, 0, TEXT("/w"), &answer);
    CU_ASSERT(xs_mkdir(h, 0, "/w"));
    CU_ASSERT(readable(xs_fileno(h), 0));
    CU_ASSERT(event_is(xs_read_watch(h, &(unsigned){0}), "/w", "t"));
    CU_ASSERT(event_is(xs_read_watch(h, &(unsigned){0}), "/w/z", "t"));
    end();
}

static void test_unwatch_filter(void)
{
    struct bytes answer = {0};

    peer_start();
    h = xs_open(XS_UNWATCH_FILTER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    int fd = xs_fileno(h);
    watch("/w", "t");
    event(&answer, "/w", "t");
    event(&answer, "/w/1", "u");
    event(&answer, "/w/2", "t");
    event(&answer, "/wx", "t");
    event(&answer, "/w/3", "t");
    add_message(&answer, XS_UNWATCH, TEXT("OK"));
    peer_expect(XS_UNWATCH, 0, TEXT("/w\0t"), &answer);
    CU_ASSERT(xs_unwatch(h, "/w", "t"));
    CU_ASSERT(event_is(xs_check_watch(h), "/w/1", "u"));
    CU_ASSERT(event_is(xs_check_watch(h), "/wx", "t"));
    CU_ASSERT_PTR_NULL(xs_check_watch(h));
    CU_ASSERT(!readable(fd, 0));
    watch("/w", "t");
    answer.len = 0;
    event(&answer, "/w", "t");
    add_message(&answer, XS_UNWATCH, TEXT("OK"));
    peer_expect(XS_UNWATCH, 0, TEXT("/w\0t"), &answer);
    CU_ASSERT(xs_unwatch(h, "/w", "t")); // all are gone
    CU_ASSERT(!readable(fd, 0));
    end();
}

// The peer goes away: no signal, no waiting, one error, and who polls is told.
static void check_lost(int fd)
{
#ifndef ORACLE // whose descriptor says nothing
    CU_ASSERT(readable(fd, 5000));
    CU_ASSERT_PTR_NULL(xs_check_watch(h));
    CU_ASSERT_EQUAL(errno, EINVAL);
    CU_ASSERT(readable(fd, 0));
#endif
    CU_ASSERT_PTR_NULL(xs_read_watch(h, &(unsigned){0}));
    CU_ASSERT_EQUAL(errno, EINVAL);
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_EQUAL(errno, EBADF);
    CU_ASSERT(!xs_write(h, 0, "/a", "", 0));
    CU_ASSERT_EQUAL(errno, EBADF);
}

static void test_lost_with_reader(void)
{
    begin();
    int fd = xs_fileno(h);
    watch("/w", "t");
    peer_hang_up();
    check_lost(fd);
    end();
}

static void test_lost_amid_request(void)
{
    begin();
    peer_expect(XS_READ, 0, TEXT("/a"), NULL);
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_EQUAL(errno, EBADF);
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_EQUAL(errno, EBADF);
    end();
    begin();
    watch("/w", "t");
    peer_expect(XS_READ, 0, TEXT("/a"), NULL);
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_EQUAL(errno, EBADF);
    end();
}

// What no sound daemon sends ends the connection, and nothing else.
static void check_refused(const struct bytes *answer, bool with_reader)
{
    begin();
    if (with_reader)
        watch("/w", "t");
    peer_expect(XS_READ, 0, TEXT("/a"), answer);
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
    CU_ASSERT_EQUAL(errno, EBADF);
    end();
}

static void test_bad_peer(void)
{
    struct bytes wrong_type = {0}, short_event = {0}, long_reply = {0};
    struct xsd_sockmsg head = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};

    add_message(&wrong_type, XS_WRITE, TEXT("OK"));
    add_message(&short_event, XS_WATCH_EVENT, TEXT("/w"));
    memcpy(long_reply.data, &head, sizeof(head));
    long_reply.len = sizeof(head);
    for (unsigned reader = 0; reader < 2; reader++) {
        check_refused(&wrong_type, reader);
#ifndef ORACLE // which goes on without what it needs
        check_refused(&short_event, reader);
#endif
        check_refused(&long_reply, reader);
    }
}

static void *read_a(void *unused)
{
    return xs_read(h, 0, "/a", NULL);
}

// Replies and events may come in any pieces.
static void test_pieces(void)
{
    struct bytes whole = {0}, piece;
    pthread_t thread;
    void *value;

    begin();
    watch("/w", "t");
    event(&whole, "/w", "t");
    add_message(&whole, XS_READ, BYTES("value"));
    piece = whole;
    piece.len = 3;
    peer_expect(XS_READ, 0, TEXT("/a"), &piece);
    pthread_create(&thread, NULL, read_a, NULL);
    while (!peer_asked())
        usleep(1000);
    piece.len = 1;
    for (size_t at = 3; at < whole.len; at++) {
        piece.data[0] = whole.data[at];
        peer_send(&piece);
    }
    pthread_join(thread, &value);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_STRING_EQUAL(value, "value");
    free(value);
    CU_ASSERT(event_is(xs_read_watch(h, &(unsigned){0}), "/w", "t"));
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"watches", test_watches},
        {"late fileno", test_late_fileno},
        {"unwatch filter", test_unwatch_filter},
        {"lost with reader", test_lost_with_reader},
        {"lost amid request", test_lost_amid_request},
        {"bad peer", test_bad_peer},
        {"pieces", test_pieces},
        CU_TEST_INFO_NULL,
    };

    signal(SIGPIPE, SIG_DFL); // the library must raise none
    return run_suite("events by libxenstore", tests);
}
