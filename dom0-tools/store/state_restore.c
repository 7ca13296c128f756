// Reading a state file. It is this program's own, yet nothing in it is believed that would make the
// program fall: what cannot be ends the reading.
#include <errno.h>
#include <string.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/records.h"
#include "store/state.h"
#include "store/transaction.h"

struct restore {
    struct store *store;
    uint32_t limits[QUOTA_COUNT]; // they come into force at the end
    void (*socket)(void *arg, struct connection *connection, int fd);
    void *arg;
};

// The rest of a record, from which texts and arrays are taken.
struct rest {
    const char *at;
    size_t length;
};

static const void *take(struct rest *rest, size_t length)
{
    const char *at = rest->at;

    if (length > rest->length)
        return NULL;
    rest->at += length;
    rest->length -= length;
    return at;
}

static const char *take_text(struct rest *rest)
{
    const char *nul = memchr(rest->at, 0, rest->length);

    return nul ? take(rest, (size_t)(nul - rest->at) + 1) : NULL;
}

// Any of a store's, domain or socket; the number of connections is small while this runs.
static struct connection *find_connection(struct store *store, uint32_t id)
{
    struct connection *connection;

    if (id < DOMID_FIRST_RESERVED)
        return store->domains[id] ? store->domains[id]->connection : NULL;
    for (connection = store->connections; connection && connection->id != id;)
        connection = connection->next;
    return connection;
}

static int restore_store(struct restore *restore, struct rest *rest)
{
    const struct record_store *record = take(rest, sizeof(*record));

    if (!record)
        return -EBADMSG;
    restore->store->generation = record->generation;
    restore->store->next_watch = record->next_watch;
    restore->store->next_socket = record->next_socket;
    return 0;
}

static int restore_quota(struct restore *restore, struct rest *rest)
{
    const struct record_quota *record = take(rest, sizeof(*record));

    if (!record || record->quota >= QUOTA_COUNT)
        return -EBADMSG;
    restore->limits[record->quota] = record->limit;
    return 0;
}

static void count_owned(void *arg, const struct node *node, int sign)
{
    struct store *store = arg;
    struct domain *domain = store_domain(store, node->perms->entry[0].domid);

    if (!domain)
        return;
    domain->nodes += (uint64_t)(int64_t)sign;
    quota_memory(store, domain,
                 sign < 0 ? -(int64_t)node_memory(node) : (int64_t)node_memory(node));
}

static struct perms *take_perms(struct rest *rest, uint32_t count, uint64_t generation)
{
    const struct permission *entries;

    if (!count || count > XENSTORE_PAYLOAD_MAX)
        return NULL;
    entries = take(rest, count * sizeof(*entries));
    return entries ? perms_new(entries, count, generation) : NULL;
}

static void fill_node(struct store *store, struct node *node, const struct record_node *record,
                      const void *value)
{
    node->generation = record->generation;
    node->children_generation = record->children_generation;
    node->created = record->created;
    node->writer = (uint16_t)record->writer;
    node_set_value(node, value_new(value, record->value_length));
    count_owned(store, node, 1);
}

static int restore_node(struct restore *restore, struct rest *rest)
{
    const struct record_node *record = take(rest, sizeof(*record));
    struct path *path = &restore->store->scratch;
    struct node *node, *parent;
    struct perms *perms;
    const char *text;
    unsigned count;

    if (!record || !(perms = take_perms(rest, record->permissions, record->perms_generation)))
        return -EBADMSG;
    text = take_text(rest);
    if (!text || rest->length < record->value_length || path_parse(path, text, "", 0)) {
        perms_unref(perms);
        return -EBADMSG;
    }
    parent = tree_nearest(restore->store->root, path, &count);
    if (count + 1 == path->count) {
        const struct path_part *last = &path->part[count];

        if (perms_equal(parent->perms, perms)) { // share it, as it was shared
            perms_unref(perms);
            perms = perms_ref(parent->perms);
        }
        node = tree_add(tree_own(&restore->store->root, path, count), path->text + last->start,
                        last->length, last->name_hash, perms);
    } else if (!path->count) {
        node = restore->store->root;
        count_owned(restore->store, node, -1);
        node_set_perms(node, perms);
    } else {
        perms_unref(perms);
        return -EBADMSG;
    }
    fill_node(restore->store, node, record, rest->at);
    return 0;
}

// A change, with its path cut: 0 or -EBADMSG.
static int take_change(struct rest *rest, struct change *change, struct path *path,
                       const struct record_change **out)
{
    const struct record_change *record = *out = take(rest, sizeof(*record));

    if (!record)
        return -EBADMSG;
    change->kind = record->kind;
    change->writer = (uint16_t)record->writer;
    change->owned = record->owned;
    change->generation = record->generation;
    change->length = record->data_length;
    change->data = take(rest, record->data_length);
    change->path = take_text(rest);
    if (!change->data || !change->path || path_parse(path, change->path, "", 0))
        return -EBADMSG;
    return record->kind < CHANGE_WRITE || record->kind > CHANGE_PERMS ? -EBADMSG : 0;
}

// What change_apply relies on, which whoever made the change has seen to.
static bool possible(struct node *root, const struct change *change, const struct path *path)
{
    switch (change->kind) {
    case CHANGE_RM:
        return path->count && tree_find(root, path, path->count);
    case CHANGE_PERMS:
        return change->length >= sizeof(struct permission) &&
               change->length % sizeof(struct permission) == 0 &&
               tree_find(root, path, path->count);
    default:
        return true;
    }
}

static int restore_change(struct restore *restore, struct rest *rest)
{
    struct store *store = restore->store;
    const struct change_listener listener = {.owned = count_owned, .arg = store};
    const struct record_change *record;
    struct change change;
    int error = take_change(rest, &change, &store->commit, &record);

    if (error || !possible(store->root, &change, &store->commit))
        return -EBADMSG;
    change_apply(&store->root, &change, &store->commit, &listener);
    if (change.generation > store->generation)
        store->generation = change.generation;
    return 0;
}

static int restore_transaction(struct restore *restore, struct rest *rest)
{
    const struct record_transaction *record = take(rest, sizeof(*record));
    struct connection *connection =
        record ? find_connection(restore->store, record->connection) : NULL;
    struct transaction *transaction;

    if (!connection || !record->id)
        return -EBADMSG;
    transaction = transaction_find(connection, record->id);
    if (!record->open == !transaction)
        return -EBADMSG;
    if (transaction)
        transaction_free(connection, transaction);
    else
        transaction_new(connection, record->id)->doomed = true; // what it read was not kept
    if (record->open && connection->next_transaction <= record->id)
        connection->next_transaction = record->id + 1;
    return 0;
}

static int restore_transaction_change(struct restore *restore, struct rest *rest)
{
    struct store *store = restore->store;
    struct transaction *transaction = NULL;
    const struct record_change *record;
    struct connection *connection;
    struct change change;
    int error = take_change(rest, &change, &store->commit, &record);

    connection = error ? NULL : find_connection(store, record->connection);
    if (connection)
        transaction = transaction_find(connection, record->transaction);
    if (!transaction)
        return -EBADMSG;
    if (possible(transaction->root, &change,
                 &store->commit)) // its snapshot may be younger than it was
        transaction_change(connection, transaction, &change, &store->commit);
    return 0;
}

static void set_position(struct connection *connection, uint32_t start)
{
    uint32_t gone = start - connection->queue_start;

    if (gone <= connection->queue_bytes)
        connection_sent(connection, gone);
    else
        connection->queue_start = start;
}

static int restore_domain(struct restore *restore, struct rest *rest)
{
    const struct record_domain *record = take(rest, sizeof(*record));
    struct store *store = restore->store;
    struct domain *domain;

    if (!record || record->domid >= DOMID_FIRST_RESERVED)
        return -EBADMSG;
    domain = store->domains[record->domid];
    if (!domain)
        domain = store_domain_new(store, (uint16_t)record->domid, record->since);
    if (record->since > store->generation)
        store->generation = record->since;
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

static int restore_domain_gone(struct restore *restore, struct rest *rest)
{
    const uint64_t *domid = take(rest, sizeof(*domid));
    struct domain *domain =
        domid && *domid && *domid < DOMID_FIRST_RESERVED ? restore->store->domains[*domid] : NULL;

    if (!domain)
        return -EBADMSG;
    if (domain->connection)
        connection_free(domain->connection);
    domain->connection = NULL;
    domain->introduced = false;
    store_domain_forget(restore->store, domain);
    return 0;
}

static int restore_socket(struct restore *restore, struct rest *rest)
{
    const struct record_socket *record = take(rest, sizeof(*record));
    struct connection *connection;

    if (!record || record->connection < CONNECTION_SOCKETS || !restore->socket ||
        find_connection(restore->store, record->connection))
        return -EBADMSG;
    connection = connection_new(restore->store, record->connection, NULL);
    connection->next_transaction = record->next_transaction;
    connection->queue_sent = record->queue_sent; // of the packet that comes next
    restore->socket(restore->arg, connection, record->fd);
    return 0;
}

static int restore_watch(struct restore *restore, struct rest *rest)
{
    const struct record_watch *record = take(rest, sizeof(*record));
    struct connection *connection =
        record ? find_connection(restore->store, record->connection) : NULL;
    const char *text = record ? take_text(rest) : NULL, *token = text ? take_text(rest) : NULL;
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

static int restore_output(struct restore *restore, struct rest *rest)
{
    const struct record_output *record = take(rest, sizeof(*record));
    struct connection *connection =
        record ? find_connection(restore->store, record->connection) : NULL;
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

static int restore_input(struct restore *restore, struct rest *rest, enum record_type type)
{
    const struct record_input *record = take(rest, sizeof(*record));
    struct connection *connection =
        record ? find_connection(restore->store, record->connection) : NULL;
    int error;

    if (!connection || record->length != rest->length)
        return -EBADMSG;
    if (type == RECORD_RESET)
        connection_reset(connection, true);
    connection->consumer = record->consumer;
    if (type != RECORD_TAKEN_IN) {
        connection->input_length = 0;
        return 0;
    }
    error = connection_take_in(connection, rest->at, rest->length);
    return error ? -EBADMSG : 0;
}

static int restore_special(struct restore *restore, struct rest *rest)
{
    const struct record_special *record = take(rest, sizeof(*record));
    struct perms *perms = record ? take_perms(rest, record->permissions, record->generation) : NULL;
    const char *name = perms ? take_text(rest) : NULL;

    if (!name || !store_special_perms(restore->store, name)) {
        if (perms)
            perms_unref(perms);
        return -EBADMSG;
    }
    store_set_special_perms(restore->store, name, perms);
    return 0;
}

static int restore_record(struct restore *restore, uint32_t type, struct rest *rest)
{
    switch ((enum record_type)type) {
    case RECORD_STORE:
        return restore_store(restore, rest);
    case RECORD_NODE:
        return restore_node(restore, rest);
    case RECORD_CHANGE:
        return restore_change(restore, rest);
    case RECORD_TRANSACTION:
        return restore_transaction(restore, rest);
    case RECORD_TRANSACTION_CHANGE:
        return restore_transaction_change(restore, rest);
    case RECORD_DOMAIN:
        return restore_domain(restore, rest);
    case RECORD_DOMAIN_GONE:
        return restore_domain_gone(restore, rest);
    case RECORD_SOCKET:
        return restore_socket(restore, rest);
    case RECORD_WATCH:
        return restore_watch(restore, rest);
    case RECORD_OUTPUT:
        return restore_output(restore, rest);
    case RECORD_CONSUMED:
    case RECORD_TAKEN_IN:
    case RECORD_RESET:
        return restore_input(restore, rest, type);
    case RECORD_SPECIAL:
        return restore_special(restore, rest);
    case RECORD_QUOTA:
        return restore_quota(restore, rest);
    }
    return -EBADMSG;
}

static void finish(struct restore *restore)
{
    struct store *store = restore->store;

    memcpy(store->limits, restore->limits, sizeof(store->limits));
    for (struct connection *c = store->connections; c; c = c->next)
        if (c->domain && c->domain->target >= 0) {
            struct domain *target = store_domain(store, (unsigned)c->domain->target);

            c->who.has_target = target;
            c->who.target = target ? target->domid : 0;
            c->who.target_since = target ? target->since : 0;
        }
}

int state_restore(struct store *store, const struct journal *journal,
                  void (*socket)(void *arg, struct connection *connection, int fd), void *arg)
{
    struct restore restore = {.store = store, .socket = socket, .arg = arg};
    const struct journal_record *record = NULL;
    bool damaged = false;
    int error = 0;

    memcpy(restore.limits, store->limits, sizeof(restore.limits));
    memset(store->limits, 0, sizeof(store->limits)); // nothing is refused that was granted before
    while (!error && (record = journal_next(journal, record, &damaged))) {
        struct rest rest = {(const char *)(record + 1), record->length};

        error = restore_record(&restore, record->type, &rest);
        if (error)
            log_error("the state file is damaged: record type %u of %u bytes at offset %td",
                      record->type, record->length, (const char *)record - journal->map);
    }
    finish(&restore);
    return damaged ? -EBADMSG : error;
}
