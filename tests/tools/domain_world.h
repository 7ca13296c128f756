// All that domain/ meets, made up: a hypervisor that makes and ends domains (fake_machine.h), a
// store (fake_store.h), time that passes only when someone waits, a folder in the place of
// /var/lib/xen and /var/log/xen. Any one call of all these can be made to fail.
#pragma once

#include <stdint.h>

#include "domain/domain.h"
#include "tests/tools/fake_machine.h"
#include "tests/tools/fake_store.h"

// Link with WORLD_WRAPS as in test_domain_create.c: what is wrapped is what these fakes answer.
struct world {
    unsigned calls;     // that could have failed, so far
    unsigned fail_at;   // the number of the one that does; 0: none
    bool fail_on;       // and all of the store's that follow, too: its daemon has gone
    int error;          // with which
    const char *failed; // its name, once it has
    uint64_t waited;    // nanoseconds that passed in waiting
    void (*idle)(void); // somebody waits: let something happen
    char said[1 << 16]; // on the toolstack's messages
    struct toolstack t;
};
extern struct world world;

// A new one, in which nothing fails and there is domain 0 alone.
void world_reset(void);
void world_end(void);
// What was said since the last call.
const char *world_said(void);

// The flags (XEN_DOMINF_*) of a domain, 0 if there is none; and how many there are.
uint32_t world_flags(domid_t id);
unsigned world_domains(void);
// A guest shuts down, for good or until it is resumed; or it is gone without anybody's doing.
void world_shut_down(domid_t id, unsigned reason);
void world_resume(domid_t id);
void world_forget(domid_t id);

// Files that are left in the folder, and descriptors of this process.
unsigned world_files(void);
unsigned world_descriptors(void);

// A configuration of a guest of 4 MB, with these further lines of xl.cfg; domain_config_free() it.
struct domain_config *world_config(const char *lines);
