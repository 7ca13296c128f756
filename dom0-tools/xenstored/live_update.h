// CONTROL "live-update": another program takes this one's place, in the same process, with all its
// state and sockets.
//
//   live-update -f FILE     the program
//   live-update -c CMDLINE  its arguments, if not this one's
//   live-update -s [-F] [-t SECONDS]   go: replies "OK" from the new program
//   live-update -a          forget -f and -c
//
// Open transactions go over too, and have to be repeated, so there is nothing to wait for.
#pragma once

#include "xenstored/server.h"

int live_update_control(struct server *server, struct connection *connection,
                        const struct xsd_sockmsg *header, char **words, unsigned count,
                        const char **reason);
void live_update_free(struct server *server);

// Where the state waits for the new program: the state file's name with this at its end.
#define LIVE_UPDATE_SUFFIX ".update"
// The option that tells it so, with the listening socket's file descriptor.
#define LIVE_UPDATE_OPTION "--live-update"
