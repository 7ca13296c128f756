#include "xenstored/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/evtchn.h"
#include "pv-abi/virq.h"
#include "store/alloc.h"
#include "store/log.h"
#include "store/ring.h"
#include "xenstored/hypervisor.h"

#define BUDGET        32    // messages of one domain before it is the others' turn
#define PAUSE_FIRST   20000 // microseconds, doubled each time up to
#define PAUSE_LONGEST 1000000
#define FORGIVEN      5 // seconds without offence after which it is the first time again

// A domain's ring and event channel.
struct channel {
    struct transport transport; // first
    struct domains *domains;
    struct domain *domain;
    struct xenstore_domain_interface *page;
    bool granted;
    int port;            // local; -1: none
    struct event *timer; // to go on after a pause, or after the others
    bool serving, told;  // the domain is to be notified once, at the end
    bool paused;
    long pause; // the last one, in microseconds
    struct timespec paused_at;
    struct channel *next, **link;
};

struct domains {
    struct server *server;
    struct hypervisor *hypervisor;
    struct event *event;
    int virq;
    struct channel **by_port;
    size_t ports;
    struct channel *channels;
};

static struct channel *channel_of(const struct domain *domain)
{
    return domain->connection ? domain->connection->transport : NULL;
}

static void notify(struct channel *channel)
{
    if (channel->port >= 0)
        evtchn_notify(hypervisor_events(channel->domains->hypervisor), (uint32_t)channel->port);
}

// The domain broke the rules: it is told so in its ring, and heard no more until it is introduced
// or connects anew.
static void give_up(struct channel *channel, int error)
{
    log_error("domain %u is ignored from now on: %s", channel->domain->domid,
              error == -EPROTO ? "it sent a message that is too long"
                               : "the indexes of its ring make no sense");
    ring_report(channel->page, error);
    store_ignore(channel->domain->connection);
    notify(channel);
}

static void later(struct channel *channel, long microseconds)
{
    struct timeval delay = {microseconds / 1000000, microseconds % 1000000};

    evtimer_add(channel->timer, &delay);
}

static void flush(struct transport *transport)
{
    struct channel *channel = (struct channel *)transport;
    bool told = false;
    int error = ring_send(channel->domain->connection, channel->page, &told);

    channel->told |= told;
    if (error)
        give_up(channel, error);
    else if (told && !channel->serving)
        notify(channel);
}

// Does what there is to do for a domain.
static void serve(struct channel *channel)
{
    struct server *server = channel->domains->server;
    struct connection *connection = channel->domain->connection;
    int more = 0;

    channel->serving = true;
    channel->told = false;
    if (connection->queue)
        server_mark(server, &channel->transport);
    server_settle(server); // its queue first: it may have made room
    if (!channel->paused)
        more = ring_receive(connection, channel->page, BUDGET, &channel->told);
    if (more < 0)
        give_up(channel, more);
    server_settle(server);
    channel->serving = false;
    if (channel->told)
        notify(channel);
    if (more > 0)
        later(channel, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct channel *channel = arg;

    channel->paused = false;
    serve(channel);
}

static void set_port(struct domains *domains, int port, struct channel *channel)
{
    size_t room = domains->ports;

    if ((size_t)port >= room) {
        domains->ports = (size_t)port + 64;
        domains->by_port = reallocate(domains->by_port, domains->ports * sizeof(struct channel *));
        memset(domains->by_port + room, 0, (domains->ports - room) * sizeof(struct channel *));
    }
    domains->by_port[port] = channel;
}

static void unbind_port(struct channel *channel)
{
    if (channel->port < 0)
        return;
    set_port(channel->domains, channel->port, NULL);
    evtchn_unbind(hypervisor_events(channel->domains->hypervisor), (uint32_t)channel->port);
    channel->port = -1;
}

static int bind_port(struct channel *channel)
{
    struct domain *domain = channel->domain;
    int port;

    unbind_port(channel);
    port = evtchn_bind_interdomain(hypervisor_events(channel->domains->hypervisor), domain->domid,
                                   domain->port);
    if (port < 0)
        return port;
    channel->port = port;
    set_port(channel->domains, port, channel);
    return 0;
}

static void channel_free(struct channel *channel)
{
    unbind_port(channel);
    server_unmark(channel->domains->server, &channel->transport);
    if (channel->page)
        hypervisor_unmap(channel->domains->hypervisor, channel->page, channel->granted);
    event_free(channel->timer);
    *channel->link = channel->next;
    if (channel->next)
        channel->next->link = channel->link;
    if (channel->domain->connection)
        channel->domain->connection->transport = NULL;
    free(channel);
}

// Maps and binds. *out even if the binding failed, so that a domain whose end is not there yet is
// kept.
static int channel_new(struct domains *domains, struct domain *domain, struct channel **out)
{
    struct channel *channel = allocate(sizeof(*channel));

    channel->transport.flush = flush;
    channel->domains = domains;
    channel->domain = domain;
    channel->port = -1;
    channel->pause = PAUSE_FIRST;
    channel->timer = evtimer_new(domains->server->base, on_timer, channel);
    channel->next = domains->channels;
    channel->link = &domains->channels;
    if (channel->next)
        channel->next->link = &channel->next;
    domains->channels = channel;
    if (domain->domid)
        channel->page =
            hypervisor_map(domains->hypervisor, domain->domid, domain->frame, &channel->granted);
    else
        channel->page = hypervisor_map_own(domains->hypervisor, &domain->port);
    if (!channel->page) {
        int error = errno ? -errno : -EIO;

        channel_free(channel);
        return error;
    }
    domain->connection->transport = channel;
    *out = channel;
    return bind_port(channel);
}

bool domains_exists(struct server *server, uint16_t domid)
{
    return hypervisor_has(server->domains->hypervisor, domid) > 0;
}

int domains_introduce(struct server *server, struct domain *domain)
{
    struct channel *channel = channel_of(domain);
    int error;

    if (channel) {
        error = bind_port(channel);
    } else {
        error = channel_new(server->domains, domain, &channel);
        if (error && channel)
            channel_free(channel);
    }
    if (error || !channel) {
        log_error("cannot reach the ring of domain %u at frame %#lx, event channel %u: %s",
                  domain->domid, (unsigned long)domain->frame, domain->port, strerror(-error));
        return error;
    }
    ring_begin(domain->connection, channel->page, domain->domid != 0);
    later(channel, 0); // domain 0 may have sent something already
    notify(channel);
    return 0;
}

void domains_release(struct server *server, struct domain *domain)
{
    struct channel *channel = channel_of(domain);

    if (channel)
        channel_free(channel);
}

void domains_wake(struct server *server, struct connection *connection)
{
    struct channel *channel = connection->transport;

    if (channel)
        server_mark(server, &channel->transport);
}

void domains_slow_down(struct server *server, struct domain *domain)
{
    struct channel *channel = channel_of(domain);
    struct timespec now;

    if (!channel || channel->paused)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - channel->paused_at.tv_sec > FORGIVEN)
        channel->pause = PAUSE_FIRST;
    else if (channel->pause < PAUSE_LONGEST)
        channel->pause *= 2;
    channel->paused_at = now;
    channel->paused = true;
    later(channel, channel->pause);
}

// What the hypervisor says of all domains, against what the store knows.
struct roll {
    struct store *store;
    uint8_t here[DOMID_FIRST_RESERVED];
};

static void note(void *arg, uint16_t domid, bool shut_down, bool dying)
{
    struct roll *roll = arg;
    struct domain *domain = store_domain(roll->store, domid);

    if (!domain || dying)
        return;
    roll->here[domid] = 1;
    if (shut_down)
        store_shut_down(roll->store, domain);
}

static void call_the_roll(struct domains *domains)
{
    struct store *store = domains->server->store;
    struct roll *roll = allocate(sizeof(*roll));
    int error;

    roll->store = store;
    error = hypervisor_each(domains->hypervisor, note, roll);
    if (error)
        log_error("cannot list domains: %s", strerror(-error));
    for (unsigned i = 1; !error && i < DOMID_FIRST_RESERVED; i++)
        if (store->domains[i] && !roll->here[i])
            store_release(store, store->domains[i]);
    free(roll);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct domains *domains = arg;
    int port;

    while ((port = evtchn_pending(fd)) >= 0) {
        struct channel *channel = (size_t)port < domains->ports ? domains->by_port[port] : NULL;

        evtchn_unmask(fd, (uint32_t)port);
        if (channel)
            serve(channel);
        if (port == domains->virq) {
            call_the_roll(domains);
            server_settle(domains->server);
        }
    }
}

int domains_open(struct server *server)
{
    struct domains *domains = allocate(sizeof(*domains));
    int fd, error = hypervisor_open(&domains->hypervisor);

    if (error) {
        free(domains);
        return error;
    }
    fd = hypervisor_events(domains->hypervisor);
    domains->server = server;
    server->domains = domains;
    domains->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_event, domains);
    domains->virq = evtchn_bind_virq(fd, VIRQ_DOM_EXC);
    if (domains->virq < 0)
        log_error("cannot learn of domains that end: %s (does another store run?)",
                  strerror(-domains->virq));
    return domains->virq < 0 ? domains->virq : 0;
}

void domains_close(struct server *server)
{
    struct domains *domains = server->domains;

    if (!domains)
        return;
    while (domains->channels)
        channel_free(domains->channels);
    event_free(domains->event);
    hypervisor_close(domains->hypervisor);
    free(domains->by_port);
    free(domains);
    server->domains = NULL;
}

// A domain from before a restart.
static void resume(struct domains *domains, struct domain *domain)
{
    struct channel *channel = NULL;
    int error = channel_new(domains, domain, &channel);

    if (!channel) {
        log_error("the ring of domain %u cannot be mapped again: %s", domain->domid,
                  strerror(-error));
        domain->connection->ignored = true;
        return;
    }
    if (error)
        log_error("the event channel of domain %u cannot be bound again: %s", domain->domid,
                  strerror(-error));
    ring_resume(domain->connection, channel->page);
    notify(channel);
    later(channel, 0);
}

int domains_start(struct server *server)
{
    struct domains *domains = server->domains;
    struct store *store = server->store;
    int error = 0;

    call_the_roll(domains);
    for (unsigned i = 0; i < DOMID_FIRST_RESERVED; i++)
        if (store->domains[i] && store->domains[i]->introduced)
            resume(domains, store->domains[i]);
    if (!store->domains[0]->introduced)
        error = store_introduce(store, 0, 0, 0);
    if (error)
        log_error("cannot reach this domain's own kernel: is xenfs mounted at /proc/xen?");
    server_settle(server);
    event_add(domains->event, NULL);
    return error;
}
