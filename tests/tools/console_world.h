// Domains, event channels and a store made up for the console daemon: what control/ and xenstore/
// would tell it, and what a guest would do.
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "pv-abi/io/console.h"

#define WORLD_DOMAINS 400

struct world_domain {
    bool exists, dying;
    bool granted; // its page can be mapped as a grant
    bool unbindable;
    unsigned life; // becomes its UUID
    unsigned port; // its own
    unsigned long frame;
    struct xencons_interface page;
    unsigned mapped; // how often, now
    bool bound, masked, pending;
    unsigned notified;
};

extern struct world_domain world[WORLD_DOMAINS];
extern unsigned notes;      // how often the daemon complained
extern char last_note[512]; // and what it said last

void world_reset(void);

// A domain with console nodes, as a toolstack leaves it, not yet introduced.
struct world_domain *world_domain(unsigned domid, const char *name);

// The guest prints as much as its ring has room for, and says so; returns how much.
size_t guest_print(unsigned domid, const char *text, size_t len);

// The guest reads what was typed.
size_t guest_read(unsigned domid, char *to, size_t size);

// The store: a value (NULL: none), and an event at @introduceDomain or @releaseDomain.
void store_set(const char *path, const char *value);
const char *store_get(const char *path);
void store_fire(const char *special);
void store_lose(bool lost);
