// Transactions: a snapshot of the tree, changed on its own, and what was looked at.
//
// Of each path that a request of the transaction looked at is kept what of it the reply depended
// on. At the end that is compared with the tree as it is then: if all of it is as it was in the
// snapshot, the transaction could as well have run just now, so its changes are carried out on the
// tree, and else it must be repeated (EAGAIN). What was only written, and not read, does not
// conflict, nor do two new children of one parent.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/change.h"
#include "store/connection.h"

enum looked_at {
    LOOKED_PERMS = 1,    // whether the node exists, and its permissions
    LOOKED_VALUE = 2,    // its value too
    LOOKED_CHILDREN = 4, // the list of its children too
};

struct access_entry {
    struct table_entry entry;
    struct access_entry *next;
    unsigned what;
    char path[];
};

// By how much a transaction changes how many nodes a domain has.
struct delta {
    struct delta *next;
    uint16_t domid;
    int64_t nodes;
};

struct transaction {
    struct transaction *next;
    uint32_t id;
    struct node *base, *root;
    struct table accessed;
    struct access_entry *accesses;
    struct change *changes, **changes_end;
    struct delta *deltas;
    size_t memory;
    bool doomed; // it cannot be known any more what it read: it must be repeated
};

struct transaction *transaction_new(struct connection *connection, uint32_t id);
struct transaction *transaction_find(struct connection *connection, uint32_t id);
void transaction_free(struct connection *connection, struct transaction *transaction);

// Notes what a request looked at, of the node at the first `count` names of a path.
void transaction_look(struct connection *connection, struct transaction *transaction,
                      const struct path *path, unsigned count, unsigned what);

// Carries out a change inside the transaction.
void transaction_change(struct connection *connection, struct transaction *transaction,
                        const struct change *change, const struct path *path);

int64_t transaction_delta(const struct transaction *transaction, uint16_t domid);

// Carries the changes out on the store's tree, or none: -EAGAIN if what was read has changed,
// -ENOSPC if a domain would have too many nodes. The caller frees the transaction in any case.
int transaction_commit(struct connection *connection, struct transaction *transaction);
