#include "xenstored/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "store/alloc.h"
#include "store/log.h"

#define READ_SIZE   (64 * 1024)
#define VECTORS     64
#define BACKLOG     SOMAXCONN
#define QUEUE_PAUSE (256 * 1024)       // a client that leaves so much unread is not read from
#define QUEUE_MAX   (64 * 1024 * 1024) // and with so much it is dropped

struct client {
    struct transport transport; // first
    struct server *server;
    struct connection *connection;
    int fd;
    struct event *readable, *writable;
    bool paused;
    struct client *next, **link;
};

struct sockets {
    int fd;
    struct event *event;
    struct client *clients;
};

static void drop(struct client *client)
{
    server_unmark(client->server, &client->transport);
    event_free(client->readable);
    event_free(client->writable);
    close(client->fd);
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    store_disconnect(client->connection);
    free(client);
}

static int gather(struct connection *connection, struct iovec vectors[VECTORS])
{
    int count = 0;
    size_t length;

    vectors[0].iov_base = (void *)connection_output(connection, &length);
    if (!vectors[0].iov_base)
        return 0;
    vectors[0].iov_len = length;
    for (struct packet *packet = connection->queue->next; packet && ++count < VECTORS - 1;
         packet = packet->next) {
        vectors[count].iov_base = &packet->header;
        vectors[count].iov_len = sizeof(packet->header) + packet->header.len;
    }
    return count + (count < VECTORS - 1);
}

// False if the client is gone.
static bool send_all(struct client *client)
{
    struct iovec vectors[VECTORS];
    int count;

    while ((count = gather(client->connection, vectors))) {
        ssize_t n = count == 1
                        ? send(client->fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                        : sendmsg(client->fd,
                                  &(struct msghdr){.msg_iov = vectors, .msg_iovlen = (size_t)count},
                                  MSG_NOSIGNAL);

        if (n >= 0) {
            connection_sent(client->connection, (size_t)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            event_add(client->writable, NULL);
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void flush(struct transport *transport)
{
    struct client *client = (struct client *)transport;

    if (!send_all(client)) {
        drop(client);
        return;
    }
    if (client->connection->queue_bytes > QUEUE_MAX) {
        log_error("a program does not read its events and is disconnected");
        drop(client);
    } else if (!client->paused && client->connection->queue_bytes > QUEUE_PAUSE) {
        client->paused = true;
        event_del(client->readable);
    } else if (client->paused && client->connection->queue_bytes < QUEUE_PAUSE / 2) {
        client->paused = false;
        event_add(client->readable, NULL);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    struct server *server = client->server;

    server_mark(server, &client->transport);
    server_settle(server);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    static char buffer[READ_SIZE];
    struct client *client = arg;
    struct server *server = client->server;
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), 0);
    int error = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        error = connection_input(client->connection, buffer, (size_t)n);
    if (error == -EPROTO)
        log_error("a program sent a message longer than %d bytes and is disconnected",
                  XENSTORE_PAYLOAD_MAX);
    if (n <= 0 || error)
        drop(client);
    server_settle(server);
}

static struct client *adopt(struct server *server, struct connection *connection, int fd)
{
    struct client *client = allocate(sizeof(*client));

    client->transport.flush = flush;
    client->server = server;
    client->connection = connection;
    client->fd = fd;
    client->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, client);
    client->writable = event_new(server->base, fd, EV_WRITE, on_writable, client);
    client->next = server->sockets->clients;
    client->link = &server->sockets->clients;
    if (client->next)
        client->next->link = &client->next;
    server->sockets->clients = client;
    connection->transport = client;
    event_add(client->readable, NULL);
    return client;
}

static void on_connect(evutil_socket_t listening, short what, void *arg)
{
    struct server *server = arg;
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            log_error("no file descriptor left for another program: %s", strerror(errno));
        return;
    }
    adopt(server, store_connect(server->store), fd);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, error;

    if (strlen(path) >= sizeof(address.sun_path)) {
        log_error("socket path '%s' is longer than %zu bytes", path, sizeof(address.sun_path) - 1);
        return -ENAMETOOLONG;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0600) ||
        listen(fd, BACKLOG)) {
        error = errno;
        log_error("cannot listen at socket '%s': %s", path, strerror(error));
        if (fd >= 0)
            close(fd);
        return -error;
    }
    return fd;
}

int sockets_open(struct server *server)
{
    int fd = server->options->listening;

    if (fd < 0)
        fd = listen_at(server->options->socket);
    if (fd < 0)
        return fd;
    server->sockets->fd = fd;
    server->sockets->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_connect, server);
    event_add(server->sockets->event, NULL);
    return 0;
}

void sockets_prepare(struct server *server)
{
    server->sockets = allocate(sizeof(*server->sockets));
    server->sockets->fd = -1;
}

void sockets_close(struct server *server)
{
    while (server->sockets->clients)
        drop(server->sockets->clients);
    if (server->sockets->event)
        event_free(server->sockets->event);
    if (server->sockets->fd >= 0)
        close(server->sockets->fd);
    free(server->sockets);
}

int sockets_listening(const struct server *server)
{
    return server->sockets->fd;
}

int sockets_fd(const struct connection *connection)
{
    return ((struct client *)connection->transport)->fd;
}

void sockets_adopt(void *server, struct connection *connection, int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    server_mark(server, &adopt(server, connection, fd)->transport);
}

void sockets_wake(struct server *server, struct connection *connection)
{
    struct client *client = connection->transport;

    if (client)
        server_mark(server, &client->transport);
}

void sockets_keep(struct server *server, bool keep)
{
    int flags = keep ? 0 : FD_CLOEXEC;

    fcntl(server->sockets->fd, F_SETFD, flags);
    for (struct client *client = server->sockets->clients; client; client = client->next)
        fcntl(client->fd, F_SETFD, flags);
}
