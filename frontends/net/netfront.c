// Connecting and disconnecting.
#include "frontends/net/netfront.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "hypervisor/lib/printf.h"

#define PATIENCE (20 * NS_PER_S)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "00:16:3e:01:02:03"
static int parse_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++, text += 3) {
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return -XEN_EINVAL;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static bool make_page(struct netfront *n, struct net_page *p, bool read_only)
{
    p->page = page_alloc();
    p->ref = p->page ? grant_page(n->device.backend_id, p->page, read_only) : 0;
    return p->ref;
}

static bool make_ring(struct netfront *n, struct ring *ring, void **memory, grant_ref_t *ref,
                      size_t request, size_t response)
{
    *memory = page_alloc();
    if (!*memory)
        return false;
    ring_format(*memory);
    ring_attach(ring, RING_FRONT, *memory, PAGE_SIZE, request, response);
    *ref = grant_page(n->device.backend_id, *memory, false);
    return *ref;
}

static int make(struct netfront *n)
{
    if (!make_ring(n, &n->tx, &n->tx_memory, &n->tx_ref, sizeof(struct netif_tx_request),
                   sizeof(struct netif_tx_response)) ||
        !make_ring(n, &n->rx, &n->rx_memory, &n->rx_ref, sizeof(struct netif_rx_request),
                   sizeof(struct netif_rx_response)))
        return -XEN_ENOMEM;
    for (unsigned i = 0; i < NET_TX_SLOTS; i++)
        if (!make_page(n, &n->tx_pages[i], true))
            return -XEN_ENOMEM;
    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        if (!make_page(n, &n->rx_pages[i], false))
            return -XEN_ENOMEM;
    n->port = event_alloc(n->device.backend_id, netfront_news, n);
    return (int)MIN(n->port, 0L);
}

// Frees a page, unless the back end has it mapped still: then it is lost.
static unsigned end_page(void *page, grant_ref_t ref)
{
    if (!page)
        return 0;
    if (!grant_end(ref))
        return 1;
    page_free(page);
    return 0;
}

static void end_all(struct netfront *n)
{
    unsigned lost = end_page(n->tx_memory, n->tx_ref) + end_page(n->rx_memory, n->rx_ref);

    for (unsigned i = 0; i < NET_TX_SLOTS; i++)
        lost += end_page(n->tx_pages[i].page, n->tx_pages[i].ref);
    for (unsigned i = 0; i < NET_RX_SLOTS; i++)
        lost += end_page(n->rx_pages[i].page, n->rx_pages[i].ref);
    if (lost)
        print("%s: the back end has %u pages mapped still, which are lost\n", n->device.path, lost);
    if (n->port > 0)
        event_close((evtchn_port_t)n->port);
}

static int forget_key(const struct netfront *n, uint32_t transaction, const char *key)
{
    char path[STORE_PATH_MAX];
    int error;

    snprintf(path, sizeof(path), "%s/%s", n->device.path, key);
    error = store_rm(transaction, path);
    return error == -XEN_ENOENT ? 0 : error;
}

static int publish(uint32_t transaction, void *net)
{
    const struct netfront *n = net;
    const struct {
        const char *key;
        uint64_t value;
    } keys[] = {
        {"tx-ring-ref", n->tx_ref},
        {"rx-ring-ref", n->rx_ref},
        {"event-channel", (uint64_t)n->port},
        {"request-rx-copy", 1},
        {"feature-rx-notify", 1},
        {"feature-no-csum-offload", 1},
        {"feature-ipv6-csum-offload", 0},
        {"feature-sg", 0},
    };
    const char *lie = n->options.false_key;
    int error = forget_key(n, transaction, "multi-queue-num-queues");

    for (unsigned i = 0; i < ARRAY_SIZE(keys) && error >= 0; i++)
        error = store_write_number(transaction, n->device.path, keys[i].key, keys[i].value);
    if (lie && error >= 0)
        error = n->options.false_value
                    ? store_write_at(transaction, n->device.path, lie, n->options.false_value)
                    : forget_key(n, transaction, lie);
    return error;
}

static int connect(struct netfront *n)
{
    char mac[20];
    int error = store_read_at(0, n->device.path, "mac", mac, sizeof(mac));

    if (error < 0 || (error = parse_mac(mac, n->mac)) < 0) {
        print("%s: no MAC address in xenstore\n", n->device.path);
        return error;
    }
    if ((error = xenbus_restart(&n->device)) || (error = make(n)))
        return error;
    netfront_lend_all(n);
    if ((error = xenbus_publish(publish, n)) ||
        (error = xenbus_switch(&n->device, XenbusStateConnected)) ||
        (error = xenbus_wait(&n->device, XENBUS_IN(XenbusStateConnected),
                             n->options.patience ? n->options.patience : PATIENCE)))
        return error;
    event_send((evtchn_port_t)n->port); // there are pages to receive into
    return 0;
}

int netfront_open(struct netfront *n, unsigned handle, const struct net_options *options)
{
    int error;

    memset(n, 0, sizeof(*n));
    wait_queue_init(&n->progress);
    if (options)
        n->options = *options;
    error = xenbus_open(&n->device, "vif", handle);
    if (error)
        return error;
    error = connect(n);
    if (error)
        netfront_close(n);
    return error;
}

void netfront_close(struct netfront *n)
{
    int error = xenbus_shutdown(&n->device);

    if (error)
        print("%s: the back end has not closed: %s\n", n->device.path, error_name(error));
    netfront_fail(n, "closed");
    end_all(n);
    xenbus_close(&n->device);
}
