// Commands about the guest itself, its time, and xenstore.
#include "frontends/kernel/clock.h"
#include "frontends/kernel/console.h"
#include "frontends/kernel/grants.h"
#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"
#include "frontends/kernel/threads.h"
#include "frontends/reference/shell.h"
#include "frontends/xenbus/store.h"
#include "pv-abi/sched.h"

COMMAND(mem, "", "memory, grants, threads")
{
    print("pages: %u of %u free; grants: %u of %u in use; console: %lu bytes lost\n", pages_left(),
          pages_total(), grants_in_use(), grants_total(), console_lost());
    print("%u threads:\n", thread_count());
    threads_show();
    return 0;
}

COMMAND(time, "", "the clocks")
{
    print("up %lu ms of the hypervisor's time, wall clock %lu s\n", clock_now() / NS_PER_MS,
          clock_wall());
    return 0;
}

COMMAND(echo, "WORD...", "prints the words")
{
    for (unsigned i = 1; i < nr_words; i++)
        print("%s%s", words[i], i + 1 < nr_words ? " " : "");
    print("\n");
    return 0;
}

COMMAND(sleep, "MS", "waits")
{
    thread_sleep(word_number(nr_words, words, 1, 1000) * NS_PER_MS);
    return 0;
}

COMMAND(poweroff, "", "ends the domain")
{
    guest_shutdown(SHUTDOWN_poweroff);
}

COMMAND(reboot, "", "ends the domain and asks for a new one")
{
    guest_shutdown(SHUTDOWN_reboot);
}

COMMAND(crash, "", "ends the domain as a bug would, by an exception")
{
    __asm__ volatile("ud2");
    return -XEN_EIO;
}

// xenstore

COMMAND(read, "PATH", "a node of xenstore")
{
    char value[512];
    int length = nr_words > 1 ? store_read(0, words[1], value, sizeof(value)) : -XEN_EINVAL;

    if (length >= 0)
        print("%s\n", value);
    return length;
}

COMMAND(write, "PATH VALUE", "sets a node of xenstore")
{
    return nr_words > 2 ? store_write(0, words[1], words[2]) : -XEN_EINVAL;
}

COMMAND(rm, "PATH", "removes a node of xenstore and what is below it")
{
    return nr_words > 1 ? store_rm(0, words[1]) : -XEN_EINVAL;
}

COMMAND(ls, "[PATH]", "children of a node of xenstore")
{
    char *names = NULL;
    int length = store_directory(0, nr_words > 1 ? words[1] : ".", &names);

    if (nr_words < 2 && length < 0)
        length = store_directory(0, "", &names);
    for (int at = 0; at < length; at += (int)strlen(names + at) + 1)
        print("  %s\n", names + at);
    heap_free(names);
    return length;
}

COMMAND(watch, "PATH MS", "says when a node of xenstore changes, for some time")
{
    static struct store_watch watch;
    uint64_t deadline = clock_after(word_number(nr_words, words, 2, 5000) * NS_PER_MS);
    unsigned seen = 0;
    int error = nr_words > 1 ? store_watch(&watch, words[1]) : -XEN_EINVAL;

    if (error < 0)
        return error;
    while (WAIT_FOR(&watch.queue, watch.fired != seen, deadline)) {
        seen = watch.fired;
        print("%s: event %u\n", words[1], seen);
    }
    store_unwatch(&watch);
    return 0;
}

// What the kernel's parts promise, tried

static struct {
    unsigned rounds, threads;
    struct wait_queue done;
} work;

static void worker(void *arg)
{
    for (unsigned i = 0; i < 100; i++) {
        work.rounds++;
        if (i % 10 == 0)
            thread_sleep((uint64_t)arg * NS_PER_US);
        else
            thread_yield();
    }
    work.threads--;
    wake_all(&work.done);
    thread_exit();
}

static int try_threads(void)
{
    unsigned pages = pages_left();

    work.rounds = work.threads = 0;
    wait_queue_init(&work.done);
    for (uint64_t i = 0; i < 8; i++)
        if (thread_create("worker", worker, (void *)(i * 10)))
            work.threads++;
    if (work.threads != 8 || !WAIT_FOR(&work.done, work.threads == 0, clock_after(10 * NS_PER_S)) ||
        work.rounds != 800) {
        print("threads: %u rounds, %u threads left\n", work.rounds, work.threads);
        return -XEN_EIO;
    }
    thread_yield();                 // the last one's stack is taken back by the next to run
    if (pages_left() + 1 < pages) { // a page may stay with the heap
        print("threads: %u pages before, %u after\n", pages, pages_left());
        return -XEN_ENOMEM;
    }
    return 0;
}

static int try_memory(void)
{
    uint64_t *blocks[64];
    unsigned round, i;

    for (round = 0; round < 4; round++) {
        for (i = 0; i < ARRAY_SIZE(blocks); i++) {
            size_t size = 8 + (i * 149 + round * 37) % 9000;

            blocks[i] = heap_alloc(size);
            if (!blocks[i] || blocks[i][0] || (uint64_t)blocks[i] % 16)
                return -XEN_ENOMEM;
            memset(blocks[i], (int)i + 1, size);
        }
        for (i = 0; i < ARRAY_SIZE(blocks); i++) {
            if ((uint8_t)blocks[i][0] != i + 1)
                return -XEN_EIO;
            heap_free(blocks[i]);
        }
    }
    return 0;
}

static int try_time(void)
{
    uint64_t start = clock_now(), slept;

    thread_sleep(20 * NS_PER_MS);
    slept = clock_now() - start;
    if (slept >= 20 * NS_PER_MS && slept < 5 * NS_PER_S)
        return 0;
    print("time: slept %lu us for 20000\n", slept / NS_PER_US);
    return -XEN_ETIME;
}

// Two transactions over one node: the later to commit must be told to do it again.
static int try_store(void)
{
    static struct store_watch watch;
    char value[32];
    uint32_t a, b;
    unsigned seen;
    int error = store_write(0, "data/self-test", "0");

    if (error < 0 || (error = store_watch(&watch, "data/self-test")) < 0 ||
        (error = store_begin(&a)) < 0 || (error = store_begin(&b)) < 0)
        return error;
    WAIT_FOR(&watch.queue, watch.fired, clock_after(NS_PER_S));
    seen = watch.fired;
    store_read(a, "data/self-test", value, sizeof(value));
    store_read(b, "data/self-test", value, sizeof(value));
    store_write(a, "data/self-test", "a");
    store_write(b, "data/self-test", "b");
    error = store_end(a, true);
    if (error < 0 || store_end(b, true) != -XEN_EAGAIN)
        return error < 0 ? error : -XEN_EIO;
    if (!seen || !WAIT_FOR(&watch.queue, watch.fired != seen, clock_after(2 * NS_PER_S)))
        return -XEN_ETIME;
    store_unwatch(&watch);
    if (store_read(0, "data/self-test", value, sizeof(value)) != 1 || *value != 'a')
        return -XEN_EIO;
    if (store_read(0, "data/none", value, sizeof(value)) != -XEN_ENOENT)
        return -XEN_EIO;
    store_rm(0, "data/self-test");
    return 0;
}

static int try(const char *what, int (*part)(void))
{
    int error = part();

    print("%s: %s\n", what, error ? error_name(error) : "right");
    return error;
}

COMMAND(selftest, "", "tries memory, threads, time and xenstore")
{
    int error = try("memory", try_memory) | try("threads", try_threads) | try("time", try_time);

    if (!is_domain0())
        error |= try("xenstore", try_store);
    return error ? -XEN_EIO : 0;
}
