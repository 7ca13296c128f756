// The store at the start: as a predecessor left it, or new.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/log.h"
#include "store/state.h"
#include "xenstored/domains.h"
#include "xenstored/live_update.h"
#include "xenstored/restart.h"
#include "xenstored/socket.h"

static bool host_exists(void *arg, uint16_t domid)
{
    return domains_exists(arg, domid);
}

static int host_introduce(void *arg, struct domain *domain)
{
    return domains_introduce(arg, domain);
}

static void host_release(void *arg, struct domain *domain)
{
    domains_release(arg, domain);
}

static void host_slow_down(void *arg, struct domain *domain)
{
    domains_slow_down(arg, domain);
}

static void host_wake(void *arg, struct connection *connection)
{
    if (connection->domain)
        domains_wake(arg, connection);
    else
        sockets_wake(arg, connection);
}

static int host_live_update(void *arg, struct connection *connection,
                            const struct xsd_sockmsg *header, char **words, unsigned count,
                            const char **reason)
{
    return live_update_control(arg, connection, header, words, count, reason);
}

static struct store *new_store(struct server *server, const uint32_t *limits)
{
    struct store_host host = {.wake = host_wake, .live_update = host_live_update, .arg = server};
    struct store *store;

    if (server->options->domains) {
        host.domain_exists = host_exists;
        host.introduce = host_introduce;
        host.release = host_release;
        host.slow_down = host_slow_down;
    }
    store = store_new(&host);
    memcpy(store->limits, limits, sizeof(store->limits));
    return store;
}

// What every store has from the beginning.
static void first_nodes(struct store *store)
{
    struct change change = {.kind = CHANGE_MKDIR, .path = "/tool/xenstored"};

    if (!path_parse(&store->commit, change.path, "", 0))
        store_change(store, &change, &store->commit);
}

// Goes on from a state file: 1; 0 if there is none that is any good.
static int restore(struct server *server, const char *path, bool sockets)
{
    struct journal *journal = journal_open(path);
    int error;

    if (!journal) {
        if (errno != ENOENT)
            log_info("the state in %s is not used: %s", path, strerror(errno));
        return 0;
    }
    error = state_restore(server->store, journal, sockets ? sockets_adopt : NULL, server);
    journal_free(journal);
    if (error)
        log_error("the state in %s cannot be used: %s", path, strerror(-error));
    return !error;
}

static int restore_any(struct server *server)
{
    const char *state = server->options->state;
    char *update = NULL;
    int done;

    if (!strcmp(state, "none"))
        return 0;
    if (server->options->listening < 0)
        return restore(server, state, false);
    if (asprintf(&update, "%s" LIVE_UPDATE_SUFFIX, state) < 0)
        abort();
    done = restore(server, update, true);
    unlink(update);
    free(update);
    return done;
}

static int begin_state(struct server *server)
{
    const char *state = server->options->state;
    int error = strcmp(state, "none") ? state_begin(server->store, state) : 0;

    if (error)
        log_error("cannot write the state to '%s': %s (--state FILE: elsewhere; --state none: a "
                  "restart loses everything)",
                  state, strerror(-error));
    return error;
}

int restart_store(struct server *server, const uint32_t *limits)
{
    server->store = new_store(server, limits);
    if (!restore_any(server)) {
        struct store *half = server->store;

        while (server->dirty)
            server_unmark(server, server->dirty);
        if (half->next_socket)
            return -EBADMSG; // of a live update: sockets are in it already
        store_free(half);
        server->store = new_store(server, limits);
        first_nodes(server->store);
    }
    return begin_state(server);
}
