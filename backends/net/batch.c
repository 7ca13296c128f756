#include "backends/net/batch.h"

#include <stdlib.h>

struct net_batch *batch_new(void)
{
    struct net_batch *batch = calloc(1, sizeof(*batch));

    if (!batch)
        return NULL;
    batch->memory = aligned_alloc(NET_PAGE, (size_t)NET_BATCH_PAGES * NET_PAGE);
    if (!batch->memory) {
        free(batch);
        return NULL;
    }
    return batch;
}

void batch_free(struct net_batch *batch)
{
    if (batch)
        free(batch->memory);
    free(batch);
}

void batch_clear(struct net_batch *batch)
{
    batch->frames_count = batch->slots_count = batch->segments_count = batch->pages_count = 0;
}

uint8_t *batch_next(const struct net_batch *batch)
{
    if (batch->frames_count == NET_BATCH_FRAMES ||
        batch->pages_count + NET_FRAME_PAGES > NET_BATCH_PAGES)
        return NULL;
    return batch->memory + (size_t)batch->pages_count * NET_PAGE;
}

void batch_use(struct net_batch *batch, size_t bytes)
{
    batch->pages_count += (uint32_t)((bytes + NET_PAGE - 1) / NET_PAGE);
}
