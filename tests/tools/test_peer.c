// The ways to another machine, and what is said on them before and after a domain: right, wrong,
// cut short, and to nobody.
//
// sources: dom0-tools/vl/peer.c dom0-tools/stream/record.c
#include <CUnit/Basic.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream/stream.h"
#include "tests/suite.h"
#include "vl/handover.h"
#include "vl/peer.h"
#include "vl/vl.h"

static char words[500];

int vl_complain(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    return VL_FAILED;
}

int vl_fail(int error, const char *format, ...)
{
    va_list list;
    int length;

    va_start(list, format);
    length = vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    snprintf(words + length, sizeof(words) - (size_t)length, ": %s", strerror(-error));
    return VL_FAILED;
}

static bool answers(const char *command, const void *text, size_t length)
{
    struct peer peer;
    bool heard;

    CU_ASSERT_EQUAL(peer_run(&peer, command), 0);
    heard = handover_hear(peer.from, text, length);
    CU_ASSERT(peer_close(&peer) >= 0);
    return heard;
}

static void test_program(void)
{
    struct peer peer;

    CU_ASSERT(answers("printf 'domain received, ready to unpause\\0'", HANDOVER_READY,
                      sizeof(HANDOVER_READY)));
    CU_ASSERT(!answers("printf 'domain received, ready to unpaus\\0\\0'", HANDOVER_READY,
                       sizeof(HANDOVER_READY)));
    CU_ASSERT(!answers("printf 'domain received'", HANDOVER_READY, sizeof(HANDOVER_READY)));
    CU_ASSERT(!answers("true", HANDOVER_READY, sizeof(HANDOVER_READY)));
    CU_ASSERT(!answers("/no/such/program 2>/dev/null", HANDOVER_READY, sizeof(HANDOVER_READY)));
    CU_ASSERT_EQUAL(peer_run(&peer, "exit 3"), 0);
    CU_ASSERT_EQUAL(peer_close(&peer), 3);
    CU_ASSERT_EQUAL(peer_run(&peer, "kill -9 $$"), 0);
    CU_ASSERT_EQUAL(peer_close(&peer), -1);
}

// What is said to a program comes back; once it is gone, that is noticed.
static void test_echo(void)
{
    struct peer peer;

    CU_ASSERT_EQUAL(peer_run(&peer, "dd bs=1 count=44 2>/dev/null"), 0);
    CU_ASSERT(handover_say(peer.to, HANDOVER_GO, sizeof(HANDOVER_GO)));
    CU_ASSERT(handover_hear(peer.from, HANDOVER_GO, sizeof(HANDOVER_GO)));
    CU_ASSERT(!handover_hear(peer.from, HANDOVER_GO, 1));
    waitpid(peer.process, NULL, 0);
    CU_ASSERT(!handover_say(peer.to, HANDOVER_GO, sizeof(HANDOVER_GO)));
    peer.process = 0;
    CU_ASSERT_EQUAL(peer_close(&peer), 0);
}

static void on_alarm(int number)
{
    (void)number;
    stream_interrupted = 1;
}

// A peer that says nothing and takes nothing is waited for until a signal comes.
static void test_signal(void)
{
    static char much[4 << 20];
    struct sigaction action = {.sa_handler = on_alarm};
    struct peer peer;

    sigaction(SIGALRM, &action, NULL);
    CU_ASSERT_EQUAL(peer_run(&peer, "exec sleep 100"), 0);
    alarm(1);
    CU_ASSERT(!handover_hear(peer.from, HANDOVER_GO, sizeof(HANDOVER_GO)));
    stream_interrupted = 0;
    alarm(1);
    CU_ASSERT(!handover_say(peer.to, much, sizeof(much)));
    stream_interrupted = 0;
    kill(peer.process, SIGTERM);
    CU_ASSERT_EQUAL(peer_close(&peer), -1);
}

static const char *listening;

static void *listener(void *result)
{
    struct peer peer;

    *(int *)result = peer_accept(&peer, listening);
    if (*(int *)result)
        return NULL;
    handover_say(peer.to, HANDOVER_BANNER, sizeof(HANDOVER_BANNER));
    *(int *)result = handover_hear(peer.from, HANDOVER_GO, sizeof(HANDOVER_GO)) ? 0 : -EPIPE;
    peer_close(&peer);
    return NULL;
}

static int connect_to(struct peer *peer, const char *address)
{
    int error = -ECONNREFUSED;

    for (int tries = 0; tries < 500 && error == -ECONNREFUSED; tries++) {
        usleep(10000);
        error = peer_connect(peer, address);
    }
    return error;
}

static void meet(const char *here, const char *there)
{
    struct peer peer;
    pthread_t thread;
    int result = -1;

    listening = here;
    CU_ASSERT_EQUAL(pthread_create(&thread, NULL, listener, &result), 0);
    CU_ASSERT_EQUAL_FATAL(connect_to(&peer, there), 0);
    CU_ASSERT(handover_hear(peer.from, HANDOVER_BANNER, sizeof(HANDOVER_BANNER)));
    CU_ASSERT(handover_say(peer.to, HANDOVER_GO, sizeof(HANDOVER_GO)));
    CU_ASSERT_EQUAL(peer_close(&peer), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(result, 0);
}

static void test_network(void)
{
    meet("127.0.0.1:47391", "127.0.0.1:47391");
    meet("0.0.0.0:47392", "127.0.0.1:47392");
    meet("[127.0.0.1]:47393", "127.0.0.1:47393");
}

static bool refused(const char *address, int error, const char *why)
{
    struct peer peer;
    int rc;

    words[0] = 0;
    rc = peer_connect(&peer, address);
    if (rc == error && strstr(words, why))
        return true;
    printf("\n%s: %d, %s\n", address, rc, words);
    return false;
}

static void test_bad_addresses(void)
{
    struct peer peer;

    CU_ASSERT(refused("127.0.0.1:1", -ECONNREFUSED, "no connection to 127.0.0.1:1: Conn"));
    CU_ASSERT(refused("127.0.0.1", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused(":47394", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("127.0.0.1:", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("127.0.0.1:nosuchservice", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("127.0.0.1:65536", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("[127.0.0.1:80", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(refused("localhost:80", -EINVAL, "no ADDRESS:PORT"));
    CU_ASSERT(
        refused("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:80", -EINVAL, "no ADD"));
    CU_ASSERT_EQUAL(peer_accept(&peer, "192.0.2.1:47395"), -EADDRNOTAVAIL);
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "nobody can be waited for"));
    CU_ASSERT_EQUAL(peer_accept(&peer, "127.0.0.1:"), -EINVAL);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"a program's answers", test_program}, {"a program that takes and gives", test_echo},
        {"a deaf one", test_signal},           {"the network", test_network},
        {"bad addresses", test_bad_addresses}, CU_TEST_INFO_NULL,
    };

    signal(SIGPIPE, SIG_IGN);
    return run_suite("peer", tests);
}
