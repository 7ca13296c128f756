#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/table.h"

struct value *value_new(const void *bytes, size_t length)
{
    struct value *value;

    if (!length)
        return NULL;
    value = allocate_small(sizeof(*value) + length);
    value->references = 1;
    value->length = (uint32_t)length;
    memcpy(value->bytes, bytes, length);
    return value;
}

struct value *value_ref(struct value *value)
{
    if (value)
        value->references++;
    return value;
}

void value_unref(struct value *value)
{
    if (value && !--value->references)
        recycle(value, sizeof(*value) + value->length);
}

bool value_equal(const struct value *a, const struct value *b)
{
    return a == b || (a && b && a->length == b->length && !memcmp(a->bytes, b->bytes, a->length));
}

struct node *node_ref(struct node *node)
{
    if (node)
        node->references++;
    return node;
}

static size_t node_size(const struct node *node)
{
    return sizeof(*node) + node->name_length + 1;
}

// Recursion is as deep as a path has names, times the depth of a treap.
void node_unref(struct node *node)
{
    if (!node || --node->references)
        return;
    node_unref(node->left);
    node_unref(node->right);
    node_unref(node->children);
    value_unref(node->value);
    perms_unref(node->perms);
    recycle(node, node_size(node));
}

static struct node *node_new(const char *name, size_t length, uint64_t hash, struct perms *perms)
{
    struct node *node = allocate_small(sizeof(*node) + length + 1);

    node->references = 1;
    node->name_length = (uint16_t)length;
    node->hash = hash;
    node->perms = perms;
    memcpy(node->name, name, length);
    return node;
}

struct node *tree_new(struct perms *perms)
{
    return node_new("", 0, 0, perms);
}

// Makes the node at *slot one's own; what leads to the slot must be so already.
static struct node *own(struct node **slot)
{
    struct node *old = *slot, *node;

    if (old->references == 1)
        return old;
    node = memcpy(allocate_small(node_size(old)), old, node_size(old));
    node->references = 1;
    node_ref(node->left);
    node_ref(node->right);
    node_ref(node->children);
    value_ref(node->value);
    perms_ref(node->perms);
    old->references--;
    *slot = node;
    return node;
}

static uint64_t priority(const struct node *node)
{
    return (node->hash ^ node->hash >> 29) * 0x9fb21c651e98df25;
}

static int compare(const char *name, size_t length, uint64_t hash, const struct node *node)
{
    if (hash != node->hash)
        return hash < node->hash ? -1 : 1;
    if (length != node->name_length)
        return length < node->name_length ? -1 : 1;
    return memcmp(name, node->name, length);
}

static struct node *find_child(struct node *parent, const struct path *path, unsigned index)
{
    const struct path_part *part = &path->part[index];
    struct node *node = parent->children;

    while (node) {
        int way = compare(path->text + part->start, part->length, part->name_hash, node);

        if (!way)
            break;
        node = way < 0 ? node->left : node->right;
    }
    return node;
}

struct node *tree_nearest(struct node *root, const struct path *path, unsigned *count)
{
    struct node *node = root, *child;

    for (*count = 0; *count < path->count; (*count)++, node = child) {
        child = find_child(node, path, *count);
        if (!child)
            break;
    }
    return node;
}

struct node *tree_find(struct node *root, const struct path *path, unsigned count)
{
    struct node *node = root;

    for (unsigned i = 0; i < count && node; i++)
        node = find_child(node, path, i);
    return node;
}

// The child of a name, as one's own; NULL if there is none.
static struct node *own_child(struct node *parent, const struct path *path, unsigned index)
{
    const struct path_part *part = &path->part[index];
    struct node **slot = &parent->children, *node;

    while (*slot) {
        int way;

        node = own(slot);
        way = compare(path->text + part->start, part->length, part->name_hash, node);
        if (!way)
            return node;
        slot = way < 0 ? &node->left : &node->right;
    }
    return NULL;
}

struct node *tree_own_nearest(struct node **root, const struct path *path, unsigned *count)
{
    struct node *node = own(root), *child;

    for (*count = 0; *count < path->count; (*count)++, node = child) {
        child = own_child(node, path, *count);
        if (!child)
            break;
    }
    return node;
}

struct node *tree_own(struct node **root, const struct path *path, unsigned count)
{
    struct node *node = own(root);

    for (unsigned i = 0; i < count; i++)
        node = own_child(node, path, i);
    return node;
}

// Cuts a treap into what is before and what is behind a node that is not in it.
static void split(struct node *node, const struct node *at, struct node **before,
                  struct node **behind)
{
    while (node) {
        node = own(&node);
        if (compare(node->name, node->name_length, node->hash, at) < 0) {
            *before = node;
            before = &node->right;
            node = *before;
        } else {
            *behind = node;
            behind = &node->left;
            node = *behind;
        }
    }
    *before = *behind = NULL;
}

struct node *tree_add(struct node *parent, const char *name, size_t length, uint64_t hash,
                      struct perms *perms)
{
    struct node *node = node_new(name, length, hash, perms), **slot = &parent->children;

    while (*slot && priority(*slot) >= priority(node)) {
        struct node *there = own(slot);

        slot = compare(name, length, hash, there) < 0 ? &there->left : &there->right;
    }
    split(*slot, node, &node->left, &node->right);
    *slot = node;
    parent->child_count++;
    parent->child_bytes += (uint32_t)length + 1;
    return node;
}

// Puts two treaps together, of which all of the first is before all of the second.
static void merge(struct node **slot, struct node *left, struct node *right)
{
    while (left && right) {
        if (priority(left) >= priority(right)) {
            *slot = left;
            left = own(slot);
            slot = &left->right;
            left = *slot;
        } else {
            *slot = right;
            right = own(slot);
            slot = &right->left;
            right = *slot;
        }
    }
    *slot = left ? left : right;
}

void tree_remove(struct node *parent, const char *name, size_t length, uint64_t hash)
{
    struct node **slot = &parent->children, *left, *right, *node = NULL;
    int way = 1;

    while (*slot && way) {
        node = own(slot);
        way = compare(name, length, hash, node);
        if (way)
            slot = way < 0 ? &node->left : &node->right;
    }
    if (way)
        return;
    left = node->left;
    right = node->right;
    node->left = node->right = NULL;
    merge(slot, left, right);
    node_unref(node);
    parent->child_count--;
    parent->child_bytes -= (uint32_t)length + 1;
}

void node_set_value(struct node *node, struct value *value)
{
    value_unref(node->value);
    node->value = value;
}

void node_write(struct node *node, const void *bytes, size_t length)
{
    if (node->value && node->value->references == 1 && node->value->length == length)
        memcpy(node->value->bytes, bytes, length);
    else
        node_set_value(node, value_new(bytes, length));
}

void node_set_perms(struct node *node, struct perms *perms)
{
    perms_unref(node->perms);
    node->perms = perms;
}

static size_t collect(struct node *node, struct node **out, size_t n)
{
    if (!node)
        return n;
    n = collect(node->left, out, n);
    out[n++] = node;
    return collect(node->right, out, n);
}

static int by_creation(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;

    return x->created < y->created ? -1 : x->created > y->created;
}

struct node **tree_children(const struct node *node, bool own_memory)
{
    static struct node **shared;
    static size_t room;
    struct node **list;

    if (own_memory) {
        list = allocate((node->child_count + 1) * sizeof(*list));
    } else {
        if (node->child_count >= room)
            shared = reallocate(shared, (room = node->child_count + 64) * sizeof(*shared));
        list = shared;
    }
    qsort(list, collect(node->children, list, 0), sizeof(*list), by_creation);
    return list;
}
