#include "store/request.h"

#include <errno.h>
#include <string.h>

#include "store/log.h"
#include "store/state.h"

#define NO_TRANSACTION 1 // the transaction id counts for nothing
#define PRIVILEGED     2

static const struct operation {
    const char *name;
    request_handler *handler;
    unsigned flags;
} operations[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {"CONTROL", request_control, PRIVILEGED},
    [XS_DIRECTORY] = {"DIRECTORY", request_directory, 0},
    [XS_READ] = {"READ", request_read, 0},
    [XS_GET_PERMS] = {"GET_PERMS", request_get_perms, 0},
    [XS_WATCH] = {"WATCH", request_watch, NO_TRANSACTION},
    [XS_UNWATCH] = {"UNWATCH", request_unwatch, NO_TRANSACTION},
    [XS_TRANSACTION_START] = {"TRANSACTION_START", request_transaction_start, 0},
    [XS_TRANSACTION_END] = {"TRANSACTION_END", request_transaction_end, 0},
    [XS_INTRODUCE] = {"INTRODUCE", request_introduce, PRIVILEGED},
    [XS_RELEASE] = {"RELEASE", request_release, PRIVILEGED},
    [XS_GET_DOMAIN_PATH] = {"GET_DOMAIN_PATH", request_get_domain_path, 0},
    [XS_WRITE] = {"WRITE", request_write, 0},
    [XS_MKDIR] = {"MKDIR", request_mkdir, 0},
    [XS_RM] = {"RM", request_rm, 0},
    [XS_SET_PERMS] = {"SET_PERMS", request_set_perms, 0},
    [XS_WATCH_EVENT] = {"WATCH_EVENT", NULL, 0},
    [XS_ERROR] = {"ERROR", NULL, 0},
    [XS_IS_DOMAIN_INTRODUCED] = {"IS_DOMAIN_INTRODUCED", request_is_domain_introduced, PRIVILEGED},
    [XS_RESUME] = {"RESUME", request_resume, PRIVILEGED},
    [XS_SET_TARGET] = {"SET_TARGET", request_set_target, PRIVILEGED},
    [XS_RESET_WATCHES] = {"RESET_WATCHES", request_reset_watches, 0},
    [XS_DIRECTORY_PART] = {"DIRECTORY_PART", request_directory_part, 0},
};

static const char *type_name(uint32_t type)
{
    return type < XS_TYPE_COUNT && operations[type].name ? operations[type].name : "?";
}

static const char *error_name(int error)
{
    switch (error) {
#define ERROR_NAME(name) \
    case name:           \
        return #name;
        XSD_ERROR_LIST(ERROR_NAME)
#undef ERROR_NAME
    }
    return "EINVAL";
}

static void send(struct request *request, uint32_t type, const void *payload, size_t length)
{
    struct xsd_sockmsg header = *request->header;

    header.type = type;
    header.len = (uint32_t)length;
    if (trace_on)
        trace_message("out", connection_name(request->connection), type_name(type), payload,
                      length);
    connection_send(request->connection, &header, payload);
}

static void send_error(struct request *request, int error)
{
    const char *name = error_name(error);

    send(request, XS_ERROR, name, strlen(name) + 1);
}

void request_reply(struct request *request, const void *payload, size_t length)
{
    if (length > XENSTORE_PAYLOAD_MAX)
        send_error(request, E2BIG);
    else
        send(request, request->header->type, payload, length);
}

void request_reply_text(struct request *request, const char *text)
{
    request_reply(request, text, strlen(text) + 1);
}

void request_acknowledge(struct request *request)
{
    request_reply(request, "OK", 3);
}

const char *request_only_text(const struct request *request)
{
    return request->length && memchr(request->payload, 0, request->length) ==
                                  request->payload + request->length - 1
               ? request->payload
               : NULL;
}

unsigned request_texts(const struct request *request, const char *texts[], unsigned max)
{
    const char *at = request->payload, *end = at + request->length, *nul;
    unsigned count = 0;

    for (; at < end && (nul = memchr(at, 0, (size_t)(end - at))); at = nul + 1) {
        if (count < max)
            texts[count] = at;
        count++;
    }
    return count;
}

int request_path(struct request *request, const char *text)
{
    uint32_t limit = request_privileged(request) ? 0 : request->store->limits[QUOTA_PATH];

    return text ? path_parse(request->path, text, request->connection->home, limit) : -EINVAL;
}

int request_look(struct request *request, unsigned count, unsigned what)
{
    struct transaction *transaction = request->transaction;

    if (!transaction || !what)
        return 0;
    transaction_look(request->connection, transaction, request->path, count, what);
    return quota_hit(request->store, request->connection->domain, QUOTA_TRANSACTION_NODES,
                     transaction->accessed.count)
               ? -ENOSPC
               : 0;
}

int request_node(struct request *request, unsigned access, unsigned what, struct node **node)
{
    struct path *path = request->path;
    const struct identity *who = &request->connection->who;
    struct node *found, *above;
    unsigned count;
    int error;

    above = tree_nearest(*request_root(request), path, &count);
    found = count == path->count ? above : NULL;
    error = request_look(request, path->count, what);
    if (error)
        return error;
    if (found && (perms_access(found->perms, who) & access) == access) {
        *node = found;
        return 0;
    }
    if (who->privileged)
        return -ENOENT;
    if (found && count)
        above = tree_find(*request_root(request), path, --count);
    error = request_look(request, count, LOOKED_PERMS);
    if (error)
        return error;
    return !found && above && perms_access(above->perms, who) & access ? -ENOENT : -EACCES;
}

static struct transaction *transaction_of(struct request *request, int *error)
{
    struct transaction *transaction = NULL;

    if (request->header->tx_id)
        transaction = transaction_find(request->connection, request->header->tx_id);
    *error = request->header->tx_id && !transaction ? ENOENT : 0;
    return transaction;
}

static int dispatch(struct request *request)
{
    uint32_t type = request->header->type;
    const struct operation *operation;
    int error = 0;

    if (type >= XS_TYPE_COUNT || !operations[type].handler)
        return -ENOSYS;
    operation = &operations[type];
    if (operation->flags & PRIVILEGED && !request_privileged(request))
        return -EACCES;
    if (!(operation->flags & NO_TRANSACTION))
        request->transaction = transaction_of(request, &error);
    return error ? -error : operation->handler(request);
}

bool store_handle(struct connection *connection, const struct xsd_sockmsg *header,
                  const char *payload)
{
    struct store *store = connection->store;
    struct request request = {store,   connection,  NULL,           header,
                              payload, header->len, &store->request};
    int error;

    store->messages++;
    if (trace_on)
        trace_message("in", connection_name(connection), type_name(header->type), payload,
                      header->len);
    error = dispatch(&request);
    if (error)
        send_error(&request, -error);
    return !connection->ignored;
}
