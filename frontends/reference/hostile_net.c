// The hostile network front end: breaks the protocol in one way after another, and wants an error,
// a stopped device or silence for it, never success; and after each to be served again when it
// behaves.
#include "frontends/kernel/events.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/net/netfront.h"
#include "frontends/reference/hostile.h"
#include "frontends/reference/shell.h"

#define ANSWER_TIME (2 * NS_PER_S)
#define FRAME       60u

static struct {
    struct netfront net;
    bool open;
    unsigned handle;
    unsigned answers, good; // to what was asked last
    uint8_t *page;
    grant_ref_t ref, foreign;
} at;

static void answer(void *unused, const struct netif_tx_response *rsp)
{
    at.answers++;
    at.good += rsp->status == NETIF_RSP_OKAY;
}

static void drop(void)
{
    if (at.open)
        netfront_close(&at.net);
    at.open = false;
}

static int connect_as(const char *key, const char *value)
{
    struct net_options options = {.answered = answer,
                                  .patience = key ? 4 * NS_PER_S : 0,
                                  .false_key = key,
                                  .false_value = value};
    int error;

    drop();
    error = netfront_open(&at.net, at.handle, &options);
    at.open = !error;
    return error;
}

// Slots, of which each is of one packet's; all of them answered with success?
static bool sent(const struct netif_tx_request *slots, unsigned n)
{
    at.answers = at.good = 0;
    for (unsigned i = 0; i < n; i++)
        if (!ring_put(&at.net.tx, &slots[i]))
            return false;
    ring_publish(&at.net.tx);
    event_send((evtchn_port_t)at.net.port);
    WAIT_FOR(&at.net.progress, at.answers >= n || at.net.broken, clock_after(ANSWER_TIME));
    return at.good >= n;
}

static struct netif_tx_request honest(void)
{
    return (struct netif_tx_request){.gref = at.ref, .size = FRAME};
}

static bool served(void)
{
    struct netif_tx_request slot = honest();

    return at.open && sent(&slot, 1);
}

static int recover(void)
{
    return served() || (!connect_as(NULL, NULL) && served()) ? 0 : -XEN_EIO;
}

// What was rewarded, if it was; and a connection for the next one.
static int refused(const char *what, const struct netif_tx_request *slots, unsigned n)
{
    if (sent(slots, n)) {
        print("hostile: %s was sent\n", what);
        return -XEN_EILSEQ;
    }
    return recover();
}

static int try_slots(void)
{
    const struct {
        grant_ref_t ref;
        uint16_t offset, size;
    } bad[] = {{at.ref, 0, 0},        {at.ref, 0, 13},        {at.ref, 4096, FRAME},
               {at.ref, 4090, FRAME}, {at.ref, 65535, 65535}, {at.ref, 0, 65535},
               {2, 0, FRAME},         {2047, 0, FRAME},       {0xffffffff, 0, FRAME},
               {at.foreign, 0, FRAME}};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct netif_tx_request slot = {
            .gref = bad[i].ref, .offset = bad[i].offset, .size = bad[i].size};

        error |= refused("a bad slot", &slot, 1);
    }
    return error;
}

// Packets of several slots: too many, and ones whose sizes do not fit together.
static int try_chains(void)
{
    static struct netif_tx_request slots[40];
    int error;

    for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
        slots[i] = honest();
        slots[i].flags = i + 1 < ARRAY_SIZE(slots) ? NETTXF_more_data : 0;
    }
    slots[0].size = FRAME * ARRAY_SIZE(slots);
    error = refused("a packet of forty slots", slots, ARRAY_SIZE(slots));
    slots[0].size = FRAME; // and a second slot of as much
    slots[1].flags = 0;
    slots[1].size = 2000;
    error |= refused("a slot larger than its packet", slots, 2);
    slots[0].flags = NETTXF_more_data; // and then nothing
    at.answers = 0;
    ring_put(&at.net.tx, &slots[0]);
    ring_publish(&at.net.tx);
    event_send((evtchn_port_t)at.net.port);
    thread_sleep(50 * NS_PER_MS);
    return error | connect_as(NULL, NULL);
}

static int try_extras(void)
{
    static const uint8_t types[] = {XEN_NETIF_EXTRA_TYPE_NONE, XEN_NETIF_EXTRA_TYPE_GSO,
                                    XEN_NETIF_EXTRA_TYPE_MAX, 77, 255};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        struct netif_tx_request slots[3] = {honest(), honest(), honest()};
        struct netif_extra_info extra = {.type = types[i], .flags = i % 2 ? 0xff : 0};

        extra.u.gso.type = 9;
        slots[0].flags = NETTXF_extra_info;
        memcpy(&slots[1], &extra, sizeof(extra));
        memcpy(&slots[2], &extra, sizeof(extra));
        if (i == 0)
            slots[2].flags = 0;
        error |= refused("a bad extra slot", slots, 3);
    }
    return error;
}

static int jump(struct ring *ring, uint32_t by)
{
    struct ring_header *shared = ring->shared;

    __atomic_store_n(&shared->req_prod, shared->req_prod + by, __ATOMIC_SEQ_CST);
    event_send((evtchn_port_t)at.net.port);
    thread_sleep(50 * NS_PER_MS);
    return connect_as(NULL, NULL);
}

static int try_jumps(void)
{
    static const uint32_t by[] = {257, 0x7fffffff, 0x80000000, 0xffffffff};
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(by) && !error; i++) {
        error = jump(&at.net.tx, by[i]);
        if (!error)
            error = jump(&at.net.rx, by[i]);
    }
    return error;
}

static void fill_with_garbage(struct ring *ring)
{
    uint32_t words[3];

    while (ring_room(ring)) {
        for (unsigned w = 0; w < ARRAY_SIZE(words); w++)
            words[w] = hostile_random();
        ring_put(ring, words);
    }
    ring_publish(ring);
}

static int try_garbage(void)
{
    int error = 0;

    for (unsigned round = 0; round < 4 && !error; round++) {
        fill_with_garbage(&at.net.rx);
        fill_with_garbage(&at.net.tx);
        event_send((evtchn_port_t)at.net.port);
        thread_sleep(100 * NS_PER_MS);
        error = connect_as(NULL, NULL);
    }
    return error;
}

static int try_words(void)
{
    for (unsigned i = 0; i < 500; i++) {
        struct ring_header *shared = i % 2 ? at.net.tx.shared : at.net.rx.shared;

        shared->rsp_prod = hostile_random();
        shared->req_event = hostile_random();
        shared->rsp_event = hostile_random();
        event_send((evtchn_port_t)at.net.port);
    }
    return connect_as(NULL, NULL);
}

static int try_revoked(void)
{
    uint8_t *page = page_alloc();

    for (unsigned i = 0; page && i < 20; i++) {
        struct netif_tx_request slot = honest();

        slot.gref = grant_page(at.net.device.backend_id, page, true);
        ring_put(&at.net.tx, &slot);
        ring_publish(&at.net.tx);
        event_send((evtchn_port_t)at.net.port);
        if (i % 2)
            hc(sched_op, 0, 0); // yield
        grant_revoke(slot.gref);
        thread_yield();
    }
    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        grant_revoke(at.net.rx_pages[i].ref);
    grant_revoke(at.net.tx_ref);
    served();
    return connect_as(NULL, NULL); // PAGE and its grants are lost: they may be in use for ever
}

static int try_keys(void)
{
    static const struct {
        const char *key, *value;
    } lies[] = {
        {"tx-ring-ref", NULL},           {"tx-ring-ref", "abc"},
        {"tx-ring-ref", "4294967295"},   {"rx-ring-ref", NULL},
        {"rx-ring-ref", "-1"},           {"rx-ring-ref", "99999999999999999999"},
        {"event-channel", NULL},         {"event-channel", "131071"},
        {"event-channel", "x"},          {"request-rx-copy", "0"},
        {"multi-queue-num-queues", "0"}, {"multi-queue-num-queues", "99999"},
    };
    int error = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
        if (!connect_as(lies[i].key, lies[i].value) && served()) {
            print("hostile: connected with %s=%s\n", lies[i].key,
                  lies[i].value ? lies[i].value : "(none)");
            error = -XEN_EILSEQ;
        }
    }
    return error;
}

static int try_states(void)
{
    drop();
    return hostile_states("vif", at.handle);
}

static const struct violation violations[] = {
    {"slots", try_slots},     {"chains", try_chains},   {"extras", try_extras},
    {"jumps", try_jumps},     {"garbage", try_garbage}, {"words", try_words},
    {"revoked", try_revoked}, {"keys", try_keys},       {"states", try_states},
};

COMMAND(hostile_net, "HANDLE [WHICH...]",
        "breaks the network protocol in every way, on device/vif/HANDLE")
{
    int error;

    at.handle = (unsigned)word_number(nr_words, words, 1, 0);
    at.page = page_alloc();
    error = at.page ? connect_as(NULL, NULL) : -XEN_ENOMEM;
    if (error)
        return error;
    memset(at.page, 0xff, 6); // to everybody
    memcpy(at.page + 6, at.net.mac, 6);
    at.page[12] = 0x88; // of a type that nobody takes
    at.page[13] = 0xb5;
    at.ref = grant_page(at.net.device.backend_id, at.page, true);
    at.foreign = grant_page(4000, at.page, true);
    error =
        hostile_run("net", violations, ARRAY_SIZE(violations), words + MIN(nr_words, 2u), recover);
    drop();
    if (grant_end(at.ref) & grant_end(at.foreign))
        page_free(at.page);
    return error;
}
