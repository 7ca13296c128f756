// The client library against a peer that speaks the protocol, badly if told so: requests and their
// answers. The same file, built with Debian's headers and -DORACLE, runs with Debian's
// libxenstore4.
//
// sources: dom0-tools/xenstore/connection.c dom0-tools/xenstore/message.c
// sources: dom0-tools/xenstore/watch.c dom0-tools/xenstore/node.c dom0-tools/xenstore/domain.c
// sources: dom0-tools/xenstore/text.c tests/tools/xenstore_peer.c tests/tools/libxenstore_kit.c
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tests/tools/libxenstore_kit.h"

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

int main(void)
{
    static CU_TestInfo tests[] = {
        {"values", test_values},
        {"largest message", test_largest},
        {"errors", test_errors},
        {"directory", test_directory},
        {"long directory", test_long_directory},
        {"changing directory", test_changing_directory},
        {"permissions", test_permissions},
        {"transactions", test_transactions},
        {"domains", test_domains},
        {"suspend port", test_suspend_port},
        {"paths", test_paths},
        CU_TEST_INFO_NULL,
    };

    signal(SIGPIPE, SIG_DFL); // the library must raise none
    return run_suite("requests by libxenstore", tests);
}
