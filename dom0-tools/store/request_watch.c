// WATCH, UNWATCH, RESET_WATCHES.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/request.h"
#include "store/watch.h"

// The path of a watch, absolute or special, and what it is found by. *path is NULL if it is not
// valid.
struct place {
    const char *path;
    uint64_t hash;
    bool relative;
};

static int find_place(struct request *request, const char *text, struct place *place)
{
    int error;

    if (path_is_special(text)) {
        place->path = text;
        place->hash = hash_bytes(text, strlen(text));
        place->relative = false;
        return strlen(text) > XENSTORE_REL_PATH_MAX ? -EINVAL : 0;
    }
    error = request_path(request, text);
    if (error)
        return error;
    place->path = request->path->text;
    place->hash = path_hash(request->path, request->path->count);
    place->relative = text[0] != '/';
    return 0;
}

static int parse_depth(const char *text, uint32_t *depth)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*end || !text[0] || value >= WATCH_ANY_DEPTH)
        return -EINVAL;
    *depth = (uint32_t)value;
    return 0;
}

int request_watch(struct request *request)
{
    struct connection *connection = request->connection;
    uint32_t depth = WATCH_ANY_DEPTH;
    unsigned count;
    const char *texts[3];
    struct place place;
    struct watch *watch;
    int error;

    count = request_texts(request, texts, 3);
    if (count < 2 || count > 3)
        return -EINVAL;
    error = find_place(request, texts[0], &place);
    if (!error && count == 3)
        error = parse_depth(texts[2], &depth);
    if (error)
        return error;
    if (watch_find(connection, place.path, place.hash, texts[1]))
        return -EEXIST;
    if (quota_hit(request->store, connection->domain, QUOTA_WATCHES, connection->watch_count))
        return -E2BIG;
    if (quota_hit(request->store, connection->domain, QUOTA_MEMORY,
                  (connection->domain ? connection->domain->memory : 0) + request->length))
        return -ENOMEM;
    watch = watch_add(connection, place.path, place.hash, texts[1], depth, place.relative);
    request_acknowledge(request);
    connection_event(connection, watch_event_path(watch, watch->path), watch->token);
    return 0;
}

int request_unwatch(struct request *request)
{
    const char *texts[2];
    struct place place;
    struct watch *watch;

    if (request_texts(request, texts, 2) != 2)
        return -EINVAL;
    if (find_place(request, texts[0], &place))
        return -ENOENT; // there can be no such watch
    watch = watch_find(request->connection, place.path, place.hash, texts[1]);
    if (!watch)
        return -ENOENT;
    watch_remove(watch);
    request_acknowledge(request);
    return 0;
}

int request_reset_watches(struct request *request)
{
    connection_reset(request->connection, false);
    request_acknowledge(request);
    return 0;
}
