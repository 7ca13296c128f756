// WRITE, MKDIR, RM, SET_PERMS: each first asks everything that could forbid it, then changes the
// tree.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/request.h"
#include "store/state.h"

#define NODE_HEADER \
    24 // what Xen's store counts for a node besides permissions, value and child list

static void carry_out(struct request *request, struct change *change)
{
    change->writer = (uint16_t)request->connection->who.domid;
    change->owned = !request_privileged(request);
    change->path = request->path->text;
    if (request->transaction) {
        change->generation = ++request->store->generation;
        transaction_change(request->connection, request->transaction, change, request->path);
    } else {
        store_change(request->store, change, request->path);
    }
}

static bool too_large(struct request *request, uint32_t permissions, size_t value, size_t list)
{
    return !request_privileged(request) &&
           quota_hit(request->store, request->connection->domain, QUOTA_NODE_SIZE,
                     NODE_HEADER + permissions * sizeof(struct permission) + value + list + 1);
}

// Whether the domain may have this much more.
static bool too_much(struct request *request, unsigned nodes, size_t memory)
{
    struct domain *domain = request->connection->domain;
    int64_t delta;

    if (request_privileged(request))
        return false;
    delta = request->transaction ? transaction_delta(request->transaction, domain->domid) : 0;
    return (nodes && quota_hit(request->store, domain, QUOTA_NODES,
                               (uint64_t)((int64_t)domain->nodes + delta + nodes))) ||
           quota_hit(request->store, domain, QUOTA_MEMORY,
                     domain->memory + nodes * sizeof(struct node) + memory);
}

// Quotas of creating what the path lacks. Its parent, if it is there, gets longer by the name of
// the first new node.
static int may_create(struct request *request, size_t length)
{
    struct path *path = request->path;
    unsigned count;
    struct node *above = tree_nearest(*request_root(request), path, &count);
    uint32_t permissions = above->perms->count;
    int error;

    if (request_privileged(request))
        return 0;
    // The permissions of what is above count, and that the first new node is not there already.
    error = request_look(request, count, LOOKED_PERMS)
                ?: request_look(request, count + 1, LOOKED_PERMS);
    if (error)
        return error;
    if (too_large(request, permissions, length, 0) ||
        too_large(request, permissions, above->value ? above->value->length : 0,
                  above->child_bytes + path->part[count].length + 1u) ||
        too_much(request, path->count - count, length + path->length))
        return -ENOSPC;
    return 0;
}

// What the reply to WRITE or MKDIR depends on: nothing, if everything is allowed.
static unsigned looked_at(const struct request *request)
{
    return request_privileged(request) ? 0 : LOOKED_PERMS;
}

int request_write(struct request *request)
{
    struct change change = {.kind = CHANGE_WRITE};
    const char *text;
    struct node *node;
    int error;

    if (!request_texts(request, &text, 1))
        return -EINVAL;
    change.data = text + strlen(text) + 1;
    change.length = request->length - (strlen(text) + 1);
    error = request_path(request, text);
    if (!error)
        error = request_node(request, ACCESS_WRITE, looked_at(request), &node);
    if (!error && (too_large(request, node->perms->count, change.length, node->child_bytes) ||
                   too_much(request, 0, change.length)))
        error = -ENOSPC;
    if (error == -ENOENT)
        error = may_create(request, change.length);
    if (error)
        return error;
    carry_out(request, &change);
    request_acknowledge(request);
    return 0;
}

int request_mkdir(struct request *request)
{
    struct change change = {.kind = CHANGE_MKDIR};
    struct node *node;
    int error = request_path(request, request_only_text(request));

    if (!error)
        error = request_node(request, ACCESS_WRITE, looked_at(request), &node);
    if (error == -ENOENT) {
        error = may_create(request, 0);
        if (!error)
            carry_out(request, &change);
    } else if (!error) {
        error = request_look(request, request->path->count, LOOKED_PERMS); // it must still be there
    }
    if (!error)
        request_acknowledge(request);
    return error;
}

int request_rm(struct request *request)
{
    struct change change = {.kind = CHANGE_RM};
    struct node *node;
    unsigned count;
    int error = request_path(request, request_only_text(request));

    if (error)
        return error;
    error = request_node(request, ACCESS_WRITE, LOOKED_PERMS, &node);
    if (error == -ENOENT) { // fine, if its parent is there
        tree_nearest(*request_root(request), request->path, &count);
        if (count + 1 < request->path->count)
            return request_look(request, request->path->count - 1, LOOKED_PERMS) ?: -ENOENT;
        error = request_look(request, count, LOOKED_PERMS);
    } else if (!error && !request->path->count) {
        return -EINVAL;
    } else if (!error) {
        carry_out(request, &change);
    }
    if (!error)
        request_acknowledge(request);
    return error;
}

// Reads the permissions behind the path in the payload into `entries`, as many as there are.
static int parse_all(struct request *request, const char *at, unsigned count,
                     struct permission *entries)
{
    for (unsigned i = 0; i < count; i++, at += strlen(at) + 1)
        if (perms_parse(&entries[i], at))
            return -EINVAL;
    return 0;
}

static int set_special(struct request *request, const char *name, struct permission *entries,
                       unsigned count)
{
    struct perms *old = store_special_perms(request->store, name);

    if (!old || strchr(name, '/') || !(perms_access(old, &request->connection->who) & ACCESS_OWNER))
        return -EINVAL;
    store_set_special_perms(request->store, name,
                            perms_new(entries, count, ++request->store->generation));
    request_acknowledge(request);
    return 0;
}

static int set_node(struct request *request, const char *text, struct change *change)
{
    const struct permission *entries = change->data;
    uint32_t count = (uint32_t)(change->length / sizeof(*entries));
    struct node *node;
    int error = request_path(request, text);

    if (!error)
        error = request_node(request, ACCESS_WRITE | ACCESS_OWNER, LOOKED_PERMS, &node);
    if (error)
        return error;
    if (!request_privileged(request) && entries[0].domid != node->perms->entry[0].domid)
        return -EPERM;
    if (too_large(request, count, node->value ? node->value->length : 0, node->child_bytes) ||
        too_much(request, 0, change->length))
        return -ENOSPC;
    carry_out(request, change);
    request_acknowledge(request);
    return 0;
}

int request_set_perms(struct request *request)
{
    struct permission entries[XENSTORE_PAYLOAD_MAX / 3 + 1];
    struct change change = {.kind = CHANGE_PERMS, .data = entries};
    const char *text;
    unsigned count = request_texts(request, &text, 1);
    int error;

    if (count < 2)
        return -EINVAL;
    count--;
    if (quota_hit(request->store, request->connection->domain, QUOTA_PERMISSIONS, count))
        return -ENOSPC;
    if (count > sizeof(entries) / sizeof(entries[0]))
        return -EINVAL;
    error = parse_all(request, text + strlen(text) + 1, count, entries);
    if (error)
        return error;
    for (unsigned i = count; i-- > 0;)
        if (!store_know(request->store, entries[i].domid) && !i)
            return -ENOENT;
    if (path_is_special(text))
        return set_special(request, text, entries, count);
    change.length = count * sizeof(entries[0]);
    return set_node(request, text, &change);
}
