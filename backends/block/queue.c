// Between the rings and the requests.
#include <errno.h>

#include "backends/block/disk.h"
#include "control/evtchn.h"

static bool may_take(struct disk *disk)
{
    return !disk->barrier && !disk->stopping &&
           disk->data_bytes + DISK_REQUEST_MOST <= DISK_DATA_MOST && throttle_allows(disk);
}

static void begin(struct disk_queue *queue, uint16_t slot)
{
    struct disk_request *request = &queue->request[slot];

    request->queue = queue;
    request->slot = slot;
    queue->disk->open++;
    request_begin(request);
}

static void take(struct disk_queue *queue, const struct blkif_request *entry)
{
    uint16_t slot = queue->idle[--queue->idle_count];

    inflight_take(queue->inflight, slot, entry);
    begin(queue, slot);
}

void queue_replay(struct disk_queue *queue, uint16_t slot)
{
    begin(queue, slot);
}

// False: nothing more is to be taken now.
static bool take_one(struct disk_queue *queue)
{
    struct blkif_request entry;

    if (!queue->idle_count) // answered, but not published: the ring would give their places
        queue_publish(queue);
    switch (ring_take(&queue->ring, &entry)) {
    case RING_TAKEN:
        take(queue, &entry);
        return true;
    case RING_EMPTY:
        return ring_before_sleep(&queue->ring) != RING_EMPTY;
    default:
        worker_guest_wrong(queue->disk->worker,
                           "its request index is ahead of what the ring holds");
    }
}

void queue_run(struct disk_queue *queue)
{
    for (uint32_t i = 0; i < queue->ring.size; i++) {
        queue->stalled = !may_take(queue->disk);
        if (queue->stalled || !take_one(queue))
            return;
    }
    queue->stalled = true; // others have their turn first
}

void queue_answer(struct disk_request *request, int status)
{
    struct disk_queue *queue = request->queue;
    struct blkif_response response = {.id = request->request.id,
                                      .operation = request->request.operation,
                                      .status = (int16_t)status};

    if (request->buffer)
        buffer_put(queue->disk, request->buffer);
    request->buffer = NULL;
    if (queue->disk->barrier == request)
        queue->disk->barrier = NULL;
    inflight_answer(queue->inflight, request->slot, queue->ring.produced, status);
    ring_put(&queue->ring, &response);
    queue->answered[queue->answered_count++] = request->slot;
    queue->disk->open--;
}

void queue_publish(struct disk_queue *queue)
{
    struct worker *worker = queue->disk->worker;

    if (!queue->answered_count)
        return;
    if (ring_publish(&queue->ring))
        evtchn_notify(worker->evtchn, queue->port);
    for (uint32_t i = 0; i < queue->answered_count; i++) {
        inflight_free(queue->inflight, queue->answered[i]);
        queue->idle[queue->idle_count++] = queue->answered[i];
    }
    queue->answered_count = 0;
}

// A barrier is alone now: it goes on, and when it is done, taking does.
static void release_barrier(struct disk *disk)
{
    struct disk_request *barrier = disk->barrier;

    if (barrier && disk->open == 1 && barrier->step == STEP_NEW)
        request_proceed(barrier);
}

static void look_at_size(struct disk *disk)
{
    uint64_t now = worker_now();

    if (now - disk->looked < DISK_LOOK_MS)
        return;
    disk->looked = now;
    disk_message(disk->worker, DISK_LOOK, NULL, 0);
}

void disk_settle(struct disk *disk)
{
    int rc;

    release_barrier(disk);
    for (uint32_t i = 0; i < disk->queues; i++) {
        if (disk->queue[i]->stalled)
            queue_run(disk->queue[i]);
    }
    for (uint32_t i = 0; i < disk->queues; i++)
        queue_publish(disk->queue[i]);
    rc = io_uring_submit(&disk->uring);
    if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR)
        worker_complain(disk->worker, "io_uring: %s", strerror(-rc));
    look_at_size(disk);
    for (uint32_t i = 0; i < disk->queues; i++) {
        if (disk->queue[i]->stalled && may_take(disk))
            event_active(disk->completions, EV_READ, 0); // once more, after other events
    }
    if (disk->stopping && !disk->open)
        worker_end(disk->worker, WORKER_DONE);
}
