// The network front end and the packets over it, against a back end that serves, and ones that mean
// harm.
//
// sources: frontends/net/netfront.c frontends/net/packets.c frontends/net/ip.c
// sources: ring/ring.c tests/unit/front_world.c

#include <CUnit/Basic.h>
#include <stdlib.h>

#include "front_world.h"
#include "frontends/kernel/guest.h"
#include "frontends/net/ip.h"
#include "tests/suite.h"

#define US   0x0a000001u
#define PEER 0x0a000002u

static struct netfront net;
static struct ring tx, rx; // the other sides of the front end's
static uint8_t got[NET_FRAME_MOST];
static size_t got_bytes;
static unsigned got_frames, seed;

static unsigned draw(unsigned below)
{
    return (unsigned)rand_r(&seed) % below;
}

static void receive(void *arg, const uint8_t *frame, size_t bytes)
{
    CU_ASSERT_TRUE_FATAL(bytes <= NET_FRAME_MOST && bytes >= NET_FRAME_LEAST);
    memcpy(got, frame, bytes);
    got_bytes = bytes;
    got_frames++;
}

static void attach_back(struct netfront *n)
{
    ring_attach(&tx, RING_BACK, n->tx_memory, PAGE_SIZE, sizeof(struct netif_tx_request),
                sizeof(struct netif_tx_response));
    ring_attach(&rx, RING_BACK, n->rx_memory, PAGE_SIZE, sizeof(struct netif_rx_request),
                sizeof(struct netif_rx_response));
}

static void open_net(void)
{
    struct net_options options = {.receive = receive};

    got_frames = 0;
    CU_ASSERT_EQUAL_FATAL(netfront_open(&net, 0, &options), 0);
    attach_back(&net);
}

static void end(void)
{
    netfront_close(&net);
    world_reset();
}

// What is sent comes back.
static bool reflect(void)
{
    struct netif_tx_request sent;
    struct netif_rx_request room;
    unsigned n = 0;

    while (ring_take(&tx, &sent) == RING_TAKEN) {
        struct netif_tx_response done = {.id = sent.id};

        CU_ASSERT_TRUE_FATAL(world.grants[sent.gref].in_use && world.grants[sent.gref].read_only);
        CU_ASSERT_EQUAL_FATAL(ring_take(&rx, &room), RING_TAKEN);
        CU_ASSERT_FALSE_FATAL(world.grants[room.gref].read_only);
        struct netif_rx_response back = {.id = room.id, .offset = 64, .status = (int16_t)sent.size};

        memcpy((char *)world.grants[room.gref].page + 64,
               (char *)world.grants[sent.gref].page + sent.offset, sent.size);
        ring_put(&rx, &back);
        ring_put(&tx, &done);
        n++;
    }
    ring_publish(&tx);
    ring_publish(&rx);
    world_notify();
    return n;
}

static void test_serves(void)
{
    uint8_t frame[NET_FRAME_MOST];

    open_net();
    CU_ASSERT_EQUAL(net.mac[5], 1);
    for (size_t bytes = NET_FRAME_LEAST; bytes <= NET_FRAME_MOST; bytes += 1 + bytes / 50) {
        for (size_t i = 0; i < bytes; i++)
            frame[i] = (uint8_t)draw(256);
        CU_ASSERT_EQUAL(netfront_send(&net, frame, bytes), 0);
        reflect();
        CU_ASSERT_EQUAL(got_bytes, bytes);
        CU_ASSERT_FALSE(memcmp(got, frame, bytes));
    }
    CU_ASSERT_EQUAL(net.counters.sent, net.counters.received);
    CU_ASSERT_EQUAL(net.counters.sent, got_frames);
    CU_ASSERT_EQUAL(netfront_send(&net, frame, NET_FRAME_LEAST - 1), -XEN_EINVAL);
    CU_ASSERT_EQUAL(netfront_send(&net, frame, NET_FRAME_MOST + 1), -XEN_EINVAL);
    end();
}

static void test_room(void)
{
    uint8_t frame[60] = {0};

    open_net();
    for (unsigned i = 0; i < NET_TX_SLOTS; i++)
        CU_ASSERT_EQUAL(netfront_send(&net, frame, sizeof(frame)), 0);
    CU_ASSERT_EQUAL(netfront_send(&net, frame, sizeof(frame)), -XEN_EAGAIN);
    CU_ASSERT_EQUAL(netfront_send_wait(&net, frame, sizeof(frame)), -XEN_ETIMEDOUT);
    world.step = reflect;
    CU_ASSERT_EQUAL(netfront_send_wait(&net, frame, sizeof(frame)), 0);
    end();
}

static void give(struct netif_rx_response rsp)
{
    ring_put(&rx, &rsp);
    ring_publish(&rx);
    world_notify();
}

// What does not lie in its page, or is no packet, is dropped; the page is lent again.
static void test_bad_packets(void)
{
    static const struct netif_rx_response bad[] = {
        {.offset = 4096, .status = 60},
        {.offset = 65535, .status = 60},
        {.offset = 4096 - 59, .status = 60},
        {.status = 0},
        {.status = 13},
        {.status = -1},
        {.status = -32768},
        {.status = 1515},
        {.status = 32767},
        {.status = 60, .flags = NETRXF_extra_info},
        {.status = 60, .flags = NETRXF_more_data},
        {.status = 60}, // the packet's end
    };
    struct netif_rx_request room;

    open_net();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct netif_rx_response rsp = bad[i];

        CU_ASSERT_EQUAL(ring_take(&rx, &room), RING_TAKEN);
        rsp.id = room.id;
        give(rsp);
    }
    CU_ASSERT_EQUAL(got_frames, 0);
    CU_ASSERT_EQUAL(net.counters.dropped, ARRAY_SIZE(bad));
    CU_ASSERT_PTR_NULL(net.broken);
    ring_take(&rx, &room);
    give((struct netif_rx_response){.id = room.id, .status = 60});
    CU_ASSERT_EQUAL(got_frames, 1);
    end();
}

static void check_broken(void)
{
    uint8_t frame[60] = {0};

    world_notify();
    CU_ASSERT_PTR_NOT_NULL(net.broken);
    CU_ASSERT_EQUAL(netfront_send(&net, frame, sizeof(frame)), -XEN_EIO);
    end();
}

static void test_broken(void)
{
    static const uint16_t ids[] = {0, NET_TX_SLOTS, 64, 255, 65535};
    struct netif_rx_request room;

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) { // nothing was sent
        struct netif_tx_response rsp = {.id = ids[i]};

        open_net();
        net.tx.shared->req_prod = net.tx.published = net.tx.produced = 1;
        memcpy(net.tx.shared + 1, &rsp, sizeof(rsp));
        net.tx.shared->rsp_prod = 1;
        check_broken();
    }
    open_net(); // into a page that is not lent
    CU_ASSERT_EQUAL(ring_take(&rx, &room), RING_TAKEN);
    net.rx_pages[3].lent = false;
    give((struct netif_rx_response){.id = 3, .status = 60});
    check_broken();
    open_net();
    net.tx.shared->rsp_prod = 1;
    check_broken();
    open_net();
    net.rx.shared->rsp_prod = 257;
    check_broken();
}

static void test_random_harm(void)
{
    uint8_t frame[NET_FRAME_MOST] = {0};

    for (unsigned round = 0; round < 2000; round++) {
        seed = round;
        open_net();
        for (unsigned i = 0; i < 30 && !net.broken; i++) {
            uint32_t *words = draw(2) ? net.rx_memory : net.tx_memory;

            netfront_send(&net, frame, draw(2000));
            if (draw(3) == 0)
                words[draw(300)] = (uint32_t)rand_r(&seed);
            else
                words[2] += draw(3); // rsp_prod
            world_notify();
        }
        end();
    }
}

// Packets

static struct ip ip;
static unsigned datagrams;

static void datagram(struct ip *to, uint32_t from, uint16_t port, const uint8_t *data, size_t bytes)
{
    datagrams++;
}

static void open_ip(void)
{
    CU_ASSERT_EQUAL_FATAL(ip_open(&ip, 0, US), 0);
    attach_back(&ip.net);
    ip.port = UDP_ECHO;
    ip.datagram = datagram;
    datagrams = 0;
}

// What it sends comes back, and it is its own peer.
static void test_ip(void)
{
    uint8_t data[IP_UDP_MOST] = {1, 2, 3};

    open_ip();
    world.step = reflect;
    CU_ASSERT_EQUAL(ip_resolve(&ip, US, NS_PER_S), 0);
    for (size_t bytes = 0; bytes <= IP_UDP_MOST; bytes += 7) {
        unsigned before = ip.echoes, seen = datagrams;

        CU_ASSERT_EQUAL(ip_send_echo(&ip, 1, data, bytes), 0);
        reflect(); // the question, to which it sends an answer
        reflect();
        CU_ASSERT_EQUAL(ip.echoes, before + 1);
        CU_ASSERT_EQUAL(ip_send_udp(&ip, UDP_ECHO + 1, UDP_ECHO, data, bytes), 0);
        reflect();
        CU_ASSERT_EQUAL(datagrams, seen + 1);
        reflect();
    }
    CU_ASSERT_EQUAL(ip.bad, 0);
    CU_ASSERT_EQUAL(ip_send_udp(&ip, 1, 1, data, IP_UDP_MOST + 1), -XEN_EMSGSIZE);
    ip_close(&ip);
    world_reset();
}

static void test_no_answer(void)
{
    open_ip();
    CU_ASSERT_EQUAL(ip_resolve(&ip, PEER, NS_PER_S), -XEN_ETIMEDOUT);
    CU_ASSERT_EQUAL(ip_send_udp(&ip, 1, 1, "", 1), -XEN_ENOTCONN);
    ip_close(&ip);
    world_reset();
}

// A datagram that is right, with some bytes changed: every one is noticed, or is in a field that
// nobody needs. None does harm.
static bool damage(void)
{
    struct netif_tx_request sent;
    struct netif_rx_request room;

    if (ring_take(&tx, &sent) != RING_TAKEN || ring_take(&rx, &room) != RING_TAKEN)
        return false;
    struct netif_rx_response rsp = {.id = room.id, .status = (int16_t)sent.size};
    struct netif_tx_response done = {.id = sent.id};
    uint8_t *frame = world.grants[room.gref].page;

    memcpy(frame, world.grants[sent.gref].page, sent.size);
    for (unsigned i = 0; i <= draw(3); i++)
        frame[draw(sent.size)] = (uint8_t)rand_r(&seed);
    if (draw(3) == 0)
        rsp.status = (int16_t)(14 + draw(sent.size));
    ring_put(&tx, &done);
    ring_publish(&tx);
    give(rsp);
    return true;
}

static void test_damage(void)
{
    uint8_t data[IP_UDP_MOST] = {0};

    open_ip();
    world.step = reflect;
    CU_ASSERT_EQUAL(ip_resolve(&ip, US, NS_PER_S), 0);
    seed = 1;
    for (unsigned round = 0; round < 20000; round++) {
        if (round % 3)
            ip_send_udp(&ip, UDP_ECHO, UDP_ECHO, data, draw(100));
        else
            ip_send_echo(&ip, 1, data, draw(100));
        for (unsigned i = 0; i < 4; i++)
            damage();
    }
    CU_ASSERT_TRUE(ip.bad > 1000);
    CU_ASSERT_PTR_NULL(ip.net.broken);
    ip_close(&ip);
    world_reset();
}

static void test_addresses(void)
{
    static const char *const bad[] = {"",          "1",         "1.2.3",
                                      "1.2.3.4.5", "1.2.3.256", "1.2.3.x",
                                      ".1.2.3",    "1.2.3.4 ",  "99999999999.1.1.1"};
    uint32_t address;

    CU_ASSERT_TRUE(ip_parse("10.0.0.2", &address));
    CU_ASSERT_EQUAL(address, PEER);
    CU_ASSERT_TRUE(ip_parse("255.255.255.255", &address));
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CU_ASSERT_FALSE(ip_parse(bad[i], &address));
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"serves, in every size", test_serves},
        {"waits for room", test_room},
        {"packets that are none", test_bad_packets},
        {"answers to nothing, and overruns", test_broken},
        {"random harm", test_random_harm},
        {"ARP, echo and datagrams", test_ip},
        {"a peer that does not answer", test_no_answer},
        {"damaged packets", test_damage},
        {"addresses", test_addresses},
        CU_TEST_INFO_NULL,
    };

    return run_suite("netfront", tests);
}
