// A store inside the test, behind the functions of xenstore/xenstore.h: nodes without permissions,
// one transaction at a time, watches of several connections.
#pragma once

#include <stdbool.h>

#include "xenstore/xenstore.h"

#define FAKE_PATH  160
#define FAKE_VALUE 160

struct fake_store {
    // Asked before each request, by its name: -errno refuses it.
    int (*refuse)(const char *what);
    unsigned conflicts;  // so many transactions will fail with EAGAIN
    unsigned introduced; // a bit for each domain
    int handles;         // open
};
extern struct fake_store store;

void store_reset(void);

// What another program does; NULL removes the node and all below it.
void store_set(const char *path, const char *value);
const char *store_get(const char *path);
void store_fire(const char *special);

// Whether there are the same nodes, with the same values, as when store_remember() was called.
void store_remember(void);
bool store_is_as_remembered(void);
