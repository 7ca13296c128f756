// The store: all nodes, who talks with it and who watches, and what it does with a message. It
// knows nothing of sockets, rings and hypervisors: those call it, and it calls back through `struct
// store_host`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pv-abi/xen.h"
#include "store/change.h"
#include "store/connection.h"
#include "store/quota.h"
#include "store/table.h"

struct journal;

// A domain that the store has heard of: introduced, or named in permissions.
struct domain {
    uint16_t domid;
    bool introduced;
    bool shut_down;                // and @releaseDomain was sent for that
    uint64_t since;                // generation
    uint64_t frame;                // of its ring, as it was introduced
    uint32_t port;                 // its end of the event channel
    int32_t target;                // the domain that it acts for; -1: none
    struct connection *connection; // if introduced
    uint64_t nodes;                // that it owns
    uint64_t memory;               // for nodes, watches, transactions and messages, in bytes
    uint64_t hits[QUOTA_COUNT];
    uint64_t events_lost; // for want of memory
};

// What the store asks of the world. Any function may be NULL.
struct store_host {
    // Whether the hypervisor knows a domain; NULL: all of them.
    bool (*domain_exists)(void *arg, uint16_t domid);
    // Opens the ring of a domain (frame, port) for its connection, anew if it is open: 0 or -errno.
    int (*introduce)(void *arg, struct domain *domain);
    void (*release)(void *arg, struct domain *domain);
    // There is something in a connection's queue.
    void (*wake)(void *arg, struct connection *connection);
    // A domain's writes keep others' transactions from ending: let it wait a little.
    void (*slow_down)(void *arg, struct domain *domain);
    // CONTROL "live-update": 0, having sent or prepared the reply itself, or a reason in *reason.
    int (*live_update)(void *arg, struct connection *connection, const struct xsd_sockmsg *header,
                       char **words, unsigned count, const char **reason);
    void *arg;
};

struct store {
    struct store_host host;
    struct node *root;
    uint64_t generation; // of the last change; every change has its own
    struct domain *domains[DOMID_FIRST_RESERVED];
    struct connection *connections;
    uint32_t next_socket;
    struct table watches;
    uint64_t next_watch;
    struct perms *special[2]; // of @introduceDomain, @releaseDomain
    uint32_t limits[QUOTA_COUNT];
    struct journal *journal; // NULL: nothing is kept
    uint64_t messages, conflicts;
    struct path request, scratch, commit; // paths in work: of the request, of an event, of a commit
};

struct store *store_new(const struct store_host *host);
void store_free(struct store *store);

// Handles a message: always one reply. False if the connection is no more.
bool store_handle(struct connection *connection, const struct xsd_sockmsg *header,
                  const char *payload);

struct connection *store_connect(struct store *store); // a socket's client
void store_disconnect(struct connection *connection);

// The domain, if the store has heard of it; `store_know` makes it known if the hypervisor knows it.
struct domain *store_domain(struct store *store, unsigned domid);
struct domain *store_know(struct store *store, unsigned domid);
struct domain *store_domain_new(struct store *store, uint16_t domid, uint64_t since);
void store_domain_forget(struct store *store, struct domain *domain); // which has no connection

// Connects a domain, or connects it anew. 0 or the error of host.introduce.
int store_introduce(struct store *store, unsigned domid, uint64_t frame, uint32_t port);
// Forgets a domain: its connection, and its nodes wherever they are.
void store_release(struct store *store, struct domain *domain);
// Lets a domain act for another: it may what that one may.
void store_set_target(struct domain *domain, struct domain *target);
// A domain has shut down: says so, once.
void store_shut_down(struct store *store, struct domain *domain);

// The peer broke the rules of the ring, or its socket ended: nothing more is heard or said.
void store_ignore(struct connection *connection);

// Carries out a change on the tree itself: quotas, events, state file. Gives it a generation of its
// own.
void store_change(struct store *store, struct change *change, const struct path *path);

// The permissions of a special path (of its part before any slash); NULL if there is no such.
struct perms *store_special_perms(struct store *store, const char *name);
void store_set_special_perms(struct store *store, const char *name, struct perms *perms);

// Domain `writer` made a transaction of `victim` fail.
void store_blame(struct store *store, struct connection *victim, uint16_t writer);

// Looks through everything for what must not be; logs what it finds and returns how much that is.
unsigned store_check(struct store *store);
