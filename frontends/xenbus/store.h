// Xenstore, over the ring that the domain was built with.
//
// Any number of threads may have requests under way; answers come back by number. Paths without a
// leading slash are relative to the domain's own node. Results are 0 or more, or a negative error:
// what the server said, -EIO if the ring's indexes or a message make no sense (the connection is
// dead then, and stays so), -ETIMEDOUT if no answer has come within STORE_PATIENCE, -ENODEV without
// a store.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontends/kernel/threads.h"
#include "pv-abi/io/xs_wire.h"

#define STORE_PATIENCE (30 * NS_PER_S)
#define STORE_PATH_MAX 256 // of what this client composes

int store_init(void);

// Any request: PAYLOAD as the protocol wants it. *REPLY, if it is asked for, is the answer with a 0
// behind it, for heap_free(); the result is its length.
int store_request(uint32_t type, uint32_t transaction, const void *payload, size_t bytes,
                  char **reply);

// In no transaction if it is 0.
// A value, cut at SIZE - 1 bytes and terminated; its length.
int store_read(uint32_t transaction, const char *path, char *value, size_t size);
int store_write(uint32_t transaction, const char *path, const char *value);
int store_rm(uint32_t transaction, const char *path);
// Names of the children, each ended by a 0, in *NAMES for heap_free(); how many bytes.
int store_directory(uint32_t transaction, const char *path, char **names);

// PATH is composed of a folder and a node's name; the value is a decimal number.
int store_read_at(uint32_t transaction, const char *folder, const char *name, char *value,
                  size_t size);
int store_write_at(uint32_t transaction, const char *folder, const char *name, const char *value);
int store_read_number(uint32_t transaction, const char *folder, const char *name, uint64_t *value);
int store_write_number(uint32_t transaction, const char *folder, const char *name, uint64_t value);

int store_begin(uint32_t *transaction);
// -EAGAIN: somebody else has interfered, and everything is to be done again.
int store_end(uint32_t transaction, bool commit);

// A watch fires once when it is set, and then for each change of the node and what is below it.
// `fired` counts, and the queue is woken.
struct store_watch {
    struct list link;
    char path[STORE_PATH_MAX];
    char token[12];
    unsigned fired;
    struct wait_queue queue;
};
int store_watch(struct store_watch *watch, const char *path);
void store_unwatch(struct store_watch *watch); // one that was set
