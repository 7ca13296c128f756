// Connecting and disconnecting.
#include "frontends/block/blkfront.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "hypervisor/lib/printf.h"

#define PATIENCE (20 * NS_PER_S)

// A number of the back end's; OTHERWISE if it does not say.
static uint64_t offered(const struct blkfront *b, const char *key, uint64_t otherwise)
{
    uint64_t value;

    return store_read_number(0, b->device.backend, key, &value) < 0 ? otherwise : value;
}

static unsigned ring_pages(const struct blkfront *b)
{
    uint64_t order = MIN((uint64_t)b->options.ring_order, offered(b, "max-ring-page-order", 0));

    return 1u << MIN(order, (uint64_t)BLOCK_RING_ORDER_MOST);
}

static int make_ring(struct blkfront *b)
{
    b->nr_ring_pages = ring_pages(b);
    b->memory = pages_alloc(b->nr_ring_pages);
    if (!b->memory)
        return -XEN_ENOMEM;
    ring_format(b->memory);
    ring_attach(&b->ring, RING_FRONT, b->memory, b->nr_ring_pages * PAGE_SIZE,
                sizeof(struct blkif_request), sizeof(struct blkif_response));
    for (unsigned i = 0; i < b->nr_ring_pages; i++) {
        b->ring_refs[i] =
            grant_page(b->device.backend_id, (char *)b->memory + i * PAGE_SIZE, false);
        if (!b->ring_refs[i])
            return -XEN_ENOMEM;
    }
    b->port = event_alloc(b->device.backend_id, blkfront_news, b);
    return (int)MIN(b->port, 0L);
}

static void end_ring(struct blkfront *b)
{
    bool ended = true;

    if (b->port > 0)
        event_close((evtchn_port_t)b->port);
    for (unsigned i = 0; i < b->nr_ring_pages; i++)
        ended &= grant_end(b->ring_refs[i]);
    if (ended && b->memory)
        pages_free(b->memory, b->nr_ring_pages);
    else if (b->memory)
        print("%s: the back end has the ring mapped still; its pages are lost\n", b->device.path);
}

static int publish_key(const struct blkfront *b, uint32_t transaction, const char *key,
                       const char *value)
{
    if (b->options.false_key && !strcmp(key, b->options.false_key)) {
        value = b->options.false_value;
        if (!value)
            return 0;
    }
    return store_write_at(transaction, b->device.path, key, value);
}

static int publish_number(const struct blkfront *b, uint32_t transaction, const char *key,
                          uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu", value);
    return publish_key(b, transaction, key, text);
}

static int publish_ring(const struct blkfront *b, uint32_t transaction)
{
    char key[20];
    int error = 0;

    if (b->nr_ring_pages == 1)
        return publish_number(b, transaction, "ring-ref", b->ring_refs[0]);
    for (unsigned i = 0; error >= 0 && i < b->nr_ring_pages; i++) {
        snprintf(key, sizeof(key), "ring-ref%u", i);
        error = publish_number(b, transaction, key, b->ring_refs[i]);
    }
    return error < 0 ? error
                     : publish_number(b, transaction, "ring-page-order",
                                      (uint64_t)__builtin_ctz(b->nr_ring_pages));
}

// Keys that an earlier connection may have left and this one may not write.
static void forget_keys(const struct blkfront *b, uint32_t transaction)
{
    static const char *const keys[] = {"ring-ref", "ring-page-order", "event-channel", "protocol",
                                       "feature-persistent"};
    char path[STORE_PATH_MAX];

    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
        snprintf(path, sizeof(path), "%s/%s", b->device.path, keys[i]);
        store_rm(transaction, path);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(b->ring_refs); i++) {
        snprintf(path, sizeof(path), "%s/ring-ref%u", b->device.path, i);
        store_rm(transaction, path);
    }
}

static int publish(uint32_t transaction, void *block)
{
    const struct blkfront *b = block;
    int error;

    forget_keys(b, transaction);
    if ((error = publish_ring(b, transaction)) < 0 ||
        (error = publish_number(b, transaction, "event-channel", (uint64_t)b->port)) < 0 ||
        (error = publish_key(b, transaction, "protocol", "x86_64-abi")) < 0)
        return error;
    return publish_number(b, transaction, "feature-persistent", b->persistent);
}

static void learn(struct blkfront *b)
{
    b->sectors = offered(b, "sectors", 0);
    b->sector_size = offered(b, "sector-size", BLOCK_SECTOR);
    b->info = offered(b, "info", 0);
    b->flush = offered(b, "feature-flush-cache", 0);
    b->barrier = offered(b, "feature-barrier", 0);
    b->discard = offered(b, "feature-discard", 0);
    b->indirect_most = offered(b, "feature-max-indirect-segments", 0);
}

static int connect(struct blkfront *b)
{
    int error = xenbus_restart(&b->device);

    if (error)
        return error;
    b->persistent = b->options.persistent && offered(b, "feature-persistent", 0);
    if ((error = make_ring(b)))
        return error;
    if (b->persistent && !blkfront_make_pool(b))
        return -XEN_ENOMEM;
    if ((error = xenbus_publish(publish, b)) ||
        (error = xenbus_switch(&b->device, XenbusStateInitialised)) ||
        (error = xenbus_wait(&b->device, XENBUS_IN(XenbusStateConnected),
                             b->options.patience ? b->options.patience : PATIENCE)))
        return error;
    learn(b);
    return xenbus_switch(&b->device, XenbusStateConnected);
}

static void disconnect(struct blkfront *b)
{
    int error = xenbus_shutdown(&b->device);

    if (error)
        print("%s: the back end has not closed: %s\n", b->device.path, error_name(error));
    blkfront_fail(b, "closed");
    blkfront_end_pool(b);
    end_ring(b);
}

int blkfront_open(struct blkfront *b, unsigned handle, const struct block_options *options)
{
    int error;

    memset(b, 0, sizeof(*b));
    wait_queue_init(&b->progress);
    if (options)
        b->options = *options;
    error = xenbus_open(&b->device, "vbd", handle);
    if (error)
        return error;
    error = connect(b);
    if (error)
        blkfront_close(b);
    return error;
}

void blkfront_close(struct blkfront *b)
{
    disconnect(b);
    xenbus_close(&b->device);
}
