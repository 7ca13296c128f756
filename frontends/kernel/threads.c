#include "frontends/kernel/threads.h"

#include "frontends/kernel/events.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"

#define STACK_PAGES 4
#define STACK_MARK  0x5354414b454e4400UL // at the far end of a stack: overwritten, it has overflowed

struct thread {
    struct list link; // in the queue of those that can run, or in a wait queue, or in none
    struct list all;
    struct timer timer;
    const char *name;
    uint64_t sp;
    uint64_t *stack; // NULL: the first thread's
    bool timed_out;
};

void stack_switch_to(uint64_t *save, uint64_t load);
void thread_begin(void);

static struct thread first = {.name = "main"};
static struct thread *current = &first, *dead;
static struct list ready = LIST_INIT(ready), all = LIST_INIT(all);

static void reap(void)
{
    if (!dead)
        return;
    pages_free(dead->stack, STACK_PAGES);
    heap_free(dead);
    dead = NULL;
}

static void check_stack(const struct thread *thread)
{
    if (thread->stack && *thread->stack != STACK_MARK)
        panic("thread %s has overflowed its stack", thread->name);
}

// Runs the next thread; the current one has been queued somewhere, or is dead.
static void schedule(void)
{
    struct thread *before = current;

    if (events_in_handler())
        panic("an event handler waits");
    check_stack(before);
    for (;;) {
        events_poll();
        timers_run();
        if (!list_empty(&ready))
            break;
        clock_block();
    }
    current = list_first(&ready, struct thread, link);
    list_del(&current->link);
    if (current != before)
        stack_switch_to(&before->sp, current->sp);
    reap();
}

static void add(struct thread *thread)
{
    list_init(&thread->link);
    list_init(&thread->timer.link);
    list_add_tail(&thread->all, &all);
}

void threads_run(void (*function)(void *), void *arg)
{
    add(&first);
    function(arg);
    panic("the first thread has ended");
}

bool thread_create(const char *name, void (*function)(void *), void *arg)
{
    struct thread *thread = heap_alloc(sizeof(*thread));
    uint64_t *top;

    if (!thread || !(thread->stack = pages_alloc(STACK_PAGES))) {
        heap_free(thread);
        return false;
    }
    thread->name = name;
    *thread->stack = STACK_MARK;
    // As stack_switch_to() leaves it: R15 to R12, RBP, RBX, where to return to; aligned there.
    top = thread->stack + STACK_PAGES * PAGE_SIZE / sizeof(*top) - 9;
    top[3] = (uint64_t)arg;      // R12
    top[5] = (uint64_t)function; // RBX
    top[6] = (uint64_t)thread_begin;
    thread->sp = (uint64_t)top;
    add(thread);
    list_add_tail(&thread->link, &ready);
    return true;
}

void thread_exit(void)
{
    reap(); // a new thread may not have had occasion to
    list_del(&current->all);
    dead = current;
    schedule();
    __builtin_unreachable();
}

void thread_yield(void)
{
    list_add_tail(&current->link, &ready);
    schedule();
}

unsigned thread_count(void)
{
    unsigned n = 0;

    for (struct list *i = all.next; i != &all; i = i->next)
        n++;
    return n;
}

void threads_show(void)
{
    struct thread *thread;

    list_for_each (thread, &all, all)
        print("  %-16s %s\n", thread->name, thread == current ? "runs" : "waits");
}

// Waiting

static void make_ready(struct thread *thread)
{
    timer_stop(&thread->timer);
    list_del(&thread->link);
    list_add_tail(&thread->link, &ready);
}

static void wait_is_over(void *thread)
{
    ((struct thread *)thread)->timed_out = true;
    make_ready(thread);
}

bool wait_on(struct wait_queue *queue, uint64_t deadline)
{
    current->timed_out = false;
    list_add_tail(&current->link, &queue->waiters);
    timer_set(&current->timer, deadline, wait_is_over, current);
    schedule();
    return !current->timed_out;
}

void wake_all(struct wait_queue *queue)
{
    while (!list_empty(&queue->waiters))
        make_ready(list_first(&queue->waiters, struct thread, link));
}

void thread_sleep(uint64_t ns)
{
    WAIT_QUEUE(nobody);

    wait_on(&nobody, clock_after(ns));
}

void mutex_lock(struct mutex *mutex)
{
    WAIT_FOR(&mutex->queue, !mutex->held, FOREVER);
    mutex->held = true;
}

void mutex_unlock(struct mutex *mutex)
{
    mutex->held = false;
    wake_all(&mutex->queue);
}
