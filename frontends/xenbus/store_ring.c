#include "frontends/xenbus/store_ring.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/xenbus/store.h"

static struct xenstore_domain_interface *ring;
static uint32_t sent, taken; // our indexes: what the ring shows of them is not believed
static bool dead;
static store_receiver *receive;
static WAIT_QUEUE(progress);

static struct {
    struct xsd_sockmsg header;
    char payload[XENSTORE_PAYLOAD_MAX + 1];
    uint32_t have; // bytes of both
} incoming;

static void die(const char *why)
{
    if (!dead)
        print("xenstore: %s; the connection is given up\n", why);
    dead = true;
}

bool store_ring_dead(void)
{
    return dead;
}

static void notify(void)
{
    event_send(start_info->store_evtchn);
}

// Receiving

// How many bytes of a reply wait; 0 also if the ring makes no sense.
static uint32_t waiting(void)
{
    uint32_t n = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) - taken;

    if (n <= XENSTORE_RING_SIZE)
        return dead ? 0 : n;
    die("the ring's index for replies is out of range");
    return 0;
}

static void take_byte(char *to)
{
    *to = ring->rsp[MASK_XENSTORE_IDX(taken)];
    __atomic_store_n(&ring->rsp_cons, ++taken, __ATOMIC_RELEASE);
    incoming.have++;
}

// One byte more; then perhaps the message is whole.
static void take(void)
{
    const uint32_t header = sizeof(incoming.header);

    if (incoming.have < header)
        take_byte((char *)&incoming.header + incoming.have);
    else
        take_byte(incoming.payload + incoming.have - header);
    if (incoming.have < header)
        return;
    if (incoming.header.len > XENSTORE_PAYLOAD_MAX) {
        die("a reply is longer than any may be");
        return;
    }
    if (incoming.have < header + incoming.header.len)
        return;
    incoming.payload[incoming.header.len] = '\0';
    incoming.have = 0;
    receive(&incoming.header, incoming.payload);
}

static void news(void *unused)
{
    uint32_t before = taken;

    while (waiting())
        take();
    if (taken != before)
        notify(); // there is room again
    wake_all(&progress);
}

// Sending

static uint32_t room(void)
{
    uint32_t unread = sent - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);

    if (unread > XENSTORE_RING_SIZE)
        die("the ring's index for requests is out of range");
    return dead ? 0 : XENSTORE_RING_SIZE - unread;
}

bool store_ring_send(const void *bytes, size_t size)
{
    uint64_t deadline = clock_after(STORE_PATIENCE);
    const char *from = bytes;

    while (size) {
        if (!WAIT_FOR(&progress, room() || dead, deadline) || dead)
            return false;
        for (uint32_t n = room(); n && size; n--, size--) {
            ring->req[MASK_XENSTORE_IDX(sent)] = *from++;
            sent++;
        }
        __atomic_store_n(&ring->req_prod, sent, __ATOMIC_RELEASE);
        notify();
    }
    return true;
}

int store_ring_init(store_receiver *receiver)
{
    if (!start_info->store_evtchn)
        return -XEN_ENODEV;
    receive = receiver;
    ring = address_of_mfn(start_info->store_mfn);
    sent = ring->req_prod;
    taken = ring->rsp_cons;
    return (int)MIN(event_attach(start_info->store_evtchn, news, NULL), 0);
}
