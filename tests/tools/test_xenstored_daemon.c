// The daemon itself, on a socket of its own and without a hypervisor: many programs at once, a
// killed daemon, a live update.
//
// sources: dom0-tools/store/*.c dom0-tools/xenstored/[a-ln-z]*.c dom0-tools/control/*.c
// sources: dom0-tools/common/ready.c
// libraries: -levent_core
#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-abi/io/xs_wire.h"
#include "tests/suite.h"
#include "xenstored/server.h"

#define CLIENTS 1000

static char folder[] = "/tmp/vellum-xenstored-XXXXXX";
static char socket_path[64], state_path[64];
static pid_t daemon_pid;

static int try_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, socket_path);
    if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    close(fd);
    return -1;
}

static int dial(void)
{
    int fd;

    for (int i = 0; i < 2000; i++) {
        fd = try_connect();
        if (fd >= 0)
            return fd;
        usleep(5000);
    }
    CU_FAIL_FATAL("the daemon does not serve");
    return -1;
}

static pid_t spawn(void)
{
    char *const words[] = {"/proc/self/exe", "--no-domains", "--no-fork", "--socket",
                           socket_path,      "--state",      state_path,  NULL};
    pid_t pid = fork();

    if (!pid) {
        execv(words[0], words);
        _exit(99);
    }
    return pid;
}

static void launch(void)
{
    daemon_pid = spawn();
    close(dial());
}

static int finish(int signal)
{
    int status = -1;

    kill(daemon_pid, signal);
    waitpid(daemon_pid, &status, 0);
    daemon_pid = 0;
    return status;
}

static bool read_all(int fd, void *to, size_t length)
{
    char *at = to;

    while (length) {
        ssize_t n = read(fd, at, length);

        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

static void ask_for(int fd, uint32_t type, uint32_t tx, const char *payload, size_t length)
{
    struct xsd_sockmsg header = {type, 1, tx, (uint32_t)length};
    char message[sizeof(header) + XENSTORE_PAYLOAD_MAX];

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), payload, length);
    if (send(fd, message, sizeof(header) + length, MSG_NOSIGNAL) < 0)
        return; // the reply will be missed
}

// The next message, its NULs as '|'; "gone" if there is none.
static const char *hear(int fd, uint32_t *type)
{
    static char payload[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg header;

    if (!read_all(fd, &header, sizeof(header)) || !read_all(fd, payload, header.len))
        return "gone";
    for (uint32_t i = 0; i < header.len; i++)
        payload[i] = payload[i] ? payload[i] : '|';
    payload[header.len] = '\0';
    *type = header.type;
    return payload;
}

static const char *ask(int fd, uint32_t type, uint32_t tx, const char *text)
{
    char payload[XENSTORE_PAYLOAD_MAX];
    size_t length = strlen(text);
    uint32_t heard = 0;

    for (size_t i = 0; i < length; i++)
        payload[i] = text[i] == '|' ? '\0' : text[i];
    ask_for(fd, type, tx, payload, length);
    return hear(fd, &heard);
}

static void test_many(void)
{
    static int fds[CLIENTS];
    char text[64];
    int watcher;
    uint32_t type;

    launch();
    watcher = dial();
    CU_ASSERT_STRING_EQUAL(ask(watcher, XS_WATCH, 0, "/many/500|token|"), "OK|");
    CU_ASSERT_STRING_EQUAL(hear(watcher, &type), "/many/500|token|");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial();
    for (int i = 0; i < CLIENTS; i++) {
        int n = sprintf(text, "/many/%d", i) + 1;

        n += sprintf(text + n, "%d", i);
        ask_for(fds[i], XS_WRITE, 0, text, (size_t)n); // all at once
    }
    for (int i = 0; i < CLIENTS; i++)
        CU_ASSERT_STRING_EQUAL(hear(fds[i], &type), "OK|");
    for (int i = 0; i < CLIENTS; i++) {
        char want[16];

        sprintf(text, "/many/%d|", CLIENTS - 1 - i);
        sprintf(want, "%d", CLIENTS - 1 - i);
        CU_ASSERT_STRING_EQUAL(ask(fds[i], XS_READ, 0, text), want);
    }
    CU_ASSERT_STRING_EQUAL(hear(watcher, &type), "/many/500|token|");
    CU_ASSERT_EQUAL(type, XS_WATCH_EVENT);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    CU_ASSERT_STRING_EQUAL(ask(watcher, XS_CONTROL, 0, "check|"), "OK|");
    close(watcher);
    CU_ASSERT_EQUAL(finish(SIGTERM), 0); // and nothing leaked
}

// One who sends nonsense loses his own connection, and only that.
static void test_bad_client(void)
{
    struct xsd_sockmsg header = {XS_READ, 0, 0, XENSTORE_PAYLOAD_MAX + 1};
    int good, bad;
    uint32_t type;

    launch();
    good = dial();
    bad = dial();
    CU_ASSERT_STRING_EQUAL(ask(bad, XS_WRITE, 0, "/bad|x"), "OK|");
    CU_ASSERT_EQUAL(write(bad, &header, sizeof(header)), sizeof(header));
    CU_ASSERT_STRING_EQUAL(hear(bad, &type), "gone");
    close(bad);
    bad = dial();
    CU_ASSERT_EQUAL(write(bad, &header, 7), 7); // and away in the middle of a header
    close(bad);
    CU_ASSERT_STRING_EQUAL(ask(good, XS_READ, 0, "/bad|"), "x");
    close(good);
    finish(SIGTERM);
}

static void test_only_one(void)
{
    int status, fd;
    pid_t second;

    launch();
    second = spawn();
    waitpid(second, &status, 0);
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 1);
    fd = dial();
    CU_ASSERT_STRING_EQUAL(ask(fd, XS_READ, 0, "/tool/xenstored|"), "");
    close(fd);
    finish(SIGTERM);
}

// Writes numbers until the daemon is killed, from another process; returns what was acknowledged
// last.
static int write_until_killed(int who)
{
    int fd = dial(), n = 0;
    char text[64];

    for (;;) {
        sprintf(text, "/killed/%d|%d", who, n + 1);
        if (strcmp(ask(fd, XS_WRITE, 0, text), "OK|"))
            break;
        n++;
        sprintf(text, "/killed/log/%d-%d|", who, n);
        if (strcmp(ask(fd, XS_MKDIR, 0, text), "OK|"))
            break;
        if (n > 20) {
            sprintf(text, "/killed/log/%d-%d|", who, n - 20);
            if (strcmp(ask(fd, XS_RM, 0, text), "OK|"))
                break;
        }
    }
    close(fd);
    return n;
}

static void test_killed(void)
{
    int total = 0;

    launch();
    for (int round = 0; round < 10; round++) {
        int results[4][2], acknowledged, fd;
        pid_t writers[4];
        char text[64];

        for (int i = 0; i < 4; i++) {
            CU_ASSERT_EQUAL_FATAL(pipe(results[i]), 0);
            writers[i] = fork();
            if (!writers[i]) {
                acknowledged = write_until_killed(i);
                _exit(write(results[i][1], &acknowledged, sizeof(int)) != sizeof(int));
            }
        }
        usleep(100000 + round * 20000);
        finish(SIGKILL);
        for (int i = 0; i < 4; i++)
            waitpid(writers[i], NULL, 0);
        launch();
        fd = dial();
        for (int i = 0; i < 4; i++) {
            int found;

            CU_ASSERT_EQUAL(read(results[i][0], &acknowledged, sizeof(int)), sizeof(int));
            sprintf(text, "/killed/%d|", i);
            found = atoi(ask(fd, XS_READ, 0, text));
            if (acknowledged)
                CU_ASSERT(found == acknowledged || found == acknowledged + 1);
            if (acknowledged > 1) {
                sprintf(text, "/killed/log/%d-%d|", i, acknowledged - 1);
                CU_ASSERT_STRING_EQUAL(ask(fd, XS_READ, 0, text), "");
            }
            total += acknowledged;
            close(results[i][0]);
            close(results[i][1]);
        }
        CU_ASSERT_STRING_EQUAL(ask(fd, XS_CONTROL, 0, "check|"), "OK|");
        CU_ASSERT_STRING_EQUAL(ask(fd, XS_RM, 0, "/killed|"), "OK|");
        close(fd);
    }
    printf("    %d writes acknowledged before 10 kills\n", total);
    CU_ASSERT(total > 100);
    finish(SIGTERM);
}

static void test_live_update(void)
{
    int watcher, writer, controller;
    char text[64], program[256], old[64];
    uint32_t type;
    uint32_t t;

    launch();
    watcher = dial();
    writer = dial();
    controller = dial();
    CU_ASSERT_EQUAL_FATAL(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0, 1);
    CU_ASSERT_STRING_EQUAL(ask(watcher, XS_WATCH, 0, "/live|token|"), "OK|");
    hear(watcher, &type);
    t = (uint32_t)atoi(ask(writer, XS_TRANSACTION_START, 0, "|"));
    CU_ASSERT_STRING_EQUAL(ask(writer, XS_WRITE, t, "/live/t|1"), "OK|");
    for (int i = 0; i < 3; i++) {
        memset(program, 0, sizeof(program));
        CU_ASSERT(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
        snprintf(old, sizeof(old), "/live/%d|before", i);
        CU_ASSERT_STRING_EQUAL(ask(controller, XS_WRITE, 0, old), "OK|");
        hear(watcher, &type);
        {
            char command[400];

            snprintf(command, sizeof(command), "live-update|-f|%s|", program);
            CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, command), "OK|");
        }
        CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, "live-update|-s|-t|60|"), "OK|");
        snprintf(text, sizeof(text), "/live/%d|", i);
        CU_ASSERT_STRING_EQUAL(ask(controller, XS_READ, 0, text), "before");
        snprintf(text, sizeof(text), "/live/%d|after", i);
        CU_ASSERT_STRING_EQUAL(ask(controller, XS_WRITE, 0, text), "OK|");
        snprintf(text, sizeof(text), "/live/%d|token|", i);
        CU_ASSERT_STRING_EQUAL(hear(watcher, &type), text);
    }
    CU_ASSERT_STRING_EQUAL(ask(writer, XS_READ, t, "/live/t|"), "1");
    CU_ASSERT_STRING_EQUAL(ask(writer, XS_TRANSACTION_END, t, "T|"), "EAGAIN|");
    CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, "live-update|-f|/nonexistent|"),
                           "File not accessible.|");
    CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, "live-update|-s|"),
                           "Not in live-update session.|");
    CU_ASSERT_EQUAL(waitpid(daemon_pid, NULL, WNOHANG), 0); // the same process all the time
    // A program that cannot be started changes nothing.
    snprintf(text, sizeof(text), "%s/not-a-program", folder);
    close(open(text, O_CREAT | O_WRONLY, 0755));
    {
        char command[128];

        snprintf(command, sizeof(command), "live-update|-f|%s|", text);
        CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, command), "OK|");
    }
    CU_ASSERT_STRING_EQUAL(ask(controller, XS_CONTROL, 0, "live-update|-s|"), "OK|");
    CU_ASSERT_STRING_EQUAL(ask(controller, XS_READ, 0, "/live/0|"), "after");
    unlink(text);
    close(watcher);
    close(writer);
    close(controller);
    finish(SIGTERM);
}

int main(int argc, char **argv)
{
    static CU_TestInfo tests[] = {
        {"a thousand programs", test_many},     {"a bad program", test_bad_client},
        {"one store at a time", test_only_one}, {"killed while it writes", test_killed},
        {"live update", test_live_update},      CU_TEST_INFO_NULL,
    };
    struct rlimit files = {4096, 4096};
    int failed;

    if (argc > 1)
        return server_main(argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    if (!mkdtemp(folder))
        return 1;
    sprintf(socket_path, "%s/socket", folder);
    sprintf(state_path, "%s/state", folder);
    failed = run_suite("vellum-xenstored", tests);
    if (daemon_pid)
        finish(SIGKILL);
    unlink(socket_path);
    unlink(state_path);
    strcat(socket_path, ".lock");
    unlink(socket_path);
    rmdir(folder);
    return failed;
}
