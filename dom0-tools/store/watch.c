#include "store/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/state.h"
#include "store/store.h"

struct watch *watch_add(struct connection *connection, const char *path, uint64_t hash,
                        const char *token, uint32_t depth, bool relative)
{
    size_t first = strlen(path) + 1, second = strlen(token) + 1;
    struct watch *watch = allocate(sizeof(*watch) + first + second);

    watch->connection = connection;
    watch->serial = connection->store->next_watch++;
    watch->depth = depth;
    watch->relative = relative;
    watch->path = (char *)(watch + 1);
    watch->token = watch->path + first;
    memcpy(watch->path, path, first);
    memcpy(watch->token, token, second);
    watch->link = connection->watches_end;
    *watch->link = watch;
    connection->watches_end = &watch->next;
    connection->watch_count++;
    table_insert(&connection->store->watches, &watch->entry, hash);
    quota_memory(connection->store, connection->domain, (int64_t)(sizeof(*watch) + first + second));
    state_watch(watch, true);
    return watch;
}

struct watch *watch_find(struct connection *connection, const char *path, uint64_t hash,
                         const char *token)
{
    struct table_entry *entry = table_first(&connection->store->watches, hash);

    for (; entry; entry = table_next(entry)) {
        struct watch *watch = table_of(entry, struct watch, entry);

        if (watch->connection == connection && !strcmp(watch->path, path) &&
            !strcmp(watch->token, token))
            return watch;
    }
    return NULL;
}

void watch_remove(struct watch *watch)
{
    struct connection *connection = watch->connection;

    state_watch(watch, false);
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    else
        connection->watches_end = watch->link;
    connection->watch_count--;
    table_remove(&connection->store->watches, &watch->entry);
    quota_memory(connection->store, connection->domain,
                 -(int64_t)(sizeof(*watch) + strlen(watch->path) + strlen(watch->token) + 2));
    free(watch);
}

void watch_remove_all(struct connection *connection)
{
    while (connection->watches)
        watch_remove(connection->watches);
}

const char *watch_event_path(const struct watch *watch, const char *path)
{
    if (!watch->relative)
        return path;
    path += strlen(watch->connection->home);
    return *path == '/' ? path + 1 : path;
}

static bool permitted(const struct watch *watch, const struct path *path, const struct node *node,
                      const struct perms *before)
{
    const struct identity *who = &watch->connection->who;
    const struct node *parent;

    if (who->privileged || (before && perms_access(before, who) & ACCESS_READ) ||
        perms_access(node->perms, who) & ACCESS_READ)
        return true;
    parent = path->count ? tree_find(watch->connection->store->root, path, path->count - 1) : NULL;
    return parent && perms_access(parent->perms, who) & ACCESS_READ;
}

// Watches that match an event, to be told in the order in which they were set.
struct matches {
    struct watch **list;
    size_t count, room;
};

static void match(struct matches *matches, struct watch *watch)
{
    if (matches->count == matches->room) {
        matches->room = matches->room ? matches->room * 2 : 16;
        matches->list = reallocate(matches->list, matches->room * sizeof(struct watch *));
    }
    matches->list[matches->count++] = watch;
}

static int by_serial(const void *a, const void *b)
{
    const struct watch *x = *(struct watch *const *)a, *y = *(struct watch *const *)b;

    return x->serial < y->serial ? -1 : 1;
}

static void tell(struct matches *matches, const char *path)
{
    if (matches->count > 1)
        qsort(matches->list, matches->count, sizeof(matches->list[0]), by_serial);
    for (size_t i = 0; i < matches->count; i++)
        connection_event(matches->list[i]->connection, watch_event_path(matches->list[i], path),
                         matches->list[i]->token);
    matches->count = 0;
}

static struct matches found; // its memory is used again and again

void watch_fire(struct store *store, const char *text, const struct node *node,
                const struct perms *before, bool exact)
{
    struct path *path = &store->scratch;

    if (!store->watches.count || path_parse(path, text, "", 0))
        return;
    for (unsigned count = exact ? path->count : 0; count <= path->count; count++) {
        struct table_entry *entry = table_first(&store->watches, path_hash(path, count));
        size_t length = count ? path->part[count - 1].start + path->part[count - 1].length : 1u;

        for (; entry; entry = table_next(entry)) {
            struct watch *watch = table_of(entry, struct watch, entry);

            if (path->count - count <= watch->depth && !strncmp(watch->path, text, length) &&
                !watch->path[length] && permitted(watch, path, node, before))
                match(&found, watch);
        }
    }
    tell(&found, text);
}

// Tells the watches on a special path of an event: `deep`, those of depth 1 alone; else, the others
// alone.
static void fire_special(struct store *store, const char *on, const char *path, const char *name,
                         bool deep)
{
    struct perms *perms = store_special_perms(store, name);
    struct table_entry *entry = table_first(&store->watches, hash_bytes(on, strlen(on)));

    for (; entry; entry = table_next(entry)) {
        struct watch *watch = table_of(entry, struct watch, entry);

        if (!strcmp(watch->path, on) && deep == (watch->depth == 1) &&
            perms_access(perms, &watch->connection->who) & ACCESS_READ)
            match(&found, watch);
    }
    tell(&found, path);
}

void watch_fire_special(struct store *store, const char *name, unsigned domid, bool plain)
{
    char about[64];

    if (!store->watches.count)
        return;
    snprintf(about, sizeof(about), "%s/%u", name, domid);
    fire_special(store, about, about, name, false);
    fire_special(store, about, about, name, true);
    fire_special(store, name, about, name, true);
    if (plain)
        fire_special(store, name, name, name, false);
}
