// One request, after it was taken from the ring: its steps.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "backends/block/disk.h"

static struct disk *disk_of(const struct disk_request *request)
{
    return request->queue->disk;
}

// A place in the submission queue; there is one after submitting what is in it.
static struct io_uring_sqe *place(struct disk *disk)
{
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(&disk->uring))) {
        int rc = io_uring_submit(&disk->uring);

        if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR) {
            worker_note(disk->worker, "io_uring takes no more requests: %s", strerror(-rc));
            abort(); // another worker takes over
        }
    }
    return sqe;
}

static void submit_flush(struct disk_request *request)
{
    struct disk *disk = disk_of(request);
    struct io_uring_sqe *sqe = place(disk);

    io_uring_prep_fsync(sqe, disk->image.fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data(sqe, request);
}

static void submit_discard(struct disk_request *request)
{
    struct disk *disk = disk_of(request);
    struct io_uring_sqe *sqe = place(disk);

    io_uring_prep_fallocate(sqe, disk->image.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            (off_t)request->request.offset, (off_t)request->request.length);
    io_uring_sqe_set_data(sqe, request);
}

// What is left of it.
static void submit_data(struct disk_request *request)
{
    struct disk *disk = disk_of(request);
    struct disk_buffer *buffer = request->buffer;
    struct io_uring_sqe *sqe = place(disk);
    uint64_t at = request->request.offset + request->done;
    uint8_t *data = buffer->data + request->done;
    unsigned length = (unsigned)(request->request.length - request->done);
    bool read = request->request.action == BLK_READ;

    if (buffer->index < 0 && read)
        io_uring_prep_read(sqe, disk->image.fd, data, length, at);
    else if (buffer->index < 0)
        io_uring_prep_write(sqe, disk->image.fd, data, length, at);
    else if (read)
        io_uring_prep_read_fixed(sqe, disk->image.fd, data, length, at, buffer->index);
    else
        io_uring_prep_write_fixed(sqe, disk->image.fd, data, length, at, buffer->index);
    io_uring_sqe_set_data(sqe, request);
}

static void begin_data(struct disk_request *request)
{
    if (request->request.action == BLK_DISCARD) {
        submit_discard(request);
    } else if (!request->buffer) {
        request_proceed(request); // a flush without data
    } else if (request->request.action != BLK_READ && data_take(request)) {
        queue_answer(request, BLKIF_RSP_ERROR);
    } else {
        submit_data(request);
    }
}

static bool has_step(const struct disk_request *request, enum disk_step step)
{
    enum blk_action action = request->request.action;

    if (step == STEP_FLUSH_BEFORE)
        return action == BLK_FLUSH || action == BLK_BARRIER;
    if (step == STEP_FLUSH_AFTER)
        return action == BLK_BARRIER && request->buffer;
    return true;
}

void request_proceed(struct disk_request *request)
{
    do {
        request->step++;
    } while (!has_step(request, request->step));
    switch (request->step) {
    case STEP_FLUSH_BEFORE:
    case STEP_FLUSH_AFTER:
        submit_flush(request);
        break;
    case STEP_DATA:
        begin_data(request);
        break;
    default:
        queue_answer(request, BLKIF_RSP_OKAY);
        break;
    }
}

// --- completions ---

static const char *action_name(const struct disk_request *request)
{
    static const char *const names[] = {"read", "write", "flush", "barrier", "discard"};

    return names[request->request.action];
}

static void failed(struct disk_request *request, int error)
{
    struct disk *disk = disk_of(request);

    if (request->request.action == BLK_DISCARD && error == -EOPNOTSUPP) {
        queue_answer(request, BLKIF_RSP_EOPNOTSUPP);
        return;
    }
    worker_complain(disk->worker, "a %s of %" PRIu64 " bytes at %" PRIu64 " of %s failed: %s",
                    action_name(request), request->request.length, request->request.offset,
                    disk->start.path, strerror(-error));
    queue_answer(request, BLKIF_RSP_ERROR);
}

// Some bytes were read or written.
static void moved(struct disk_request *request, uint32_t bytes)
{
    request->done += bytes;
    if (request->done < request->request.length) {
        submit_data(request);
    } else if (request->request.action == BLK_READ && data_deliver(request)) {
        queue_answer(request, BLKIF_RSP_ERROR);
    } else {
        request_proceed(request);
    }
}

void request_completed(struct disk_request *request, int result)
{
    struct disk *disk = disk_of(request);
    bool data = request->step == STEP_DATA && request->buffer;

    if ((result == -EAGAIN || result == -EINTR) && data) {
        submit_data(request);
    } else if (result == -EAGAIN || result == -EINTR) {
        request->step--; // once more
        request_proceed(request);
    } else if (result == -EINVAL && data && disk->image.direct) {
        image_not_direct(&disk->image);
        worker_note(disk->worker, "%s takes no direct access: by the page cache from now on",
                    disk->start.path);
        submit_data(request);
    } else if (result < 0) {
        failed(request, result);
    } else if (data && !result) {
        failed(request, -ENODATA); // the file has become shorter
    } else if (data) {
        moved(request, (uint32_t)result);
    } else {
        request_proceed(request);
    }
}

// --- beginning ---

// A barrier waits for all that was taken before; nothing is taken after it.
static void start_steps(struct disk_request *request)
{
    struct disk *disk = disk_of(request);

    if (request->request.action == BLK_BARRIER)
        disk->barrier = request;
    if (disk->barrier != request || disk->open == 1)
        request_proceed(request);
}

static int parse(struct disk_request *request, struct blk_segment *segment, const char **why)
{
    struct blkif_request_segment raw[BLK_SEGMENTS_MOST];
    struct disk *disk = disk_of(request);
    int status = blk_parse(&request->queue->inflight->slot[request->slot].entry, &disk->limits,
                           &request->request, segment, why);

    if (status || !request->request.pages)
        return status;
    *why = "the pages of its segments";
    if (data_segments(request, raw))
        return BLKIF_RSP_ERROR;
    return blk_parse_segments(raw, &disk->limits, &request->request, segment, why);
}

void request_begin(struct disk_request *request)
{
    struct blk_segment segment[BLK_SEGMENTS_MOST];
    struct disk *disk = disk_of(request);
    const char *why = NULL;
    int status = parse(request, segment, &why);

    throttle_spend(disk, &request->request);
    request->step = STEP_NEW;
    request->done = 0;
    request->buffer = NULL;
    if (status) {
        worker_complain(disk->worker, "a request is refused (operation %u): %s",
                        request->request.operation, why);
        queue_answer(request, status);
        return;
    }
    if (request->request.segments) {
        request->buffer = buffer_get(disk, request->request.length);
        if (!request->buffer) {
            worker_complain(disk->worker, "no memory for a request");
            queue_answer(request, BLKIF_RSP_ERROR);
            return;
        }
        memcpy(request->buffer->segment, segment, request->request.segments * sizeof(segment[0]));
    }
    start_steps(request);
}
