// A disk's worker: the queues of one connection, and the requests that are open.
//
// Everything happens in one thread. A request goes
//
//   ring -> private copy, noted in the state file (inflight.h) -> checked (request.h) -> steps:
//   flush, data, flush, as its kind asks for -> its response, noted, put into the ring, published
//
// Taking from the rings pauses while a barrier waits for the requests before it, or while the open
// requests' data take up all the memory that a device may have, or while the guest has had what it
// may ask for in a while (throttle.c).
#pragma once

#include <liburing.h>
#include <string.h>

#include "backends/block/image.h"
#include "backends/block/inflight.h"
#include "backends/block/request.h"
#include "backends/common/credit.h"
#include "backends/common/worker.h"
#include "ring/ring.h"

#define DISK_QUEUES_MOST  4
#define DISK_ORDER_MOST   4           // of a ring's pages: 16
#define DISK_DATA_MOST    (32u << 20) // bytes of open requests' data, of a device
#define DISK_REQUEST_MOST (BLK_SEGMENTS_MOST * BLK_PAGE)
#define DISK_LOOK_MS      1000 // how often its size is looked at, under load
#define DISK_LOOK_IDLE    5    // and otherwise, seconds

// What the keeper tells of a connection, and the worker of a disk.
struct disk_start {
    char path[4096]; // "": a drive without a medium
    bool read_only;
    bool discard;
    char rate[CREDIT_TEXT]; // as credit_parse() takes it
    uint32_t iops;          // requests a second; 0: no limit
};
_Static_assert(sizeof(struct disk_start) <= BACKEND_KIND_BYTES, "fits a connection");

struct disk_ready {
    uint64_t sectors;
    uint32_t sector_size;
    uint32_t discard_granularity; // bytes; 0: no discard
};

#define DISK_LOOK (WORKER_KIND + 0) // to the worker: look at the image's size

// Memory for one request's data, and the guest's pages that they are copied from or to. I/O is
// never done on pages of the guest's: Linux cannot take those back from a process that dies
// meanwhile.
struct disk_buffer {
    struct disk_buffer *next; // on a list of idle ones
    unsigned class;           // 4 KiB << class
    int index;                // among the io_uring's registered buffers; -1: it is none of them
    uint8_t *data;
    struct blk_segment segment[BLK_SEGMENTS_MOST];
};

enum disk_step { STEP_NEW, STEP_FLUSH_BEFORE, STEP_DATA, STEP_FLUSH_AFTER, STEP_DONE };

struct disk_request {
    struct disk_queue *queue;
    uint16_t slot;
    enum disk_step step;
    struct blk_request request;
    struct disk_buffer *buffer; // NULL: it has no data
    uint64_t done;              // bytes of its data
};

struct disk_queue {
    struct disk *disk;
    struct ring ring;
    uint32_t port;
    struct inflight_queue *inflight;
    struct disk_request request[INFLIGHT_SLOTS]; // by slot
    uint16_t idle[INFLIGHT_SLOTS];               // slots, `idle_count` of them
    uint32_t idle_count;
    uint16_t answered[INFLIGHT_SLOTS]; // put into the ring, not published yet
    uint32_t answered_count;
    bool stalled; // there may be requests that were not taken
};

#define DISK_CLASSES    9   // of buffers: 4 KiB to 1 MiB
#define DISK_REGISTERED 256 // buffers, at most

struct disk {
    struct worker *worker;
    struct image image;
    struct disk_start start;
    struct blk_limits limits;
    struct io_uring uring;
    struct inflight_file *file;
    struct disk_queue *queue[DISK_QUEUES_MOST];
    uint32_t queues;
    uint32_t open;                // requests that are taken and not answered
    struct disk_request *barrier; // waits until it is the only one; nothing is taken
    bool stopping;
    uint64_t looked; // worker_now(), when the image's size was looked at
    size_t data_bytes;
    struct disk_buffer *idle[DISK_CLASSES];
    size_t idle_bytes;
    uint16_t index[DISK_REGISTERED]; // free places of registered buffers, `indexes` of them
    uint32_t indexes;
    struct event *completions;
    struct credit rate, requests;
    struct event *allowed; // pending: nothing is taken until there is credit
};

// disk.c: the hooks of backend_kind, and events
int disk_open(struct worker *worker);
int disk_start(struct worker *worker);
void disk_stop(struct worker *worker);
void disk_message(struct worker *worker, uint32_t type, const void *data, size_t length);

// queue.c: from the ring and back to it
// Takes what there is room for, and carries it out as far as can be at once.
void queue_run(struct disk_queue *queue);
// Carries out requests that a predecessor left.
void queue_replay(struct disk_queue *queue, uint16_t slot);
// Puts the response into the ring, unseen until queue_publish().
void queue_answer(struct disk_request *request, int status);
void queue_publish(struct disk_queue *queue);
// Shows the guest all responses, submits what is to be done, and goes on where taking was paused.
void disk_settle(struct disk *disk);

// steps.c: one request after it was taken
void request_begin(struct disk_request *request);
void request_proceed(struct disk_request *request); // to its next step
void request_completed(struct disk_request *request, int result);

// throttle.c
int throttle_start(struct disk *disk);
// False: disk_settle() will be called when the next request may be taken.
bool throttle_allows(struct disk *disk);
void throttle_spend(struct disk *disk, const struct blk_request *request);

// buffer.c
// Where the kernel can, buffers will be registered with the io_uring: it need not find their pages
// for each request.
void buffers_init(struct disk *disk);
// NULL: no memory. `bytes` at most DISK_REQUEST_MOST.
struct disk_buffer *buffer_get(struct disk *disk, size_t bytes);
void buffer_put(struct disk *disk, struct disk_buffer *buffer);

// data.c: between the guest's pages and the buffer
// A page of segments of an indirect request. 0 or -errno.
int data_segments(struct disk_request *request,
                  struct blkif_request_segment raw[BLK_SEGMENTS_MOST]);
// Before a write: takes its data from the guest. 0 or -errno.
int data_take(struct disk_request *request);
// After a read: gives the guest its data. 0 or -errno.
int data_deliver(struct disk_request *request);
