#include "xenstored/server.h"

#include "store/state.h"

void server_mark(struct server *server, struct transport *transport)
{
    if (transport->dirty)
        return;
    transport->dirty = true;
    transport->next_dirty = server->dirty;
    server->dirty = transport;
}

void server_unmark(struct server *server, struct transport *transport)
{
    struct transport **link = &server->dirty;

    if (!transport->dirty)
        return;
    while (*link != transport)
        link = &(*link)->next_dirty;
    *link = transport->next_dirty;
    transport->dirty = false;
}

void server_settle(struct server *server)
{
    state_commit(server->store);
    while (server->dirty) {
        struct transport *transport = server->dirty;

        server->dirty = transport->next_dirty;
        transport->dirty = false;
        transport->flush(transport); // a peer that has gone may make the store change again
        state_commit(server->store);
    }
}
