// TRANSACTION_START, TRANSACTION_END.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/request.h"

int request_transaction_start(struct request *request)
{
    struct connection *connection = request->connection;
    char reply[16];
    uint32_t id;

    if (request->transaction)
        return -EBUSY;
    if (quota_hit(request->store, connection->domain, QUOTA_TRANSACTIONS,
                  connection->transaction_count) ||
        quota_hit(request->store, connection->domain, QUOTA_MEMORY,
                  connection->domain ? connection->domain->memory : 0))
        return -ENOSPC;
    do
        id = connection->next_transaction++;
    while (!id || transaction_find(connection, id));
    transaction_new(connection, id);
    snprintf(reply, sizeof(reply), "%u", id);
    request_reply_text(request, reply);
    return 0;
}

int request_transaction_end(struct request *request)
{
    const char *text = request_only_text(request);
    int error = 0;

    if (!text || (strcmp(text, "T") && strcmp(text, "F")))
        return -EINVAL;
    if (!request->transaction)
        return -ENOENT;
    if (text[0] == 'T')
        error = transaction_commit(request->connection, request->transaction);
    transaction_free(request->connection, request->transaction);
    request->transaction = NULL;
    if (!error)
        request_acknowledge(request);
    return error;
}
