// Permissions of a node: who owns it, what everybody else may, and what single domains may.
//
// A list is never changed once made, and shared by all nodes that inherited it. Entry 0 names the
// owner, who may everything, and what domains that the list does not name may. The others name what
// one domain may. A domain's id may be used again when the domain is gone: an entry counts only if
// it is younger than the domain (`since` of the identity). The owner's id needs no such care, since
// a domain's nodes go with it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access {
    ACCESS_READ = 1,
    ACCESS_WRITE = 2,
    ACCESS_OWNER = 4, // may change the permissions
    ACCESS_ALL = 7,
};

struct permission {
    uint32_t domid;
    uint32_t access; // ACCESS_READ, ACCESS_WRITE
};

struct perms {
    uint32_t references;
    uint32_t count; // at least 1
    uint64_t generation;
    struct permission entry[];
};

// Who asks: a domain, perhaps acting for another one as its device model does.
struct identity {
    bool privileged;
    uint32_t domid;
    uint64_t since; // the generation at which the store first heard of it
    bool has_target;
    uint32_t target;
    uint64_t target_since;
};

struct perms *perms_new(const struct permission *entries, uint32_t count, uint64_t generation);
struct perms *perms_ref(struct perms *perms);
void perms_unref(struct perms *perms);
bool perms_equal(const struct perms *a, const struct perms *b);

// What a node inherits: its parent's list; if `owner` is another domain than the list's, a copy
// with it as owner.
struct perms *perms_inherit(struct perms *parent, int64_t owner);

unsigned perms_access(const struct perms *perms, const struct identity *who);

// Texts as the wire has them: r, w, b or n and a domain id. `perms_parse` reads one (-EINVAL);
// `perms_print` writes all, each ended by NUL, and returns their length, at most 12 * count bytes.
int perms_parse(struct permission *entry, const char *text);
size_t perms_print(const struct perms *perms, char *out);
