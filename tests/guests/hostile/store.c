#include "tests/guests/hostile/store.h"

#include "pv-abi/sched.h"
#include "tests/guests/common/guest.h"

char store_reply[XENSTORE_PAYLOAD_MAX + 1];
unsigned store_reply_length, store_events;

// How long an answer may take: the machine below may be an emulated one, and busy. What is wanted
// is that it comes.
#define PATIENCE (20 * NS_PER_S)

static unsigned next_id = 1;

volatile struct xenstore_domain_interface *store_ring(void)
{
    // Builders put the page into the initial mapping.
    return (void *)(KERNEL_BASE + (pfn_of_mfn(start_info->store_mfn) << PAGE_SHIFT));
}

void store_notify(void)
{
    port_send(start_info->store_evtchn);
}

static bool in_time(uint64_t deadline)
{
    hc(sched_op, SCHEDOP_yield, 0);
    return time_now() < deadline;
}

bool store_put(const void *bytes, unsigned length)
{
    volatile struct xenstore_domain_interface *r = store_ring();
    uint64_t deadline = time_now() + 2 * NS_PER_S;
    const uint8_t *from = bytes;

    for (unsigned i = 0; i < length; i++) {
        XENSTORE_RING_IDX at = r->req_prod;

        while (at - r->req_cons >= XENSTORE_RING_SIZE) {
            store_notify();
            if (!in_time(deadline))
                return false;
        }
        r->req[MASK_XENSTORE_IDX(at)] = (char)from[i];
        __atomic_store_n(&r->req_prod, at + 1, __ATOMIC_RELEASE);
    }
    store_notify();
    return true;
}

static bool get(void *bytes, unsigned length, uint64_t deadline)
{
    volatile struct xenstore_domain_interface *r = store_ring();
    uint8_t *to = bytes;

    for (unsigned i = 0; i < length; i++) {
        XENSTORE_RING_IDX at = r->rsp_cons;

        while (at == __atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE))
            if (!in_time(deadline))
                return false;
        to[i] = (uint8_t)r->rsp[MASK_XENSTORE_IDX(at)];
        r->rsp_cons = at + 1;
    }
    store_notify();
    return true;
}

static int reply(unsigned id)
{
    uint64_t deadline = time_now() + PATIENCE;
    struct xsd_sockmsg m;

    do {
        if (!get(&m, sizeof(m), deadline) || m.len > XENSTORE_PAYLOAD_MAX ||
            !get(store_reply, m.len, deadline))
            return -1;
        store_reply[m.len] = 0;
        store_reply_length = m.len;
        store_events += m.type == XS_WATCH_EVENT;
    } while (m.type == XS_WATCH_EVENT || m.req_id != id);
    return (int)m.type;
}

int store_request(unsigned type, unsigned transaction, const void *payload, unsigned length)
{
    struct xsd_sockmsg m = {type, next_id++, transaction, length};

    if (!store_put(&m, sizeof(m)) || !store_put(payload, length))
        return -1;
    return reply(m.req_id);
}

int store_path(unsigned type, const char *path)
{
    return store_request(type, 0, path, (unsigned)strlen(path) + 1);
}

int store_write(const char *path, const char *value)
{
    static char payload[XENSTORE_PAYLOAD_MAX];
    unsigned length = (unsigned)strlen(path) + 1;

    memcpy(payload, path, length);
    memcpy(payload + length, value, strlen(value));
    return store_request(XS_WRITE, 0, payload, length + (unsigned)strlen(value));
}

bool store_said(const char *error)
{
    return !strcmp(store_reply, error);
}

bool store_reconnect(void)
{
    volatile struct xenstore_domain_interface *r = store_ring();
    uint64_t deadline = time_now() + PATIENCE;

    if (!(r->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION))
        return false;
    r->connection = XENSTORE_RECONNECT;
    store_notify();
    while (r->connection != XENSTORE_CONNECTED)
        if (!in_time(deadline))
            return false;
    return true;
}
