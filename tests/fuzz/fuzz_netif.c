// A guest's network rings: whatever is written into them, in whatever order, the back end copies
// from and to nothing but granted pages, keeps within its memory, and goes on or says that the ring
// is broken.
//
// sources: backends/net/frame.c backends/net/offload.c backends/net/filter.c
// sources: backends/common/credit.c backends/net/batch.c backends/net/queue.c backends/net/tx.c
// sources: backends/net/rx.c backends/net/control_ring.c ring/ring.c tests/tools/net_kit.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/control_ring.h"
#include "pv-abi/io/netif_ctrl.h"
#include "tests/tools/net_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net_kit *kit;
static uint8_t control_page[NET_PAGE];

struct input {
    const uint8_t *at, *end;
};

static void take(struct input *in, void *to, size_t length)
{
    size_t left = (size_t)(in->end - in->at), n = left < length ? left : length;

    memset(to, 0, length);
    memcpy(to, in->at, n);
    in->at += n;
}

static uint8_t byte(struct input *in)
{
    uint8_t value;

    take(in, &value, 1);
    return value;
}

// Writes entries where the back end expects the next ones, and moves the index.
static void write_entries(struct input *in, uint8_t *page, size_t stride)
{
    struct ring_header *header = (void *)page;
    unsigned count = byte(in) % 48;

    for (unsigned i = 0; i < count; i++)
        take(in, page + 64 + ((header->req_prod + i) % 256) * stride, stride);
    header->req_prod += count;
}

static void serve_control(struct input *in)
{
    struct ring ring;
    const char *why;
    bool notify = false;

    take(in, control_page, 32);
    ring_attach(&ring, RING_BACK, control_page, NET_PAGE, sizeof(struct xen_netif_ctrl_request),
                sizeof(struct xen_netif_ctrl_response));
    control_ring_serve(&ring, &notify, &why);
}

static void drain(void)
{
    struct virtio_net_hdr header;
    uint8_t frame[64];

    while (kit_from_tap(kit, &header, frame, sizeof(frame)))
        ;
}

static void receive(struct input *in)
{
    static uint8_t frame[FRAME_BYTES];
    struct virtio_net_hdr header;
    size_t length = FRAME_HEADER + (size_t)byte(in) * 255;

    take(in, &header, sizeof(header));
    take(in, frame, 96);
    kit_to_tap(kit, &header, frame, length);
    if (kit_receive_all(kit) & (QUEUE_WAIT | QUEUE_BROKEN)) {
        // What is left would fill the tap device up.
        kit_connect(kit);
        kit_give(kit, 1, 100);
        kit_receive_all(kit);
    }
}

static void step(struct input *in)
{
    struct ring_header *header;

    switch (byte(in) % 8) {
    case 0:
    case 1:
        write_entries(in, kit->tx_page, sizeof(union netif_tx_sring_entry));
        break;
    case 2:
        write_entries(in, kit->rx_page, sizeof(union netif_rx_sring_entry));
        break;
    case 3:
        receive(in);
        break;
    case 4: // indexes of the guest's choice
        header = (void *)(byte(in) & 1 ? kit->tx_page : kit->rx_page);
        take(in, header, 16);
        break;
    case 5: // what frames are made of
        take(in, kit->pages[byte(in)], 128);
        break;
    case 6:
        serve_control(in);
        break;
    default: // the server dies; takes over if the indexes allow it
        if (((struct ring_header *)(void *)kit->tx_page)->req_prod -
                    ((struct ring_header *)(void *)kit->tx_page)->rsp_prod <=
                256 &&
            ((struct ring_header *)(void *)kit->rx_page)->req_prod -
                    ((struct ring_header *)(void *)kit->rx_page)->rsp_prod <=
                256)
            kit_take_over(kit);
    }
    if (kit_send_all(kit) & QUEUE_BROKEN)
        kit_connect(kit);
    drain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    uint8_t features = byte(&in);

    if (!kit)
        kit = kit_new();
    kit_connect(kit);
    kit->port.guest =
        (struct net_guest){features & 1, features & 2, features & 4, features & 8, features & 16};
    kit->port.filter =
        (struct net_filter){.own_source_only = features & 32, .chosen_multicast = features & 64};
    kit->port.credit = (struct credit){0};
    for (int i = 0; i < 100 && in.at < in.end; i++)
        step(&in);
    return 0;
}
