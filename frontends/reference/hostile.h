// What the hostile front ends have in common.
#pragma once

#include <stdint.h>

// A way to break the protocol; an error if it was rewarded.
struct violation {
    const char *name;
    int (*commit)(void);
};

// Commits those that are named in ONLY (ended by NULL; all, if it is empty); after each RECOVER
// must succeed: the device serves who behaves.
int hostile_run(const char *what, const struct violation *all, unsigned n, char **only,
                int (*recover)(void));

// Goes through states of all kinds in no order.
int hostile_states(const char *kind, unsigned handle);

// The same numbers in each run.
uint32_t hostile_random(void);
