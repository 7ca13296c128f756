#include "store/ring.h"

#include <errno.h>
#include <string.h>

#include "store/log.h"
#include "store/state.h"
#include "store/store.h"

#define load(field)         __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define store(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

// Where the next byte of the queue goes.
static uint32_t producer(const struct connection *connection)
{
    return connection->queue_start + (uint32_t)connection->queue_sent;
}

void ring_begin(struct connection *connection, struct xenstore_domain_interface *page, bool fresh)
{
    if (fresh) {
        page->req_cons = page->req_prod = 0;
        page->rsp_cons = page->rsp_prod = 0;
    }
    connection->consumer = load(page->req_cons);
    connection->queue_start = load(page->rsp_prod) - (uint32_t)connection->queue_sent;
    store(page->server_features, XENSTORE_SERVER_FEATURE_RECONNECTION |
                                     XENSTORE_SERVER_FEATURE_ERROR | RING_FEATURE_WATCH_DEPTH);
    store(page->error, XENSTORE_ERROR_NONE);
    store(page->connection, XENSTORE_CONNECTED);
}

void ring_resume(struct connection *connection, struct xenstore_domain_interface *page)
{
    uint32_t consumer = load(page->req_cons), sent = load(page->rsp_prod) - producer(connection);

    // The state file is committed before the index is moved.
    if (connection->consumer - consumer <= load(page->req_prod) - consumer)
        store(page->req_cons, connection->consumer);
    else
        connection->consumer = consumer;
    // What was sent is known by this index alone.
    if (sent <= connection->queue_bytes - connection->queue_sent)
        connection_sent(connection, sent);
    else
        connection->queue_start = load(page->rsp_prod) - (uint32_t)connection->queue_sent;
}

static void copy_out(const char *ring, uint32_t index, char *to, uint32_t length)
{
    uint32_t at = MASK_XENSTORE_IDX(index), first = XENSTORE_RING_SIZE - at;

    if (first > length)
        first = length;
    memcpy(to, ring + at, first);
    memcpy(to + first, ring, length - first);
}

// A boot loader hands the ring to the kernel by clearing the whole page: then the store's own
// indexes change too, and go on from there.
static void follow(struct connection *connection, struct xenstore_domain_interface *page)
{
    uint32_t consumer = load(page->req_cons), sent = load(page->rsp_prod);

    if (consumer == connection->consumer && sent == producer(connection))
        return;
    connection->consumer = consumer;
    connection->queue_start = sent - (uint32_t)connection->queue_sent;
    state_domain(connection->store, connection->domain);
}

static void reconnect(struct connection *connection, struct xenstore_domain_interface *page)
{
    connection_reset(connection, true);
    connection->ignored = false;
    ring_begin(connection, page, true);
    state_domain(connection->store, connection->domain);
    state_commit(connection->store);
}

// Takes one message, or as much of it as there is, from `available` bytes: Linux rings the bell for
// what it adds to a message only if the beginning is gone from the ring by then. 1: taken.
static int take(struct connection *connection, const char *bytes, uint32_t available,
                uint32_t *taken)
{
    size_t size = connection_wants(connection, bytes, available);
    int error;

    if (size > XENSTORE_PAYLOAD_MAX + sizeof(struct xsd_sockmsg))
        return -EPROTO;
    *taken = size && size < available ? (uint32_t)size : available;
    connection->consumer += *taken;
    if (size && size <= available) {
        error = connection_input(connection, bytes, size);
        state_consumed(connection);
    } else {
        error = connection_take_in(connection, bytes, available);
        state_taken_in(connection, bytes, available);
    }
    return error < 0 ? error : 1;
}

int ring_receive(struct connection *connection, struct xenstore_domain_interface *page,
                 unsigned budget, bool *notify)
{
    char bytes[XENSTORE_RING_SIZE];
    int result = 1;

    if (load(page->connection) == XENSTORE_RECONNECT) {
        reconnect(connection, page);
        *notify = true;
    }
    while (result == 1 && budget--) {
        uint32_t available, taken;

        if (!connection_may_ask(connection))
            return 0;
        follow(connection, page);
        available = load(page->req_prod) - connection->consumer;
        if (available > XENSTORE_RING_SIZE)
            return -EIO;
        if (!available)
            return 0;
        copy_out(page->req, connection->consumer, bytes, available);
        result = take(connection, bytes, available, &taken);
        state_commit(connection->store);
        if (result == 1) {
            store(page->req_cons, connection->consumer);
            // The guest looks at req_cons after it has moved req_prod, and we the other way round.
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
            *notify = true;
        }
    }
    return result == -ESHUTDOWN ? 0 : result;
}

int ring_send(struct connection *connection, struct xenstore_domain_interface *page, bool *notify)
{
    const char *bytes;
    size_t length;

    follow(connection, page);
    while ((bytes = connection_output(connection, &length))) {
        uint32_t at = producer(connection), used = at - load(page->rsp_cons);
        uint32_t room = XENSTORE_RING_SIZE - used,
                 first = XENSTORE_RING_SIZE - MASK_XENSTORE_IDX(at);

        if (used > XENSTORE_RING_SIZE)
            return -EIO;
        if (!room)
            break;
        if (length > room)
            length = room;
        if (length > first)
            length = first;
        memcpy(page->rsp + MASK_XENSTORE_IDX(at), bytes, length);
        store(page->rsp_prod, at + (uint32_t)length);
        connection_sent(connection, length);
        *notify = true;
    }
    return 0;
}

void ring_report(struct xenstore_domain_interface *page, int error)
{
    store(page->error, error == -EPROTO ? XENSTORE_ERROR_PROTO : XENSTORE_ERROR_RINGIDX);
}
