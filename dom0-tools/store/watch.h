// Watches, found by the path they are on: what an operation pays for them depends on how many names
// its path has and how many watches match, not on how many others there are.
#pragma once

#include <stdbool.h>

#include "store/connection.h"
#include "store/tree.h"

#define WATCH_ANY_DEPTH UINT32_MAX

struct watch {
    struct table_entry entry; // of the store's table, by path
    struct connection *connection;
    struct watch *next, **link; // of the connection's, in the order of their creation
    uint64_t serial;            // order of creation
    uint32_t depth;             // how many names below its path it reaches
    bool relative;              // its events' paths are relative to the connection's home
    char *path;                 // absolute
    char *token;                // of the same memory
};

struct store;

// Adds and removes; the path is absolute (or special), and `hash` its path_hash() or, if special,
// hash_bytes().
struct watch *watch_add(struct connection *connection, const char *path, uint64_t hash,
                        const char *token, uint32_t depth, bool relative);
struct watch *watch_find(struct connection *connection, const char *path, uint64_t hash,
                         const char *token);
void watch_remove(struct watch *watch);
void watch_remove_all(struct connection *connection);

// The path of an event as the watch's client is told it.
const char *watch_event_path(const struct watch *watch, const char *path);

// Sends events for a change of `node` at an absolute path: to the watches on it and, unless
// `exact`, on all above it, as far as their clients may read the node, its parent (NULL: none) or
// could read it before.
void watch_fire(struct store *store, const char *path, const struct node *node,
                const struct perms *before, bool exact);

// The special events "@introduceDomain" and "@releaseDomain", about a domain. Watches of depth 1 or
// more are told which, by a path "@releaseDomain/DOMID"; the others get one event for any number of
// domains.
void watch_fire_special(struct store *store, const char *name, unsigned domid, bool plain);
