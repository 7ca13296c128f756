// What a successor needs to go on where this process was stopped: every change of the store as it
// happens, in a journal, which is written anew as a snapshot of everything when it has grown too
// long.
//
// Of sockets only what they changed is kept: their clients see the connection end. Of domains
// everything is: watches, transactions (which have to be repeated), messages of which a part has
// come, replies and events that are not taken yet. All functions do nothing for a store without a
// journal.
#pragma once

#include "store/journal.h"
#include "store/store.h"
#include "store/watch.h"

void state_change(struct store *store, const struct change *change);
void state_output(struct connection *connection, const struct packet *packet);
void state_watch(const struct watch *watch, bool added);
void state_transaction(struct connection *connection, uint32_t id, bool open);
void state_transaction_change(struct connection *connection, uint32_t id,
                              const struct change *change);
void state_domain(struct store *store, const struct domain *domain);
void state_domain_gone(struct store *store, const struct domain *domain);
void state_reset(struct connection *connection); // its streams begin anew
void state_special(struct store *store, const char *name, const struct perms *perms);
void state_quota(struct store *store, enum quota quota);
// A message was handled, or a part of one taken in, up to connection->consumer.
void state_consumed(struct connection *connection);
void state_taken_in(struct connection *connection, const char *bytes, size_t length);

// All of the above since the last call becomes valid at once. Before anybody is told of it.
void state_commit(struct store *store);
size_t state_size(const struct store *store);

// Begins a journal at `path` with a snapshot of all there is. 0 or -errno. NULL for a path: in
// memory.
int state_begin(struct store *store, const char *path);
// Writes a snapshot, with sockets and their file descriptors (as fd_of says) if that is given.
void state_snapshot(struct store *store, struct journal *journal,
                    int (*fd_of)(const struct connection *connection));

// Brings a new store to the state in a journal. `socket` is told of each socket's connection, whose
// file descriptor is open. -EBADMSG if the journal says what cannot be; the store is then good for
// store_free() alone.
int state_restore(struct store *store, const struct journal *journal,
                  void (*socket)(void *arg, struct connection *connection, int fd), void *arg);
