// A change to a version of the tree, as a thing of its own: carried out at once, kept by a
// transaction until it is committed, and written to the state file. Carrying it out asks no
// permission and no quota and cannot fail: whoever makes a change has checked all that before.
#pragma once

#include "store/tree.h"

enum change_kind {
    CHANGE_WRITE = 1, // create what is missing of the path, set the value
    CHANGE_MKDIR,     // create what is missing of the path
    CHANGE_RM,        // remove the node, which is not the root, and all below it
    CHANGE_PERMS,     // set the permissions of a node
};

struct change {
    enum change_kind kind;
    uint16_t writer;     // the domain that asks
    bool owned;          // what is created belongs to the writer, not to its parent's owner
    uint64_t generation; // this change's own
    const char *path;
    const void *data; // CHANGE_WRITE: the value; CHANGE_PERMS: struct permission[]
    size_t length;    // of data, in bytes
    struct change *next;
};

// Told of each node as it changes.
struct change_listener {
    // A node came (+1) to its owner or leaves it (-1).
    void (*owned)(void *arg, const struct node *node, int sign);
    // A node at `path` was changed, or is about to go: with `exact`, only as part of what was
    // removed. `before`: permissions that it had before, or NULL.
    void (*changed)(void *arg, const char *path, const struct node *node,
                    const struct perms *before, bool exact);
    void *arg;
};

// Carries out a change whose path, cut, is `path`. Either function of the listener may be NULL.
void change_apply(struct node **root, const struct change *change, const struct path *path,
                  const struct change_listener *listener);

// A copy in one piece, for free().
struct change *change_copy(const struct change *change);
