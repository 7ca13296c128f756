// The store at the start: as a predecessor left it, or new.
#pragma once

#include "xenstored/server.h"

// Makes server->store, with these quotas if it is new, and begins its state file. 0 or -errno,
// which it has reported.
int restart_store(struct server *server, const uint32_t *limits);
