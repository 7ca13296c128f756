// Talks with a store in this process as a client of the wire protocol would, and says everything in
// one line: the reply, with NULs shown as '|', or "!" and the error; then the events that came
// before and after it.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/connection.h"
#include "store/store.h"

struct seen {
    uint32_t type, tx, id;
    char reply[XENSTORE_PAYLOAD_MAX + 1];
    size_t length;
    char events[1 << 16]; // "path token;" each
    unsigned replies, event_count;
};

static struct seen seen;

static inline void see(const struct xsd_sockmsg *header, const char *payload)
{
    if (header->type == XS_WATCH_EVENT) {
        const char *token = payload + strlen(payload) + 1;

        if (strlen(seen.events) + header->len + 4 < sizeof(seen.events))
            sprintf(seen.events + strlen(seen.events), "%s %s;", payload, token);
        seen.event_count++;
        return;
    }
    seen.replies++;
    seen.type = header->type;
    seen.tx = header->tx_id;
    seen.id = header->req_id;
    seen.length = header->len;
    memcpy(seen.reply, payload, header->len);
    seen.reply[header->len] = '\0';
}

// Takes everything out of a connection's queue.
static inline void drain(struct connection *connection)
{
    memset(&seen, 0, offsetof(struct seen, reply));
    seen.reply[0] = seen.events[0] = '\0';
    seen.length = seen.replies = seen.event_count = 0;
    while (connection->queue) {
        struct packet *packet = connection->queue;

        see(&packet->header, packet->payload);
        connection_sent(connection, sizeof(packet->header) + packet->header.len);
    }
}

// Sends `length` bytes of payload and takes the answer; returns the reply as text, NULs as '|'.
static inline const char *ask(struct connection *connection, uint32_t type, uint32_t tx,
                              const void *payload, size_t length)
{
    static uint32_t id;
    static char shown[XENSTORE_PAYLOAD_MAX + 2];
    char message[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg header = {
        .type = type, .req_id = ++id, .tx_id = tx, .len = (uint32_t)length};

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), payload, length);
    connection_input(connection, message, sizeof(header) + length);
    drain(connection);
    if (seen.replies != 1 || seen.id != id || seen.tx != tx ||
        (seen.type != type && seen.type != XS_ERROR))
        return "no reply";
    if (seen.type == XS_ERROR) {
        snprintf(shown, sizeof(shown), "!%s", seen.reply);
        return shown;
    }
    memcpy(shown, seen.reply, seen.length);
    for (size_t i = 0; i < seen.length; i++)
        if (!shown[i])
            shown[i] = '|';
    shown[seen.length] = '\0';
    return shown;
}

// The payload as text: '|' stands for NUL.
static inline const char *say(struct connection *connection, uint32_t type, uint32_t tx,
                              const char *text)
{
    char payload[XENSTORE_PAYLOAD_MAX];
    size_t length = strlen(text);

    memcpy(payload, text, length);
    for (size_t i = 0; i < length; i++)
        if (payload[i] == '|')
            payload[i] = '\0';
    return ask(connection, type, tx, payload, length);
}

static inline uint32_t begin(struct connection *connection)
{
    return (uint32_t)atoi(say(connection, XS_TRANSACTION_START, 0, "|"));
}

// A domain with a connection, as INTRODUCE makes it.
static inline struct connection *domain(struct store *store, unsigned domid)
{
    return store_introduce(store, domid, 1, 1) ? NULL : store_domain(store, domid)->connection;
}
