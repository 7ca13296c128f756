// What a worker must know of its predecessor's requests, in the connection's state file.
//
// The file is shared memory: what is stored there is there after kill -9, in the order in which it
// was stored. (It is not there after a crash of domain 0, and need not be: the guest's rings are
// gone, too.) A request's slot goes through
//
//   FREE      nobody's
//   TAKEN     copied from the ring, before the queue's `consumed` counts it. What has that index or
//             a later one was not begun, and is still in the ring: it is forgotten.
//   ANSWERED  done, with its status; its response's index is noted before the response is written.
//             Once the ring's response index was published, it is FREE.
//
// So for a successor:
//
//   - A request that is TAKEN may have been carried out, in part or in whole, but has not been
//     answered. It is carried out again, from its copy.
//   - One that is ANSWERED has been seen by the guest exactly if its response's index is below the
//     ring's response index, the only word of shared memory that is read here. If not, it is
//     answered again with the same status. (If the guest has written to that index, the numbers do
//     not fit together any more, or it harms itself.)
//
// Hence every request is answered once, and no write is begun after its answer could be seen. That
// none is still under way then, on the predecessor's behalf, is the image's lock's matter
// (image.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backends/common/backend.h"
#include "pv-abi/io/blkif.h"
#include "ring/ring.h"

#define INFLIGHT_SLOTS 512 // as many as the largest ring has entries

enum inflight_state { INFLIGHT_FREE, INFLIGHT_TAKEN, INFLIGHT_ANSWERED };

struct inflight_slot {
    uint32_t state;
    uint32_t index;             // of the request
    uint32_t response;          // index of the response
    int32_t status;             // of the response
    struct blkif_request entry; // as it was copied from the ring
};

struct inflight_queue {
    uint32_t consumed;
    uint32_t reserved[15];
    struct inflight_slot slot[INFLIGHT_SLOTS];
};

struct inflight_file {
    uint64_t magic; // 0: nobody has served this connection yet
    uint64_t reserved[7];
    struct inflight_queue queue[BACKEND_QUEUES_MAX];
};

// Maps the table at `offset` of the file; NULL and errno.
struct inflight_file *inflight_map(int fd, long offset);

// A fresh connection; or true, and the file is a predecessor's.
bool inflight_begin(struct inflight_file *file);

// Notes a request that was copied from index `consumed`, and counts it.
void inflight_take(struct inflight_queue *queue, unsigned slot, const struct blkif_request *entry);

// Notes its response, before it is put into the ring at `index`.
void inflight_answer(struct inflight_queue *queue, unsigned slot, uint32_t index, int status);

// Its response was published.
void inflight_free(struct inflight_queue *queue, unsigned slot);

// Makes the queue's slots and the ring agree, after the ring was attached and the predecessor is
// surely gone: resumes the ring, frees what was seen or not begun, and lists the others' slots: the
// first *taken of list[] are to be carried out again, in this order, the next *answered to be
// answered again. False: the numbers do not fit; the guest has meddled with the ring.
bool inflight_resume(struct inflight_queue *queue, struct ring *ring, uint16_t list[INFLIGHT_SLOTS],
                     uint32_t *taken, uint32_t *answered);
