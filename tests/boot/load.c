// A parallel load whose every result is checked, to run in domain 0 (or anywhere):
//
//     load WORKERS SECONDS [FOLDER]
//
// Each worker is a process that repeats the jobs below in turn until the time is over. The first
// wrong result is printed and ends its worker with failure. The last line counts what was done.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

struct job {
    const char *name;
    void (*run)(uint64_t seed);
};

static const char *self;
static const char *folder = "/tmp";
static const char *current = "start";

#define CHECK(cond)                                                                               \
    do {                                                                                          \
        if (!(cond)) {                                                                            \
            printf("load: %s: line %d: %s failed (errno %d)\n", current, __LINE__, #cond, errno); \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

static void fill(uint64_t *words, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        words[i] = mix(seed + i);
}

static int filled(const uint64_t *words, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] != mix(seed + i))
            return 0;
    }
    return 1;
}

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(at != MAP_FAILED);
    return at;
}

static int reap(pid_t child)
{
    int status;

    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// Copy-on-write: neither side may see what the other writes.
static void job_fork(uint64_t seed)
{
    size_t words = 64 * PAGE / 8;
    uint64_t *memory = map(words * 8);
    pid_t child;

    fill(memory, words, seed);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (!filled(memory, words, seed))
            _exit(1);
        fill(memory, words, seed + 1);
        _exit(filled(memory, words, seed + 1) ? 42 : 2);
    }
    fill(memory, words / 2, seed + 2);
    CHECK(reap(child) == 42);
    CHECK(filled(memory, words / 2, seed + 2));
    CHECK(filled(memory + words / 2, words / 2, seed + words / 2));
    CHECK(munmap(memory, words * 8) == 0);
}

static void job_exec(uint64_t seed)
{
    char argument[32];
    pid_t child = fork();

    CHECK(child >= 0);
    snprintf(argument, sizeof(argument), "%llu", (unsigned long long)seed);
    if (child == 0) {
        execl(self, self, "--echo", argument, (char *)NULL);
        _exit(126);
    }
    CHECK(reap(child) == (int)(mix(seed) % 100));
}

static sigjmp_buf fault_return;
static void *volatile fault_address;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    fault_address = info->si_addr;
    siglongjmp(fault_return, 1);
}

// New pages are zero, protections hold, and a fault names the right address.
static void job_pages(uint64_t seed)
{
    size_t pages = 64 + seed % 64;
    char *memory = map(pages * PAGE);
    size_t victim = mix(seed) % pages;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    for (size_t i = 0; i < pages; i++) {
        CHECK(memory[i * PAGE + seed % PAGE] == 0);
        memory[i * PAGE] = (char)i;
    }
    CHECK(mprotect(memory + victim * PAGE, PAGE, PROT_READ) == 0);
    if (sigsetjmp(fault_return, 1) == 0) {
        memory[victim * PAGE + 8] = 1;
        CHECK(!"a write to a read-only page went through");
    }
    CHECK(fault_address == memory + victim * PAGE + 8);
    CHECK(mprotect(memory + victim * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    for (size_t i = 0; i < pages; i++)
        CHECK(memory[i * PAGE] == (char)i);
    memory = mremap(memory, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
    CHECK(memory != MAP_FAILED && memory[victim * PAGE] == (char)victim);
    CHECK(munmap(memory, 2 * pages * PAGE) == 0);
}

static void job_pipe(uint64_t seed)
{
    int there[2], back[2];
    uint64_t word = seed;
    pid_t child;

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &word, sizeof(word)) == sizeof(word)) {
            word = mix(word);
            if (write(back[1], &word, sizeof(word)) != sizeof(word))
                _exit(1);
        }
        _exit(0);
    }
    close(there[0]);
    for (int i = 0; i < 50; i++) {
        uint64_t expected = mix(word + i);

        word += i;
        CHECK(write(there[1], &word, sizeof(word)) == sizeof(word));
        CHECK(read(back[0], &word, sizeof(word)) == sizeof(word));
        CHECK(word == expected);
    }
    close(there[1]);
    CHECK(reap(child) == 0);
    close(back[0]);
    close(back[1]);
}

static void job_file(uint64_t seed)
{
    size_t words = (16 + seed % 48) * PAGE / 8;
    uint64_t *data = map(words * 8), *view;
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/load.%d", folder, (int)getpid());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    fill(data, words, seed);
    CHECK(write(fd, data, words * 8) == (ssize_t)(words * 8));
    view = mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(view != MAP_FAILED && filled(view, words, seed));
    fill(view, words / 2, ~seed);
    CHECK(pread(fd, data, words * 8, 0) == (ssize_t)(words * 8));
    CHECK(filled(data, words / 2, ~seed));
    CHECK(munmap(view, words * 8) == 0 && munmap(data, words * 8) == 0);
    CHECK(close(fd) == 0 && unlink(path) == 0);
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
    (void)sig;
    signals++;
}

// Signals arrive, also in the middle of floating-point work, and change no register of it.
static void job_signal(uint64_t seed)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    double sum = 0;
    uint64_t integers = seed, expected = seed;

    signals = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    for (int i = 0; i < 20; i++)
        CHECK(kill(getpid(), SIGUSR1) == 0 && signals == i + 1);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    for (int i = 1; i <= 200000; i++) {
        sum += 1.0 / 1024;
        integers = mix(integers);
    }
    for (int i = 1; i <= 200000; i++)
        expected = mix(expected);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(sum == 200000.0 / 1024 && integers == expected);
}

#define THREADS 4

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long total;

static void *adder(void *argument)
{
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        total += (uintptr_t)argument;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void job_threads(uint64_t seed)
{
    pthread_t threads[THREADS];

    (void)seed;
    total = 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, adder, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(total == 2000ul * (1 + 2 + 3 + 4));
}

static volatile uint64_t *shared_page;
static volatile int writer_stop;

static void *writer(void *argument)
{
    (void)argument;
    while (!writer_stop) {
        if (sigsetjmp(fault_return, 1) == 0) {
            while (!writer_stop)
                (*shared_page)++;
        }
    }
    return NULL;
}

// Once mprotect() has returned, no CPU may write through a translation it remembered.
static void job_shootdown(uint64_t seed)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    pthread_t thread;

    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    writer_stop = 0;
    shared_page = map(PAGE);
    CHECK(pthread_create(&thread, NULL, writer, NULL) == 0);
    for (int round = 0; round < 20; round++) {
        uint64_t before;

        usleep(seed % 200);
        CHECK(mprotect((void *)shared_page, PAGE, PROT_READ) == 0);
        before = *shared_page;
        for (int i = 0; i < 2000; i++)
            CHECK(*shared_page == before);
        CHECK(mprotect((void *)shared_page, PAGE, PROT_READ | PROT_WRITE) == 0);
    }
    writer_stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(munmap((void *)shared_page, PAGE) == 0);
}

static const struct job jobs[] = {
    {"fork", job_fork},       {"exec", job_exec},           {"pages", job_pages},
    {"pipe", job_pipe},       {"file", job_file},           {"signal", job_signal},
    {"threads", job_threads}, {"shootdown", job_shootdown},
};

#define JOBS (sizeof(jobs) / sizeof(jobs[0]))

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Does the jobs until `end`; done[] counts them, in memory shared with the parent.
static void work(int number, uint64_t end, unsigned long *done)
{
    uint64_t seed = (uint64_t)number << 32, last = now();

    do {
        for (size_t i = 0; i < JOBS; i++) {
            current = jobs[i].name;
            jobs[i].run(mix(seed++));
            done[i]++;
        }
        CHECK(now() >= last); // the clock never runs backwards, whatever CPU we were moved to
        last = now();
    } while (last < end);
}

static unsigned long sum(const unsigned long *done, int workers)
{
    unsigned long all = 0;

    for (int i = 0; i < workers; i++)
        all += done[(size_t)i * JOBS];
    return all;
}

int main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 0, failed = 0;
    unsigned long *done;
    uint64_t end;

    if (argc == 3 && strcmp(argv[1], "--echo") == 0)
        return (int)(mix(strtoull(argv[2], NULL, 10)) % 100);
    if (argc < 3 || workers < 1) {
        fprintf(stderr, "usage: load WORKERS SECONDS [FOLDER]\n");
        return 2;
    }
    self = "/proc/self/exe";
    folder = argc > 3 ? argv[3] : folder;
    setvbuf(stdout, NULL, _IOLBF, 0);
    done = mmap(NULL, (size_t)workers * sizeof(jobs), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(done != MAP_FAILED);
    end = now() + strtoull(argv[2], NULL, 10) * 1000000000;
    for (int i = 0; i < workers; i++) {
        pid_t child = fork();

        CHECK(child >= 0);
        if (child == 0) {
            work(i, end, done + (size_t)i * JOBS);
            exit(0);
        }
    }
    for (int i = 0; i < workers; i++) {
        int status;

        CHECK(wait(&status) > 0);
        failed += status != 0;
    }
    printf("load: %d workers, %d failed;", workers, failed);
    for (size_t i = 0; i < JOBS; i++)
        printf(" %s %lu", jobs[i].name, sum(done + i, workers));
    printf("\n");
    return failed != 0;
}
