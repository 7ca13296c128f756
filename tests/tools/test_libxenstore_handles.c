// The client library against a peer that speaks the protocol, badly if told so: how a handle is
// had, and shared by threads and processes. The same file, built with Debian's headers and
// -DORACLE, runs with Debian's libxenstore4.
//
// sources: dom0-tools/xenstore/connection.c dom0-tools/xenstore/message.c
// sources: dom0-tools/xenstore/watch.c dom0-tools/xenstore/node.c dom0-tools/xenstore/domain.c
// sources: dom0-tools/xenstore/text.c tests/tools/xenstore_peer.c tests/tools/libxenstore_kit.c
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/libxenstore_kit.h"

static unsigned open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_places(void)
{
    unsetenv("XENSTORED_PATH");
    setenv("XENSTORED_RUNDIR", "/nowhere", 1);
    CU_ASSERT_STRING_EQUAL(xs_daemon_rundir(), "/nowhere");
    CU_ASSERT_STRING_EQUAL(xs_daemon_socket(), "/nowhere/socket");
    CU_ASSERT_STRING_EQUAL(xs_daemon_socket_ro(), "/nowhere/socket");
    setenv("XENSTORED_PATH", "/else/where", 1);
    CU_ASSERT_STRING_EQUAL(xs_daemon_socket(), "/else/where");
    errno = 0;
    CU_ASSERT_PTR_NULL(xs_open(0));
    CU_ASSERT_EQUAL(errno, ENOENT);
    unsetenv("XENSTORED_RUNDIR");
    CU_ASSERT_PTR_NOT_NULL(strstr(xs_daemon_rundir(), "/run/xenstored"));
    xs_close(NULL);
}

#ifndef ORACLE
// Debian's library reports the device's error, whatever the socket's was.
static void test_open_errors(void)
{
    char folder[] = "/tmp/vellum-open-XXXXXX", path[4096];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    strcpy(address.sun_path, path);
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd); // a socket that nobody listens on any more
    setenv("XENSTORED_PATH", path, 1);
    CU_ASSERT_PTR_NULL(xs_open(0));
    CU_ASSERT_EQUAL(errno, ECONNREFUSED);
    unlink(path);
    rmdir(folder);
    unsetenv("XENSTORED_PATH");
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    setenv("XENSTORED_RUNDIR", path, 1);
    CU_ASSERT_PTR_NULL(xs_daemon_socket());
    CU_ASSERT_PTR_NULL(xs_open(0));
    CU_ASSERT_EQUAL(errno, ENAMETOOLONG);
    unsetenv("XENSTORED_RUNDIR");
}
#endif

static void test_opens(void)
{
    struct xs_handle *(*const ways[])(void) = {xs_daemon_open, xs_domain_open,
                                               xs_daemon_open_readonly};

    peer_start();
    for (unsigned i = 0; i < 3; i++) {
        h = ways[i]();
        CU_ASSERT_PTR_NOT_NULL_FATAL(h);
        ANSWER(XS_RM, 0, TEXT("/a"));
        CU_ASSERT(xs_rm(h, 0, "/a"));
        xs_daemon_close(h);
    }
    CU_ASSERT(peer_content());
    peer_stop();
}

#define THREADS 8
#define ROUNDS  300

// Writes, each of which makes an event, and reads, each of which must get its own answer.
static void *work(void *number)
{
    uintptr_t wrong = 0;
    char path[32];

    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(path, sizeof(path), "/t%lu/%u", (uintptr_t)number, i);
        char *value = xs_read(h, 0, path, NULL);

        wrong += !value || strcmp(value, path) != 0;
        free(value);
        wrong += !xs_write(h, 0, path, "v", 1);
    }
    return (void *)wrong;
}

static void *watch_all(void *unused)
{
    uintptr_t events = 0;
    unsigned num;

    while (events < THREADS * ROUNDS) {
        char **vector = xs_read_watch(h, &num);

        if (!vector)
            break;
        events++;
        free(vector);
    }
    return (void *)events;
}

static void test_threads(void)
{
    pthread_t threads[THREADS], watcher;
    void *result;

    begin();
    peer_obey();
    pthread_create(&watcher, NULL, watch_all, NULL);
    CU_ASSERT(xs_watch(h, "/", "t"));
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        CU_ASSERT_PTR_NULL(result);
    }
    pthread_join(watcher, &result);
    CU_ASSERT_EQUAL((uintptr_t)result, THREADS * ROUNDS);
    end();
}

// Threads without any watch: they read the connection in turn.
__attribute__((unused)) static void test_threads_unwatched(void)
{
    pthread_t threads[THREADS];
    void *result;

    begin();
    peer_obey();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        CU_ASSERT_PTR_NULL(result);
    }
    end();
}

static int child_status(pid_t child)
{
    int status = -1;

    for (unsigned i = 0; i < 1000 && waitpid(child, &status, WNOHANG) == 0; i++)
        usleep(10000);
    return status;
}

// A child throws the handle away; the parent's goes on.
static void test_fork(void)
{
    begin();
    int fd = xs_fileno(h);
    watch("/w", "t");
    pid_t child = fork();
    if (child == 0) {
        xs_daemon_destroy_postfork(h);
        _exit(0);
    }
    CU_ASSERT_EQUAL(child_status(child), 0);
    CU_ASSERT(!readable(fd, 0));
    ANSWER(XS_RM, 0, TEXT("/w"));
    CU_ASSERT(xs_rm(h, 0, "/w"));
#ifndef ORACLE // where it would wait for ever
    child = fork();
    if (child == 0) {
        bool refused = !xs_rm(h, 0, "/w") && errno == EBADF;
        xs_close(h);
        _exit(!refused);
    }
    CU_ASSERT_EQUAL(child_status(child), 0);
#endif
    end();
}

// A child of a process that never watched may take the handle over, as daemons do.
static void test_fork_unwatched(void)
{
    begin();
    ANSWER(XS_RM, 0, TEXT("/w"));
    ANSWER(XS_WATCH, 0, TEXT("/w\0t"));
    pid_t child = fork();
    if (child == 0)
        _exit(!(xs_rm(h, 0, "/w") && xs_watch(h, "/w", "t") && (xs_close(h), true)));
    CU_ASSERT_EQUAL(child_status(child), 0);
    end();
}

static void test_no_leaks(void)
{
    unsigned before = open_files();

    for (unsigned i = 0; i < 50; i++) {
        begin();
        xs_fileno(h);
        watch("/w", "t");
        end();
    }
    CU_ASSERT_EQUAL(open_files(), before);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"places", test_places},
#ifndef ORACLE
        {"errors of open", test_open_errors},
#endif
        {"ways to open", test_opens},
        {"threads", test_threads},
#ifndef ORACLE // which takes an event that nobody asked for to be the reply
        {"threads without watch", test_threads_unwatched},
#endif
        {"fork", test_fork},
        {"fork without watch", test_fork_unwatched},
        {"no leaks", test_no_leaks},
        CU_TEST_INFO_NULL,
    };

    signal(SIGPIPE, SIG_DFL); // the library must raise none
    return run_suite("handles of libxenstore", tests);
}
