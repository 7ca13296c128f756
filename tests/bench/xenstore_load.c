// Load for a store: xenstore_load SOCKET CLIENTS OPERATIONS WHAT
//
// CLIENTS connections, each with one request under way, until OPERATIONS are done; prints how many
// microseconds of wall time that took and how many transactions had to be repeated. WHAT: read,
// write (nodes of the client's own), transaction (three reads and a write, each client in its own
// folder), conflict (the same, all clients at the same node). None of it in the folder of domain 0,
// whose kernel watches it.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pv-abi/io/xs_wire.h"

struct client {
    int fd, number, step;
    uint32_t tx;
};

static const char *what;
static unsigned long done, again;

static void die(const char *why)
{
    fprintf(stderr, "xenstore_load: %s: %s\n", why, strerror(errno));
    exit(1);
}

static void send_request(struct client *client, uint32_t type, uint32_t tx, const char *payload,
                         size_t length)
{
    char message[256];
    struct xsd_sockmsg header = {type, 1, tx, (uint32_t)length};

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), payload, length);
    if (write(client->fd, message, sizeof(header) + length) != (ssize_t)(sizeof(header) + length))
        die("write");
}

static void next(struct client *client)
{
    char payload[128];
    int conflict = !strcmp(what, "conflict");
    int n = snprintf(payload, sizeof(payload), "/local/domain/%d/device/vbd/768/state",
                     conflict ? 1 : client->number) +
            1;

    if (!strcmp(what, "read")) {
        send_request(client, XS_READ, 0, payload, (size_t)n);
    } else if (!strcmp(what, "write")) {
        send_request(client, XS_WRITE, 0, payload,
                     (size_t)n + (size_t)sprintf(payload + n, "%d", client->step++ % 10));
    } else if (client->step == 0) {
        send_request(client, XS_TRANSACTION_START, 0, "", 1);
    } else if (client->step < 4) {
        send_request(client, XS_READ, client->tx, payload, (size_t)n);
    } else if (client->step == 4) {
        send_request(client, XS_WRITE, client->tx, payload,
                     (size_t)n + (size_t)sprintf(payload + n, "4"));
    } else {
        send_request(client, XS_TRANSACTION_END, client->tx, "T", 2);
    }
}

// Reads a reply, which may come in pieces: its type, and its payload as a text.
static uint32_t receive(struct client *client, char reply[4200])
{
    struct xsd_sockmsg header = {0, 0, 0, 0};
    char message[4200];
    ssize_t n = 0, got;

    do {
        got = read(client->fd, message + n, sizeof(message) - (size_t)n);
        if (got <= 0)
            die("read");
        n += got;
        memcpy(&header, message, sizeof(header));
    } while (n < (ssize_t)sizeof(header) || n < (ssize_t)(sizeof(header) + header.len));
    memcpy(reply, message + sizeof(header), header.len);
    reply[header.len] = '\0';
    return header.type;
}

// Takes a reply; returns 1 if an operation ended with it.
static int take(struct client *client)
{
    char reply[4200];
    uint32_t type = receive(client, reply);

    if (what[0] == 'r' || what[0] == 'w') {
        if (type == XS_ERROR)
            die(reply);
        return 1;
    }
    if (client->step == 0)
        client->tx = (uint32_t)atoi(reply);
    if (client->step < 5) {
        client->step++;
        return 0;
    }
    client->step = 0;
    again += type == XS_ERROR;
    return type != XS_ERROR;
}

static struct client *dial(const char *path, int number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client *client = calloc(1, sizeof(*client));
    char payload[128], reply[4200];
    int n;

    client->number = number;
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
        die("connect");
    n = snprintf(payload, sizeof(payload), "/local/domain/%d/device/vbd/768/state", number) + 1;
    payload[n] = '1';
    send_request(client, XS_WRITE, 0, payload, (size_t)n + 1);
    receive(client, reply);
    return client;
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];
    struct timespec start, end;
    int epoll = epoll_create1(0), count = argc == 5 ? atoi(argv[2]) : 0;
    unsigned long operations = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;

    if (!count)
        die("usage: SOCKET CLIENTS OPERATIONS read|write|transaction|conflict");
    what = argv[4];
    for (int i = 0; i < count; i++) {
        struct client *client = dial(argv[1], i + 1);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

        epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
        client->step = 0;
        next(client);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (done < operations) {
        int n = epoll_wait(epoll, events, 64, -1);

        for (int i = 0; i < n; i++) {
            done += (unsigned long)take(events[i].data.ptr);
            next(events[i].data.ptr);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld %lu\n",
           (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000, again);
    return 0;
}
