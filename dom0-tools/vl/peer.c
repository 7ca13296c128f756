#include "vl/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream/record.h"
#include "vl/handover.h"
#include "vl/vl.h"

bool handover_say(int fd, const void *text, size_t length)
{
    return !stream_write(fd, &(struct iovec){(void *)text, length}, 1);
}

bool handover_hear(int fd, const void *text, size_t length)
{
    char got[100];

    return length <= sizeof(got) && !stream_read(fd, got, length) && !memcmp(got, text, length);
}

static void become(const char *command, int in, int out)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

int peer_run(struct peer *peer, const char *command)
{
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return vl_fail(-errno, "no pipe to '%s'", command), -errno;
    fcntl(to[1], F_SETPIPE_SZ, 1 << 20); // the larger, the fewer switches; as it comes, otherwise
    peer->process = fork();
    if (!peer->process)
        become(command, to[0], from[1]);
    int error = peer->process < 0 ? -errno : 0;
    close(to[0]);
    close(from[1]);
    peer->to = to[1];
    peer->from = from[0];
    if (error)
        vl_fail(error, "'%s' cannot be run", command);
    return error;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Numbers only: names would need libraries that a program linked statically has not.
static bool read_host(const char *host, in_port_t port, union address *a)
{
    *a = (union address){.v4 = {.sin_family = AF_INET, .sin_port = port}};
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1)
        return true;
    *a = (union address){.v6 = {.sin6_family = AF_INET6, .sin6_port = port}};
    return inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1;
}

// ADDRESS:PORT or [ADDRESS]:PORT. -EINVAL, with words.
static int read_address(const char *text, union address *a)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    char host[INET6_ADDRSTRLEN + 2] = "", *end = "", *bare = host;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

    if (length < sizeof(host))
        memcpy(host, text, length);
    if (length >= 2 && length < sizeof(host) && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = 0;
        bare++;
    }
    if (!*end && port && port <= 65535 && read_host(bare, htons((in_port_t)port), a))
        return 0;
    vl_complain("'%s' is no ADDRESS:PORT in numbers", text);
    return -EINVAL;
}

// A socket that `use`, connect(2) or bind(2), has given that address; -errno otherwise.
static int socket_for(const union address *a, int (*use)(int, const struct sockaddr *, socklen_t))
{
    socklen_t length = a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (!use(fd, &a->any, length))
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static int set_both(struct peer *peer, int fd)
{
    int one = 1;

    // A machine that vanishes is noticed, if only after hours.
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    *peer = (struct peer){.to = fd, .from = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
    return peer->from < 0 ? -errno : 0;
}

int peer_connect(struct peer *peer, const char *address)
{
    union address a;
    int fd = read_address(address, &a);

    if (fd)
        return fd;
    fd = socket_for(&a, connect);
    if (fd < 0)
        return vl_fail(fd, "no connection to %s", address), fd;
    return set_both(peer, fd);
}

int peer_accept(struct peer *peer, const char *address)
{
    union address a;
    int fd = read_address(address, &a), taken;

    if (fd)
        return fd;
    fd = socket_for(&a, bind);
    if (fd < 0 || listen(fd, 1)) {
        int error = fd < 0 ? fd : -errno;
        return vl_fail(error, "nobody can be waited for at %s", address), error;
    }
    taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    int error = taken < 0 ? -errno : 0;
    close(fd);
    if (error)
        return vl_fail(error, "nobody came to %s", address), error;
    return set_both(peer, taken);
}

int peer_close(struct peer *peer)
{
    int status = 0;

    close(peer->to);
    close(peer->from);
    if (!peer->process)
        return 0;
    while (waitpid(peer->process, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
