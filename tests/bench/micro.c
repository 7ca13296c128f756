// What operations of the kernel cost, in ticks of the time-stamp counter, which under the
// benchmark's deterministic emulation are instructions. Runs in domain 0 or on the bare machine.
//
//     micro          prints `BENCH name value` for every operation
//     at-start       (by this name) prints when it and the kernel were started, since power-on
//     micro repeat   says `REPEAT name` and does that operation until a line comes on its input,
//     for
//                    each in turn (tests/bench/trace)
//
// Each figure is the median of several batches, so that a timer tick in one of them does not count.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pv-abi/hypercalls.h"
#include "pv-abi/version.h"

#define PAGE     4096
#define BATCHES  9
#define MMAP_BIG (16ul << 20)

// Linux's interfaces of /dev/xen/privcmd and /dev/xen/evtchn.
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};

struct evtchn_interdomain {
    uint32_t remote_domain;
    uint32_t remote_port;
};

#define PRIVCMD_HYPERCALL   _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define PRIVCMD_UNKNOWN     _IOC(_IOC_NONE, 'P', 200, 0)
#define EVTCHN_INTERDOMAIN  _IOC(_IOC_NONE, 'E', 1, sizeof(struct evtchn_interdomain))
#define EVTCHN_UNBOUND_PORT _IOC(_IOC_NONE, 'E', 2, sizeof(uint32_t))
#define EVTCHN_NOTIFY       _IOC(_IOC_NONE, 'E', 4, sizeof(uint32_t))

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t ticks(void)
{
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

// Ticks of one call of `operation`: the median batch of `count` calls.
static uint64_t measure(void (*operation)(void), int count)
{
    uint64_t batch[BATCHES];

    operation();
    for (int i = 0; i < BATCHES; i++) {
        uint64_t began = ticks();

        for (int j = 0; j < count; j++)
            operation();
        batch[i] = (ticks() - began) / (uint64_t)count;
    }
    qsort(batch, BATCHES, sizeof(batch[0]), compare);
    return batch[BATCHES / 2];
}

static void report(const char *name, uint64_t value)
{
    printf("BENCH %s %llu\n", name, (unsigned long long)value);
    fflush(stdout);
}

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        die("mmap");
    madvise(at, size, MADV_NOHUGEPAGE);
    return at;
}

static void null_system_call(void)
{
    long number = SYS_getppid;

    asm volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
}

static void yield(void)
{
    sched_yield();
}

static void reap(pid_t child)
{
    if (child < 0)
        die("fork");
    waitpid(child, NULL, 0);
}

static void fork_exit(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    reap(child);
}

static void fork_exec(void)
{
    pid_t child = fork();

    if (child == 0) {
        execl("/bin/busybox", "true", (char *)NULL);
        _exit(1);
    }
    reap(child);
}

static void touch(size_t size)
{
    char *memory = map(size);

    for (size_t i = 0; i < size; i += PAGE)
        memory[i] = 1;
    munmap(memory, size);
}

static void mmap_touch_munmap(void)
{
    touch(MMAP_BIG);
}

static void mmap_touch_little(void)
{
    touch(1ul << 20);
}

// Two processes hand a byte there and back: two switches, two writes, two reads.
static int pipe_out, pipe_in;
static pid_t pipe_partner;

static void pipe_round_trip(void)
{
    char byte = 0;

    if (write(pipe_out, &byte, 1) != 1 || read(pipe_in, &byte, 1) != 1)
        die("pipe");
}

static void pipe_begin(void)
{
    int there[2], back[2];
    char byte;

    if (pipe(there) || pipe(back))
        die("pipe");
    pipe_partner = fork();
    if (pipe_partner == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    close(there[0]);
    pipe_out = there[1];
    pipe_in = back[0];
}

static void pipe_end(void)
{
    close(pipe_out);
    close(pipe_in);
    reap(pipe_partner);
}

static pid_t process;

static void on_signal(int sig)
{
    (void)sig;
}

static void signal_self(void)
{
    kill(process, SIGUSR1);
}

static char *region;

static void protect(void)
{
    if (mprotect(region, PAGE, PROT_READ) || mprotect(region, PAGE, PROT_READ | PROT_WRITE))
        die("mprotect");
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    mprotect(region, PAGE, PROT_READ | PROT_WRITE);
}

static void fault_handled(void)
{
    mprotect(region, PAGE, PROT_READ);
    *(volatile char *)(region) = 1;
}

static void signals_begin(void)
{
    struct sigaction plain = {.sa_handler = on_signal};
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    process = getpid();
    region = map(PAGE);
    memset(region, 1, PAGE);
    sigaction(SIGUSR1, &plain, NULL);
    sigaction(SIGSEGV, &fault, NULL);
}

static int privcmd;

static void hypercall(void)
{
    struct privcmd_hypercall call = {__HYPERVISOR_xen_version, {XENVER_version}};

    if (ioctl(privcmd, PRIVCMD_HYPERCALL, &call) < 0)
        die("hypercall");
}

static void empty_ioctl(void)
{
    ioctl(privcmd, PRIVCMD_UNKNOWN, NULL);
}

static int evtchn;
static uint32_t near_port, far_port;

// Sends an event to ourselves, takes it, and unmasks its port.
static void event_to_self(void)
{
    uint32_t port = 0;

    if (ioctl(evtchn, EVTCHN_NOTIFY, &far_port) < 0 || read(evtchn, &port, 4) != 4 ||
        port != near_port || write(evtchn, &port, 4) != 4)
        die("event channel");
}

static bool xen_devices_begin(void)
{
    uint32_t domain = 0;
    struct evtchn_interdomain peer = {0, 0};

    privcmd = open("/dev/xen/privcmd", O_RDWR);
    evtchn = open("/dev/xen/evtchn", O_RDWR);
    if (privcmd < 0 || evtchn < 0)
        return false; // on the bare machine
    near_port = (uint32_t)ioctl(evtchn, EVTCHN_UNBOUND_PORT, &domain);
    peer.remote_port = near_port;
    far_port = (uint32_t)ioctl(evtchn, EVTCHN_INTERDOMAIN, &peer);
    // Either end may get an event at binding: take all that is there.
    fcntl(evtchn, F_SETFL, O_NONBLOCK);
    for (uint32_t port; read(evtchn, &port, 4) == 4;)
        write(evtchn, &port, 4);
    fcntl(evtchn, F_SETFL, 0);
    return true;
}

// The kernel's log has the time since the kernel's start: its start is now less that.
static void at_start(void)
{
    uint64_t now = ticks(), micros = 0;
    char record[512] = "";
    int log;

    report("userspace_tsc", now);
    mknod("/dev/kmsg", S_IFCHR | 0600, makedev(1, 11));
    log = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
    if (log < 0)
        return;
    lseek(log, 0, SEEK_END);
    now = ticks();
    if (write(log, "benchmark\n", 10) == 10 && read(log, record, sizeof(record) - 1) > 0 &&
        sscanf(record, "%*u,%*u,%llu", (unsigned long long *)&micros) == 1)
        report("kernel_tsc", now - micros * 1000);
}

// Where each repetition begins, for a trace of the program.
__attribute__((noinline)) void mark(void);
void mark(void)
{
    asm volatile("");
}

static void repeat(const char *name, void (*operation)(void))
{
    pid_t child;
    char line;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        pipe_begin(); // the partner must not be the parent's
        for (process = getpid();; mark())
            operation();
    }
    printf("REPEAT %s\n", name);
    fflush(stdout);
    while (read(0, &line, 1) == 1 && line != '\n')
        ;
    kill(child, SIGKILL);
    reap(child);
}

static void repeat_all(void)
{
    static const struct {
        const char *name;
        void (*operation)(void);
        bool xen;
    } all[] = {
        {"null_system_call", null_system_call, false},
        {"yield", yield, false},
        {"mmap_1mb", mmap_touch_little, false},
        {"signal", signal_self, false},
        {"mprotect", protect, false},
        {"segv_handler", fault_handled, false},
        {"pipe_round_trip", pipe_round_trip, false},
        {"fork_exit", fork_exit, false},
        {"null_hypercall", hypercall, true},
        {"event_to_self", event_to_self, true},
    };

    bool under_xen = xen_devices_begin();

    signals_begin();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!all[i].xen || under_xen)
            repeat(all[i].name, all[i].operation);
}

int main(int argc, char **argv)
{
    uint64_t mmap_big;

    if (strstr(argv[0], "at-start")) {
        at_start();
        return 0;
    }
    if (argc > 1) {
        repeat_all();
        return 0;
    }
    report("null_system_call", measure(null_system_call, 1000));
    report("yield", measure(yield, 500));
    mmap_big = measure(mmap_touch_munmap, 1);
    report("mmap_16mb", mmap_big);
    report("page_fault", mmap_big / (MMAP_BIG / PAGE));
    signals_begin();
    report("signal", measure(signal_self, 100));
    report("mprotect", measure(protect, 100));
    report("segv_handler", measure(fault_handled, 100));
    pipe_begin();
    report("pipe_round_trip", measure(pipe_round_trip, 100));
    pipe_end();
    report("fork_exit", measure(fork_exit, 10));
    report("fork_exec", measure(fork_exec, 10));
    if (xen_devices_begin()) {
        report("null_hypercall", measure(hypercall, 200) - measure(empty_ioctl, 200));
        report("event_to_self", measure(event_to_self, 100));
    }
    return 0;
}
