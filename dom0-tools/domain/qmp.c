#include "domain/qmp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 10
#define LINE_MAX_BYTES 65536 // of an answer; QEMU writes each in a line

static int connect_to(const char *path)
{
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

    if (fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    error = -errno;
    close(fd);
    return error;
}

static int read_line(int fd, char *line)
{
    size_t len = 0;

    while (len < LINE_MAX_BYTES - 1) {
        ssize_t n = read(fd, line + len, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return !n ? -EPROTO : errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (line[len] == '\n') {
            line[len] = '\0';
            return 0;
        }
        len++;
    }
    return -EPROTO;
}

static yajl_val member(yajl_val object, const char *name)
{
    const char *path[] = {name, NULL};

    return yajl_tree_get(object, path, yajl_t_any);
}

const char *qmp_text(yajl_val object, const char *name)
{
    yajl_val value = member(object, name);

    return YAJL_IS_STRING(value) ? YAJL_GET_STRING(value) : NULL;
}

// The next message that has the member `name`; others are news that nobody asked for.
static int expect(int fd, const char *name, yajl_val *tree, yajl_val *value)
{
    static char line[LINE_MAX_BYTES];
    int rc = 0;

    while (!rc) {
        rc = read_line(fd, line);
        *tree = rc ? NULL : yajl_tree_parse(line, NULL, 0);
        *value = *tree ? member(*tree, name) : NULL;
        if (*value)
            return 0;
        if (!rc && (!*tree || member(*tree, "error")))
            rc = -EPROTO;
        yajl_tree_free(*tree);
        *tree = NULL;
    }
    return rc;
}

static int run(int fd, const char *command, yajl_val *tree, yajl_val *answer)
{
    char request[128];
    int length = snprintf(request, sizeof(request), "{\"execute\": \"%s\", \"id\": 1}\n", command);

    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    return expect(fd, "return", tree, answer);
}

int qmp_ask(const char *socket_path, const char *command, yajl_val *tree, yajl_val *answer)
{
    int fd = connect_to(socket_path), rc;

    *tree = *answer = NULL;
    if (fd < 0)
        return fd;
    rc = expect(fd, "QMP", tree, answer);
    yajl_tree_free(*tree);
    if (!rc) {
        rc = run(fd, "qmp_capabilities", tree, answer);
        yajl_tree_free(*tree);
    }
    *tree = NULL;
    if (!rc)
        rc = run(fd, command, tree, answer);
    close(fd);
    return rc;
}
