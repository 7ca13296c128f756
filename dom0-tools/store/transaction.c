#include "store/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/state.h"
#include "store/store.h"

struct transaction *transaction_new(struct connection *connection, uint32_t id)
{
    struct transaction *transaction = allocate(sizeof(*transaction));

    transaction->id = id;
    transaction->base = node_ref(connection->store->root);
    transaction->root = node_ref(connection->store->root);
    transaction->changes_end = &transaction->changes;
    transaction->next = connection->transactions;
    connection->transactions = transaction;
    connection->transaction_count++;
    state_transaction(connection, id, true);
    return transaction;
}

struct transaction *transaction_find(struct connection *connection, uint32_t id)
{
    struct transaction *transaction = connection->transactions;

    while (transaction && transaction->id != id)
        transaction = transaction->next;
    return transaction;
}

static void use_memory(struct connection *connection, struct transaction *transaction, size_t bytes)
{
    transaction->memory += bytes;
    quota_memory(connection->store, connection->domain, (int64_t)bytes);
}

static void free_lists(struct transaction *transaction)
{
    struct access_entry *access;
    struct change *change;
    struct delta *delta;

    while ((access = transaction->accesses)) {
        transaction->accesses = access->next;
        recycle(access, sizeof(*access) + strlen(access->path) + 1);
    }
    while ((change = transaction->changes)) {
        transaction->changes = change->next;
        free(change);
    }
    while ((delta = transaction->deltas)) {
        transaction->deltas = delta->next;
        free(delta);
    }
    table_free(&transaction->accessed);
}

void transaction_free(struct connection *connection, struct transaction *transaction)
{
    struct transaction **link = &connection->transactions;

    state_transaction(connection, transaction->id, false);
    while (*link != transaction)
        link = &(*link)->next;
    *link = transaction->next;
    connection->transaction_count--;
    quota_memory(connection->store, connection->domain, -(int64_t)transaction->memory);
    free_lists(transaction);
    node_unref(transaction->base);
    node_unref(transaction->root);
    free(transaction);
}

static size_t prefix_length(const struct path *path, unsigned count)
{
    return count ? path->part[count - 1].start + path->part[count - 1].length : 1;
}

static struct access_entry *find_access(struct transaction *transaction, const struct path *path,
                                        unsigned count)
{
    struct table_entry *entry = table_first(&transaction->accessed, path_hash(path, count));
    size_t length = prefix_length(path, count);

    for (; entry; entry = table_next(entry)) {
        struct access_entry *access = table_of(entry, struct access_entry, entry);

        if (!strncmp(access->path, path->text, length) && !access->path[length])
            return access;
    }
    return NULL;
}

static void note(struct connection *connection, struct transaction *transaction,
                 const struct path *path, unsigned count, unsigned what)
{
    struct access_entry *access = find_access(transaction, path, count);
    size_t length = prefix_length(path, count);

    if (!access) {
        access = allocate_small(sizeof(*access) + length + 1);
        memcpy(access->path, path->text, length);
        access->next = transaction->accesses;
        transaction->accesses = access;
        table_insert(&transaction->accessed, &access->entry, path_hash(path, count));
        use_memory(connection, transaction, sizeof(*access) + length + 1);
    }
    access->what |= what | LOOKED_PERMS;
}

void transaction_look(struct connection *connection, struct transaction *transaction,
                      const struct path *path, unsigned count, unsigned what)
{
    struct node *base, *now;

    if (transaction->base == transaction->root) { // it has changed nothing yet
        note(connection, transaction, path, count, what);
        return;
    }
    base = tree_find(transaction->base, path, count);
    now = tree_find(transaction->root, path, count);
    if (base && now && base->value != now->value)
        what &= ~(unsigned)LOOKED_VALUE; // its own value is read
    note(connection, transaction, path, count, what);
    // What the transaction made itself inherited its permissions from the nearest node that it did
    // not make.
    while (count && now && (!base || base->created != now->created)) {
        count--;
        base = tree_find(transaction->base, path, count);
        now = tree_find(transaction->root, path, count);
        note(connection, transaction, path, count, LOOKED_PERMS);
    }
}

static struct delta *find_delta(const struct transaction *transaction, uint16_t domid)
{
    struct delta *delta = transaction->deltas;

    while (delta && delta->domid != domid)
        delta = delta->next;
    return delta;
}

int64_t transaction_delta(const struct transaction *transaction, uint16_t domid)
{
    struct delta *delta = find_delta(transaction, domid);

    return delta ? delta->nodes : 0;
}

static void count_owned(void *arg, const struct node *node, int sign)
{
    struct transaction *transaction = arg;
    uint16_t domid = (uint16_t)node->perms->entry[0].domid;
    struct delta *delta = find_delta(transaction, domid);

    if (!delta) {
        delta = allocate(sizeof(*delta));
        delta->domid = domid;
        delta->next = transaction->deltas;
        transaction->deltas = delta;
    }
    delta->nodes += sign;
}

void transaction_change(struct connection *connection, struct transaction *transaction,
                        const struct change *change, const struct path *path)
{
    const struct change_listener listener = {.owned = count_owned, .arg = transaction};

    change_apply(&transaction->root, change, path, &listener);
    *transaction->changes_end = change_copy(change);
    transaction->changes_end = &(*transaction->changes_end)->next;
    use_memory(connection, transaction, sizeof(*change) + change->length + path->length);
    state_transaction_change(connection, transaction->id, change);
}

// Whether what was looked at is as it was; if not, *writer is who changed it, as far as that is
// known.
static bool unchanged(const struct transaction *transaction, struct store *store,
                      const struct access_entry *access, uint16_t *writer)
{
    struct path *path = &store->scratch;
    struct node *then, *now;
    unsigned count;

    path_parse(path, access->path, "", 0);
    then = tree_find(transaction->base, path, path->count);
    now = tree_find(store->root, path, path->count);
    if (then == now)
        return true;
    *writer = (now ? now : tree_nearest(store->root, path, &count))->writer;
    if (!then || !now || !perms_equal(then->perms, now->perms))
        return false;
    if (access->what & LOOKED_VALUE && !value_equal(then->value, now->value))
        return false;
    return !(access->what & LOOKED_CHILDREN) ||
           then->children_generation == now->children_generation;
}

static int check(struct connection *connection, const struct transaction *transaction)
{
    struct store *store = connection->store;
    uint16_t writer;

    if (transaction->doomed)
        return -EAGAIN;
    if (store->root != transaction->base)
        for (struct access_entry *access = transaction->accesses; access; access = access->next)
            if (!unchanged(transaction, store, access, &writer)) {
                store_blame(store, connection, writer);
                return -EAGAIN;
            }
    for (struct delta *delta = transaction->deltas; delta; delta = delta->next) {
        struct domain *domain = store_domain(store, delta->domid);

        if (delta->nodes > 0 && domain && !connection->who.privileged &&
            quota_hit(store, domain, QUOTA_NODES, domain->nodes + (uint64_t)delta->nodes))
            return -ENOSPC;
    }
    return 0;
}

int transaction_commit(struct connection *connection, struct transaction *transaction)
{
    struct store *store = connection->store;
    int error = check(connection, transaction);

    if (error)
        return error;
    // Nobody needs the snapshot any more, so that nothing must be copied for its sake.
    node_unref(transaction->base);
    node_unref(transaction->root);
    transaction->base = transaction->root = NULL;
    for (struct change *change = transaction->changes; change; change = change->next)
        if (!path_parse(&store->commit, change->path, "", 0))
            store_change(store, change, &store->commit);
    return 0;
}
