// Programs of this domain, through a Unix stream socket. All of them may everything: the socket's
// permissions are who may use it.
#pragma once

#include "xenstored/server.h"

void sockets_prepare(struct server *server);
// Listens at the path in the options, or goes on with a socket that does. 0 or -errno, which it has
// reported.
int sockets_open(struct server *server);
void sockets_close(struct server *server); // stops listening, ends all connections

int sockets_listening(const struct server *server);
int sockets_fd(const struct connection *connection);

// A connection from before a live update.
void sockets_adopt(void *server, struct connection *connection, int fd);
// The connection's queue has something in it.
void sockets_wake(struct server *server, struct connection *connection);
// Lets an exec keep, or close, all of them.
void sockets_keep(struct server *server, bool keep);
