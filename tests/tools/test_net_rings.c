// A guest's rings and the tap device: frames whole in both directions, and guests that break the
// rules.
//
// sources: backends/net/frame.c backends/net/offload.c backends/net/filter.c
// sources: backends/common/credit.c backends/net/batch.c backends/net/queue.c backends/net/tx.c
// sources: backends/net/rx.c backends/net/control_ring.c ring/ring.c tests/tools/net_kit.c
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/net/control_ring.h"
#include "pv-abi/io/netif_ctrl.h"
#include "tests/suite.h"
#include "tests/tools/net_kit.h"

static struct net_kit *kit;
static uint8_t frame[FRAME_BYTES], got[FRAME_BYTES];
static struct virtio_net_hdr header;

static void begin(void)
{
    kit = kit_new();
}

static void end(void)
{
    kit_free(kit);
}

static int expect_answer(int status)
{
    uint16_t id = 0;

    CU_ASSERT_EQUAL(kit_answer(kit, &id), status);
    return id;
}

// Sends `length` bytes of `frame` in pages from number `page` on.
static void put_frame(uint32_t page, size_t length, uint16_t flags,
                      const struct netif_extra_info *info)
{
    for (size_t done = 0, size; done < length; done += size, page++) {
        bool more;

        size = length - done < NET_PAGE ? length - done : NET_PAGE;
        more = done + size < length;
        memcpy(kit->pages[page], frame + done, size);
        kit_request(kit, page, (uint32_t)(done ? size : length),
                    (uint16_t)((done ? 0 : flags) | (more ? NETTXF_more_data : 0)));
        if (!done && flags & NETTXF_extra_info)
            kit_extra(kit, info);
    }
    ring_publish(&kit->tx);
}

static void test_send(void)
{
    begin();
    for (size_t length = FRAME_HEADER; length < 65536; length = length * 5 / 4 + 1) {
        unsigned pages = (unsigned)((length + NET_PAGE - 1) / NET_PAGE);

        for (size_t i = 0; i < length; i++)
            frame[i] = (uint8_t)(i * 7 + length);
        put_frame(10, length, 0, NULL);
        CU_ASSERT_EQUAL(kit_send_all(kit), QUEUE_NOTIFY);
        CU_ASSERT_EQUAL(kit_from_tap(kit, &header, got, sizeof(got)), (long)length);
        CU_ASSERT(!memcmp(got, frame, length) && !header.flags && !header.gso_type);
        for (unsigned i = 0; i < pages; i++)
            CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 10 + (int)i);
        ring_before_sleep(&kit->tx);
    }
    CU_ASSERT_EQUAL(kit->port.statistics.tx_errors, 0);
    end();
}

static void test_send_many(void)
{
    unsigned frames = 0, answers = 0, at = 0;
    uint16_t id;

    begin();
    for (unsigned round = 0; round < 300; round++) {
        unsigned count = round % 256 + 1;

        for (unsigned i = 0; i < count; i++) {
            kit_make_frame(kit->pages[i], 100 + i, i & 1, true, at++);
            kit_request(kit, i, 100 + i, 0);
        }
        ring_publish(&kit->tx);
        for (unsigned calls = 0; frames < at; calls++) {
            const char *why;

            CU_ASSERT(!(queue_send(&kit->queue, 0, &why) & QUEUE_BROKEN));
            CU_ASSERT(kit->port.batch->frames_count <= NET_BATCH_FRAMES && calls < 5);
            while (kit_from_tap(kit, &header, got, sizeof(got)) > 0)
                frames++;
        }
        while (kit_answer(kit, &id) == NETIF_RSP_OKAY)
            answers++;
        ring_before_sleep(&kit->tx);
    }
    CU_ASSERT_EQUAL(frames, at);
    CU_ASSERT_EQUAL(answers, at);
    end();
}

static void test_send_segments(void)
{
    struct netif_extra_info info = {.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                    .u.gso = {1448, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0}};

    begin();
    kit_make_frame(frame, 20000, false, true, 3);
    put_frame(20, 20000, NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info, &info);
    CU_ASSERT_EQUAL(kit_send_all(kit), QUEUE_NOTIFY);
    CU_ASSERT_EQUAL(kit_from_tap(kit, &header, got, sizeof(got)), 20000);
    CU_ASSERT_EQUAL(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    CU_ASSERT(header.gso_size == 1448 && header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
    CU_ASSERT(!memcmp(got, frame, 20000));
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 20);
    expect_answer(NETIF_RSP_NULL);
    for (int i = 1; i < 5; i++)
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 20 + i);
    CU_ASSERT_EQUAL(kit_answer(kit, &(uint16_t){0}), -100);
    end();
}

// Frames that are wrong in themselves: an error, and the next one is served.
static void test_send_wrong(void)
{
    static const struct {
        uint16_t size, offset, flags;
        struct netif_extra_info info;
        int answers;
    } wrong[] = {
        {FRAME_HEADER - 1, 0, 0, {0}, 1},
        {0, 0, 0, {0}, 1},
        {4097, 0, 0, {0}, 1},
        {1000, 3097, 0, {0}, 1},
        {100, 0xffff, 0, {0}, 1},
        {65535, 0xffff, 0, {0}, 1},
        {100, 0, NETTXF_csum_blank, {0}, 1}, // it is not IP
        {100, 0, NETTXF_extra_info, {.type = XEN_NETIF_EXTRA_TYPE_NONE}, 2},
        {100, 0, NETTXF_extra_info, {.type = XEN_NETIF_EXTRA_TYPE_HASH}, 2},
        {100, 0, NETTXF_extra_info, {.type = 255}, 2},
        {100, 0, NETTXF_extra_info, {1, 0, {.gso = {1448, 0, 0, 0}}}, 2},
        {100, 0, NETTXF_extra_info, {1, 0, {.gso = {1448, 3, 0, 0}}}, 2},
        {100, 0, NETTXF_extra_info, {1, 0, {.gso = {0, 1, 0, 0}}}, 2},
        {100, 0, NETTXF_extra_info, {1, 0, {.gso = {1448, 1, 0, 1}}}, 2},
        {100, 0, NETTXF_extra_info, {1, 0, {.gso = {1448, 1, 0, 0}}}, 2}, // nor TCP
        {100, 0, NETTXF_extra_info, {XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, {.mcast = {{1}}}}, 2},
    };

    begin();
    memset(frame, 0x55, sizeof(frame));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct netif_tx_request request = {.gref = 1,
                                           .id = 99,
                                           .size = wrong[i].size,
                                           .offset = wrong[i].offset,
                                           .flags = wrong[i].flags};

        ring_put(&kit->tx, &request);
        if (wrong[i].flags & NETTXF_extra_info)
            kit_extra(kit, &wrong[i].info);
        put_frame(2, 200, 0, NULL);
        CU_ASSERT_FALSE(kit_send_all(kit) & QUEUE_BROKEN);
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_ERROR), 99);
        if (wrong[i].answers > 1)
            expect_answer(NETIF_RSP_NULL);
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 2);
        CU_ASSERT_EQUAL(kit_from_tap(kit, &header, got, sizeof(got)), 200);
        CU_ASSERT_EQUAL(kit_from_tap(kit, &header, got, sizeof(got)), 0);
    }
    CU_ASSERT_EQUAL(kit->port.statistics.tx_errors, sizeof(wrong) / sizeof(wrong[0]));
    end();
}

static void test_send_wrong_chains(void)
{
    uint16_t id;

    begin();
    // The pieces are more than the whole; a piece of nothing; a piece across pages.
    for (int kind = 0; kind < 3; kind++) {
        kit_request(kit, 1, 100, NETTXF_more_data);
        kit_request(kit, 2, (uint32_t[]){100, 0, 4097}[kind], 0);
        ring_publish(&kit->tx);
        CU_ASSERT_FALSE(kit_send_all(kit) & QUEUE_BROKEN);
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_ERROR), 1);
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_ERROR), 2);
    }
    // As many pieces as may be, and one more.
    for (unsigned pieces = TX_SLOTS_MAX; pieces <= TX_SLOTS_MAX + 1; pieces++) {
        for (unsigned i = 0; i < pieces; i++)
            kit_request(kit, i, i ? 10 : 10 * pieces + 10, i + 1 < pieces ? NETTXF_more_data : 0);
        ring_publish(&kit->tx);
        CU_ASSERT_FALSE(kit_send_all(kit) & QUEUE_BROKEN);
        for (unsigned i = 0; i < pieces; i++)
            CU_ASSERT_EQUAL(kit_answer(kit, &id), pieces > TX_SLOTS_MAX ? NETIF_RSP_ERROR : 0);
    }
    // Pages that are not granted, or no more.
    put_frame(5, 10000, 0, NULL);
    kit->revoked[6] = true;
    put_frame(8, 100, 0, NULL);
    CU_ASSERT_FALSE(kit_send_all(kit) & QUEUE_BROKEN);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_ERROR), 5 + i);
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 8);
    kit->copy_fails = true;
    put_frame(8, 100, 0, NULL);
    CU_ASSERT_FALSE(kit_send_all(kit) & QUEUE_BROKEN);
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_ERROR), 8);
    end();
}

static void test_send_broken(void)
{
    struct netif_extra_info more = {XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, {{0}}};
    struct ring_header *shared;

    begin(); // a chain that runs off the ring
    kit_request(kit, 1, 100, NETTXF_more_data);
    ring_publish(&kit->tx);
    CU_ASSERT(kit_send_all(kit) & QUEUE_BROKEN);
    kit_connect(kit); // infos that run off the ring
    kit_request(kit, 1, 100, NETTXF_extra_info);
    ring_publish(&kit->tx);
    CU_ASSERT(kit_send_all(kit) & QUEUE_BROKEN);
    kit_connect(kit); // a chain without end
    for (int i = 0; i <= TX_CHAIN_MAX; i++)
        kit_request(kit, 1, 100, NETTXF_more_data);
    ring_publish(&kit->tx);
    CU_ASSERT(kit_send_all(kit) & QUEUE_BROKEN);
    kit_connect(kit); // infos without end
    kit_request(kit, 1, 100, NETTXF_extra_info);
    for (int i = 0; i <= TX_EXTRAS_MAX; i++)
        kit_extra(kit, &more);
    ring_publish(&kit->tx);
    CU_ASSERT(kit_send_all(kit) & QUEUE_BROKEN);
    for (uint32_t jump = 257; jump; jump <<= 1) { // indexes that cannot be
        kit_connect(kit);
        shared = (void *)kit->tx_page;
        shared->req_prod = jump;
        CU_ASSERT(kit_send_all(kit) & QUEUE_BROKEN);
        kit_connect(kit);
        shared = (void *)kit->rx_page;
        shared->req_prod = jump;
        CU_ASSERT(kit_receive_all(kit) & QUEUE_BROKEN);
    }
    end();
}

static void test_limit(void)
{
    const char *why;

    begin();
    CU_ASSERT_TRUE(credit_parse(&kit->port.credit, "1000,50000", 0));
    memset(frame, 1, 600);
    for (uint32_t i = 0; i < 5; i++)
        put_frame(i, 600, 0, NULL);
    CU_ASSERT(queue_send(&kit->queue, 0, &why) & QUEUE_WAIT);
    CU_ASSERT_EQUAL(kit->port.statistics.tx_frames, 2);
    CU_ASSERT(queue_send(&kit->queue, 49999, &why) & QUEUE_WAIT);
    CU_ASSERT_EQUAL(kit->port.statistics.tx_frames, 2);
    CU_ASSERT(queue_send(&kit->queue, 50000, &why) & QUEUE_WAIT);
    CU_ASSERT_EQUAL(kit->port.statistics.tx_frames, 4);
    CU_ASSERT(queue_send(&kit->queue, 100000, &why) & QUEUE_WAIT); // all is spent
    CU_ASSERT_EQUAL(kit->port.statistics.tx_frames, 5);
    CU_ASSERT_EQUAL(queue_send(&kit->queue, 150000, &why), 0);
    end();
}

static void test_filters(void)
{
    struct netif_extra_info join = {
        XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, {.mcast = {{0x33, 0x33, 0, 0, 0, 9}}}};

    begin();
    kit->port.filter.own_source_only = true;
    kit->port.filter.chosen_multicast = true;
    kit_make_frame(frame, 100, false, true, 1);
    put_frame(1, 100, 0, NULL);
    memcpy(kit->port.filter.mac, frame + 6, 6);
    kit_send_all(kit);
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 1);
    frame[11]++;
    put_frame(1, 100, 0, NULL);
    put_frame(2, 100, NETTXF_extra_info, &join);
    kit_send_all(kit);
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_DROPPED), 1);
    CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 2);
    CU_ASSERT_EQUAL(kit->port.filter.groups_count, 1);
    memcpy(frame, join.u.mcast.addr, 6);
    kit_give(kit, 100, 64);
    header = (struct virtio_net_hdr){0};
    kit_to_tap(kit, &header, frame, 100);
    frame[5]++;
    kit_to_tap(kit, &header, frame, 100);
    kit_receive_all(kit);
    CU_ASSERT(kit->port.statistics.rx_frames == 1 && kit->port.statistics.rx_dropped == 1);
    end();
}

// Receiving
// ------------------------------------------------------------------------------------------

struct received {
    size_t length;
    uint16_t flags;
    struct netif_extra_info info;
    bool error;
};

// Takes the next frame that the guest gets into `got`, and gives its pages again; false: none.
static bool take_frame(struct received *r)
{
    struct netif_rx_response response;
    bool first = true;

    *r = (struct received){0};
    do {
        if (ring_take(&kit->rx, &response) != RING_TAKEN)
            return false;
        if (response.status < 0) {
            r->error = true;
        } else {
            CU_ASSERT_FATAL(response.offset + response.status <= (int)NET_PAGE &&
                            response.id < KIT_PAGES);
            memcpy(got + r->length, kit->pages[response.id] + response.offset,
                   (size_t)response.status);
            r->length += (size_t)response.status;
        }
        kit_give(kit, response.id, 1);
        if (first && response.flags & NETRXF_extra_info) {
            union netif_rx_sring_entry entry = {0};

            CU_ASSERT_EQUAL_FATAL(ring_take(&kit->rx, &entry), RING_TAKEN);
            memcpy(&r->info, &entry, sizeof(r->info));
            kit_give(kit, 0, 1); // its number was never told: any
        }
        r->flags = first ? response.flags : r->flags;
        first = false;
    } while (response.flags & NETRXF_more_data);
    return true;
}

static void test_receive(void)
{
    struct received r;

    begin();
    kit_give(kit, 100, 256);
    for (size_t length = 60; length <= FRAME_BYTES; length = length == FRAME_BYTES ? length + 1
                                                             : length * 5 / 4 > FRAME_BYTES
                                                                 ? FRAME_BYTES
                                                                 : length * 5 / 4) {
        header = (struct virtio_net_hdr){0};
        kit_make_frame(frame, length, false, true, (unsigned)length);
        if (length > 1514)
            header = (struct virtio_net_hdr){
                VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 54, 1448, 34, 16};
        kit_to_tap(kit, &header, frame, length);
        CU_ASSERT_EQUAL(kit_receive_all(kit), QUEUE_NOTIFY);
        CU_ASSERT_TRUE_FATAL(take_frame(&r));
        CU_ASSERT(r.length == length && !r.error && !memcmp(got, frame, length));
        CU_ASSERT_EQUAL(r.flags & NETRXF_csum_blank, length > 1514 ? NETRXF_csum_blank : 0);
        CU_ASSERT_EQUAL(r.info.type, length > 1514 ? XEN_NETIF_EXTRA_TYPE_GSO : 0);
        CU_ASSERT_EQUAL(r.info.u.gso.size, length > 1514 ? 1448 : 0);
        ring_before_sleep(&kit->rx);
    }
    end();
}

static void test_receive_short_of_pages(void)
{
    struct received r;

    begin();
    header = (struct virtio_net_hdr){0};
    kit_make_frame(frame, 1000, true, false, 5);
    kit_to_tap(kit, &header, frame, 1000);
    CU_ASSERT_EQUAL(kit_receive_all(kit), QUEUE_WAIT);
    kit_give(kit, 100, RX_SLOTS_MAX - 1);
    CU_ASSERT_EQUAL(kit_receive_all(kit), QUEUE_WAIT);
    CU_ASSERT_FALSE(take_frame(&r));
    kit_give(kit, 200, 1);
    CU_ASSERT_EQUAL(kit_receive_all(kit), QUEUE_NOTIFY | QUEUE_WAIT);
    CU_ASSERT(take_frame(&r) && r.length == 1000 && !memcmp(got, frame, 1000));
    // Without pieces one page will do, and longer frames are dropped.
    kit_connect(kit);
    kit->port.guest = (struct net_guest){0};
    kit_give(kit, 100, 2);
    kit_to_tap(kit, &header, frame, 5000);
    kit_to_tap(kit, &header, frame, 1000);
    kit_receive_all(kit);
    CU_ASSERT(take_frame(&r) && r.length == 1000);
    CU_ASSERT_EQUAL(kit->port.statistics.rx_dropped, 1);
    end();
}

static void test_receive_revoked(void)
{
    struct received r;

    begin();
    kit_give(kit, 100, 60);
    kit->revoked[101] = true;
    header = (struct virtio_net_hdr){0};
    kit_make_frame(frame, 8000, false, false, 1);
    kit_to_tap(kit, &header, frame, 8000);
    kit_to_tap(kit, &header, frame, 1000);
    kit_receive_all(kit);
    CU_ASSERT(take_frame(&r) && r.error);
    CU_ASSERT(take_frame(&r) && !r.error && r.length == 1000 && !memcmp(got, frame, 1000));
    end();
}

// Taking over
// ----------------------------------------------------------------------------------------

// The ring's page as it is if the server dies after `puts` answers and before it publishes them.
static void die_after(uint8_t page[NET_PAGE], const uint8_t before[NET_PAGE], size_t stride,
                      unsigned puts)
{
    uint8_t after[NET_PAGE];

    memcpy(after, page, NET_PAGE);
    memcpy(page, before, NET_PAGE);
    memcpy(page + 64, after + 64, puts * stride);
}

static void test_take_over_sending(void)
{
    struct netif_extra_info gso = {
        XEN_NETIF_EXTRA_TYPE_GSO, 0, {.gso = {1448, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0}}};
    uint8_t before[NET_PAGE];

    for (unsigned puts = 0; puts <= 9; puts++) {
        begin();
        kit_make_frame(frame, 12000, false, true, 3);
        put_frame(20, 12000, NETTXF_csum_blank | NETTXF_extra_info, &gso); // 4 entries
        put_frame(30, 5000, 0, NULL);                                      // 2
        put_frame(40, 100, NETTXF_extra_info, &gso);                       // 2
        put_frame(50, 100, 0, NULL);
        memcpy(before, kit->tx_page, NET_PAGE);
        kit_send_all(kit);
        die_after(kit->tx_page, before, sizeof(union netif_tx_sring_entry), puts);
        kit_take_over(kit);
        for (int i = 0; i < 9; i++) {
            static const int ids[] = {20, -1, 21, 22, 30, 31, 40, -1, 50};
            int id = expect_answer(ids[i] < 0 ? NETIF_RSP_NULL : NETIF_RSP_DROPPED);

            CU_ASSERT(ids[i] < 0 || id == ids[i]);
        }
        CU_ASSERT_EQUAL(kit_answer(kit, &(uint16_t){0}), -100);
        while (kit_from_tap(kit, &header, got, sizeof(got)))
            ;
        put_frame(60, 5000, 0, NULL);
        kit_send_all(kit);
        CU_ASSERT_EQUAL(expect_answer(NETIF_RSP_OKAY), 60);
        CU_ASSERT_EQUAL(kit_from_tap(kit, &header, got, sizeof(got)), 5000);
        end();
    }
}

static void test_take_over_receiving(void)
{
    struct received r;
    uint8_t before[NET_PAGE];
    int errors = 0;

    for (unsigned puts = 0; puts <= 4; puts++) {
        begin();
        kit_give(kit, 100, 40);
        memcpy(before, kit->rx_page, NET_PAGE);
        header = (struct virtio_net_hdr){0};
        kit_make_frame(frame, 8000, false, false, 1);
        kit_to_tap(kit, &header, frame, 8000);
        kit_to_tap(kit, &header, frame, 8000);
        kit_receive_all(kit);
        die_after(kit->rx_page, before, sizeof(union netif_rx_sring_entry), puts);
        kit_take_over(kit);
        for (errors = 0; errors < 40 && take_frame(&r); errors++)
            CU_ASSERT_TRUE(r.error);
        CU_ASSERT_EQUAL(errors, 40);
        kit_to_tap(kit, &header, frame, 8000);
        kit_receive_all(kit);
        CU_ASSERT(take_frame(&r) && !r.error && r.length == 8000 && !memcmp(got, frame, 8000));
        end();
    }
}

static void test_control_ring(void)
{
    static uint8_t page[NET_PAGE];
    struct xen_netif_ctrl_response response;
    struct ring front, back;
    bool notify = false;
    const char *why;

    ring_format(page);
    ring_attach(&front, RING_FRONT, page, NET_PAGE, sizeof(struct xen_netif_ctrl_request),
                sizeof(response));
    ring_attach(&back, RING_BACK, page, NET_PAGE, sizeof(struct xen_netif_ctrl_request),
                sizeof(response));
    for (uint16_t type = 0; type < 12; type++)
        ring_put(&front,
                 &(struct xen_netif_ctrl_request){.id = (uint16_t)(type + 5), .type = type});
    ring_publish(&front);
    CU_ASSERT_TRUE(control_ring_serve(&back, &notify, &why));
    CU_ASSERT_TRUE(notify);
    for (uint16_t type = 0; type < 12; type++) {
        CU_ASSERT_EQUAL_FATAL(ring_take(&front, &response), RING_TAKEN);
        CU_ASSERT(response.id == type + 5 && response.type == type);
        CU_ASSERT_EQUAL(response.status, XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
    }
    ((struct ring_header *)(void *)page)->req_prod += 1000;
    CU_ASSERT_FALSE(control_ring_serve(&back, &notify, &why));
}

// Whatever a guest writes into its rings: no crash, no end of the world, bounded answers.
static void test_hostile(void)
{
    unsigned seed = 1, broken = 0;

    begin();
    for (unsigned i = 0; i < KIT_PAGES; i += 7)
        kit->revoked[i] = true;
    kit->port.filter.chosen_multicast = true;
    for (int round = 0; round < 30000; round++) {
        bool sane = rand_r(&seed) % 4;
        unsigned count = (unsigned)rand_r(&seed) % 64;
        struct ring_header *tx = (void *)kit->tx_page, *rx = (void *)kit->rx_page;

        for (unsigned i = 0; i < count; i++) {
            uint8_t *entry = kit->tx_page + 64 + ((tx->req_prod + i) % 256) * 12;

            for (int k = 0; k < 12; k++)
                entry[k] = (uint8_t)rand_r(&seed);
            if (sane) { // as sane as it takes to get further
                struct netif_tx_request request;

                memcpy(&request, entry, sizeof(request));
                request.gref %= KIT_PAGES;
                request.offset %= 2048;
                request.size %= 3000;
                request.flags &= i + 1 < count && rand_r(&seed) % 8 == 0 ? 0xf : 3;
                memcpy(entry, &request, sizeof(request));
            }
        }
        tx->req_prod += count;
        for (int k = 0; k < 60; k++)
            kit->rx_page[64 + (unsigned)rand_r(&seed) % 2048] = (uint8_t)rand_r(&seed);
        rx->req_prod += (unsigned)rand_r(&seed) % 30;
        if (rand_r(&seed) % 100 == 0)
            tx->rsp_prod = tx->rsp_event = rx->rsp_prod = (unsigned)rand_r(&seed);
        header = (struct virtio_net_hdr){0};
        kit_to_tap(kit, &header, frame, 60 + (unsigned)rand_r(&seed) % 5000);
        if ((kit_send_all(kit) | kit_receive_all(kit)) & QUEUE_BROKEN) {
            broken++;
            kit_connect(kit);
        }
        while (kit_from_tap(kit, &header, got, sizeof(got)))
            ;
        for (const char *why; queue_receive(&kit->queue, &why) & QUEUE_WAIT;) {
            kit_connect(kit); // nothing may be left in the tap device: it would fill up
            kit_give(kit, 1, 200);
        }
    }
    CU_ASSERT(broken > 100 && kit->port.statistics.tx_frames > 1000);
    CU_ASSERT(kit->port.statistics.tx_errors > 1000 && kit->port.statistics.rx_frames > 1000);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"frames of every length are sent", test_send},
        {"many frames", test_send_many},
        {"frames yet to be cut are sent", test_send_segments},
        {"wrong frames get an error", test_send_wrong},
        {"wrong chains get an error", test_send_wrong_chains},
        {"broken rings are told", test_send_broken},
        {"a limit on what is sent", test_limit},
        {"filters in both directions", test_filters},
        {"frames of every length are received", test_receive},
        {"a guest short of pages", test_receive_short_of_pages},
        {"pages revoked", test_receive_revoked},
        {"a killed server's sending is taken over", test_take_over_sending},
        {"a killed server's receiving is taken over", test_take_over_receiving},
        {"control ring", test_control_ring},
        {"a hostile guest", test_hostile},
        CU_TEST_INFO_NULL,
    };

    return run_suite("network rings", tests);
}
