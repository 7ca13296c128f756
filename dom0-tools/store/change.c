#include "store/change.h"

#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"

static void tell_owned(const struct change_listener *listener, const struct node *node, int sign)
{
    if (listener->owned)
        listener->owned(listener->arg, node, sign);
}

static void tell_changed(const struct change_listener *listener, const char *path,
                         const struct node *node, const struct perms *before, bool exact)
{
    if (listener->changed)
        listener->changed(listener->arg, path, node, before, exact);
}

static void touch(struct node *node, const struct change *change, bool children)
{
    node->generation = change->generation;
    node->writer = change->writer;
    if (children)
        node->children_generation = change->generation;
}

// Adds what a path lacks below `node`, its first `count` names.
static struct node *create(struct node *node, const struct change *change, const struct path *path,
                           unsigned count, const struct change_listener *listener)
{
    for (; count < path->count; count++) {
        const struct path_part *part = &path->part[count];
        struct perms *perms = perms_inherit(node->perms, change->owned ? change->writer : -1);

        touch(node, change, true);
        node = tree_add(node, path->text + part->start, part->length, part->name_hash, perms);
        touch(node, change, true);
        node->created = change->generation;
        tell_owned(listener, node, 1);
    }
    return node;
}

static void apply_create(struct node **root, const struct change *change, const struct path *path,
                         const struct change_listener *listener)
{
    unsigned count;
    struct node *node = tree_own_nearest(root, path, &count);

    if (count == path->count && change->kind == CHANGE_MKDIR)
        return;
    node = create(node, change, path, count, listener);
    if (change->kind == CHANGE_WRITE) {
        tell_owned(listener, node, -1);
        node_write(node, change->data, change->length);
        touch(node, change, false);
        tell_owned(listener, node, 1);
    }
    tell_changed(listener, path->text, node, NULL, false);
}

// Says goodbye to a node after all below it. `text` holds its path and has room for its children's.
static void leave(struct node *node, char *text, size_t length, bool exact,
                  const struct change_listener *listener)
{
    struct node **children = node->child_count ? tree_children(node, true) : NULL;

    for (uint32_t i = 0; i < node->child_count; i++) {
        text[length] = '/';
        memcpy(text + length + 1, children[i]->name, children[i]->name_length + 1u);
        leave(children[i], text, length + 1 + children[i]->name_length, true, listener);
    }
    free(children);
    text[length] = '\0';
    tell_changed(listener, text, node, NULL, exact);
    tell_owned(listener, node, -1);
}

static void apply_rm(struct node **root, const struct change *change, const struct path *path,
                     const struct change_listener *listener)
{
    const struct path_part *last = &path->part[path->count - 1];
    char text[XENSTORE_ABS_PATH_MAX + 1];
    struct node *parent;

    parent = tree_own(root, path, path->count - 1);
    memcpy(text, path->text, path->length + 1);
    leave(tree_find(*root, path, path->count), text, path->length, false, listener);
    tree_remove(parent, path->text + last->start, last->length, last->name_hash);
    touch(parent, change, true);
}

static void apply_perms(struct node **root, const struct change *change, const struct path *path,
                        const struct change_listener *listener)
{
    uint32_t count = (uint32_t)(change->length / sizeof(struct permission));
    struct node *node = tree_own(root, path, path->count);
    struct perms *before = perms_ref(node->perms);

    tell_owned(listener, node, -1);
    node_set_perms(node, perms_new(change->data, count, change->generation));
    touch(node, change, false);
    tell_owned(listener, node, 1);
    tell_changed(listener, path->text, node, before, false);
    perms_unref(before);
}

void change_apply(struct node **root, const struct change *change, const struct path *path,
                  const struct change_listener *listener)
{
    switch (change->kind) {
    case CHANGE_WRITE:
    case CHANGE_MKDIR:
        apply_create(root, change, path, listener);
        break;
    case CHANGE_RM:
        apply_rm(root, change, path, listener);
        break;
    case CHANGE_PERMS:
        apply_perms(root, change, path, listener);
        break;
    }
}

struct change *change_copy(const struct change *change)
{
    size_t path = strlen(change->path) + 1, data = (change->length + 7) & ~7ul;
    struct change *copy = allocate(sizeof(*copy) + data + path);

    *copy = *change;
    copy->next = NULL;
    copy->data = copy + 1;
    copy->path = (char *)(copy + 1) + data;
    if (change->length)
        memcpy(copy + 1, change->data, change->length);
    memcpy((char *)(copy + 1) + data, change->path, path);
    return copy;
}
