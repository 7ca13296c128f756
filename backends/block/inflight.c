#include "backends/block/inflight.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC 0x31306b6c626c6576 // "velblk01"

// Stores stay in this order; the processor keeps it, too.
#define STORE(where, value) __atomic_store_n(&(where), value, __ATOMIC_RELEASE)

struct inflight_file *inflight_map(int fd, long offset)
{
    void *file;

    if (ftruncate(fd, offset + (long)sizeof(struct inflight_file)))
        return NULL;
    file = mmap(NULL, sizeof(struct inflight_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return file == MAP_FAILED ? NULL : (struct inflight_file *)file;
}

bool inflight_begin(struct inflight_file *file)
{
    if (file->magic == MAGIC)
        return true;
    memset(file, 0, sizeof(*file));
    STORE(file->magic, MAGIC);
    return false;
}

void inflight_take(struct inflight_queue *queue, unsigned slot, const struct blkif_request *entry)
{
    struct inflight_slot *s = &queue->slot[slot];

    s->entry = *entry;
    s->index = queue->consumed;
    STORE(s->state, INFLIGHT_TAKEN);
    STORE(queue->consumed, queue->consumed + 1);
}

void inflight_answer(struct inflight_queue *queue, unsigned slot, uint32_t index, int status)
{
    struct inflight_slot *s = &queue->slot[slot];

    s->status = status;
    s->response = index;
    STORE(s->state, INFLIGHT_ANSWERED);
}

void inflight_free(struct inflight_queue *queue, unsigned slot)
{
    STORE(queue->slot[slot].state, INFLIGHT_FREE);
}

// --- taking over ---

static struct inflight_queue *sorted; // by what the comparison goes

static int by_index(const void *a, const void *b)
{
    int32_t x = (int32_t)(sorted->slot[*(const uint16_t *)a].index - sorted->consumed);
    int32_t y = (int32_t)(sorted->slot[*(const uint16_t *)b].index - sorted->consumed);

    return x < y ? -1 : x > y;
}

static bool is_taken(struct inflight_queue *queue, struct inflight_slot *slot)
{
    if (slot->state == INFLIGHT_TAKEN && slot->index == queue->consumed)
        slot->state = INFLIGHT_FREE; // copied, but not begun
    return slot->state == INFLIGHT_TAKEN;
}

// `shown`: the ring's response index
static bool is_unseen(struct inflight_slot *slot, uint32_t shown)
{
    if (slot->state == INFLIGHT_ANSWERED && (int32_t)(slot->response - shown) < 0)
        slot->state = INFLIGHT_FREE;
    return slot->state == INFLIGHT_ANSWERED;
}

bool inflight_resume(struct inflight_queue *queue, struct ring *ring, uint16_t list[INFLIGHT_SLOTS],
                     uint32_t *taken, uint32_t *answered)
{
    uint32_t shown = __atomic_load_n(&ring->shared->rsp_prod, __ATOMIC_ACQUIRE);

    *taken = *answered = 0;
    if (!ring_resume(ring, shown, queue->consumed))
        return false;
    for (uint32_t i = 0; i < ring->size; i++) {
        if (is_taken(queue, &queue->slot[i]))
            list[(*taken)++] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < ring->size; i++) {
        if (is_unseen(&queue->slot[i], shown))
            list[*taken + (*answered)++] = (uint16_t)i;
    }
    sorted = queue;
    qsort(list, *taken, sizeof(list[0]), by_index);
    return *taken + *answered == queue->consumed - shown;
}
