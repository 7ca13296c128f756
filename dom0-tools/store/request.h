// A message being handled, and what its handlers share.
#pragma once

#include "store/store.h"
#include "store/transaction.h"

struct request {
    struct store *store;
    struct connection *connection;
    struct transaction *transaction; // NULL: none
    const struct xsd_sockmsg *header;
    const char *payload;
    size_t length;
    struct path *path; // the store's, for the path that the message names
};

// Handlers return 0, having replied, or -errno, which is then the reply.
typedef int request_handler(struct request *request);

request_handler request_directory, request_directory_part, request_read, request_get_perms;
request_handler request_write, request_mkdir, request_rm, request_set_perms;
request_handler request_watch, request_unwatch, request_reset_watches;
request_handler request_transaction_start, request_transaction_end;
request_handler request_introduce, request_release, request_resume, request_set_target;
request_handler request_get_domain_path, request_is_domain_introduced;
request_handler request_control;

void request_reply(struct request *request, const void *payload, size_t length); // too long: E2BIG
void request_reply_text(struct request *request, const char *text);              // with its NUL
void request_acknowledge(struct request *request);                               // "OK"

// The payload if it is one text that ends in its only NUL; NULL if not.
const char *request_only_text(const struct request *request);
// The first `max` texts of the payload; returns how many NULs it has.
unsigned request_texts(const struct request *request, const char *texts[], unsigned max);

// The tree that the request sees, as its root.
static inline struct node **request_root(struct request *request)
{
    return request->transaction ? &request->transaction->root : &request->store->root;
}

static inline bool request_privileged(const struct request *request)
{
    return request->connection->who.privileged;
}

// Cuts a path of the client's into request->path. -EINVAL.
int request_path(struct request *request, const char *text);

// Tells the transaction, if there is one, what of the first `count` names of the path was looked at
// (0: nothing). -ENOSPC.
int request_look(struct request *request, unsigned count, unsigned what);

// The node at request->path, if the client has all of `access` to it. `what` tells the transaction
// what of it the reply will depend on. -ENOENT only if the client may know that there is none: if
// it has any of `access` to the nearest node above; else -EACCES.
int request_node(struct request *request, unsigned access, unsigned what, struct node **node);
