// How a daemon says that it serves.
//
// sources: dom0-tools/common/ready.c
#include <CUnit/Basic.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/ready.h"
#include "tests/suite.h"

static int fd;

// A socket of this name, which NOTIFY_SOCKET gives; '@' stands for the NUL of an abstract one.
static void listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, name);
    if (*name == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                          0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static void told(const char *want)
{
    char got[64] = "";
    ssize_t len = recv(fd, got, sizeof(got) - 1, 0);

    CU_ASSERT_EQUAL(len, want ? (ssize_t)strlen(want) : -1);
    CU_ASSERT_STRING_EQUAL(got, want ? want : "");
}

static void test_path(void)
{
    char name[64];

    snprintf(name, sizeof(name), "/tmp/vellum-ready-%d", getpid());
    listen_at(name);
    tell_ready();
    told("READY=1");
    told(NULL); // once
    unsetenv("NOTIFY_SOCKET");
    tell_ready();
    told(NULL);
    close(fd);
    unlink(name);
}

static void test_abstract(void)
{
    char name[64];

    snprintf(name, sizeof(name), "@vellum-ready-%d", getpid());
    listen_at(name);
    tell_ready();
    told("READY=1");
    close(fd);
}

// Nobody there, an empty name, one that fits into no address: nothing happens.
static void test_nobody(void)
{
    char name[200];

    setenv("NOTIFY_SOCKET", "/tmp/vellum-ready-nobody", 1);
    tell_ready();
    setenv("NOTIFY_SOCKET", "", 1);
    tell_ready();
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    tell_ready();
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"a socket by its path", test_path},
        {"an abstract socket", test_abstract},
        {"nobody to be told", test_nobody},
        CU_TEST_INFO_NULL,
    };

    return run_suite("readiness", tests);
}
