// Workers, as the keeper starts, hears and ends them.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "backends/common/keeper.h"
#include "backends/common/message.h"
#include "backends/common/worker.h"

#define SETTLED_MS     300 // who lived so long after it was ready did not die of what it found
#define ACCIDENTS_MOST 12  // in a row, before the device is given up
#define DELAY_MOST_MS  4000

extern char **environ;

// --- the state file ---

static void state_path(const struct device *device, char path[BACKEND_PATH_MAX])
{
    snprintf(path, BACKEND_PATH_MAX, "%s/%s-%u-%u", device->keeper->folder, device->type,
             device->domain, device->number);
}

// The file's first page says whose it is.
static bool same_connection(int fd, const struct backend_connection *connection)
{
    struct backend_queue queue[BACKEND_QUEUES_MAX];

    return pread(fd, queue, sizeof(queue), 0) == sizeof(queue) &&
           !memcmp(queue, connection->queue, sizeof(queue));
}

int process_open_state(struct device *device, struct backend_connection *connection)
{
    char path[BACKEND_PATH_MAX];
    bool resume = connection->resume;
    int fd;

    state_path(device, path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return device_fail(device, -errno, "cannot open %s", path);
    connection->resume = resume && same_connection(fd, connection);
    if (resume && !connection->resume)
        device_note(device, "%s tells nothing of this connection: it begins anew", path);
    if (!connection->resume && (ftruncate(fd, 0) || ftruncate(fd, WORKER_STATE_OFFSET) ||
                                pwrite(fd, connection->queue, sizeof(connection->queue), 0) < 0)) {
        int error = -errno;

        close(fd);
        return device_fail(device, error, "cannot write %s", path);
    }
    device->process.state = fd;
    return 0;
}

void process_forget(struct device *device)
{
    struct process *process = &device->process;
    char path[BACKEND_PATH_MAX];

    if (process->again)
        event_free(process->again);
    process->again = NULL;
    free(process->connection);
    process->connection = NULL;
    if (process->state >= 0) {
        close(process->state);
        state_path(device, path);
        unlink(path);
    }
    process->state = -1;
    process->accidents = 0;
}

// --- messages ---

static void hang_up(struct process *process)
{
    if (process->event)
        event_free(process->event);
    if (process->socket >= 0)
        close(process->socket);
    process->event = NULL;
    process->socket = -1;
}

static void heard(struct device *device, const struct message *message, size_t length)
{
    struct process *process = &device->process;

    switch (message->type) {
    case WORKER_READY:
        process->ready = true;
        process->since = worker_now();
        device->keeper->kind->ready(device, message->data, length);
        device_write_number(device, "state", XenbusStateConnected);
        break;
    case WORKER_CHANGED:
        device->keeper->kind->ready(device, message->data, length);
        device_announce(device);
        break;
    case WORKER_FAILED:
        device_fail(device, 0, "%.*s", length > 400 ? 400 : (int)length,
                    (const char *)message->data);
        break;
    default:
        device_note(device, "its worker says what is not understood (%u)", message->type);
        break;
    }
}

static void on_message(evutil_socket_t fd, short what, void *of)
{
    static struct message message;
    struct device *device = of;

    for (;;) {
        ssize_t length = message_receive(device->process.socket, &message, NULL);

        if (length == -EAGAIN || length == -EINTR)
            return;
        if (length < 0) {
            hang_up(&device->process); // it has ended or is about to: SIGCHLD will tell how
            kill(device->process.pid, SIGKILL);
            return;
        }
        heard(device, &message, (size_t)length);
    }
}

void device_tell(struct device *device, uint32_t type, const void *data, size_t length)
{
    if (device->process.socket >= 0)
        message_send(device->process.socket, type, data, length, -1);
}

// --- start and end ---

// The executable again, with the socket as its standard input.
static int spawn(struct device *device, int socket, int *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    char *arguments[] = {(char *)device->keeper->kind->program, "--worker", device->name, NULL};
    int error;

    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -error;
}

static int start(struct device *device)
{
    struct process *process = &device->process;
    int pair[2], rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -errno;
    rc = spawn(device, pair[1], &process->pid);
    close(pair[1]);
    if (rc) {
        process->pid = 0;
        close(pair[0]);
        return rc;
    }
    process->socket = pair[0];
    process->ready = process->stopping = process->replaced = false;
    process->event =
        event_new(device->keeper->base, pair[0], EV_READ | EV_PERSIST, on_message, device);
    if (process->event)
        event_add(process->event, NULL);
    rc = message_send(pair[0], WORKER_START, process->connection, sizeof(*process->connection),
                      process->state);
    if (rc || !process->event)
        kill(process->pid, SIGKILL); // an accident
    return 0;
}

static void start_again(evutil_socket_t fd, short what, void *of)
{
    struct device *device = of;

    event_free(device->process.again);
    device->process.again = NULL;
    process_start(device);
}

// The first few accidents are followed by a new start at once, the others after a growing pause.
static void start_later(struct device *device)
{
    struct process *process = &device->process;
    unsigned delay = process->accidents <= 3 ? 0 : 125u << (process->accidents - 4);

    if (delay > DELAY_MOST_MS)
        delay = DELAY_MOST_MS;
    struct timeval pause = {delay / 1000, (int)(delay % 1000) * 1000};

    process->again = evtimer_new(device->keeper->base, start_again, device);
    if (!process->again || evtimer_add(process->again, &pause))
        device_fail(device, -ENOMEM, "no worker can be started");
}

void process_start(struct device *device)
{
    int rc = start(device);

    if (rc) {
        device_note(device, "cannot start a worker: %s", strerror(-rc));
        device->process.accidents++;
        start_later(device);
    }
}

void process_stop(struct device *device, bool end_now)
{
    struct process *process = &device->process;

    process->stopping = true;
    if (end_now)
        kill(process->pid, SIGKILL);
    else if (process->socket >= 0)
        message_send(process->socket, WORKER_STOP, NULL, 0, -1);
}

void device_replace_worker(struct device *device, const void *data, size_t length)
{
    struct process *process = &device->process;

    if (!process->connection || process->stopping)
        return;
    memcpy(process->connection->kind_data, data, length);
    process->connection->kind_bytes = (uint32_t)length;
    if (!process->pid)
        return; // one is about to be started
    process->replaced = true;
    kill(process->pid, SIGKILL);
}

static void accident(struct device *device, int status)
{
    struct process *process = &device->process;

    if (process->ready && worker_now() - process->since >= SETTLED_MS)
        process->accidents = 0;
    if (++process->accidents > ACCIDENTS_MOST) {
        device_fail(device, -EIO, "%u workers in a row have died", ACCIDENTS_MOST);
        device_give_up(device);
        return;
    }
    if (WIFSIGNALED(status))
        device_note(device, "its worker was killed by signal %d; another takes over",
                    WTERMSIG(status));
    else
        device_note(device, "its worker ended with status %d; another takes over",
                    WEXITSTATUS(status));
    process->connection->resume = true;
    start_later(device);
}

static void ended(struct device *device, int status)
{
    struct process *process = &device->process;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (process->event)
        on_message(process->socket, EV_READ, device); // its last words
    hang_up(process);
    process->pid = 0;
    if (process->stopping || device->gone || code == WORKER_DONE) {
        process_forget(device);
        device_update(device);
    } else if (process->replaced) {
        process->replaced = false;
        process->connection->resume = true;
        process_start(device);
    } else if (code == WORKER_GUEST_WRONG || code == WORKER_CANNOT) {
        process_forget(device);
        device_give_up(device);
    } else {
        accident(device, status);
    }
}

void process_reap(struct keeper *keeper)
{
    int pid, status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct device *device = keeper->devices; device; device = device->next) {
            if (device->process.pid == pid) {
                ended(device, status);
                break;
            }
        }
    }
}
