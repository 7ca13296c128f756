// Reading a state file. It is this program's own, yet nothing in it is believed that would make the
// program fall: what cannot be ends the reading.
#include <errno.h>
#include <string.h>

#include "store/alloc.h"
#include "store/log.h"
#include "store/state_restore.h"
#include "store/transaction.h"

const void *restore_take(struct rest *rest, size_t length)
{
    const char *at = rest->at;

    if (length > rest->length)
        return NULL;
    rest->at += length;
    rest->length -= length;
    return at;
}

const char *restore_text(struct rest *rest)
{
    const char *nul = memchr(rest->at, 0, rest->length);

    return nul ? restore_take(rest, (size_t)(nul - rest->at) + 1) : NULL;
}

// Any of a store's, domain or socket; the number of connections is small while this runs.
struct connection *restore_find(struct store *store, uint32_t id)
{
    struct connection *connection;

    if (id < DOMID_FIRST_RESERVED)
        return store->domains[id] ? store->domains[id]->connection : NULL;
    for (connection = store->connections; connection && connection->id != id;)
        connection = connection->next;
    return connection;
}

void restore_generation(struct store *store, uint64_t generation)
{
    if (generation > store->generation)
        store->generation = generation;
}

static int restore_store(struct restore *restore, struct rest *rest)
{
    const struct record_store *record = restore_take(rest, sizeof(*record));

    if (!record)
        return -EBADMSG;
    restore->store->generation = record->generation;
    restore->store->next_watch = record->next_watch;
    restore->store->next_socket = record->next_socket;
    return 0;
}

static int restore_quota(struct restore *restore, struct rest *rest)
{
    const struct record_quota *record = restore_take(rest, sizeof(*record));

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
    entries = restore_take(rest, count * sizeof(*entries));
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
    const struct record_node *record = restore_take(rest, sizeof(*record));
    struct path *path = &restore->store->scratch;
    struct node *node, *parent;
    struct perms *perms;
    const char *text;
    unsigned count;

    if (!record || !(perms = take_perms(rest, record->permissions, record->perms_generation)))
        return -EBADMSG;
    text = restore_text(rest);
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
    const struct record_change *record = *out = restore_take(rest, sizeof(*record));

    if (!record)
        return -EBADMSG;
    change->kind = record->kind;
    change->writer = (uint16_t)record->writer;
    change->owned = record->owned;
    change->generation = record->generation;
    change->length = record->data_length;
    change->data = restore_take(rest, record->data_length);
    change->path = restore_text(rest);
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
    restore_generation(store, change.generation);
    return 0;
}

static int restore_transaction(struct restore *restore, struct rest *rest)
{
    const struct record_transaction *record = restore_take(rest, sizeof(*record));
    struct connection *connection =
        record ? restore_find(restore->store, record->connection) : NULL;
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

    connection = error ? NULL : restore_find(store, record->connection);
    if (connection)
        transaction = transaction_find(connection, record->transaction);
    if (!transaction)
        return -EBADMSG;
    if (possible(transaction->root, &change,
                 &store->commit)) // its snapshot may be younger than it was
        transaction_change(connection, transaction, &change, &store->commit);
    return 0;
}

static int restore_special(struct restore *restore, struct rest *rest)
{
    const struct record_special *record = restore_take(rest, sizeof(*record));
    struct perms *perms = record ? take_perms(rest, record->permissions, record->generation) : NULL;
    const char *name = perms ? restore_text(rest) : NULL;

    if (!name || !store_special_perms(restore->store, name)) {
        if (perms)
            perms_unref(perms);
        return -EBADMSG;
    }
    store_set_special_perms(restore->store, name, perms);
    restore_generation(restore->store, record->generation);
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
