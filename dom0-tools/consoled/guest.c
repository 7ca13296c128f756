#include "consoled/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consoled/guest_nodes.h"
#include "control/evtchn.h"
#include "control/grant.h"
#include "pv-abi/grant_table.h"

// --- from the ring ---

static void period_over(evutil_socket_t fd, short what, void *of)
{
    struct guest *guest = of;

    guest->bytes = guest->events = 0;
    if (guest->masked)
        guest_event(guest);
}

static void count(struct guest *guest, size_t bytes)
{
    static const struct timeval period = {0, PERIOD_MS * 1000};

    guest->events++;
    guest->bytes += bytes;
    if (!evtimer_pending(guest->period, NULL))
        evtimer_add(guest->period, &period);
}

// Takes what the ring holds, once. False if that was nothing. The guest is given the room only when
// the log has the bytes: should this daemon be killed, the next one finds them in either.
static bool drain(struct guest *guest)
{
    char text[RING_OUT_SIZE];
    ssize_t len = ring_read(guest->page, text);

    if (len < 0 && !guest->complained) {
        note("domain %u (%s): its console ring's indices make no sense; what they would cover is "
             "skipped",
             guest->domid, guest->name);
        guest->complained = true;
    }
    if (len <= 0)
        return false;
    count(guest, len);
    int error = guest->daemon->settings.log_dir ? log_file_write(&guest->log, text, len) : 0;

    if (error)
        note("domain %u (%s): cannot write %s: %s; what is lost will be counted there",
             guest->domid, guest->name, guest->log.path, strerror(-error));
    ring_taken(guest->page, (size_t)len);
    if (guest->terminal && terminal_show(guest->terminal, text, len))
        note("domain %u (%s): its pty is not read as fast as it prints; the oldest bytes go",
             guest->domid, guest->name);
    return true;
}

void guest_event(struct guest *guest)
{
    if (guest->port < 0)
        return;
    guest->masked = true;
    if (guest->bytes >= ALLOWANCE_BYTES || guest->events >= ALLOWANCE_EVENTS)
        return; // period_over() comes back to it
    count(guest, 0);
    if (drain(guest))
        evtchn_notify(guest->daemon->evtchn, guest->port); // there is room in its ring
    if (guest->terminal)
        terminal_listen(guest->terminal); // it may have read what was typed
    guest->masked = false;
    evtchn_unmask(guest->daemon->evtchn, guest->port);
}

// --- into the ring ---

static size_t room(void *of)
{
    struct guest *guest = of;

    return guest->port >= 0 ? ring_room(guest->page) : 0;
}

static void typed(void *of, const char *text, size_t len)
{
    struct guest *guest = of;

    ring_give(guest->page, text, len);
    evtchn_notify(guest->daemon->evtchn, guest->port);
}

// --- connection ---

static void *map_page(struct guest *guest, uint64_t ring_ref)
{
    const uint32_t reserved = GNTTAB_RESERVED_CONSOLE;
    struct consoled *daemon = guest->daemon;
    void *page = daemon->grants < 0 ? NULL
                                    : grant_map(daemon->grants, guest->domid, &reserved, 1,
                                                PROT_READ | PROT_WRITE);

    guest->granted = page;
    return page ? page
                : control_map(daemon->control, guest->domid, PROT_READ | PROT_WRITE, &ring_ref, 1,
                              NULL);
}

static bool index_port(struct consoled *daemon, struct guest *guest, unsigned port)
{
    if (port >= daemon->ports) {
        unsigned ports = port + 64;
        struct guest **grown = realloc(daemon->by_port, ports * sizeof(struct guest *));

        if (!grown)
            return false;
        memset(grown + daemon->ports, 0, (ports - daemon->ports) * sizeof(struct guest *));
        daemon->by_port = grown;
        daemon->ports = ports;
    }
    daemon->by_port[port] = guest;
    return true;
}

// Takes what is left in the ring and gives back page and port.
static void disconnect(struct guest *guest)
{
    struct consoled *daemon = guest->daemon;

    if (guest->page) {
        drain(guest);
        if (guest->granted)
            grant_unmap(daemon->grants, guest->page, 1);
        else
            control_unmap(guest->page, 1);
        guest->page = NULL;
    }
    if (guest->port >= 0) {
        daemon->by_port[guest->port] = NULL;
        evtchn_unbind(daemon->evtchn, guest->port);
        guest->port = -1;
    }
    guest->masked = false;
    evtimer_del(guest->period);
}

static void complain(struct guest *guest, const char *what, int error)
{
    note("domain %u (%s): cannot %s: %s; its console is not served", guest->domid, guest->name,
         what, strerror(error));
}

// The page first: what a guest printed is of use even if its port is gone.
static bool attach(struct guest *guest, uint64_t ring_ref, uint32_t port)
{
    guest->ring_ref = ring_ref;
    guest->remote_port = port;
    guest->complained = false;
    guest->page = map_page(guest, ring_ref);
    if (!guest->page) {
        complain(guest, "map its console page", errno);
        return false;
    }
    guest->port = evtchn_bind_interdomain(guest->daemon->evtchn, guest->domid, port);
    if (guest->port >= 0 && index_port(guest->daemon, guest, guest->port))
        return true;
    complain(guest, "bind its console's event channel", guest->port < 0 ? -guest->port : ENOMEM);
    if (guest->port >= 0)
        evtchn_unbind(guest->daemon->evtchn, guest->port);
    guest->port = -1;
    drain(guest);
    return false;
}

// While a domain is being moved here it is called NAME--incoming; its log is NAME's.
static int name_length(const struct guest *guest)
{
    static const char incoming[] = "--incoming";
    size_t length = strlen(guest->name), suffix = sizeof(incoming) - 1;

    if (length > suffix && !strcmp(guest->name + length - suffix, incoming))
        length -= suffix;
    return (int)length;
}

// Opens log and pty; what cannot be opened is said, and done without.
static void open_terminal(struct guest *guest)
{
    const struct settings *settings = &guest->daemon->settings;
    char path[PATH_MAX];
    int error = 0;

    if (settings->log_dir && !guest->log.path) {
        snprintf(path, sizeof(path), "%s/guest-%.*s.log", settings->log_dir, name_length(guest),
                 guest->name);
        error = log_file_open(&guest->log, path, settings->log);
        if (error)
            note("domain %u (%s): cannot open %s: %s", guest->domid, guest->name, path,
                 strerror(-error));
    }
    if (guest->terminal)
        return;
    error = terminal_open(&guest->terminal, guest->daemon->base, settings->backlog,
                          (struct typing){room, typed, guest});
    if (error)
        note("domain %u (%s): cannot open a pty: %s", guest->domid, guest->name, strerror(-error));
    else
        guest_nodes_tell(guest);
}

void guest_connect(struct guest *guest)
{
    uint64_t ring_ref;
    uint32_t port;

    if (guest->finished || !guest_nodes_read(guest, &ring_ref, &port))
        return;
    if (guest->page && guest->ring_ref == ring_ref && guest->remote_port == port)
        return;
    disconnect(guest);
    open_terminal(guest);
    if (attach(guest, ring_ref, port))
        guest_event(guest); // it may have printed already
}

// --- life ---

struct guest *guest_new(struct consoled *daemon, domid_t domid, const xen_domain_handle_t handle)
{
    struct guest *guest = calloc(1, sizeof(*guest));

    if (!guest)
        return NULL;
    guest->daemon = daemon;
    guest->domid = domid;
    guest->port = -1;
    guest->log.fd = -1;
    memcpy(guest->handle, handle, sizeof(guest->handle));
    snprintf(guest->name, sizeof(guest->name), "domain-%u", domid);
    guest->period = evtimer_new(daemon->base, period_over, guest);
    if (!guest->period) {
        free(guest);
        return NULL;
    }
    return guest;
}

void guest_finish(struct guest *guest)
{
    if (guest->finished)
        return;
    guest->finished = true;
    disconnect(guest);
    log_file_close(&guest->log);
    if (!guest->terminal)
        return;
    guest_nodes_forget(guest);
    uint64_t dropped = terminal_release(guest->terminal);

    guest->terminal = NULL;
    if (dropped)
        note("domain %u (%s): %" PRIu64 " bytes were dropped for want of a reader", guest->domid,
             guest->name, dropped);
}

void guest_free(struct guest *guest)
{
    guest_finish(guest);
    event_free(guest->period);
    free(guest);
}
