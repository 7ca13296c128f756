// Messages between keeper and worker: a type and bytes, one datagram of a local socket.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MESSAGE_MAX 32768 // bytes behind the type

struct message {
    uint32_t type;
    uint32_t reserved[3];
    _Alignas(16) uint8_t data[MESSAGE_MAX];
};

// 0 or -errno. `fd`, unless -1, goes along.
int message_send(int socket, uint32_t type, const void *data, size_t length, int fd);

// Bytes of data, or -errno (-EAGAIN: none is there); -EPIPE: the other side has gone. A descriptor
// that comes along is given in *fd, or closed if `fd` is NULL.
ssize_t message_receive(int socket, struct message *message, int *fd);
