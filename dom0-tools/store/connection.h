// Who talks with the store: a domain through its ring, or a program through a socket.
//
// What is to be sent waits in a queue of packets that the transport (ring.c, socket.c) empties as
// the peer takes it. A watch event of which an equal one is still waiting is not queued again, so
// a peer that does not listen takes bounded memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pv-abi/io/xs_wire.h"
#include "store/path.h"
#include "store/perms.h"
#include "store/table.h"

// Connections of domains have the domain's id, those of sockets ids from here on.
#define CONNECTION_SOCKETS 0x10000u

struct packet {
    struct packet *next;
    struct table_entry pending; // of events, by what they say
    bool event, special;
    struct xsd_sockmsg header; // and behind it, without a gap, the payload
    char payload[];
};

struct connection {
    struct connection *next, **link; // of all
    struct store *store;
    struct domain *domain; // NULL: a socket's client
    uint32_t id;
    struct identity who;
    char home[PATH_HOME_MAX]; // what relative paths begin with
    bool ignored;             // the peer broke the protocol: nothing is read or sent any more

    struct packet *queue, **queue_end;
    size_t queue_sent;    // bytes of the first packet that are gone
    size_t queue_bytes;   // of all packets
    unsigned replies;     // among the packets
    uint32_t queue_start; // position in the stream of the first packet's first byte
    uint32_t consumer;    // of a ring: up to where requests were taken
    struct table pending;

    struct watch *watches, **watches_end;
    unsigned watch_count;
    struct transaction *transactions;
    unsigned transaction_count;
    uint32_t next_transaction;

    char *input; // a message of which a part is here
    size_t input_length;
    void *transport;
};

struct connection *connection_new(struct store *store, uint32_t id, struct domain *domain);
// Forgets watches, transactions, input and output, as RESET_WATCHES and INTRODUCE want (the latter:
// all).
void connection_reset(struct connection *connection, bool streams);
void connection_free(struct connection *connection);

// "domain 5", "socket 12"
const char *connection_name(const struct connection *connection);

// Queues a packet. An event (XS_WATCH_EVENT) may be dropped: as a duplicate, as too long, or for
// want of quota.
void connection_send(struct connection *connection, const struct xsd_sockmsg *header,
                     const void *payload);
void connection_event(struct connection *connection, const char *path, const char *token);

// The next bytes to be sent lie at what this returns, *length of them; NULL: none.
const char *connection_output(const struct connection *connection, size_t *length);
void connection_sent(struct connection *connection, size_t length);

// Whether more may be read from a domain: not if it leaves its replies or has used up its memory.
bool connection_may_ask(struct connection *connection);

// Bytes of the stream of requests, in any pieces. Handles each message as it is complete.
// -EPROTO: one claimed to be longer than allowed; -ESHUTDOWN: the connection is no more.
int connection_input(struct connection *connection, const char *bytes, size_t length);
// How many of these bytes would make the next message complete; 0 if that cannot be said yet.
size_t connection_wants(const struct connection *connection, const char *bytes, size_t length);
// The same for bytes that make no message complete, even with those that are here already: -EPROTO
// if they do.
int connection_take_in(struct connection *connection, const char *bytes, size_t length);
