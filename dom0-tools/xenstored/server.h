// The daemon: one thread around libevent, which brings bytes to the store and takes them from it.
//
// What the store sends is only queued while a message is handled. When the state file is committed
// the queues of all transports that have become dirty are emptied, so that nobody hears of what a
// successor would not know.
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "store/store.h"

struct options {
    const char *socket, *state, *pid_file, *trace;
    bool domains;  // there is a hypervisor
    bool fork;     // into the background
    int listening; // from before a live update: the socket; -1: none
    char **words;  // the program's own arguments
};

// One way to a peer: the beginning of a socket's client or a domain's channel.
struct transport {
    struct transport *next_dirty;
    bool dirty;
    void (*flush)(struct transport *transport); // may free it
};

struct server {
    struct event_base *base;
    struct store *store;
    const struct options *options;
    struct transport *dirty;
    struct sockets *sockets;
    struct domains *domains; // NULL: no hypervisor
    struct live_update *update;
    bool stopping;
};

// The program, but for its name: what main() is to return.
int server_main(int argc, char **argv);

// Commits the state, then sends all that waits. At the end of whatever may have changed something.
void server_settle(struct server *server);

// Makes the transport's queue be sent by the next server_settle(), or not any more.
void server_mark(struct server *server, struct transport *transport);
void server_unmark(struct server *server, struct transport *transport);
