// The worker of a disk: its start, its events, its end.
#include "backends/block/disk.h"

#include <errno.h>
#include <stdlib.h>

#include "control/evtchn.h"

#define URING_ENTRIES 256

// --- events ---

static void on_port(struct worker *worker, uint32_t port, void *of)
{
    struct disk_queue *queue = of;

    evtchn_unmask(worker->evtchn, port); // first: an event that comes from now on is not lost
    queue_run(queue);
    disk_settle(queue->disk);
}

static void on_completions(evutil_socket_t fd, short what, void *of)
{
    struct disk *disk = of;
    struct io_uring_cqe *cqe;

    while (!io_uring_peek_cqe(&disk->uring, &cqe)) {
        struct disk_request *request = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&disk->uring, cqe);
        request_completed(request, result);
    }
    disk_settle(disk);
}

static void set_limits(struct disk *disk)
{
    disk->limits = (struct blk_limits){.sectors = disk->image.bytes / BLK_SECTOR,
                                       .sector_size = disk->image.block_size,
                                       .read_only = disk->start.read_only,
                                       .discard = disk->image.discard};
}

static void tell(struct disk *disk, uint32_t type)
{
    struct disk_ready ready = {.sectors = disk->limits.sectors,
                               .sector_size = disk->limits.sector_size,
                               .discard_granularity = disk->limits.discard ? BLK_PAGE : 0};

    worker_tell(disk->worker, type, &ready, sizeof(ready));
}

void disk_message(struct worker *worker, uint32_t type, const void *data, size_t length)
{
    struct disk *disk = worker->of_kind;

    if (type != DISK_LOOK || !image_resized(&disk->image))
        return;
    set_limits(disk);
    worker_note(worker, "%s has %llu sectors now", disk->start.path,
                (unsigned long long)disk->limits.sectors);
    tell(disk, WORKER_CHANGED);
}

static void on_time(evutil_socket_t fd, short what, void *of)
{
    disk_message(of, DISK_LOOK, NULL, 0);
}

void disk_stop(struct worker *worker)
{
    struct disk *disk = worker->of_kind;

    disk->stopping = true;
    disk_settle(disk);
}

// --- start ---

static int open_image(struct disk *disk)
{
    const struct disk_start *start = &disk->start;
    const char *what;
    int rc;

    if (!start->path[0]) {
        image_none(&disk->image);
        return 0;
    }
    rc = image_open(&disk->image, start->path, start->read_only, start->discard, &what);
    if (rc == -EWOULDBLOCK)
        return worker_fail(disk->worker, rc, "%s is served to a guest already, or locked",
                           start->path);
    return rc ? worker_fail(disk->worker, rc, "cannot %s %s", what, start->path) : 0;
}

int disk_open(struct worker *worker)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    int rc;

    if (!disk)
        return worker_fail(worker, -ENOMEM, "a disk");
    worker->of_kind = disk;
    disk->worker = worker;
    memcpy(&disk->start, worker->connection.kind_data, sizeof(disk->start));
    rc = open_image(disk);
    if (rc)
        return rc;
    set_limits(disk);
    disk->file = inflight_map(worker->state, WORKER_STATE_OFFSET);
    if (!disk->file)
        return worker_fail(worker, -errno, "cannot map its state file");
    rc = io_uring_queue_init(URING_ENTRIES, &disk->uring, 0);
    if (rc)
        return worker_fail(worker, rc, "cannot set up an io_uring");
    buffers_init(disk);
    return 0;
}

static int attach(struct disk *disk, uint32_t number)
{
    const struct backend_queue *said = &disk->worker->connection.queue[number];
    struct disk_queue *queue = calloc(1, sizeof(*queue));
    void *memory;
    int port;

    if (!queue)
        return worker_fail(disk->worker, -ENOMEM, "a queue");
    disk->queue[number] = queue;
    queue->disk = disk;
    queue->inflight = &disk->file->queue[number];
    memory = worker_map_ring(disk->worker, &said->rings[0], "ring of requests");
    if (!memory)
        return -EFAULT;
    ring_attach(&queue->ring, RING_BACK, memory, (size_t)said->rings[0].pages * BLK_PAGE,
                sizeof(struct blkif_request), sizeof(struct blkif_response));
    port = worker_bind(disk->worker, said->ports[0], on_port, queue);
    queue->port = (uint32_t)port;
    return port < 0 ? port : 0;
}

// Answers once more what the guest may not have seen, and begins anew what was not answered.
static void resume(struct disk_queue *queue)
{
    uint16_t list[INFLIGHT_SLOTS];
    struct disk *disk = queue->disk;
    uint32_t taken, answered;

    if (!inflight_resume(queue->inflight, &queue->ring, list, &taken, &answered))
        worker_guest_wrong(disk->worker, "its ring's response index is not where it was left");
    if (taken + answered)
        worker_note(disk->worker,
                    "takes over: %u requests to be carried out again, %u answers to be "
                    "given again",
                    taken, answered);
    for (uint32_t i = taken; i < taken + answered; i++) {
        struct disk_request *request = &queue->request[list[i]];
        const struct inflight_slot *slot = &queue->inflight->slot[list[i]];
        const char *why;
        struct blk_segment segment[BLK_SEGMENTS_MOST];

        request->queue = queue;
        request->slot = list[i];
        disk->open++;
        blk_parse(&slot->entry, &disk->limits, &request->request, segment, &why);
        queue_answer(request, slot->status);
    }
    for (uint32_t i = 0; i < taken; i++)
        queue_replay(queue, list[i]);
}

static void find_idle(struct disk_queue *queue)
{
    for (uint32_t i = 0; i < queue->ring.size; i++) {
        if (queue->inflight->slot[i].state == INFLIGHT_FREE)
            queue->idle[queue->idle_count++] = (uint16_t)i;
    }
}

static int add_events(struct disk *disk)
{
    static const struct timeval often = {DISK_LOOK_IDLE, 0};
    struct event *time = event_new(disk->worker->base, -1, EV_PERSIST, on_time, disk->worker);

    disk->completions = event_new(disk->worker->base, disk->uring.ring_fd, EV_READ | EV_PERSIST,
                                  on_completions, disk);
    if (!disk->completions || !time || event_add(disk->completions, NULL) ||
        event_add(time, &often))
        return worker_fail(disk->worker, -ENOMEM, "no events");
    return 0;
}

int disk_start(struct worker *worker)
{
    struct disk *disk = worker->of_kind;
    bool left = inflight_begin(disk->file);
    int rc = 0;

    disk->queues = worker->connection.queues;
    for (uint32_t i = 0; i < disk->queues && !rc; i++)
        rc = attach(disk, i);
    if (!rc)
        rc = add_events(disk);
    if (!rc)
        rc = throttle_start(disk);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < disk->queues && left; i++)
        resume(disk->queue[i]);
    for (uint32_t i = 0; i < disk->queues; i++) {
        find_idle(disk->queue[i]);
        disk->queue[i]->stalled = true; // there may be requests already
        if (left)
            evtchn_notify(worker->evtchn, disk->queue[i]->port); // its death may have eaten one
    }
    tell(disk, WORKER_READY);
    disk_settle(disk);
    return 0;
}
