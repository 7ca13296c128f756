// Shared by state_restore.c and state_restore_peers.c: what reading a state file works on.
#pragma once

#include "store/records.h"
#include "store/state.h"

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

// The next `length` bytes, or the next text with its NUL; NULL if the record is too short.
const void *restore_take(struct rest *rest, size_t length);
const char *restore_text(struct rest *rest);
struct connection *restore_find(struct store *store, uint32_t id);

// What comes later gets a higher one.
void restore_generation(struct store *store, uint64_t generation);

// Records of domains, sockets and what belongs to them: 0 or -EBADMSG.
int restore_domain(struct restore *restore, struct rest *rest);
int restore_domain_gone(struct restore *restore, struct rest *rest);
int restore_socket(struct restore *restore, struct rest *rest);
int restore_watch(struct restore *restore, struct rest *rest);
int restore_output(struct restore *restore, struct rest *rest);
int restore_input(struct restore *restore, struct rest *rest, enum record_type type);
