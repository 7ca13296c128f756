// The tree of nodes, of which any number of versions exist at once and share what they have in
// common.
//
// A version is its root node with one reference held. References count how many nodes, versions and
// others lead to a node. A node with more than one is never changed, nor is anything below it: who
// wants to change a version first makes every node on the way from its root his own (tree_own),
// which copies those that are shared. So a snapshot is one reference, costs no time, and stays as
// it is; and where no snapshot is held nothing is ever copied.
//
// The children of a node form a treap: a search tree ordered by the hash of the name and then the
// name, and a heap by a number drawn from the hash. Its shape depends on what is in it alone;
// finding, adding and removing take logarithmic time. `left` and `right` are brothers, `children`
// is the treap of the children.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/path.h"
#include "store/perms.h"

struct value {
    uint32_t references;
    uint32_t length;
    char bytes[];
};

struct node {
    uint32_t references;
    uint16_t writer; // the domain that changed it last
    uint16_t name_length;
    uint64_t hash; // of the name
    struct node *left, *right, *children;
    struct value *value; // NULL: empty
    struct perms *perms;
    uint64_t generation;          // of the last change of value, permissions or child list
    uint64_t children_generation; // of the last change of the child list
    uint64_t created;             // generation; children are listed in this order
    uint32_t child_count;
    uint32_t child_bytes; // length of the list of children: names with a NUL each
    char name[];
};

struct value *value_new(const void *bytes, size_t length); // NULL for none
struct value *value_ref(struct value *value); // NULL is let through, as in the next two
void value_unref(struct value *value);
bool value_equal(const struct value *a, const struct value *b);

// A version with a root alone. The permissions' reference is taken over, as everywhere here.
struct node *tree_new(struct perms *perms);
struct node *node_ref(struct node *node);
void node_unref(struct node *node);

// The node at the first `count` names of a path; NULL if there is none.
struct node *tree_find(struct node *root, const struct path *path, unsigned count);
// The deepest node on a path that exists; how many names lead to it comes back in *count.
struct node *tree_nearest(struct node *root, const struct path *path, unsigned *count);
// As both, but the node and all on the way may then be changed. For tree_own it must exist.
struct node *tree_own_nearest(struct node **root, const struct path *path, unsigned *count);
struct node *tree_own(struct node **root, const struct path *path, unsigned count);

// Adds a child to a node of one's own, which has none of that name; removes one that it has.
// Neither touches generations.
struct node *tree_add(struct node *parent, const char *name, size_t length, uint64_t hash,
                      struct perms *perms);
void tree_remove(struct node *parent, const char *name, size_t length, uint64_t hash);
void node_set_value(struct node *node, struct value *value);
void node_write(struct node *node, const void *bytes, size_t length); // a value of its own
void node_set_perms(struct node *node, struct perms *perms);

// The children in the order of their creation, child_count of them, in memory that the next call
// reuses unless `own` is given: then the caller frees what is returned.
struct node **tree_children(const struct node *node, bool own);

// What a node takes of its owner's memory quota.
static inline size_t node_memory(const struct node *node)
{
    return sizeof(*node) + node->name_length + 1 + (node->value ? node->value->length : 0) +
           node->perms->count * sizeof(struct permission);
}
