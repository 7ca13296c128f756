// Reading a state file: who talks with the store, and what was on the way.
#include <errno.h>
#include <string.h>

#include "store/state_restore.h"

static void set_position(struct connection *connection, uint32_t start)
{
    uint32_t gone = start - connection->queue_start;

    if (gone <= connection->queue_bytes)
        connection_sent(connection, gone);
    else
        connection->queue_start = start;
}

int restore_domain(struct restore *restore, struct rest *rest)
{
    const struct record_domain *record = restore_take(rest, sizeof(*record));
    struct store *store = restore->store;
    struct domain *domain;

    if (!record || record->domid >= DOMID_FIRST_RESERVED)
        return -EBADMSG;
    domain = store->domains[record->domid];
    if (!domain)
        domain = store_domain_new(store, (uint16_t)record->domid, record->since);
    restore_generation(store, record->since);
    domain->frame = record->frame;
    domain->port = record->port;
    domain->target = record->target;
    domain->shut_down = record->flags & RECORD_DOMAIN_SHUT_DOWN;
    if (!(record->flags & RECORD_DOMAIN_INTRODUCED))
        return domain->introduced ? -EBADMSG : 0;
    if (!domain->connection)
        domain->connection = connection_new(store, domain->domid, domain);
    domain->introduced = true;
    set_position(domain->connection, record->queue_start);
    domain->connection->consumer = record->consumer;
    domain->connection->next_transaction = record->next_transaction;
    domain->connection->ignored = record->flags & RECORD_DOMAIN_IGNORED;
    return 0;
}

int restore_domain_gone(struct restore *restore, struct rest *rest)
{
    const uint64_t *domid = restore_take(rest, sizeof(*domid));
    struct domain *domain =
        domid && *domid && *domid < DOMID_FIRST_RESERVED ? restore->store->domains[*domid] : NULL;

    if (!domain)
        return -EBADMSG;
    if (domain->connection)
        connection_free(domain->connection);
    store_domain_forget(restore->store, domain);
    return 0;
}

int restore_socket(struct restore *restore, struct rest *rest)
{
    const struct record_socket *record = restore_take(rest, sizeof(*record));
    struct connection *connection;

    if (!record || record->connection < CONNECTION_SOCKETS || !restore->socket ||
        restore_find(restore->store, record->connection))
        return -EBADMSG;
    connection = connection_new(restore->store, record->connection, NULL);
    connection->next_transaction = record->next_transaction;
    connection->queue_sent = record->queue_sent; // of the packet that comes next
    restore->socket(restore->arg, connection, record->fd);
    return 0;
}

int restore_watch(struct restore *restore, struct rest *rest)
{
    const struct record_watch *record = restore_take(rest, sizeof(*record));
    struct connection *connection =
        record ? restore_find(restore->store, record->connection) : NULL;
    const char *text = record ? restore_text(rest) : NULL,
               *token = text ? restore_text(rest) : NULL;
    struct path *path = &restore->store->scratch;
    struct watch *watch;
    uint64_t hash;

    if (!connection || !token || (!path_is_special(text) && path_parse(path, text, "", 0)))
        return -EBADMSG;
    hash = path_is_special(text) ? hash_bytes(text, strlen(text)) : path_hash(path, path->count);
    watch = watch_find(connection, text, hash, token);
    if (!record->added == !watch)
        return -EBADMSG;
    if (watch)
        watch_remove(watch);
    else
        watch_add(connection, text, hash, token, record->depth, record->relative);
    return 0;
}

int restore_output(struct restore *restore, struct rest *rest)
{
    const struct record_output *record = restore_take(rest, sizeof(*record));
    struct connection *connection =
        record ? restore_find(restore->store, record->connection) : NULL;
    struct xsd_sockmsg header;
    size_t sent;

    if (!connection || record->length < sizeof(header) || record->length != rest->length)
        return -EBADMSG;
    memcpy(&header, rest->at, sizeof(header));
    if (header.len > XENSTORE_PAYLOAD_MAX || record->length != sizeof(header) + header.len)
        return -EBADMSG;
    sent = connection->queue_sent;
    connection_send(connection, &header, rest->at + sizeof(header));
    return sent < record->length || connection->queue->next ? 0 : -EBADMSG;
}

int restore_input(struct restore *restore, struct rest *rest, enum record_type type)
{
    const struct record_input *record = restore_take(rest, sizeof(*record));
    struct connection *connection =
        record ? restore_find(restore->store, record->connection) : NULL;

    if (!connection || record->length != rest->length)
        return -EBADMSG;
    if (type == RECORD_RESET)
        connection_reset(connection, true);
    connection->consumer = record->consumer;
    if (type != RECORD_TAKEN_IN) {
        connection->input_length = 0;
        return 0;
    }
    return connection_take_in(connection, rest->at, rest->length) ? -EBADMSG : 0;
}
