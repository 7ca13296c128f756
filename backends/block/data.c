#include <errno.h>

#include "backends/block/disk.h"
#include "control/grant.h"

static int copy(struct disk_request *request, struct grant_copy *copies, size_t count)
{
    struct worker *worker = request->queue->disk->worker;
    int rc = grant_copy(worker->grants, worker->connection.domain, copies, count);

    if (rc) {
        worker_complain(worker, "pages of the guest cannot be copied: %s", strerror(-rc));
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        if (copies[i].status) {
            worker_complain(worker, "grant %u of the guest's cannot be copied: status %d",
                            copies[i].reference, copies[i].status);
            return -EFAULT;
        }
    }
    return 0;
}

int data_segments(struct disk_request *request, struct blkif_request_segment raw[BLK_SEGMENTS_MOST])
{
    struct grant_copy copies[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
    uint32_t left = request->request.segments;

    for (uint32_t i = 0; i < request->request.pages; i++) {
        uint32_t here = left < BLK_SEGMENTS_PER_PAGE ? left : (uint32_t)BLK_SEGMENTS_PER_PAGE;

        copies[i] = (struct grant_copy){.local = raw + i * BLK_SEGMENTS_PER_PAGE,
                                        .reference = request->request.page[i],
                                        .length = (uint16_t)(here * sizeof(raw[0]))};
        left -= here;
    }
    return copy(request, copies, request->request.pages);
}

// All segments, one after the other, from or to the buffer.
static int copy_all(struct disk_request *request, bool to_guest)
{
    struct disk_buffer *buffer = request->buffer;
    struct grant_copy copies[BLK_SEGMENTS_MOST];
    uint8_t *at = buffer->data;

    for (uint32_t i = 0; i < request->request.segments; i++) {
        copies[i] = (struct grant_copy){.local = at,
                                        .reference = buffer->segment[i].reference,
                                        .offset = buffer->segment[i].offset,
                                        .length = buffer->segment[i].length,
                                        .to_guest = to_guest};
        at += buffer->segment[i].length;
    }
    return copy(request, copies, request->request.segments);
}

int data_take(struct disk_request *request)
{
    return copy_all(request, false);
}

int data_deliver(struct disk_request *request)
{
    return copy_all(request, true);
}
