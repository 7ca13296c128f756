// The client library against a peer that speaks the protocol, badly if told so. The same file,
// built with Debian's headers and -DORACLE, runs with Debian's libxenstore4.
//
// sources: dom0-tools/xenstore/connection.c dom0-tools/xenstore/message.c
// sources: dom0-tools/xenstore/watch.c dom0-tools/xenstore/node.c dom0-tools/xenstore/domain.c
// sources: dom0-tools/xenstore/text.c tests/tools/xenstore_peer.c
#include <CUnit/Basic.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ORACLE
#include <xenstore.h>
#else
#include "xenstore/xenstore.h"
#endif
#include "xenstore_peer.h"

#define TEXT(text)        text, sizeof(text)     // with its end
#define BYTES(text)       text, sizeof(text) - 1 // without
#define OK(type)          type, TEXT("OK")
#define ANSWER(t, x, ...) peer_reply(t, x, __VA_ARGS__, OK(t))

static struct xs_handle *h;

static void begin(void)
{
    peer_start();
    h = xs_open(0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
}

static void end(void)
{
    xs_close(h);
    CU_ASSERT(peer_content());
    peer_stop();
}

static bool readable(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, milliseconds) == 1;
}

static void event(struct bytes *to, const char *path, const char *token)
{
    char body[256];
    int len = snprintf(body, sizeof(body), "%s%c%s", path, 0, token) + 1;

    add_message(to, XS_WATCH_EVENT, body, len);
}

static bool event_is(char **vector, const char *path, const char *token)
{
    bool same =
        vector && !strcmp(vector[XS_WATCH_PATH], path) && !strcmp(vector[XS_WATCH_TOKEN], token);

    if (!same)
        printf("event: want %s %s, got %s %s\n", path, token, vector ? vector[0] : "none",
               vector ? vector[1] : "");
    free(vector);
    return same;
}

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

static void test_values(void)
{
    unsigned len = 99;
    char *value;

    begin();
    peer_reply(XS_READ, 3, TEXT("/a/b"), XS_READ, BYTES("x\0y"));
    value = xs_read(h, 3, "/a/b", &len);
    CU_ASSERT_EQUAL_FATAL(len, 3);
    CU_ASSERT(!memcmp(value, "x\0y", 4)); // with an end of its own
    free(value);
    peer_reply(XS_READ, 0, TEXT("/a"), XS_READ, NULL, 0);
    value = xs_read(h, 0, "/a", NULL);
    CU_ASSERT_STRING_EQUAL_FATAL(value, "");
    free(value);
    errno = EIO;
    ANSWER(XS_WRITE, 7, BYTES("/a\0va\0l"));
    CU_ASSERT(xs_write(h, 7, "/a", "va\0l", 4));
    CU_ASSERT_EQUAL(errno, 0); // Debian's test-xenstore wants it so
    ANSWER(XS_WRITE, 0, TEXT("/a"));
    CU_ASSERT(xs_write(h, 0, "/a", NULL, 0));
    ANSWER(XS_MKDIR, 1, TEXT("/m"));
    CU_ASSERT(xs_mkdir(h, 1, "/m"));
    ANSWER(XS_RM, 0xffffffff, TEXT("/m"));
    CU_ASSERT(xs_rm(h, 0xffffffff, "/m"));
    CU_ASSERT(!xs_restrict(h, 1));
    end();
}

static void test_largest(void)
{
    static char large[XENSTORE_PAYLOAD_MAX + 1], request[XENSTORE_PAYLOAD_MAX];
    unsigned len;

    begin();
    memset(large, 'v', sizeof(large));
    memcpy(request, "/a", 3);
    memset(request + 3, 'v', sizeof(request) - 3);
    peer_reply(XS_WRITE, 0, request, sizeof(request), XS_WRITE, TEXT("OK"));
    CU_ASSERT(xs_write(h, 0, "/a", large, XENSTORE_PAYLOAD_MAX - 3));
    CU_ASSERT(!xs_write(h, 0, "/a", large, XENSTORE_PAYLOAD_MAX - 2)); // nothing is sent
    CU_ASSERT_EQUAL(errno, E2BIG);
    peer_reply(XS_READ, 0, TEXT("/a"), XS_READ, large, XENSTORE_PAYLOAD_MAX);
    char *value = xs_read(h, 0, "/a", &len);
    CU_ASSERT_EQUAL(len, XENSTORE_PAYLOAD_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_EQUAL(strlen(value), XENSTORE_PAYLOAD_MAX);
    free(value);
    end();
}

static void test_errors(void)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EINVAL", EINVAL}, {"EACCES", EACCES},    {"EEXIST", EEXIST},
                  {"EISDIR", EISDIR}, {"ENOENT", ENOENT},    {"ENOMEM", ENOMEM},
                  {"ENOSPC", ENOSPC}, {"EIO", EIO},          {"ENOTEMPTY", ENOTEMPTY},
                  {"ENOSYS", ENOSYS}, {"EROFS", EROFS},      {"EBUSY", EBUSY},
                  {"EAGAIN", EAGAIN}, {"EISCONN", EISCONN},  {"E2BIG", E2BIG},
                  {"EPERM", EPERM},   {"ENONSENSE", EINVAL}, {"", EINVAL}};
    unsigned num;

    begin();
    for (unsigned i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        errno = 0;
        peer_reply(XS_READ, 0, TEXT("/a"), XS_ERROR, errors[i].name, strlen(errors[i].name) + 1);
        CU_ASSERT_PTR_NULL(xs_read(h, 0, "/a", NULL));
        CU_ASSERT_EQUAL(errno, errors[i].number);
    }
    peer_reply(XS_WRITE, 0, BYTES("/a\0v"), XS_ERROR, TEXT("EACCES"));
    CU_ASSERT(!xs_write(h, 0, "/a", "v", 1));
    CU_ASSERT_EQUAL(errno, EACCES);
    peer_reply(XS_DIRECTORY, 0, TEXT("/a"), XS_ERROR, TEXT("ENOENT"));
    CU_ASSERT_PTR_NULL(xs_directory(h, 0, "/a", &num));
    CU_ASSERT_EQUAL(errno, ENOENT);
    peer_reply(XS_TRANSACTION_START, 0, TEXT(""), XS_ERROR, TEXT("ENOSPC"));
    CU_ASSERT_EQUAL(xs_transaction_start(h), XBT_NULL);
    CU_ASSERT_EQUAL(errno, ENOSPC);
    peer_reply(XS_WATCH, 0, TEXT("/a\0t"), XS_ERROR, TEXT("EEXIST"));
    CU_ASSERT(!xs_watch(h, "/a", "t"));
    CU_ASSERT_EQUAL(errno, EEXIST);
    end();
}

static void test_directory(void)
{
    unsigned num = 99;
    char **names;

    begin();
    peer_reply(XS_DIRECTORY, 5, TEXT("/d"), XS_DIRECTORY, TEXT("one\0two\0three"));
    names = xs_directory(h, 5, "/d", &num);
    CU_ASSERT_EQUAL_FATAL(num, 3);
    CU_ASSERT_STRING_EQUAL(names[0], "one");
    CU_ASSERT_STRING_EQUAL(names[1], "two");
    CU_ASSERT_STRING_EQUAL(names[2], "three");
    free(names);
    peer_reply(XS_DIRECTORY, 0, TEXT("/d"), XS_DIRECTORY, NULL, 0);
    names = xs_directory(h, 0, "/d", &num);
    CU_ASSERT_EQUAL(num, 0);
    CU_ASSERT_PTR_NOT_NULL(names);
    free(names);
    end();
}

// Names of one part, by their numbers: "n7\0n8\0".
static size_t part(char *to, const char *generation, unsigned from, unsigned below, bool last)
{
    size_t len = strlen(generation) + 1;

    memcpy(to, generation, len);
    for (; from < below; from++)
        len += sprintf(to + len, "n%u", from) + 1;
    if (last)
        to[len++] = '\0';
    return len;
}

// Expects the question for the names of /d from this offset on.
static void part_follows(const char *offset, const char *generation, unsigned from, unsigned below,
                         bool last)
{
    char request[32], body[XENSTORE_PAYLOAD_MAX];
    int len = snprintf(request, sizeof(request), "/d%c%s", 0, offset) + 1;

    peer_reply(XS_DIRECTORY_PART, 2, request, len, XS_DIRECTORY_PART, body,
               part(body, generation, from, below, last));
}

static void check_twenty(void)
{
    unsigned num = 0;
    char **names = xs_directory(h, 2, "/d", &num);

    CU_ASSERT_EQUAL_FATAL(num, 20);
    CU_ASSERT_STRING_EQUAL(names[0], "n0");
    CU_ASSERT_STRING_EQUAL(names[10], "n10");
    CU_ASSERT_STRING_EQUAL(names[19], "n19");
    free(names);
}

static void test_long_directory(void)
{
    begin();
    peer_reply(XS_DIRECTORY, 2, TEXT("/d"), XS_ERROR, TEXT("E2BIG"));
    part_follows("0", "5", 0, 10, false);
    part_follows("30", "5", 10, 20, true);
    check_twenty();
    end();
}

// One that changes while it is read: all is read anew.
static void test_changing_directory(void)
{
    unsigned num;

    begin();
    peer_reply(XS_DIRECTORY, 2, TEXT("/d"), XS_ERROR, TEXT("E2BIG"));
    part_follows("0", "5", 1, 11, false);
    part_follows("31", "18446744073709551615", 10, 12, true);
    part_follows("0", "18446744073709551615", 0, 10, false);
    part_follows("30", "18446744073709551615", 10, 20, true);
    check_twenty();
    peer_reply(XS_DIRECTORY, 0, TEXT("/d"), XS_ERROR, TEXT("E2BIG"));
    peer_reply(XS_DIRECTORY_PART, 0,
               BYTES("/d\0"
                     "0\0"),
               XS_ERROR, TEXT("ENOENT"));
    CU_ASSERT_PTR_NULL(xs_directory(h, 0, "/d", &num));
    CU_ASSERT_EQUAL(errno, ENOENT);
    end();
}

static void test_permissions(void)
{
    struct xs_permissions some[] = {{0, XS_PERM_NONE},
                                    {17, XS_PERM_READ},
                                    {3, XS_PERM_WRITE},
                                    {32752, XS_PERM_READ | XS_PERM_WRITE}};
    struct xs_permissions *perms, parsed[2];
    unsigned num = 0;

    begin();
    peer_reply(XS_GET_PERMS, 0, TEXT("/p"), XS_GET_PERMS, TEXT("n0\0r17\0w3\0b32752"));
    perms = xs_get_permissions(h, 0, "/p", &num);
    CU_ASSERT_EQUAL_FATAL(num, 4);
    CU_ASSERT(!memcmp(perms, some, sizeof(some)));
    free(perms);
    peer_reply(XS_GET_PERMS, 0, TEXT("/p"), XS_GET_PERMS, TEXT("n0\0x17"));
    CU_ASSERT_PTR_NULL(xs_get_permissions(h, 0, "/p", &num));
    CU_ASSERT_EQUAL(errno, EINVAL);
    ANSWER(XS_SET_PERMS, 4, TEXT("/p\0n0\0r17\0w3\0b32752"));
    CU_ASSERT(xs_set_permissions(h, 4, "/p", some, 4));
    some[1].perms = 0x40;
    CU_ASSERT(!xs_set_permissions(h, 4, "/p", some, 4));
    CU_ASSERT_EQUAL(errno, EINVAL);
    CU_ASSERT(xs_strings_to_perms(parsed, 2, "b0x10\0n1"));
    CU_ASSERT(parsed[0].id == 16 && parsed[0].perms == 3 && parsed[1].id == 1 &&
              parsed[1].perms == 0);
    static const char *const wrong[] = {"", "b", "5", "q5", "b5x", "r "};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        errno = 0;
        CU_ASSERT(!xs_strings_to_perms(parsed, 1, wrong[i]));
        CU_ASSERT_EQUAL(errno, EINVAL);
    }
    end();
}

static void test_transactions(void)
{
    begin();
    peer_reply(XS_TRANSACTION_START, 0, TEXT(""), XS_TRANSACTION_START, TEXT("4294967295"));
    CU_ASSERT_EQUAL(xs_transaction_start(h), 0xffffffff);
    ANSWER(XS_TRANSACTION_END, 0xffffffff, TEXT("T"));
    CU_ASSERT(xs_transaction_end(h, 0xffffffff, false));
    ANSWER(XS_TRANSACTION_END, 9, TEXT("F"));
    CU_ASSERT(xs_transaction_end(h, 9, true));
    peer_reply(XS_TRANSACTION_END, 9, TEXT("T"), XS_ERROR, TEXT("EAGAIN"));
    CU_ASSERT(!xs_transaction_end(h, 9, false));
    CU_ASSERT_EQUAL(errno, EAGAIN);
    end();
}

static void test_domains(void)
{
    begin();
    ANSWER(XS_INTRODUCE, 0, TEXT("7\00018446744073709551615\0004294967295"));
    CU_ASSERT(xs_introduce_domain(h, 7, -1ul, -1u));
    ANSWER(XS_SET_TARGET, 0, TEXT("7\0009"));
    CU_ASSERT(xs_set_target(h, 7, 9));
    ANSWER(XS_RESUME, 0, TEXT("7"));
    CU_ASSERT(xs_resume_domain(h, 7));
    ANSWER(XS_RELEASE, 0, TEXT("7"));
    CU_ASSERT(xs_release_domain(h, 7));
    peer_reply(XS_RELEASE, 0, TEXT("7"), XS_ERROR, TEXT("ENOENT"));
    CU_ASSERT(!xs_release_domain(h, 7));
    peer_reply(XS_IS_DOMAIN_INTRODUCED, 0, TEXT("7"), XS_IS_DOMAIN_INTRODUCED, TEXT("T"));
    CU_ASSERT(xs_is_domain_introduced(h, 7));
    peer_reply(XS_IS_DOMAIN_INTRODUCED, 0, TEXT("7"), XS_IS_DOMAIN_INTRODUCED, TEXT("F"));
    CU_ASSERT(!xs_is_domain_introduced(h, 7));
    peer_reply(XS_GET_DOMAIN_PATH, 0, TEXT("7"), XS_GET_DOMAIN_PATH, TEXT("/local/domain/7"));
    char *path = xs_get_domain_path(h, 7);
    CU_ASSERT_STRING_EQUAL(path, "/local/domain/7");
    free(path);
    peer_reply(XS_CONTROL, 0, TEXT("print\0hello"), XS_CONTROL, TEXT("said"));
    char *said = xs_control_command(h, "print", TEXT("hello"));
    CU_ASSERT_STRING_EQUAL(said, "said");
    free(said);
    peer_reply(XS_CONTROL, 0, TEXT("help"), XS_CONTROL, NULL, 0);
    said = xs_debug_command(h, "help", NULL, 0);
    CU_ASSERT_STRING_EQUAL(said, "");
    free(said);
    end();
}

static void test_suspend_port(void)
{
    static const char path[] = "/local/domain/12/device/suspend/event-channel";

    peer_start();
    peer_reply(XS_READ, 0, path, sizeof(path), XS_READ, BYTES("23"));
    CU_ASSERT_EQUAL(xs_suspend_evtchn_port(12), 23);
    peer_reply(XS_READ, 0, path, sizeof(path), XS_ERROR, TEXT("ENOENT"));
    CU_ASSERT_EQUAL(xs_suspend_evtchn_port(12), -1);
    CU_ASSERT(peer_content());
    peer_stop();
}

static void test_paths(void)
{
    CU_ASSERT(xs_path_is_subpath("/a", "/a"));
    CU_ASSERT(xs_path_is_subpath("/a", "/a/b"));
    CU_ASSERT(!xs_path_is_subpath("/a", "/ab"));
    CU_ASSERT(!xs_path_is_subpath("/a/b", "/a"));
    CU_ASSERT(!xs_path_is_subpath("/", "/a"));
    CU_ASSERT(xs_path_is_subpath("@releaseDomain", "@releaseDomain"));
}

static void watch(const char *path, const char *token)
{
    char request[128];
    int len = snprintf(request, sizeof(request), "%s%c%s", path, 0, token) + 1;

    ANSWER(XS_WATCH, 0, request, len);
    CU_ASSERT_FATAL(xs_watch(h, path, token));
}

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
    signal(SIGPIPE, SIG_DFL); // the library must raise none
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("libxenstore", NULL, NULL);

    CU_add_test(suite, "places", test_places);
#ifndef ORACLE
    CU_add_test(suite, "errors of open", test_open_errors);
#endif
    CU_add_test(suite, "ways to open", test_opens);
    CU_add_test(suite, "values", test_values);
    CU_add_test(suite, "largest message", test_largest);
    CU_add_test(suite, "errors", test_errors);
    CU_add_test(suite, "directory", test_directory);
    CU_add_test(suite, "long directory", test_long_directory);
    CU_add_test(suite, "changing directory", test_changing_directory);
    CU_add_test(suite, "permissions", test_permissions);
    CU_add_test(suite, "transactions", test_transactions);
    CU_add_test(suite, "domains", test_domains);
    CU_add_test(suite, "suspend port", test_suspend_port);
    CU_add_test(suite, "paths", test_paths);
    CU_add_test(suite, "watches", test_watches);
    CU_add_test(suite, "late fileno", test_late_fileno);
    CU_add_test(suite, "unwatch filter", test_unwatch_filter);
    CU_add_test(suite, "lost with reader", test_lost_with_reader);
    CU_add_test(suite, "lost amid request", test_lost_amid_request);
    CU_add_test(suite, "bad peer", test_bad_peer);
    CU_add_test(suite, "pieces", test_pieces);
    CU_add_test(suite, "threads", test_threads);
#ifndef ORACLE // which takes an event that nobody asked for to be the reply
    CU_add_test(suite, "threads without watch", test_threads_unwatched);
#endif
    CU_add_test(suite, "fork", test_fork);
    CU_add_test(suite, "fork without watch", test_fork_unwatched);
    CU_add_test(suite, "no leaks", test_no_leaks);
    CU_basic_run_tests();
    return CU_get_number_of_failures() != 0 || CU_get_number_of_tests_run() == 0;
}
