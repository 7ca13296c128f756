#include "consoled/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "consoled/guest.h"
#include "consoled/guest_nodes.h"

#define AT_ONCE        256 // domains asked for in one call
#define EVENTS_AT_ONCE 64  // events of the store handled before others have their turn

static struct guest *find(struct consoled *daemon, unsigned domid)
{
    return domid < daemon->domains ? daemon->guests[domid] : NULL;
}

static void remove_guest(struct consoled *daemon, struct guest *guest)
{
    daemon->guests[guest->domid] = NULL;
    guest_nodes_unwatch(guest);
    guest_free(guest);
}

static struct guest *add(struct consoled *daemon, const struct xen_domctl_getdomaininfo *info)
{
    struct guest *guest = guest_new(daemon, info->domain, info->handle);

    if (!guest) {
        note("domain %u: no memory for its console", info->domain);
        return NULL;
    }
    daemon->guests[info->domain] = guest;
    if (info->domain >= daemon->domains)
        daemon->domains = info->domain + 1;
    guest_nodes_watch(guest);
    guest_connect(guest); // even if it is dying already: it may have printed
    return guest;
}

static void look_at(struct consoled *daemon, const struct xen_domctl_getdomaininfo *info)
{
    struct guest *guest = find(daemon, info->domain);

    if (info->domain == 0 || info->domain >= DOMID_FIRST_RESERVED)
        return;
    if (guest &&
        memcmp(guest->handle, info->handle, sizeof(guest->handle))) { // another by that number
        remove_guest(daemon, guest);
        guest = NULL;
    }
    if (!guest)
        guest = add(daemon, info);
    if (!guest)
        return;
    guest->seen = true;
    if (info->flags & XEN_DOMINF_dying)
        guest_finish(guest);
}

// The next of the domains from `first` on; how many, or -errno.
static int list(struct control *control, unsigned first, struct xen_domctl_getdomaininfo *to)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};

    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = AT_ONCE;
    op.u.getdomaininfolist.buffer = to;
    int error = control_sysctl(control, &op);

    return error < 0 ? error : (int)op.u.getdomaininfolist.num_domains;
}

void domains_scan(struct consoled *daemon)
{
    const size_t size = AT_ONCE * sizeof(struct xen_domctl_getdomaininfo);
    struct xen_domctl_getdomaininfo *infos = control_buffer(daemon->control, size);
    int count = infos ? AT_ONCE : -ENOMEM;
    unsigned first = 0;

    for (unsigned i = 0; i < daemon->domains; i++) {
        if (daemon->guests[i])
            daemon->guests[i]->seen = false;
    }
    while (count == AT_ONCE) {
        count = list(daemon->control, first, infos);
        for (int i = 0; i < count; i++)
            look_at(daemon, &infos[i]);
        if (count > 0)
            first = infos[count - 1].domain + 1;
    }
    if (infos)
        control_buffer_free(daemon->control, infos, size);
    if (count < 0)
        note("cannot ask which domains there are: %s", strerror(-count));
    for (unsigned i = 0; count >= 0 && i < daemon->domains; i++) {
        if (daemon->guests[i] && !daemon->guests[i]->seen)
            remove_guest(daemon, daemon->guests[i]);
    }
}

// --- the store ---

static void try_again(struct consoled *daemon)
{
    static const struct timeval second = {1, 0};

    evtimer_add(daemon->xs_retry, &second);
}

static void lose_store(struct consoled *daemon, const char *why)
{
    note("xenstore: %s; trying again each second, consoles go on meanwhile", why);
    domains_close(daemon);
    try_again(daemon);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void on_event(struct consoled *daemon, char **event, bool *scan)
{
    const char *token = event[XS_WATCH_TOKEN];

    if (*token == '@') {
        *scan = true;
    } else if (!ends_with(event[XS_WATCH_PATH], "/console/tty")) { // which this daemon wrote
        struct guest *guest = find(daemon, atoi(token));

        if (guest)
            guest_connect(guest);
    }
    free(event);
}

static void on_store(evutil_socket_t fd, short what, void *of)
{
    struct consoled *daemon = of;
    bool scan = false;
    char **event = NULL;

    for (unsigned i = 0; i < EVENTS_AT_ONCE && (event = xs_check_watch(daemon->xs)); i++)
        on_event(daemon, event, &scan);
    if (!event && errno != EAGAIN)
        lose_store(daemon, "the connection is lost");
    if (scan)
        domains_scan(daemon);
}

static bool open_store(struct consoled *daemon)
{
    daemon->xs = xs_open(0);
    if (!daemon->xs)
        return false;
    daemon->xs_event =
        event_new(daemon->base, xs_fileno(daemon->xs), EV_READ | EV_PERSIST, on_store, daemon);
    if (daemon->xs_event && event_add(daemon->xs_event, NULL) == 0 &&
        xs_watch(daemon->xs, "@introduceDomain", "@") &&
        xs_watch(daemon->xs, "@releaseDomain", "@"))
        return true;
    domains_close(daemon);
    return false;
}

static void retry(evutil_socket_t fd, short what, void *of)
{
    struct consoled *daemon = of;

    if (!open_store(daemon)) {
        try_again(daemon);
        return;
    }
    note("xenstore is there again");
    for (unsigned i = 0; i < daemon->domains; i++) {
        if (!daemon->guests[i])
            continue;
        guest_nodes_watch(daemon->guests[i]);
        if (daemon->guests[i]->terminal)
            guest_nodes_tell(daemon->guests[i]);
    }
    domains_scan(daemon);
}

void domains_open(struct consoled *daemon)
{
    daemon->xs_retry = evtimer_new(daemon->base, retry, daemon);
    if (open_store(daemon))
        domains_scan(daemon);
    else
        lose_store(daemon, strerror(errno));
}

void domains_close(struct consoled *daemon)
{
    if (daemon->xs_event)
        event_free(daemon->xs_event);
    xs_close(daemon->xs);
    daemon->xs_event = NULL;
    daemon->xs = NULL;
}
