#include "store/state.h"

#include <errno.h>
#include <string.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/records.h"
#include "store/transaction.h"

// The journal is written anew when it is this long, and twice as long as it was when new.
#define COMPACT_AT    (1u << 20)
#define RETRY_COMMITS 4096

static struct journal *journal_of(const struct connection *connection)
{
    return connection->domain ? connection->store->journal : NULL;
}

static void add_change(struct journal *journal, uint32_t type, uint32_t connection, uint32_t id,
                       const struct change *change)
{
    size_t path = strlen(change->path) + 1;
    struct record_change record = {connection,        id,
                                   change->kind,      change->writer,
                                   change->owned,     (uint32_t)change->length,
                                   change->generation};
    char *at = journal ? journal_add(journal, type, sizeof(record) + change->length + path) : NULL;

    if (!at)
        return;
    memcpy(at, &record, sizeof(record));
    if (change->length)
        memcpy(at + sizeof(record), change->data, change->length);
    memcpy(at + sizeof(record) + change->length, change->path, path);
}

void state_change(struct store *store, const struct change *change)
{
    add_change(store->journal, RECORD_CHANGE, 0, 0, change);
}

void state_transaction_change(struct connection *connection, uint32_t id,
                              const struct change *change)
{
    add_change(journal_of(connection), RECORD_TRANSACTION_CHANGE, connection->id, id, change);
}

static void add_output(struct journal *journal, const struct connection *connection,
                       const struct packet *packet)
{
    size_t length = sizeof(packet->header) + packet->header.len;
    struct record_output record = {connection->id, (uint32_t)length};
    char *at = journal ? journal_add(journal, RECORD_OUTPUT, sizeof(record) + length) : NULL;

    if (!at)
        return;
    memcpy(at, &record, sizeof(record));
    memcpy(at + sizeof(record), &packet->header, length);
}

void state_output(struct connection *connection, const struct packet *packet)
{
    add_output(journal_of(connection), connection, packet);
}

static void add_watch(struct journal *journal, const struct watch *watch, bool added)
{
    size_t path = strlen(watch->path) + 1, token = strlen(watch->token) + 1;
    struct record_watch record = {watch->connection->id, watch->depth, added, watch->relative};
    char *at = journal ? journal_add(journal, RECORD_WATCH, sizeof(record) + path + token) : NULL;

    if (!at)
        return;
    memcpy(at, &record, sizeof(record));
    memcpy(at + sizeof(record), watch->path, path);
    memcpy(at + sizeof(record) + path, watch->token, token);
}

void state_watch(const struct watch *watch, bool added)
{
    add_watch(journal_of(watch->connection), watch, added);
}

static void add_plain(struct journal *journal, uint32_t type, const void *record, size_t length)
{
    void *at = journal ? journal_add(journal, type, length) : NULL;

    if (at)
        memcpy(at, record, length);
}

void state_transaction(struct connection *connection, uint32_t id, bool open)
{
    struct record_transaction record = {connection->id, id, open, 0};

    add_plain(journal_of(connection), RECORD_TRANSACTION, &record, sizeof(record));
}

static void add_domain(struct journal *journal, const struct domain *domain)
{
    const struct connection *connection = domain->connection;
    struct record_domain record = {
        .domid = domain->domid,
        .flags = (domain->introduced ? RECORD_DOMAIN_INTRODUCED : 0) |
                 (domain->shut_down ? RECORD_DOMAIN_SHUT_DOWN : 0) |
                 (connection && connection->ignored ? RECORD_DOMAIN_IGNORED : 0),
        .port = domain->port,
        .next_transaction = connection ? connection->next_transaction : 1,
        .target = domain->target,
        .queue_start = connection ? connection->queue_start : 0,
        .consumer = connection ? connection->consumer : 0,
        .since = domain->since,
        .frame = domain->frame,
    };

    add_plain(journal, RECORD_DOMAIN, &record, sizeof(record));
}

void state_domain(struct store *store, const struct domain *domain)
{
    add_domain(store->journal, domain);
}

void state_domain_gone(struct store *store, const struct domain *domain)
{
    uint64_t domid = domain->domid;

    add_plain(store->journal, RECORD_DOMAIN_GONE, &domid, sizeof(domid));
}

static void add_input(struct journal *journal, uint32_t type, struct connection *connection,
                      const char *bytes, size_t length)
{
    struct record_input record = {connection->id, connection->consumer, (uint32_t)length, 0};
    char *at = journal ? journal_add(journal, type, sizeof(record) + length) : NULL;

    if (!at)
        return;
    memcpy(at, &record, sizeof(record));
    if (length)
        memcpy(at + sizeof(record), bytes, length);
}

void state_reset(struct connection *connection)
{
    add_input(journal_of(connection), RECORD_RESET, connection, NULL, 0);
}

void state_consumed(struct connection *connection)
{
    add_input(journal_of(connection), RECORD_CONSUMED, connection, NULL, 0);
}

void state_taken_in(struct connection *connection, const char *bytes, size_t length)
{
    add_input(journal_of(connection), RECORD_TAKEN_IN, connection, bytes, length);
}

static void add_special(struct journal *journal, const char *name, const struct perms *perms)
{
    struct record_special record = {perms->generation, perms->count, 0};
    size_t entries = perms->count * sizeof(perms->entry[0]);
    char *at =
        journal ? journal_add(journal, RECORD_SPECIAL, sizeof(record) + entries + strlen(name) + 1)
                : NULL;

    if (!at)
        return;
    memcpy(at, &record, sizeof(record));
    memcpy(at + sizeof(record), perms->entry, entries);
    strcpy(at + sizeof(record) + entries, name);
}

void state_special(struct store *store, const char *name, const struct perms *perms)
{
    add_special(store->journal, name, perms);
}

void state_quota(struct store *store, enum quota quota)
{
    struct record_quota record = {quota, store->limits[quota]};

    add_plain(store->journal, RECORD_QUOTA, &record, sizeof(record));
}

static void add_node(struct journal *journal, const struct node *node, const char *path)
{
    struct record_node record = {
        .generation = node->generation,
        .children_generation = node->children_generation,
        .created = node->created,
        .perms_generation = node->perms->generation,
        .writer = node->writer,
        .permissions = node->perms->count,
        .path_length = (uint32_t)strlen(path) + 1,
        .value_length = node->value ? node->value->length : 0,
    };
    size_t entries = node->perms->count * sizeof(node->perms->entry[0]);
    char *at = journal_add(journal, RECORD_NODE,
                           sizeof(record) + entries + record.path_length + record.value_length);

    if (!at)
        return;
    at = (char *)memcpy(at, &record, sizeof(record)) + sizeof(record);
    at = (char *)memcpy(at, node->perms->entry, entries) + entries;
    at = (char *)memcpy(at, path, record.path_length) + record.path_length;
    if (node->value)
        memcpy(at, node->value->bytes, record.value_length);
}

// All below `treap`, the children of the node at `path`, which has room for theirs.
static void add_children(struct journal *journal, const struct node *treap, char *path,
                         size_t length)
{
    if (!treap)
        return;
    add_children(journal, treap->left, path, length);
    path[length] = '/';
    memcpy(path + length + 1, treap->name, treap->name_length + 1u);
    add_node(journal, treap, path);
    add_children(journal, treap->children, path, length + 1 + treap->name_length);
    add_children(journal, treap->right, path, length);
}

static void add_connection(struct journal *journal, const struct connection *connection)
{
    for (const struct watch *watch = connection->watches; watch; watch = watch->next)
        add_watch(journal, watch, true);
    for (const struct transaction *t = connection->transactions; t; t = t->next) {
        struct record_transaction record = {connection->id, t->id, true, 0};

        add_plain(journal, RECORD_TRANSACTION, &record, sizeof(record));
        for (const struct change *change = t->changes; change; change = change->next)
            add_change(journal, RECORD_TRANSACTION_CHANGE, connection->id, t->id, change);
    }
    for (const struct packet *packet = connection->queue; packet; packet = packet->next)
        add_output(journal, connection, packet);
    if (connection->input_length)
        add_input(journal, RECORD_TAKEN_IN, (struct connection *)connection, connection->input,
                  connection->input_length);
}

void state_snapshot(struct store *store, struct journal *journal,
                    int (*fd_of)(const struct connection *connection))
{
    char path[XENSTORE_ABS_PATH_MAX + 1] = "/";
    struct record_store record = {store->generation, store->next_watch, store->next_socket, 0};

    add_plain(journal, RECORD_STORE, &record, sizeof(record));
    for (unsigned i = 0; i < QUOTA_COUNT; i++) {
        struct record_quota quota = {i, store->limits[i]};

        add_plain(journal, RECORD_QUOTA, &quota, sizeof(quota));
    }
    add_special(journal, "@introduceDomain", store->special[0]);
    add_special(journal, "@releaseDomain", store->special[1]);
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++)
        if (store->domains[i])
            add_domain(journal, store->domains[i]);
    add_node(journal, store->root, path);
    add_children(journal, store->root->children, path, 0);
    for (const struct connection *c = store->connections; c; c = c->next) {
        if (!c->domain && fd_of) {
            struct record_socket socket = {c->id, fd_of(c), c->next_transaction,
                                           (uint32_t)c->queue_sent};

            add_plain(journal, RECORD_SOCKET, &socket, sizeof(socket));
        }
        if (c->domain || fd_of)
            add_connection(journal, c);
    }
}

int state_begin(struct store *store, const char *path)
{
    struct journal *journal = journal_new(path);
    int error;

    if (!journal)
        return -errno;
    state_snapshot(store, journal, NULL);
    journal_commit(journal);
    error = journal->failed ? -ENOSPC : path ? journal_publish(journal) : 0;
    if (error) {
        journal_free(journal);
        return error;
    }
    journal->compacted = journal->used;
    if (store->journal)
        journal_free(store->journal);
    store->journal = journal;
    return 0;
}

static void compact(struct store *store)
{
    bool failed = store->journal->failed;
    int error = state_begin(store, store->journal->path);

    store->journal->commits = 0;
    if (error)
        store->journal->compacted = store->journal->used; // not again at once
    else if (failed)
        log_info("there is room for the state again");
}

void state_commit(struct store *store)
{
    struct journal *journal = store->journal;

    if (!journal)
        return;
    journal_commit(journal);
    if (journal->failed ? ++journal->commits >= RETRY_COMMITS
                        : journal->used > COMPACT_AT && journal->used / 2 > journal->compacted)
        compact(store);
}

size_t state_size(const struct store *store)
{
    return store->journal ? store->journal->used : 0;
}
