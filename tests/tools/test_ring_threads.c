// The shared ring, its two sides in two threads that sleep whenever there is nothing to do and are
// woken only if the ring says that the peer asked for it. Built with ThreadSanitizer (backends.mk),
// which tells if an entry were read before it is surely written; a wake-up that were lost would be
// waited for in vain.
//
// sources: ring/ring.c
#include <CUnit/Basic.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "ring/ring.h"
#include "tests/suite.h"

#define REQUESTS 200000
#define PATIENCE 30 // seconds without a wake-up are a loss, on however busy a machine

struct entry {
    uint64_t number;
    uint64_t words[4];
};

static _Alignas(64) uint8_t memory[4096];
static sem_t to_back, to_front;
static unsigned long notified[2];
static uint32_t max_batch;

static void give_up(const char *who)
{
    fprintf(stderr, "FAIL: %s waits for ever or met a wrong entry: ring of %u\n", who, max_batch);
    exit(1);
}

static void sleep_for(sem_t *sem, const char *who)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    while (sem_timedwait(sem, &until)) {
        if (errno != EINTR)
            give_up(who);
    }
}

static struct entry entry_of(uint64_t number)
{
    struct entry entry = {.number = number};

    for (unsigned i = 0; i < 4; i++)
        entry.words[i] = number * 0x9e3779b97f4a7c15u + i;
    return entry;
}

static void check(const struct entry *entry, uint64_t number, const char *who)
{
    if (entry->number != number || entry->words[3] != number * 0x9e3779b97f4a7c15u + 3)
        give_up(who);
}

static void publish(struct ring *ring, sem_t *peer)
{
    if (ring_publish(ring)) {
        notified[ring->side]++;
        sem_post(peer);
    }
}

static void *front_end(void *bytes)
{
    struct ring ring;
    uint64_t asked = 0, answered = 0;
    unsigned seed = 1;

    ring_attach(&ring, RING_FRONT, memory, *(size_t *)bytes, sizeof(struct entry),
                sizeof(struct entry));
    while (answered < REQUESTS) {
        uint32_t batch = 1 + (uint32_t)rand_r(&seed) % max_batch;
        struct entry entry;

        for (; batch && asked < REQUESTS && ring_room(&ring); batch--, asked++) {
            entry = entry_of(asked);
            ring_put(&ring, &entry);
        }
        publish(&ring, &to_back);
        while (ring_take(&ring, &entry) == RING_TAKEN)
            check(&entry, answered++, "the front end");
        if ((!ring_room(&ring) || asked == REQUESTS) && answered < REQUESTS &&
            ring_before_sleep(&ring) == RING_EMPTY)
            sleep_for(&to_front, "the front end");
    }
    return NULL;
}

static void *back_end(void *bytes)
{
    struct ring ring;
    uint64_t served = 0;

    ring_attach(&ring, RING_BACK, memory, *(size_t *)bytes, sizeof(struct entry),
                sizeof(struct entry));
    while (served < REQUESTS) {
        struct entry entry;

        while (ring_take(&ring, &entry) == RING_TAKEN) {
            check(&entry, served++, "the back end");
            ring_put(&ring, &entry);
            if (served % 3 == 0)
                publish(&ring, &to_front);
        }
        publish(&ring, &to_front);
        if (served < REQUESTS && ring_before_sleep(&ring) == RING_EMPTY)
            sleep_for(&to_back, "the back end");
    }
    return NULL;
}

static void run_with(uint32_t entries)
{
    size_t bytes = sizeof(struct ring_header) + entries * sizeof(struct entry);
    pthread_t threads[2];

    max_batch = entries;
    notified[0] = notified[1] = 0;
    ring_format(memory);
    sem_init(&to_back, 0, 0);
    sem_init(&to_front, 0, 0);
    pthread_create(&threads[0], NULL, front_end, &bytes);
    pthread_create(&threads[1], NULL, back_end, &bytes);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CU_ASSERT(notified[RING_FRONT] > 0 && notified[RING_BACK] > 0);
    CU_ASSERT(notified[RING_FRONT] <= REQUESTS && notified[RING_BACK] <= REQUESTS);
}

static void test_one_entry(void)
{
    run_with(1);
}

static void test_few_entries(void)
{
    run_with(4);
}

static void test_many_entries(void)
{
    run_with(64);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"one entry", test_one_entry},
        {"few entries", test_few_entries},
        {"many entries", test_many_entries},
        CU_TEST_INFO_NULL,
    };

    return run_suite("ring, two threads", tests);
}
