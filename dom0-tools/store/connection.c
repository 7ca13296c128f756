#include "store/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/state.h"
#include "store/store.h"
#include "store/transaction.h"
#include "store/watch.h"

#define MESSAGE_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

struct connection *connection_new(struct store *store, uint32_t id, struct domain *domain)
{
    struct connection *connection = allocate(sizeof(*connection));

    connection->store = store;
    connection->id = id;
    connection->domain = domain;
    connection->queue_end = &connection->queue;
    connection->watches_end = &connection->watches;
    connection->next_transaction = 1;
    connection->who.domid = domain ? domain->domid : 0;
    connection->who.privileged = !connection->who.domid;
    connection->who.since = domain ? domain->since : 0;
    path_home(connection->home, connection->who.domid);
    connection->next = store->connections;
    connection->link = &store->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    store->connections = connection;
    return connection;
}

static void pop(struct connection *connection)
{
    struct packet *packet = connection->queue;

    connection->queue = packet->next;
    if (!connection->queue)
        connection->queue_end = &connection->queue;
    connection->queue_sent = 0;
    connection->queue_bytes -= sizeof(packet->header) + packet->header.len;
    connection->queue_start += (uint32_t)sizeof(packet->header) + packet->header.len;
    if (packet->event && !packet->special)
        table_remove(&connection->pending, &packet->pending);
    if (!packet->event)
        connection->replies--;
    quota_memory(connection->store, connection->domain,
                 -(int64_t)(sizeof(*packet) + packet->header.len));
    recycle(packet, sizeof(*packet) + packet->header.len);
}

void connection_reset(struct connection *connection, bool streams)
{
    watch_remove_all(connection);
    while (connection->transactions)
        transaction_free(connection, connection->transactions);
    if (!streams)
        return;
    while (connection->queue)
        pop(connection);
    connection->queue_start = connection->consumer = 0;
    free(connection->input);
    connection->input = NULL;
    connection->input_length = 0;
    state_reset(connection);
}

void connection_free(struct connection *connection)
{
    connection_reset(connection, true);
    table_free(&connection->pending);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    free(connection);
}

const char *connection_name(const struct connection *connection)
{
    static char name[32];

    if (connection->domain)
        snprintf(name, sizeof(name), "domain %u", connection->id);
    else
        snprintf(name, sizeof(name), "socket %u", connection->id - CONNECTION_SOCKETS);
    return name;
}

static bool is_pending(const struct connection *connection, const char *payload, size_t length,
                       uint64_t hash)
{
    struct table_entry *entry = table_first(&connection->pending, hash);

    for (; entry; entry = table_next(entry)) {
        struct packet *packet = table_of(entry, struct packet, pending);

        if (packet->header.len == length && !memcmp(packet->payload, payload, length))
            return true;
    }
    return false;
}

static void enqueue(struct connection *connection, struct packet *packet)
{
    *connection->queue_end = packet;
    connection->queue_end = &packet->next;
    connection->queue_bytes += sizeof(packet->header) + packet->header.len;
    if (!packet->event)
        connection->replies++;
    quota_memory(connection->store, connection->domain,
                 (int64_t)(sizeof(*packet) + packet->header.len));
    state_output(connection, packet);
    if (connection->store->host.wake)
        connection->store->host.wake(connection->store->host.arg, connection);
}

static struct packet *packet_new(const struct xsd_sockmsg *header)
{
    struct packet *packet = allocate_small(sizeof(*packet) + header->len);

    packet->header = *header;
    packet->event = header->type == XS_WATCH_EVENT;
    return packet;
}

void connection_send(struct connection *connection, const struct xsd_sockmsg *header,
                     const void *payload)
{
    struct packet *packet;

    if (connection->ignored)
        return;
    packet = packet_new(header);
    packet->special = packet->event;
    if (header->len)
        memcpy(packet->payload, payload, header->len);
    enqueue(connection, packet);
}

void connection_event(struct connection *connection, const char *path, const char *token)
{
    size_t first = strlen(path) + 1, second = strlen(token) + 1;
    struct xsd_sockmsg header = {.type = XS_WATCH_EVENT, .len = (uint32_t)(first + second)};
    char payload[XENSTORE_PAYLOAD_MAX];
    struct packet *packet;
    uint64_t hash;

    if (connection->ignored || header.len > XENSTORE_PAYLOAD_MAX)
        return;
    memcpy(payload, path, first);
    memcpy(payload + first, token, second);
    hash = hash_bytes(payload, header.len);
    if (!path_is_special(path) && is_pending(connection, payload, header.len, hash))
        return;
    if (connection->domain &&
        quota_hit(connection->store, connection->domain, QUOTA_MEMORY,
                  connection->domain->memory + sizeof(*packet) + header.len)) {
        connection->domain->events_lost++;
        return;
    }
    packet = packet_new(&header);
    packet->special = path_is_special(path);
    memcpy(packet->payload, payload, header.len);
    if (!packet->special)
        table_insert(&connection->pending, &packet->pending, hash);
    enqueue(connection, packet);
}

const char *connection_output(const struct connection *connection, size_t *length)
{
    struct packet *packet = connection->queue;

    if (!packet || connection->ignored)
        return NULL;
    *length = sizeof(packet->header) + packet->header.len - connection->queue_sent;
    return (const char *)&packet->header + connection->queue_sent;
}

void connection_sent(struct connection *connection, size_t length)
{
    while (length) {
        struct packet *packet = connection->queue;
        size_t left = sizeof(packet->header) + packet->header.len - connection->queue_sent;

        if (length < left) {
            connection->queue_sent += length;
            return;
        }
        length -= left;
        pop(connection);
    }
}

bool connection_may_ask(struct connection *connection)
{
    struct domain *domain = connection->domain;

    if (connection->ignored)
        return false;
    if (quota_hit(connection->store, domain, QUOTA_OUTSTANDING, connection->replies + 1))
        return false;
    return !domain || !connection->queue ||
           !quota_hit(connection->store, domain, QUOTA_MEMORY, domain->memory + MESSAGE_MAX);
}

// The length of the message that begins here; 0 if not even its header is complete.
static size_t message_size(const char *bytes, size_t length)
{
    struct xsd_sockmsg header;

    if (length < sizeof(header))
        return 0;
    memcpy(&header, bytes, sizeof(header));
    return sizeof(header) + (size_t)header.len;
}

size_t connection_wants(const struct connection *connection, const char *bytes, size_t length)
{
    char header[sizeof(struct xsd_sockmsg)];
    size_t have = connection->input_length, size;

    if (!have)
        return message_size(bytes, length);
    if (have + length < sizeof(header))
        return 0;
    if (have < sizeof(header)) {
        memcpy(header, connection->input, have);
        memcpy(header + have, bytes, sizeof(header) - have);
        size = message_size(header, sizeof(header));
    } else {
        size = message_size(connection->input, have);
    }
    return size - have;
}

static int handle(struct connection *connection, const char *message)
{
    struct xsd_sockmsg header;

    memcpy(&header, message, sizeof(header));
    return store_handle(connection, &header, message + sizeof(header)) ? 0 : -ESHUTDOWN;
}

// Adds bytes to the message of which a part is here, header first; returns how many were taken.
static size_t gather(struct connection *connection, const char *bytes, size_t length)
{
    size_t want = message_size(connection->input, connection->input_length);
    size_t n = (want ? want : sizeof(struct xsd_sockmsg)) - connection->input_length;

    if (n > length)
        n = length;
    memcpy(connection->input + connection->input_length, bytes, n);
    connection->input_length += n;
    return n;
}

// Takes in what belongs to one message; *taken of the bytes do. 1: it is complete; 0: not yet;
// -EPROTO.
static int take_in(struct connection *connection, const char *bytes, size_t length, size_t *taken)
{
    size_t size;

    if (!connection->input)
        connection->input = allocate(MESSAGE_MAX);
    *taken = gather(connection, bytes, length);
    size = message_size(connection->input, connection->input_length);
    if (size > MESSAGE_MAX)
        return -EPROTO;
    return size && size == connection->input_length;
}

int connection_take_in(struct connection *connection, const char *bytes, size_t length)
{
    size_t taken;
    int done = 0;

    for (; length && !done; bytes += taken, length -= taken)
        done = take_in(connection, bytes, length, &taken);
    return done ? -EPROTO : 0;
}

int connection_input(struct connection *connection, const char *bytes, size_t length)
{
    int error = 0;

    while (length && !error) {
        size_t size = message_size(bytes, length), taken = size;

        if (!connection->input_length && size && size <= MESSAGE_MAX && size <= length) {
            error = handle(connection, bytes);
        } else {
            error = take_in(connection, bytes, length, &taken);
            if (error == 1) {
                connection->input_length = 0;
                error = handle(connection, connection->input);
            }
        }
        bytes += taken;
        length -= taken;
    }
    return error;
}
