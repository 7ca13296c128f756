// What a frame is, and whose work its checksum and its segments are; filters and limits.
//
// sources: backends/net/frame.c backends/net/offload.c backends/net/filter.c
// sources: backends/common/credit.c backends/net/batch.c backends/net/queue.c backends/net/tx.c
// sources: backends/net/rx.c ring/ring.c tests/tools/net_kit.c
#include <CUnit/Basic.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tests/tools/net_kit.h"

static const struct net_guest takes_all = {true, true, true, true, true};
static uint8_t frame[FRAME_BYTES];

static void test_parse(void)
{
    struct frame_layout layout;

    for (int kind = 0; kind < 4; kind++) {
        bool ipv6 = kind & 1, tcp = kind & 2;
        uint16_t transport = ipv6 ? 54 : 34;

        kit_make_frame(frame, 200, ipv6, tcp, 1);
        CU_ASSERT_TRUE_FATAL(frame_parse(frame, 200, &layout));
        CU_ASSERT(layout.ipv6 == ipv6 && layout.tcp == tcp && !layout.tagged);
        CU_ASSERT_EQUAL(layout.network, 14);
        CU_ASSERT_EQUAL(layout.transport, transport);
        CU_ASSERT_EQUAL(layout.checksum, transport + (tcp ? 16 : 6));
        CU_ASSERT_EQUAL(layout.payload, transport + (tcp ? 20 : 8));
        // Cut off anywhere in its headers it is none of ours; read beyond its end, ASan tells.
        for (size_t length = 0; length < layout.payload; length++) {
            uint8_t *cut = malloc(length ? length : 1);
            struct frame_layout other;

            memcpy(cut, frame, length);
            CU_ASSERT_FALSE(frame_parse(cut, length, &other));
            free(cut);
        }
    }
}

static void test_parse_refuses(void)
{
    struct frame_layout layout;

    kit_make_frame(frame, 200, false, true, 1);
    frame[14] = 0x44; // a header of 16 bytes
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    frame[14] = 0x4f; // options
    frame[74 + 12] = 0x50;
    CU_ASSERT_TRUE(frame_parse(frame, 200, &layout));
    CU_ASSERT_EQUAL(layout.transport, 74);
    kit_make_frame(frame, 200, false, true, 1);
    frame[20] = 0x20; // more fragments
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    frame[20] = 0x40; // may not be fragmented
    CU_ASSERT_TRUE(frame_parse(frame, 200, &layout));
    frame[21] = 1; // a later fragment
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    kit_make_frame(frame, 200, false, true, 1);
    frame[46] = 0x40; // a TCP header of 16 bytes
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    frame[23] = 132; // SCTP
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    frame[12] = 0x88; // not IP
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
}

// Puts `count` bytes in at `at`.
static size_t insert(size_t length, size_t at, const uint8_t *bytes, size_t count)
{
    memmove(frame + at + count, frame + at, length - at);
    memcpy(frame + at, bytes, count);
    return length + count;
}

static void test_parse_between(void)
{
    static const uint8_t tag[] = {0x81, 0, 0, 5};
    uint8_t options[16] = {6, 1};
    struct frame_layout layout;
    size_t length = 200;

    kit_make_frame(frame, length, false, false, 1);
    length = insert(length, 12, tag, 4);
    CU_ASSERT_TRUE(frame_parse(frame, length, &layout));
    CU_ASSERT(layout.tagged && layout.transport == 38);
    length = insert(length, 12, tag, 4);
    CU_ASSERT_TRUE(frame_parse(frame, length, &layout));
    length = insert(length, 12, tag, 4);
    CU_ASSERT_FALSE(frame_parse(frame, length, &layout));

    kit_make_frame(frame, 200, true, true, 1);
    frame[20] = 60;
    length = insert(200, 54, options, sizeof(options));
    CU_ASSERT_TRUE(frame_parse(frame, length, &layout));
    CU_ASSERT_EQUAL(layout.transport, 70);
    frame[54] = 60; // and so on, beyond the frame's end or without end
    frame[55] = 0;
    for (size_t at = 54; at < 4096; at += 8)
        memcpy(frame + at, (const uint8_t[8]){60}, 8);
    CU_ASSERT_FALSE(frame_parse(frame, 4096, &layout));
    frame[55] = 0xff;
    CU_ASSERT_FALSE(frame_parse(frame, 200, &layout));
    frame[20] = 44; // a fragment
    CU_ASSERT_FALSE(frame_parse(frame, 4096, &layout));
}

static void test_checksums(void)
{
    for (int kind = 0; kind < 4; kind++)
        for (size_t length = 80; length < 2000; length += 37) {
            struct frame_layout layout;

            kit_make_frame(frame, length, kind & 1, kind & 2, (unsigned)length);
            CU_ASSERT_TRUE(kit_sum_is_right(frame, length));
            CU_ASSERT_TRUE_FATAL(frame_parse(frame, length, &layout));
            frame_write_pseudo(frame, length, &layout);
            CU_ASSERT_TRUE(frame_complete(frame, length, layout.transport,
                                          (size_t)(layout.checksum - layout.transport)));
            CU_ASSERT_TRUE(kit_sum_is_right(frame, length));
        }
    CU_ASSERT_FALSE(frame_complete(frame, 100, 101, 0));
    CU_ASSERT_FALSE(frame_complete(frame, 100, 50, 49));
    CU_ASSERT_FALSE(frame_complete(frame, 100, 50, SIZE_MAX));
    CU_ASSERT_TRUE(frame_complete(frame, 100, 50, 48));
}

static void test_to_kernel(void)
{
    struct net_offload said = {0};
    struct virtio_net_hdr header;

    memset(frame, 0xaa, 100); // not IP: as long as nothing is claimed, that is nobody's business
    CU_ASSERT_TRUE(offload_to_kernel(frame, 100, &said, &header));
    CU_ASSERT(header.flags == 0 && header.gso_type == VIRTIO_NET_HDR_GSO_NONE);
    said.blank = true;
    CU_ASSERT_FALSE(offload_to_kernel(frame, 100, &said, &header));
    kit_make_frame(frame, 100, true, false, 1);
    CU_ASSERT_TRUE(offload_to_kernel(frame, 100, &said, &header));
    CU_ASSERT_EQUAL(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    CU_ASSERT(header.csum_start == 54 && header.csum_offset == 6);
    CU_ASSERT_EQUAL(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
}

static void test_segments_to_kernel(void)
{
    struct net_offload said = {.gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1448};
    struct virtio_net_hdr header;

    kit_make_frame(frame, 9000, false, true, 1);
    CU_ASSERT_TRUE(offload_to_kernel(frame, 9000, &said, &header));
    CU_ASSERT_EQUAL(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    CU_ASSERT(header.gso_size == 1448 && header.hdr_len == 54 && header.csum_start == 34);
    // The checksum was not blank; now it is.
    CU_ASSERT_TRUE(frame_complete(frame, 9000, 34, 16));
    CU_ASSERT_TRUE(kit_sum_is_right(frame, 9000));
    said.gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
    CU_ASSERT_FALSE(offload_to_kernel(frame, 9000, &said, &header));
    said.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
    said.gso_size = OFFLOAD_SEGMENT_MIN - 1;
    CU_ASSERT_FALSE(offload_to_kernel(frame, 9000, &said, &header));
    said.gso_size = 8946; // all in one segment: nothing to cut
    CU_ASSERT_TRUE(offload_to_kernel(frame, 9000, &said, &header));
    CU_ASSERT_EQUAL(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    kit_make_frame(frame, 9000, false, false, 1); // UDP
    CU_ASSERT_FALSE(offload_to_kernel(frame, 9000, &said, &header));
}

static void test_to_guest(void)
{
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    static const struct net_guest takes_none;
    struct frame_layout layout;
    struct net_offload said;

    kit_make_frame(frame, 500, false, true, 1);
    CU_ASSERT_TRUE_FATAL(frame_parse(frame, 500, &layout));
    frame_write_pseudo(frame, 500, &layout);
    CU_ASSERT_TRUE(offload_to_guest(frame, 500, &header, &takes_all, &said));
    CU_ASSERT(said.blank && said.validated && !said.gso_type);
    CU_ASSERT_FALSE(kit_sum_is_right(frame, 500));
    CU_ASSERT_TRUE(offload_to_guest(frame, 500, &header, &takes_none, &said));
    CU_ASSERT(!said.blank && said.validated);
    CU_ASSERT_TRUE(kit_sum_is_right(frame, 500));
    // A checksum where the guest would not look for it.
    header.csum_start = 60;
    CU_ASSERT_TRUE(offload_to_guest(frame, 500, &header, &takes_all, &said));
    CU_ASSERT(!said.blank);
    header.csum_offset = 440;
    CU_ASSERT_FALSE(offload_to_guest(frame, 500, &header, &takes_all, &said));
    header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    CU_ASSERT_TRUE(offload_to_guest(frame, 500, &header, &takes_all, &said));
    CU_ASSERT(!said.blank && said.validated);
}

static void test_segments_to_guest(void)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .csum_start = 34,
                                    .csum_offset = 16,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                    .gso_size = 1448};
    struct net_guest guest = takes_all;
    struct net_offload said;

    kit_make_frame(frame, 5000, false, true, 1);
    CU_ASSERT_TRUE(offload_to_guest(frame, 5000, &header, &guest, &said));
    CU_ASSERT(said.blank && said.gso_type == XEN_NETIF_GSO_TYPE_TCPV4 && said.gso_size == 1448);
    guest.gso_tcpv4 = false;
    CU_ASSERT_FALSE(offload_to_guest(frame, 5000, &header, &guest, &said));
    guest.gso_tcpv4 = true;
    guest.sg = false;
    CU_ASSERT_FALSE(offload_to_guest(frame, 5000, &header, &guest, &said));
    header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    CU_ASSERT_FALSE(offload_to_guest(frame, 5000, &header, &takes_all, &said));
    CU_ASSERT_EQUAL(offload_tap_flags(&takes_all), TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
    CU_ASSERT_EQUAL(offload_tap_flags(&guest), TUN_F_CSUM);
    CU_ASSERT_EQUAL(offload_tap_flags(&(struct net_guest){.sg = true, .gso_tcpv4 = true}), 0);
}

static void test_filter(void)
{
    struct net_filter filter = {.mac = {0, 0x16, 0x3e, 4, 5, 6}};
    uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};

    kit_make_frame(frame, 100, false, true, 1); // comes from that address
    filter.own_source_only = true;
    CU_ASSERT_TRUE(filter_may_send(&filter, frame));
    frame[11]++;
    CU_ASSERT_FALSE(filter_may_send(&filter, frame));
    filter.own_source_only = false;
    CU_ASSERT_TRUE(filter_may_send(&filter, frame));
    memcpy(frame, group, 6);
    CU_ASSERT_TRUE(filter_gets(&filter, frame));
    filter.chosen_multicast = true;
    CU_ASSERT_FALSE(filter_gets(&filter, frame));
    CU_ASSERT_TRUE(filter_add_group(&filter, group));
    CU_ASSERT_TRUE(filter_gets(&filter, frame));
    filter_remove_group(&filter, group);
    CU_ASSERT_FALSE(filter_gets(&filter, frame));
    memset(frame, 0xff, 6);
    CU_ASSERT_TRUE(filter_gets(&filter, frame));
    CU_ASSERT_FALSE(filter_add_group(&filter, filter.mac));
    for (int i = 0; i < FILTER_GROUPS_MAX; i++) {
        group[5] = (uint8_t)i;
        CU_ASSERT_TRUE(filter_add_group(&filter, group));
        CU_ASSERT_TRUE(filter_add_group(&filter, group));
    }
    group[5] = FILTER_GROUPS_MAX;
    CU_ASSERT_FALSE(filter_add_group(&filter, group));
}

static void test_credit(void)
{
    static const char *const wrong[] = {
        "1", "1,", ",1", "x,1", "1,1,1", "1,1x", "-1,1", "9999999999999999,1", "1,99999999999"};
    struct credit credit;
    uint64_t now = 1000, sent = 0;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_FALSE(credit_parse(&credit, wrong[i], now));
    CU_ASSERT_TRUE(credit_parse(&credit, NULL, now));
    CU_ASSERT_EQUAL(credit_wait(&credit, now), 0);
    CU_ASSERT_TRUE(credit_parse(&credit, "62500,50000", now));
    while (now < 10001000) { // ten seconds of frames as fast as they may go
        uint64_t wait = credit_wait(&credit, now);

        now += wait;
        if (wait == 0) {
            credit_spend(&credit, 9000);
            sent += 9000;
        }
        CU_ASSERT(wait <= 50000);
    }
    CU_ASSERT(sent > 12400000 && sent < 12600000); // of 12.5 MB
    now += 3600ULL * 1000000;                      // an hour's silence saves up one interval
    CU_ASSERT_EQUAL(credit_wait(&credit, now), 0);
    CU_ASSERT_EQUAL(credit.left, 62500);
    CU_ASSERT_TRUE(credit_parse(&credit, "10000000000,100000000", now));
    credit_spend(&credit, 9999999999);
    CU_ASSERT_EQUAL(credit_wait(&credit, now), 0);
    CU_ASSERT_TRUE(credit_parse(&credit, "1,4294967295", now));
    credit_spend(&credit, 65535);
    CU_ASSERT(credit_wait(&credit, now) > 65000ULL * 4294967295);
    CU_ASSERT_EQUAL(credit_wait(&credit, UINT64_MAX / 2), 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"frames are told by their headers", test_parse},
        {"broken headers", test_parse_refuses},
        {"tags, options, extension headers", test_parse_between},
        {"checksums", test_checksums},
        {"checksums towards the kernel", test_to_kernel},
        {"segments towards the kernel", test_segments_to_kernel},
        {"checksums towards the guest", test_to_guest},
        {"segments towards the guest", test_segments_to_guest},
        {"filters", test_filter},
        {"limits", test_credit},
        CU_TEST_INFO_NULL,
    };

    return run_suite("network offload", tests);
}
