// Cooperative threads on one vCPU. A thread runs until it waits, yields or ends; then events and
// timers are seen to (events.h), and if nobody can run the vCPU blocks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontends/kernel/clock.h"
#include "hypervisor/lib/list.h"

struct thread;

// What threads wait for. Static ones: WAIT_QUEUE(name); others: wait_queue_init().
struct wait_queue {
    struct list waiters;
};
#define WAIT_QUEUE(name) struct wait_queue name = {LIST_INIT((name).waiters)}
static inline void wait_queue_init(struct wait_queue *queue)
{
    list_init(&queue->waiters);
}

// Runs FUNCTION as the first thread, on the stack that the guest started with.
void threads_run(void (*function)(void *), void *arg) __attribute__((noreturn));

// False if there is no memory. NAME is kept.
bool thread_create(const char *name, void (*function)(void *), void *arg);
void thread_exit(void) __attribute__((noreturn));
void thread_yield(void);
void thread_sleep(uint64_t ns);
unsigned thread_count(void);
void threads_show(void);

// Waits until somebody wakes the queue, or until the deadline (system time): then false. Conditions
// are to be looked at again afterwards: WAIT_FOR.
bool wait_on(struct wait_queue *queue, uint64_t deadline);
void wake_all(struct wait_queue *queue);

// Waits for CONDITION; its value at the end (false: the deadline has passed).
#define WAIT_FOR(queue, condition, deadline)     \
    __extension__({                              \
        bool in_time_ = true;                    \
        while (!(condition) && in_time_)         \
            in_time_ = wait_on(queue, deadline); \
        (condition);                             \
    })

// One holder at a time; waiting in turn.
struct mutex {
    bool held;
    struct wait_queue queue;
};
#define MUTEX(name) struct mutex name = {false, {LIST_INIT((name).queue.waiters)}}
static inline void mutex_init(struct mutex *mutex)
{
    mutex->held = false;
    wait_queue_init(&mutex->queue);
}
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
