// READ, DIRECTORY, DIRECTORY_PART, GET_PERMS.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/alloc.h"
#include "store/request.h"

static int read_node(struct request *request, const char *text, unsigned what, struct node **node)
{
    int error = request_path(request, text);

    return error ? error : request_node(request, ACCESS_READ, what, node);
}

int request_read(struct request *request)
{
    struct node *node;
    int error = read_node(request, request_only_text(request), LOOKED_VALUE, &node);

    if (error)
        return error;
    if (node->value)
        request_reply(request, node->value->bytes, node->value->length);
    else
        request_reply(request, NULL, 0);
    return 0;
}

// The names of all children, each with its NUL: child_bytes bytes, in memory that is used again.
static const char *list_of(const struct node *node)
{
    static char *list;
    static size_t room;
    struct node **children = tree_children(node, false);
    char *at;

    if (!list || node->child_bytes > room)
        list = reallocate(list, room = node->child_bytes * 2 + 64);
    at = list;
    for (uint32_t i = 0; i < node->child_count; i++) {
        memcpy(at, children[i]->name, children[i]->name_length + 1u);
        at += children[i]->name_length + 1u;
    }
    return list;
}

int request_directory(struct request *request)
{
    struct node *node;
    int error = read_node(request, request_only_text(request), LOOKED_CHILDREN, &node);

    if (error)
        return error;
    if (node->child_bytes > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    request_reply(request, list_of(node), node->child_bytes);
    return 0;
}

// How much of a list of names, from an offset on, fits `room` bytes in whole names.
static uint32_t part_length(const char *list, uint32_t length, uint32_t offset, size_t room)
{
    uint32_t end = offset;

    while (end < length) {
        uint32_t next = end + (uint32_t)strlen(list + end) + 1;

        if (next - offset > room)
            break;
        end = next;
    }
    return end - offset;
}

int request_directory_part(struct request *request)
{
    const char *texts[2], *list;
    char reply[XENSTORE_PAYLOAD_MAX];
    struct node *node;
    uint32_t offset, length, at;
    int error;

    if (request_texts(request, texts, 2) != 2)
        return -EINVAL;
    error = read_node(request, texts[0], LOOKED_CHILDREN, &node);
    if (error)
        return error;
    offset = (uint32_t)atoi(texts[1]);
    at = (uint32_t)sprintf(reply, "%" PRIu64, node->generation) + 1;
    list = list_of(node);
    length = offset < node->child_bytes
                 ? part_length(list, node->child_bytes, offset, sizeof(reply) - at - 1)
                 : 0;
    memcpy(reply + at, list + (length ? offset : 0), length);
    at += length;
    if (offset >= node->child_bytes || offset + length == node->child_bytes)
        reply[at++] = '\0'; // the empty name that says: no more
    request_reply(request, reply, at);
    return 0;
}

int request_get_perms(struct request *request)
{
    const char *text = request_only_text(request);
    char reply[XENSTORE_PAYLOAD_MAX];
    struct perms *perms;
    struct node *node;
    int error;

    if (text && path_is_special(text)) {
        perms = store_special_perms(request->store, text);
        if (!perms)
            return -EINVAL;
        if (!(perms_access(perms, &request->connection->who) & ACCESS_READ))
            return -EACCES;
    } else {
        error = read_node(request, text, LOOKED_PERMS, &node);
        if (error)
            return error;
        perms = node->perms;
    }
    if (perms->count > sizeof(reply) / 12)
        return -E2BIG;
    request_reply(request, reply, perms_print(perms, reply));
    return 0;
}
