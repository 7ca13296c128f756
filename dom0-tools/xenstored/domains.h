// Domains, through their rings: which to look at when an event comes, and who has gone.
#pragma once

#include "xenstored/server.h"

// Opens the hypervisor's devices. 0 or -errno, which it has reported.
int domains_open(struct server *server);
void domains_close(struct server *server);

// Opens the rings of the domains that a state file told of, and domain 0's own; looks who has gone
// meanwhile. 0 or -errno, which it has reported.
int domains_start(struct server *server);

// The store's callbacks (store_host).
bool domains_exists(struct server *server, uint16_t domid);
int domains_introduce(struct server *server, struct domain *domain);
void domains_release(struct server *server, struct domain *domain);
void domains_wake(struct server *server, struct connection *connection);
void domains_slow_down(struct server *server, struct domain *domain);
