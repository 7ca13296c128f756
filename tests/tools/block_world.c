#include "tests/tools/block_world.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/evtchn.h"
#include "control/grant.h"

#define PATIENCE_MS 20000

struct world *world;
struct ring front;
bool world_read_only;
const char *world_rate = "";
uint32_t world_iops;
const char world_image[] = "/tmp/vellum-test-image"; // the process number is appended
static char image_path[64], state_path[64];
static int to_back = -1, to_front = -1, state_fd = -1;
static pid_t server;
static int last_status;

// --- what the worker's common part does, in the child ---

static worker_port_handler *port_handler;
static void *port_of;
static struct worker *the_worker;

static void maybe_die(void)
{
    if (world->die_at && !--world->die_at)
        kill(getpid(), SIGKILL);
}

static void on_event(evutil_socket_t fd, short what, void *of)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) == sizeof(count))
        port_handler(the_worker, 1, port_of);
}

int worker_bind(struct worker *worker, uint32_t remote_port, worker_port_handler *handler, void *of)
{
    port_handler = handler;
    port_of = of;
    the_worker = worker;
    event_add(event_new(worker->base, to_back, EV_READ | EV_PERSIST, on_event, NULL), NULL);
    return 1;
}

void *worker_map_ring(struct worker *worker, const struct backend_ring *ring, const char *what)
{
    return world->page[ring->references[0]];
}

int evtchn_unmask(int fd, uint32_t port)
{
    return 0;
}

int evtchn_notify(int fd, uint32_t port)
{
    uint64_t one = 1;

    maybe_die();
    int rc = write(to_front, &one, sizeof(one)) == sizeof(one) ? 0 : -EIO;
    maybe_die();
    return rc;
}

int grant_copy(int fd, domid_t domain, struct grant_copy *copies, size_t count)
{
    maybe_die();
    for (size_t i = 0; i < count; i++) {
        struct grant_copy *c = &copies[i];

        c->status = -3;
        if (c->reference >= WORLD_PAGES || world->revoked[c->reference] ||
            c->offset + c->length > BLK_PAGE)
            continue;
        uint8_t *guest = world->page[c->reference] + c->offset;
        memcpy(c->to_guest ? guest : c->local, c->to_guest ? c->local : guest, c->length);
        c->status = 0;
    }
    maybe_die();
    return 0;
}

uint64_t worker_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void worker_tell(struct worker *worker, uint32_t type, const void *data, size_t length)
{
    memcpy(&world->ready, data, sizeof(world->ready));
    world->readies++;
}

void worker_note(struct worker *worker, const char *format, ...)
{
    world->resumed += strstr(format, "takes over") != NULL;
}

void worker_complain(struct worker *worker, const char *format, ...)
{
    world->complaints++;
}

int worker_fail(struct worker *worker, int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, ": %s\n", strerror(-error));
    return error;
}

void worker_guest_wrong(struct worker *worker, const char *format, ...)
{
    _exit(WORKER_GUEST_WRONG);
}

void worker_end(struct worker *worker, enum worker_status status)
{
    _exit(status);
}

static void serve(void)
{
    static struct worker worker;
    struct disk_start start = {.read_only = world_read_only, .discard = true};

    start.iops = world_iops;
    snprintf(start.rate, sizeof(start.rate), "%s", world_rate);
    snprintf(start.path, sizeof(start.path), "%s", image_path);
    worker.connection.queues = 1;
    worker.connection.queue[0].rings[0].pages = WORLD_RING;
    worker.connection.queue[0].ports[0] = 1;
    memcpy(worker.connection.kind_data, &start, sizeof(start));
    worker.state = state_fd;
    worker.base = event_base_new();
    if (disk_open(&worker) || disk_start(&worker))
        _exit(WORKER_CANNOT);
    event_base_dispatch(worker.base);
    _exit(100);
}

// --- the guest's side ---

void world_begin(size_t bytes)
{
    int fd;

    world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(image_path, sizeof(image_path), "%s-%d", world_image, getpid());
    snprintf(state_path, sizeof(state_path), "%s-state-%d", world_image, getpid());
    fd = open(image_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(world != MAP_FAILED && fd >= 0 && !ftruncate(fd, (off_t)bytes));
    close(fd);
    state_fd = open(state_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    to_back = eventfd(0, EFD_NONBLOCK);
    to_front = eventfd(0, EFD_NONBLOCK);
    world_read_only = false;
    world_rate = "";
    world_iops = 0;
    ring_format(world->page[0]);
    ring_attach(&front, RING_FRONT, world->page[0], WORLD_RING * BLK_PAGE,
                sizeof(struct blkif_request), sizeof(struct blkif_response));
}

void world_kill(void)
{
    int status;

    if (!server)
        return;
    kill(server, SIGKILL);
    waitpid(server, &status, 0);
    server = 0;
}

void world_end(void)
{
    world_kill();
    unlink(image_path);
    unlink(state_path);
    close(state_fd);
    close(to_back);
    close(to_front);
    munmap(world, sizeof(*world));
}

void world_serve(void)
{
    fflush(NULL);
    server = fork();
    CU_ASSERT_FATAL(server >= 0);
    if (!server)
        serve();
}

bool world_serving(void)
{
    if (server && waitpid(server, &last_status, WNOHANG) == server)
        server = 0;
    return server != 0;
}

int world_status(void)
{
    for (unsigned i = 0; i < PATIENCE_MS && world_serving(); i++)
        usleep(1000);
    CU_ASSERT_EQUAL_FATAL(server, 0);
    return WIFEXITED(last_status) ? WEXITSTATUS(last_status) : -1;
}

void world_ask(const void *entry)
{
    uint64_t one = 1;

    CU_ASSERT_FATAL(ring_put(&front, entry));
    if (ring_publish(&front))
        CU_ASSERT_EQUAL(write(to_back, &one, sizeof(one)), sizeof(one));
}

struct blkif_response world_response(bool revive)
{
    uint64_t until = worker_now() + PATIENCE_MS, count;
    struct blkif_response response = {0};
    struct pollfd events = {.fd = to_front, .events = POLLIN};

    for (;;) {
        enum ring_result result = ring_take(&front, &response);

        CU_ASSERT_NOT_EQUAL_FATAL(result, RING_OVERRUN);
        if (result == RING_TAKEN)
            return response;
        if (ring_before_sleep(&front) != RING_EMPTY)
            continue;
        if (revive && !world_serving())
            world_serve();
        CU_ASSERT_FATAL(worker_now() < until);
        poll(&events, 1, revive ? 20 : 1000);
        if (read(to_front, &count, sizeof(count)) < 0)
            CU_ASSERT_EQUAL(errno, EAGAIN);
    }
}

int world_do(uint8_t operation, uint64_t sector, uint32_t pages, uint32_t first)
{
    static uint64_t id = 1000;
    struct blkif_request request = {
        .operation = operation, .nr_segments = (uint8_t)pages, .id = ++id, .sector_number = sector};

    for (uint32_t i = 0; i < pages; i++)
        request.seg[i] = (struct blkif_request_segment){first + i, 0, 7};
    world_ask(&request);
    struct blkif_response response = world_response(false);
    CU_ASSERT_EQUAL(response.id, id);
    CU_ASSERT_EQUAL(response.operation, operation);
    return response.status;
}
