// The worker of a network device: its rings, its tap device, and when each is looked at.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/net/control_ring.h"
#include "backends/net/netback.h"
#include "control/evtchn.h"
#include "control/grant.h"
#include "pv-abi/io/netif_ctrl.h"

struct served_queue {
    struct server *server;
    struct net_queue queue;
    uint32_t tx_port, rx_port; // local ones
    struct event *from_tap;    // pending unless there are no pages to receive into
    struct event *send_again;  // pending: there is more to send, now or when there is credit
};

struct server {
    struct worker *worker;
    const struct netback_connection *connection;
    struct net_port port;
    uint32_t queues;
    struct served_queue queue[NETBACK_QUEUES_MAX];
    struct ring control;
    uint32_t control_port;
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int copy(void *context, struct grant_copy *copies, uint32_t count)
{
    struct worker *worker = context;
    int rc = grant_copy(worker->grants, worker->connection.domain, copies, count);

    if (rc)
        worker_complain(worker, "cannot copy from or to %u grants: %s", count, strerror(-rc));
    return rc;
}

// --- events ---

static void send_later(struct served_queue *q, uint64_t wait_us)
{
    struct timeval pause = {(time_t)(wait_us / 1000000), (suseconds_t)(wait_us % 1000000)};

    evtimer_add(q->send_again, &pause);
}

static void send_some(struct served_queue *q)
{
    struct worker *worker = q->server->worker;
    const char *why = "";
    unsigned todo;

    if (evtimer_pending(q->send_again, NULL))
        return;
    todo = queue_send(&q->queue, now_us(), &why);
    if (todo & QUEUE_BROKEN)
        worker_guest_wrong(worker, "%s", why);
    if (todo & QUEUE_NOTIFY)
        evtchn_notify(worker->evtchn, q->tx_port);
    if (todo & QUEUE_WAIT)
        send_later(q, credit_wait(&q->server->port.credit, now_us()));
    else if (todo & QUEUE_AGAIN)
        send_later(q, 0);
}

static void receive_some(struct served_queue *q)
{
    struct worker *worker = q->server->worker;
    const char *why = "";
    unsigned todo = queue_receive(&q->queue, &why);

    if (todo & QUEUE_BROKEN)
        worker_guest_wrong(worker, "%s", why);
    if (todo & QUEUE_NOTIFY)
        evtchn_notify(worker->evtchn, q->rx_port);
    if (todo & QUEUE_WAIT)
        event_del(q->from_tap);
}

static void on_send_again(evutil_socket_t fd, short what, void *of)
{
    send_some(of);
}

static void on_tap(evutil_socket_t fd, short what, void *of)
{
    receive_some(of);
}

static void on_tx_port(struct worker *worker, uint32_t port, void *of)
{
    evtchn_unmask(worker->evtchn, port);
    send_some(of);
}

// There are pages again.
static void on_rx_port(struct worker *worker, uint32_t port, void *of)
{
    struct served_queue *q = of;

    evtchn_unmask(worker->evtchn, port);
    if (!event_pending(q->from_tap, EV_READ, NULL)) {
        event_add(q->from_tap, NULL);
        receive_some(q);
    }
}

static void on_both(struct worker *worker, uint32_t port, void *of)
{
    on_tx_port(worker, port, of);
    on_rx_port(worker, port, of);
}

static void on_control(struct worker *worker, uint32_t port, void *of)
{
    struct server *server = of;
    const char *why = "";
    bool notify = false;

    evtchn_unmask(worker->evtchn, port);
    if (!control_ring_serve(&server->control, &notify, &why))
        worker_guest_wrong(worker, "%s", why);
    if (notify)
        evtchn_notify(worker->evtchn, port);
}

// --- start ---

int netback_worker_open(struct worker *worker)
{
    const struct netback_connection *c = (const void *)worker->connection.kind_data;
    struct server *server = calloc(1, sizeof(*server));
    int rc;

    if (!server)
        return worker_fail(worker, -ENOMEM, "no memory");
    worker->of_kind = server;
    server->worker = worker;
    server->connection = c;
    server->queues = worker->connection.queues;
    for (uint32_t i = 0; i < server->queues; i++) {
        int fd = tap_open(c->tap);

        if (fd < 0)
            return worker_fail(worker, fd, "cannot open queue %u of the tap device %s", i, c->tap);
        server->queue[i].queue.tap = fd;
    }
    rc = tap_set_offload(server->queue[0].queue.tap, offload_tap_flags(&c->guest));
    if (rc)
        return worker_fail(worker, rc, "cannot set what the tap device %s leaves to the guest",
                           c->tap);
    return 0;
}

static int fill_port(struct server *server)
{
    const struct netback_connection *c = server->connection;
    struct net_port *port = &server->port;

    port->guest = c->guest;
    memcpy(port->filter.mac, c->mac, sizeof(c->mac));
    port->filter.own_source_only = c->own_source_only;
    port->filter.chosen_multicast = c->chosen_multicast;
    credit_parse(&port->credit, c->rate, now_us());
    port->copy = copy;
    port->context = server->worker;
    port->batch = batch_new();
    return port->batch ? 0 : worker_fail(server->worker, -ENOMEM, "no memory");
}

// A ring that has been answered in begins where that ended; what lies behind it, another server
// left.
static bool attach(struct ring *ring, struct ring_header *page, size_t request, size_t response)
{
    uint32_t answered = __atomic_load_n(&page->rsp_prod, __ATOMIC_RELAXED);

    ring_attach(ring, RING_BACK, page, NET_PAGE, request, response);
    ring_resume(ring, answered, answered);
    return answered != 0;
}

static int attach_rings(struct served_queue *q, const struct backend_queue *offered)
{
    struct worker *worker = q->server->worker;
    struct ring_header *tx = worker_map_ring(worker, &offered->rings[NETBACK_TX], "transmit ring");
    struct ring_header *rx = worker_map_ring(worker, &offered->rings[NETBACK_RX], "receive ring");
    bool resume = worker->connection.resume, unused;
    const char *why = "";

    if (!tx || !rx)
        return -ENOMEM;
    if ((attach(&q->queue.tx, tx, sizeof(struct netif_tx_request),
                sizeof(struct netif_tx_response)) ||
         resume) &&
        !tx_abandon(&q->queue.tx, &unused, &why))
        worker_guest_wrong(worker, "%s", why);
    if ((attach(&q->queue.rx.ring, rx, sizeof(struct netif_rx_request),
                sizeof(struct netif_rx_response)) ||
         resume) &&
        !rx_abandon(&q->queue.rx, &unused, &why))
        worker_guest_wrong(worker, "%s", why);
    return 0;
}

static int bind_ports(struct served_queue *q, const struct backend_queue *offered)
{
    struct worker *worker = q->server->worker;
    bool split = offered->ports[NETBACK_RX];
    int tx = worker_bind(worker, offered->ports[NETBACK_TX], split ? on_tx_port : on_both, q),
        rx = tx;

    if (tx >= 0 && split)
        rx = worker_bind(worker, offered->ports[NETBACK_RX], on_rx_port, q);
    if (tx < 0 || rx < 0)
        return tx < 0 ? tx : rx;
    q->tx_port = (uint32_t)tx;
    q->rx_port = (uint32_t)rx;
    return 0;
}

static int start_queue(struct server *server, uint32_t i)
{
    const struct backend_queue *offered = &server->worker->connection.queue[i];
    struct served_queue *q = &server->queue[i];
    struct event_base *base = server->worker->base;
    int rc;

    q->server = server;
    q->queue.port = &server->port;
    q->from_tap = event_new(base, q->queue.tap, EV_READ | EV_PERSIST, on_tap, q);
    q->send_again = evtimer_new(base, on_send_again, q);
    if (!q->from_tap || !q->send_again)
        return worker_fail(server->worker, -ENOMEM, "no events");
    rc = attach_rings(q, offered);
    if (!rc)
        rc = bind_ports(q, offered);
    if (rc)
        return rc;
    // The guest may wait for what a predecessor was about to tell, and so may this side.
    evtchn_notify(server->worker->evtchn, q->tx_port);
    if (q->rx_port != q->tx_port)
        evtchn_notify(server->worker->evtchn, q->rx_port);
    event_add(q->from_tap, NULL);
    send_later(q, 0);
    return 0;
}

static int start_control(struct server *server)
{
    const struct netback_connection *c = server->connection;
    struct ring_header *page;
    int port;

    if (!c->control_ring.pages)
        return 0;
    page = worker_map_ring(server->worker, &c->control_ring, "control ring");
    if (!page)
        return -ENOMEM;
    attach(&server->control, page, sizeof(struct xen_netif_ctrl_request),
           sizeof(struct xen_netif_ctrl_response));
    port = worker_bind(server->worker, c->control_port, on_control, server);
    if (port < 0)
        return port;
    on_control(server->worker, (uint32_t)port, server);
    return 0;
}

int netback_worker_start(struct worker *worker)
{
    struct server *server = worker->of_kind;
    int rc = fill_port(server);

    for (uint32_t i = 0; !rc && i < server->queues; i++)
        rc = start_queue(server, i);
    if (!rc)
        rc = start_control(server);
    if (!rc)
        worker_tell(worker, WORKER_READY, NULL, 0);
    return rc;
}

// --- the keeper's wishes ---

void netback_worker_message(struct worker *worker, uint32_t type, const void *data, size_t length)
{
    const struct server *server = worker->of_kind;
    const struct net_statistics *s = &server->port.statistics;
    char text[1024];
    int n;

    if (type != NETBACK_TELL_STATISTICS)
        return;
    n = snprintf(text, sizeof(text),
                 "{\"tx\": {\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"errors\": %" PRIu64
                 ", \"dropped\": %" PRIu64 ", \"batches\": %" PRIu64 "}, "
                 "\"rx\": {\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"errors\": %" PRIu64
                 ", \"dropped\": %" PRIu64 ", \"batches\": %" PRIu64 "}}",
                 s->tx_frames, s->tx_bytes, s->tx_errors, s->tx_dropped, s->tx_batches,
                 s->rx_frames, s->rx_bytes, s->rx_errors, s->rx_dropped, s->rx_batches);
    worker_tell(worker, WORKER_CHANGED, text, (size_t)n);
}

// What is taken off a ring is answered before anything else is done: nothing is under way.
void netback_worker_stop(struct worker *worker)
{
    worker_end(worker, WORKER_DONE);
}
