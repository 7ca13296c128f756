#include "backends/common/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int message_send(int socket, uint32_t type, const void *data, size_t length, int fd)
{
    uint32_t head[4] = {type};
    struct iovec parts[] = {{head, sizeof(head)}, {(void *)data, length}};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (length > MESSAGE_MAX)
        return -EMSGSIZE;
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

// What came along; more than one descriptor is nobody's habit here.
static int descriptor_of(struct msghdr *message)
{
    int fd = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    }
    return fd;
}

ssize_t message_receive(int socket, struct message *message, int *fd)
{
    struct iovec part = {message, sizeof(*message)};
    char control[CMSG_SPACE(sizeof(int))];
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int passed;

    if (n < 0)
        return -errno;
    passed = descriptor_of(&header);
    if (fd)
        *fd = passed;
    else if (passed >= 0)
        close(passed);
    if (!n)
        return -EPIPE;
    if (n < (ssize_t)offsetof(struct message, data) || header.msg_flags & MSG_TRUNC)
        return -EPROTO;
    return n - (ssize_t)offsetof(struct message, data);
}
