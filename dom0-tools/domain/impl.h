// What the files of this room share.
#pragma once

#include "builder/builder.h"
#include "domain/domain.h"

#define DOMAIN_PATH_MAX 256
#define UUID_TEXT_MAX   37

// Says "format: what -error means" and returns `error`.
int domain_fail(const struct toolstack *t, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// control_domctl() of one command.
int domain_control(const struct toolstack *t, uint32_t command, domid_t id, struct xen_domctl *op);

// -ESRCH, which is not said: no such domain.
int domain_info(const struct toolstack *t, domid_t id, struct xen_domctl_getdomaininfo *info);

// 0 unless the domain is hardware-virtualized; then says that such cannot be `done` yet, and
// returns -EOPNOTSUPP. That there is no such domain is left to be found out by what follows.
int domain_is_pv(const struct toolstack *t, domid_t id, const char *done);

// A value of the store below /local/domain/ID, the caller's to free; NULL if there is none.
char *domain_read(const struct toolstack *t, domid_t id, const char *path);
int domain_write(const struct toolstack *t, domid_t id, const char *path, const char *value);

void domain_uuid_text(const uint8_t uuid[16], char text[UUID_TEXT_MAX]);

// nodes.c: what xenstore knows of a domain
// -----------------------------------------------------------

struct domain_rings {
    uint32_t console_port, xenstore_port;
    uint64_t console_mfn, xenstore_mfn;
};

int nodes_create(const struct toolstack *t, domid_t id, const struct domain_config *config,
                 const struct domain_rings *rings);
// 0; -ENOENT if there was nothing; what kept it from removing all. Nothing is said.
int nodes_remove(const struct toolstack *t, domid_t id);

// names.c: lets nobody else give this name to a domain, waiting for who is about to. What it
// returns is for name_release(), or -errno, which has been said; negative numbers are ignored
// there.
int name_claim(const struct toolstack *t, const char *name);
void name_release(int claim);

// preserve.c: gives a domain that has ended another name and UUID, so that both are free again
int domain_preserve(const struct toolstack *t, domid_t id, const struct domain_config *config);

// setup.c: what a domain is allowed, before it has memory
// ------------------------------------------

int setup_domain(const struct toolstack *t, domid_t id, const struct domain_config *config);
// cpuid.c
int setup_cpuid(const struct toolstack *t, domid_t id, const struct domain_config *config);

// wait.c: events of the store
// -----------------------------------------------------------------------

struct waiter {
    struct xs_handle *store;
    uint64_t deadline; // domain_now(), 0: none
    int process;       // whose end wakes too: a pidfd, -1: none
};

// Watches the end of domain `id` and, unless NULL, `path`, on a connection of its own. Says what
// fails. Where the daemon cannot tell one domain's end from another's it wakes at each.
int waiter_open(struct waiter *w, const struct toolstack *t, domid_t id, const char *path,
                unsigned seconds);
void waiter_close(struct waiter *w);

// 0: something may have changed; -ETIMEDOUT; -EIO: the connection is lost.
int waiter_next(struct waiter *w);
