#include "backends/common/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/common/message.h"
#include "control/evtchn.h"
#include "control/grant.h"

#define START_PATIENCE 30000 // ms that the keeper may take to say what to do
#define COMPLAINTS     5     // in a minute
#define EVENTS_AT_ONCE 16
#define EMPTY_FOLDER   "/run/vellum/empty"

struct bound_port {
    uint32_t port;
    worker_port_handler *handler;
    void *of;
};

static struct bound_port bound[BACKEND_QUEUES_MAX * BACKEND_RINGS_MAX];
static unsigned bound_count;
static int end_status = -1;

uint64_t worker_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// --- words ---

static void say(struct worker *worker, const char *text)
{
    fprintf(stderr, "%s: %s: %s\n", worker->kind->program, worker->connection.name, text);
}

void worker_note(struct worker *worker, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    say(worker, text);
}

void worker_complain(struct worker *worker, const char *format, ...)
{
    static uint64_t minute;
    static unsigned count;
    uint64_t now = worker_now() / 60000;
    char text[512];
    va_list list;

    if (now != minute) {
        if (count > COMPLAINTS)
            worker_note(worker, "%u more such lines were left out", count - COMPLAINTS);
        minute = now;
        count = 0;
    }
    if (++count > COMPLAINTS)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    say(worker, text);
}

void worker_tell(struct worker *worker, uint32_t type, const void *data, size_t length)
{
    int rc = message_send(worker->keeper, type, data, length, -1);

    if (rc && rc != -EPIPE)
        worker_note(worker, "cannot tell the keeper: %s", strerror(-rc));
}

int worker_fail(struct worker *worker, int error, const char *format, ...)
{
    char text[512];
    size_t length;
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    length = strlen(text);
    if (error)
        snprintf(text + length, sizeof(text) - length, ": %s", strerror(-error));
    worker_tell(worker, WORKER_FAILED, text, strlen(text)); // who logs it
    return error;
}

void worker_end(struct worker *worker, enum worker_status status)
{
    end_status = status;
    event_base_loopbreak(worker->base);
}

void worker_guest_wrong(struct worker *worker, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    worker_fail(worker, 0, "the front end broke the protocol: %s; the device is closed", text);
    _exit(WORKER_GUEST_WRONG);
}

// --- rings and event channels ---

void *worker_map_ring(struct worker *worker, const struct backend_ring *ring, const char *what)
{
    void *memory = grant_map(worker->grants, worker->connection.domain, ring->references,
                             ring->pages, PROT_READ | PROT_WRITE);

    if (!memory)
        worker_fail(worker, -errno, "cannot map the %s (%u pages, the first grant is %u)", what,
                    ring->pages, ring->references[0]);
    return memory;
}

static void on_ports(evutil_socket_t fd, short what, void *of)
{
    struct worker *worker = of;

    for (unsigned i = 0; i < EVENTS_AT_ONCE; i++) {
        int port = evtchn_pending(worker->evtchn);

        if (port < 0)
            return;
        for (unsigned k = 0; k < bound_count; k++) {
            if (bound[k].port == (uint32_t)port)
                bound[k].handler(worker, (uint32_t)port, bound[k].of);
        }
    }
}

int worker_bind(struct worker *worker, uint32_t remote_port, worker_port_handler *handler, void *of)
{
    int port = evtchn_bind_interdomain(worker->evtchn, worker->connection.domain, remote_port);

    if (port < 0)
        return worker_fail(worker, port, "cannot bind to the front end's event channel %u",
                           remote_port);
    if (bound_count == sizeof(bound) / sizeof(bound[0]))
        return worker_fail(worker, -ENOSPC, "event channel %u", remote_port);
    bound[bound_count++] = (struct bound_port){(uint32_t)port, handler, of};
    return port;
}

// --- messages of the keeper ---

static void on_keeper(evutil_socket_t fd, short what, void *of)
{
    static struct message message;
    struct worker *worker = of;
    ssize_t length = message_receive(worker->keeper, &message, NULL);

    if (length == -EAGAIN || length == -EINTR)
        return;
    if (length < 0)
        worker_end(worker, WORKER_ORPHANED);
    else if (message.type == WORKER_STOP)
        worker->kind->worker_stop(worker);
    else if (message.type >= WORKER_KIND && worker->kind->worker_message)
        worker->kind->worker_message(worker, message.type, message.data, (size_t)length);
}

static int receive_start(struct worker *worker)
{
    static struct message message;
    struct pollfd events = {.fd = 0, .events = POLLIN};
    ssize_t length;

    if (poll(&events, 1, START_PATIENCE) <= 0)
        return -ETIMEDOUT;
    length = message_receive(0, &message, &worker->state);
    if (length < 0)
        return (int)length;
    if (message.type != WORKER_START || length != sizeof(worker->connection) || worker->state < 0)
        return -EPROTO;
    memcpy(&worker->connection, message.data, sizeof(worker->connection));
    worker->keeper = fcntl(0, F_DUPFD_CLOEXEC, 3);
    return worker->keeper < 0 ? -errno : 0;
}

// --- start ---

// Locks the state file by a description of this process' own: as long as a predecessor lives, and
// be it one that the keeper knows nothing of, its lock is waited for.
static int lock_state(struct worker *worker)
{
    char path[40];
    int fd;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", worker->state);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return worker_fail(worker, -errno, "cannot open its state file again");
    close(worker->state);
    worker->state = fd;
    if (flock(fd, LOCK_EX))
        return worker_fail(worker, -errno, "cannot lock its state file");
    return 0;
}

static int open_hypervisor(struct worker *worker)
{
    worker->evtchn = evtchn_open();
    if (worker->evtchn < 0)
        return worker_fail(worker, worker->evtchn,
                           "cannot open /dev/xen/evtchn (is the module xen-evtchn loaded?)");
    evtchn_restrict(worker->evtchn, worker->connection.domain);
    worker->grants = grant_open();
    if (worker->grants < 0)
        return worker_fail(worker, worker->grants,
                           "cannot open /dev/xen/gntdev (is the module xen-gntdev loaded?)");
    return 0;
}

// What is open stays so; nothing else can be opened any more.
static int drop_rights(struct worker *worker)
{
    uid_t user = worker->connection.user;

    if (geteuid() != 0)
        return 0; // a test
    mkdir(EMPTY_FOLDER, 0555);
    if (chroot(EMPTY_FOLDER) || chdir("/"))
        return worker_fail(worker, -errno, "cannot confine itself to %s", EMPTY_FOLDER);
    if (setgroups(0, NULL) || setresgid(user, user, user) || setresuid(user, user, user))
        return worker_fail(worker, -errno, "cannot become user %u", user);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return worker_fail(worker, -errno, "cannot give up its rights");
    return 0;
}

static int register_events(struct worker *worker)
{
    struct event *ports;

    worker->base = event_base_new();
    if (!worker->base)
        return worker_fail(worker, -ENOMEM, "no events");
    worker->from_keeper =
        event_new(worker->base, worker->keeper, EV_READ | EV_PERSIST, on_keeper, worker);
    ports = event_new(worker->base, worker->evtchn, EV_READ | EV_PERSIST, on_ports, worker);
    if (!worker->from_keeper || !ports || event_add(worker->from_keeper, NULL) ||
        event_add(ports, NULL))
        return worker_fail(worker, -ENOMEM, "no events");
    return 0;
}

static int begin(struct worker *worker)
{
    int rc = lock_state(worker);

    if (!rc)
        rc = open_hypervisor(worker);
    if (!rc)
        rc = worker->kind->worker_open(worker);
    if (!rc)
        rc = drop_rights(worker);
    if (!rc)
        rc = register_events(worker);
    if (!rc)
        rc = worker->kind->worker_start(worker);
    return rc;
}

int worker_main(const struct backend_kind *kind)
{
    static struct worker worker = {.keeper = -1, .evtchn = -1, .grants = -1, .state = -1};
    int rc;

    worker.kind = kind;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); // of a terminal; the keeper's end is the worker's
    rc = receive_start(&worker);
    if (rc) {
        fprintf(stderr, "%s: the keeper does not say what to do: %s\n", kind->program,
                strerror(-rc));
        return WORKER_ORPHANED;
    }
    if (begin(&worker))
        return WORKER_CANNOT;
    while (end_status < 0 && event_base_dispatch(worker.base) >= 0)
        ;
    return end_status < 0 ? WORKER_ORPHANED : end_status;
}
