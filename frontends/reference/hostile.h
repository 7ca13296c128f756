// What the hostile front ends have in common.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontends/kernel/grants.h"
#include "ring/ring.h"

// A way to break the protocol; an error if it was rewarded.
struct violation {
    const char *name;
    int (*commit)(void);
};

// Commits those that are named in ONLY (ended by NULL; all, if it is empty); after each RECOVER
// must succeed: the device serves who behaves.
int hostile_run(const char *what, const struct violation *all, unsigned n, char **only,
                int (*recover)(void));

// A page that the back end may use, and grants of it that do not give what they should.
struct hostile_page {
    uint8_t *page;
    grant_ref_t ref, read_only, foreign;
};
bool hostile_page_make(struct hostile_page *page, domid_t back_end, bool read_only);
void hostile_page_free(struct hostile_page *page);

// A key that is published with this value; or, if it is NULL, not at all. `order`: of a ring of
// several pages.
struct lie {
    const char *key, *value;
    unsigned order;
};
// Connects with each, which must not lead to service. `several`: those about several pages, too.
int hostile_lies(const struct lie *lies, unsigned n, bool several,
                 int (*connect)(const char *key, const char *value, unsigned order),
                 bool (*served)(void));

// Publishes what was put, and sends the event; with a request index that cannot be; or with the
// back end's own words of the ring overwritten, of each of N rings in turn.
void hostile_show(struct ring *ring, long port);
void hostile_jump(struct ring *ring, long port, uint32_t by);
void hostile_words(struct ring *const *rings, unsigned n, long port);

// Sends requests, made by `put`, for a page that stops being granted while they are under way. The
// page and its grants are lost: they may be in use for ever.
void hostile_revoke(domid_t back_end, bool read_only, struct ring *ring, long port,
                    void (*put)(grant_ref_t ref));

// Goes through states of all kinds in no order.
int hostile_states(const char *kind, unsigned handle);

// The same numbers in each run.
uint32_t hostile_random(void);
