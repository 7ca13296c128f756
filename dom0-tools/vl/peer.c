#include "vl/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
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

// Splits HOST:PORT; `host` has room for all of `address`. Returns the port, or NULL.
static const char *split(const char *address, char *host)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;

    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        address++;
        length -= 2;
    }
    memcpy(host, address, length);
    host[length] = 0;
    return colon ? colon + 1 : NULL;
}

static int look_up(const char *address, bool passive, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
    char *host = strdup(address);
    const char *port = host ? split(address, host) : NULL;
    int error;

    if (!port && passive)
        port = address; // of any address
    if (!port || !*port || (!passive && !*host)) {
        vl_complain("'%s' is no HOST:PORT", address);
        free(host);
        return -EINVAL;
    }
    error = getaddrinfo(host && *host ? host : NULL, port, &hints, list);
    free(host);
    if (!error)
        return 0;
    vl_complain("there is no '%s': %s", address, gai_strerror(error));
    return -EADDRNOTAVAIL;
}

// The first of the addresses with which `use`, connect(2) or bind(2), has success.
static int socket_for(const struct addrinfo *list,
                      int (*use)(int, const struct sockaddr *, socklen_t))
{
    int fd = -1, error = -EADDRNOTAVAIL, one = 1;

    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            error = -errno;
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (use(fd, a->ai_addr, a->ai_addrlen)) {
            error = -errno;
            close(fd);
            fd = -1;
        }
    }
    return fd < 0 ? error : fd;
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
    struct addrinfo *list;
    int fd = look_up(address, false, &list);

    if (fd)
        return fd;
    fd = socket_for(list, connect);
    freeaddrinfo(list);
    if (fd < 0)
        return vl_fail(fd, "no connection to %s", address), fd;
    return set_both(peer, fd);
}

int peer_accept(struct peer *peer, const char *address)
{
    struct addrinfo *list;
    int fd = look_up(address, true, &list), taken;

    if (fd)
        return fd;
    fd = socket_for(list, bind);
    freeaddrinfo(list);
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
