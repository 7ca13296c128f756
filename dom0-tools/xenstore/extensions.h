// What this library has beyond libxenstore 4; libxenstore.so.4 does not export it.
#pragma once

#include "xenstore.h"

// xs_watch() of what lies at most `depth` levels below the path. False with EINVAL where the daemon
// knows no depths. Vellum's daemon tells depth 0 of "@releaseDomain/ID" of that domain's end alone.
bool xs_watch_depth(struct xs_handle *h, const char *path, const char *token, unsigned depth);

// Requests that are sent together: many cost hardly more than one, which is a way to the daemon and
// back with two context switches.
struct xs_batch;

// All requests are of transaction `t`. NULL and ENOMEM.
struct xs_batch *xs_batch_new(struct xs_handle *h, xs_transaction_t t);
void xs_batch_free(struct xs_batch *batch);

// Each adds one request. What cannot be added (ENOMEM, E2BIG) makes xs_batch_run() fail.
void xs_batch_read(struct xs_batch *batch, const char *path);
void xs_batch_write(struct xs_batch *batch, const char *path, const char *value);
void xs_batch_rm(struct xs_batch *batch, const char *path);
void xs_batch_set_permissions(struct xs_batch *batch, const char *path,
                              const struct xs_permissions *perms, unsigned num);

// Told of each reply, in the order of the requests: `value` with a NUL behind it, to be freed by
// whom it is told, or NULL and errno.
typedef void xs_batch_reply(void *arg, const char *path, char *value);

// Sends what was added since the last run and awaits all replies. False and errno if one of them
// will not come: the connection is lost, or something could not be added, and then nothing is sent.
// Where requests must go one by one (the kernel's device, a handle with watches), they do.
bool xs_batch_run(struct xs_batch *batch, xs_batch_reply *reply, void *arg);
