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
    struct hostile_page page;
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

static int connect_as(const char *key, const char *value, unsigned order)
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
    hostile_show(&at.net.tx, at.net.port);
    WAIT_FOR(&at.net.progress, at.answers >= n || at.net.broken, clock_after(ANSWER_TIME));
    return at.good >= n;
}

static struct netif_tx_request honest(void)
{
    return (struct netif_tx_request){.gref = at.page.ref, .size = FRAME};
}

static bool served(void)
{
    struct netif_tx_request slot = honest();

    return at.open && sent(&slot, 1);
}

static int recover(void)
{
    return served() || (!connect_as(NULL, NULL, 0) && served()) ? 0 : -XEN_EIO;
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
    } bad[] = {{at.page.ref, 0, 0},
               {at.page.ref, 0, 13},
               {at.page.ref, 4096, FRAME},
               {at.page.ref, 4090, FRAME},
               {at.page.ref, 65535, 65535},
               {at.page.ref, 0, 65535},
               {2, 0, FRAME},
               {2047, 0, FRAME},
               {0xffffffff, 0, FRAME},
               {at.page.foreign, 0, FRAME}};
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
    hostile_show(&at.net.tx, at.net.port);
    thread_sleep(50 * NS_PER_MS);
    return error | connect_as(NULL, NULL, 0);
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

static int try_jumps(void)
{
    static const uint32_t by[] = {257, 0x7fffffff, 0x80000000, 0xffffffff};
    int error = 0;

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(by) && !error; i++) {
        hostile_jump(i % 2 ? &at.net.rx : &at.net.tx, at.net.port, by[i / 2]);
        error = connect_as(NULL, NULL, 0);
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
        error = connect_as(NULL, NULL, 0);
    }
    return error;
}

static int try_words(void)
{
    struct ring *const rings[] = {&at.net.rx, &at.net.tx};

    hostile_words(rings, ARRAY_SIZE(rings), at.net.port);
    return connect_as(NULL, NULL, 0);
}

static void put_with(grant_ref_t ref)
{
    struct netif_tx_request slot = honest();

    slot.gref = ref;
    ring_put(&at.net.tx, &slot);
}

static int try_revoked(void)
{
    hostile_revoke(at.net.device.backend_id, true, &at.net.tx, at.net.port, put_with);
    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        grant_revoke(at.net.rx_pages[i].ref);
    grant_revoke(at.net.tx_ref);
    served();
    return connect_as(NULL, NULL, 0);
}

// Pages to receive into that are not to be had: what others answer to what we ask is lost.
static int try_receives(void)
{
    uint64_t before = at.net.counters.received;

    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        grant_revoke(at.net.rx_pages[i].ref);
    for (unsigned i = 0; i < 8; i++)
        served();
    thread_sleep(200 * NS_PER_MS);
    if (at.net.counters.received != before) {
        print("hostile: a packet came into no page of ours\n");
        return -XEN_EILSEQ;
    }
    print("hostile: %lu packets were lost\n", at.net.counters.dropped);
    return connect_as(NULL, NULL, 0);
}

static int try_keys(void)
{
    static const struct lie lies[] = {
        {"tx-ring-ref", NULL, 0},           {"tx-ring-ref", "abc", 0},
        {"tx-ring-ref", "4294967295", 0},   {"rx-ring-ref", NULL, 0},
        {"rx-ring-ref", "-1", 0},           {"rx-ring-ref", "99999999999999999999", 0},
        {"event-channel", NULL, 0},         {"event-channel", "131071", 0},
        {"event-channel", "x", 0},          {"request-rx-copy", "0", 0},
        {"multi-queue-num-queues", "0", 0}, {"multi-queue-num-queues", "99999", 0},
    };

    return hostile_lies(lies, ARRAY_SIZE(lies), false, connect_as, served);
}

static int try_states(void)
{
    drop();
    return hostile_states("vif", at.handle);
}

static const struct violation violations[] = {
    {"slots", try_slots},     {"chains", try_chains},     {"extras", try_extras},
    {"jumps", try_jumps},     {"garbage", try_garbage},   {"words", try_words},
    {"revoked", try_revoked}, {"receives", try_receives}, {"keys", try_keys},
    {"states", try_states},
};

// A question to everybody, by ARP: who has 10.9.0.1? It makes somebody answer, if he is there.
static void make_frame(uint8_t *frame)
{
    static const uint8_t arp[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};
    static const uint8_t ours[] = {10, 9, 0, 2}, theirs[] = {10, 9, 0, 1};

    memset(frame, 0xff, 6);
    memcpy(frame + 6, at.net.mac, 6);
    memcpy(frame + 12, arp, sizeof(arp));
    memcpy(frame + 22, at.net.mac, 6);
    memcpy(frame + 28, ours, sizeof(ours));
    memcpy(frame + 38, theirs, sizeof(theirs));
}

COMMAND(hostile_net, "HANDLE [WHICH...]",
        "breaks the network protocol in every way, on device/vif/HANDLE")
{
    int error;

    at.handle = (unsigned)word_number(nr_words, words, 1, 0);
    error = connect_as(NULL, NULL, 0);
    if (error)
        return error;
    if (hostile_page_make(&at.page, at.net.device.backend_id, true)) {
        make_frame(at.page.page);
        error = hostile_run("net", violations, ARRAY_SIZE(violations), words + MIN(nr_words, 2u),
                            recover);
    } else {
        error = -XEN_ENOMEM;
    }
    drop();
    hostile_page_free(&at.page);
    return error;
}
