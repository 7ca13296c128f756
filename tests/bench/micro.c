// What operations of the kernel cost, in ticks of the time-stamp counter, which under the
// benchmark's deterministic emulation are instructions. Runs in domain 0 or on the bare machine.
//
//     micro          prints `BENCH name value` for every operation
//     at-start       (by this name) prints when it and the kernel were started, since power-on
//
// Each figure is the median of several batches, so that a timer tick in one of them does not count.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
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

static void mmap_touch_munmap(void)
{
    char *memory = map(MMAP_BIG);

    for (size_t i = 0; i < MMAP_BIG; i += PAGE)
        memory[i] = 1;
    munmap(memory, MMAP_BIG);
}

// Two processes hand a byte there and back: two switches, two writes, two reads.
static void pipe_round_trip(void)
{
    enum { ROUNDS = 100 };
    uint64_t batch[BATCHES];
    int there[2], back[2];
    char byte = 0;
    pid_t child;

    if (pipe(there) || pipe(back))
        die("pipe");
    child = fork();
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    for (int i = 0; i < BATCHES; i++) {
        uint64_t began = ticks();

        for (int j = 0; j < ROUNDS; j++) {
            if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
                die("pipe");
        }
        batch[i] = (ticks() - began) / ROUNDS;
    }
    close(there[0]);
    close(there[1]);
    reap(child);
    qsort(batch, BATCHES, sizeof(batch[0]), compare);
    report("pipe_round_trip", batch[BATCHES / 2]);
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

static void signals(void)
{
    struct sigaction plain = {.sa_handler = on_signal};
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    process = getpid();
    region = map(PAGE);
    memset(region, 1, PAGE);
    sigaction(SIGUSR1, &plain, NULL);
    sigaction(SIGSEGV, &fault, NULL);
    report("signal", measure(signal_self, 100));
    report("mprotect", measure(protect, 100));
    report("segv_handler", measure(fault_handled, 100));
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

static void under_a_hypervisor(void)
{
    uint32_t domain = 0;
    struct evtchn_interdomain peer = {0, 0};
    uint64_t with, without;

    privcmd = open("/dev/xen/privcmd", O_RDWR);
    evtchn = open("/dev/xen/evtchn", O_RDWR);
    if (privcmd < 0 || evtchn < 0)
        return; // on the bare machine
    with = measure(hypercall, 200);
    without = measure(empty_ioctl, 200);
    report("null_hypercall", with - without);
    near_port = (uint32_t)ioctl(evtchn, EVTCHN_UNBOUND_PORT, &domain);
    peer.remote_port = near_port;
    far_port = (uint32_t)ioctl(evtchn, EVTCHN_INTERDOMAIN, &peer);
    // Either end may get an event at binding: take all that is there.
    fcntl(evtchn, F_SETFL, O_NONBLOCK);
    for (uint32_t port; read(evtchn, &port, 4) == 4;)
        write(evtchn, &port, 4);
    fcntl(evtchn, F_SETFL, 0);
    report("event_to_self", measure(event_to_self, 100));
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

int main(int argc, char **argv)
{
    uint64_t mmap_big;

    (void)argc;
    if (strstr(argv[0], "at-start")) {
        at_start();
        return 0;
    }
    report("null_system_call", measure(null_system_call, 1000));
    report("yield", measure(yield, 500));
    mmap_big = measure(mmap_touch_munmap, 1);
    report("mmap_16mb", mmap_big);
    report("page_fault", mmap_big / (MMAP_BIG / PAGE));
    signals();
    pipe_round_trip();
    report("fork_exit", measure(fork_exit, 10));
    report("fork_exec", measure(fork_exec, 10));
    under_a_hypervisor();
    return 0;
}
