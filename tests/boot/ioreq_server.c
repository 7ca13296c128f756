// An ioreq server for a bare guest, in domain 0, through Linux's devices:
//
//     ioreq_server DOMID
//
// Says "ioreq: serving" and serves (ioreq_server.h) until the guest is no more.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pv-abi/hvm/dm_op.h"
#include "pv-abi/hvm/ioreq.h"
#include "pv-abi/memory.h"
#include "tests/boot/ioreq_server.h"

struct dm_buffer {
    void *at;
    size_t size;
};

struct dm_call {
    domid_t domain;
    uint16_t nr;
    const struct dm_buffer *buffers;
};

struct map_resource {
    domid_t domain;
    uint32_t type, id, first;
    uint64_t nr, address;
};

struct map_batch {
    unsigned int nr;
    domid_t domain;
    void *at;
    const uint64_t *frames;
    int *errors;
};

struct bind {
    unsigned int domain, port;
};

#define PRIVCMD_MAP_BATCH    _IOC(_IOC_NONE, 'P', 4, sizeof(struct map_batch))
#define PRIVCMD_DM_OP        _IOC(_IOC_NONE, 'P', 5, sizeof(struct dm_call))
#define PRIVCMD_MAP_RESOURCE _IOC(_IOC_NONE, 'P', 7, sizeof(struct map_resource))
#define EVTCHN_BIND          _IOC(_IOC_NONE, 'E', 1, sizeof(struct bind))
#define EVTCHN_UNBIND        _IOC(_IOC_NONE, 'E', 3, sizeof(unsigned int))
#define EVTCHN_NOTIFY        _IOC(_IOC_NONE, 'E', 4, sizeof(unsigned int))

static int privcmd, evtchn;
static domid_t domain;
static ioservid_t server;
static struct shared_iopage *requests;
static struct buffered_iopage *buffer;
static unsigned port, buffer_port;

static uint32_t reg, invalidations, posted, strings;
static uint8_t memory[4096];

static void die(const char *what)
{
    printf("ioreq: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void dm_op(uint32_t number, struct xen_dm_op *op, const char *what)
{
    const struct dm_buffer b = {op, sizeof(*op)};
    const struct dm_call call = {domain, 1, &b};

    op->op = number;
    if (ioctl(privcmd, PRIVCMD_DM_OP, &call))
        die(what);
}

static unsigned bind_port(uint32_t remote)
{
    const struct bind b = {domain, remote};
    int local = ioctl(evtchn, EVTCHN_BIND, &b);

    if (local < 0)
        die("cannot bind an event channel");
    return (unsigned)local;
}

static void unbind_port(unsigned which)
{
    ioctl(evtchn, EVTCHN_UNBIND, &which);
}

static void notify(void)
{
    ioctl(evtchn, EVTCHN_NOTIFY, &port);
}

// Life
// ------------------------------------------------------------------------

static void claim(uint32_t type, uint64_t start, uint64_t end)
{
    struct xen_dm_op op = {
        .u.map_io_range_to_ioreq_server = {.id = server, .type = type, .start = start, .end = end}};

    dm_op(XEN_DMOP_map_io_range_to_ioreq_server, &op, "cannot claim a range");
}

static void map_pages(void)
{
    void *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    const struct map_resource m = {domain, XENMEM_resource_ioreq_server, server, 0,
                                   2,      (uint64_t)(uintptr_t)at};

    if (at == MAP_FAILED || ioctl(privcmd, PRIVCMD_MAP_RESOURCE, &m))
        die("cannot map the server's pages");
    buffer = at;
    requests = (struct shared_iopage *)((char *)at + 4096);
}

static void create(void)
{
    struct xen_dm_op make = {.u.create_ioreq_server.handle_bufioreq = HVM_IOREQSRV_BUFIOREQ_ATOMIC};
    struct xen_dm_op info = {.u.get_ioreq_server_info.flags = XEN_DMOP_no_gfns};
    struct xen_dm_op on = {.u.set_ioreq_server_state.enabled = 1};

    dm_op(XEN_DMOP_create_ioreq_server, &make, "cannot create a server");
    server = make.u.create_ioreq_server.id;
    map_pages();
    claim(XEN_DMOP_IO_RANGE_PORT, IOREQ_PORTS, IOREQ_PORTS + IOREQ_NR_PORTS - 1);
    claim(XEN_DMOP_IO_RANGE_MEMORY, IOREQ_MEMORY, IOREQ_MEMORY + sizeof(memory) - 1);
    claim(XEN_DMOP_IO_RANGE_MEMORY, IOREQ_VIDEO, IOREQ_VIDEO + 4095);
    claim(XEN_DMOP_IO_RANGE_PCI, IOREQ_DEVICE << 3, IOREQ_DEVICE << 3);
    on.u.set_ioreq_server_state.id = server;
    dm_op(XEN_DMOP_set_ioreq_server_state, &on, "cannot enable the server");
    // Xen tells the ports only now.
    info.u.get_ioreq_server_info.id = server;
    dm_op(XEN_DMOP_get_ioreq_server_info, &info, "cannot ask for the buffer's port");
    port = bind_port(requests->vcpu_ioreq[0].vp_eport);
    buffer_port = bind_port(info.u.get_ioreq_server_info.bufioreq_port);
}

static void destroy(void)
{
    struct xen_dm_op op = {.u.destroy_ioreq_server.id = server};

    dm_op(XEN_DMOP_destroy_ioreq_server, &op, "cannot destroy the server");
    unbind_port(port);
    unbind_port(buffer_port);
    munmap(buffer, 8192);
}

// Requests
// ------------------------------------------------------------------------

// Posted writes come before whatever is asked after them. `posted` is the sum of what was written.
static void take_posted(void)
{
    while (__atomic_load_n(&buffer->read_pointer, __ATOMIC_ACQUIRE) !=
           __atomic_load_n(&buffer->write_pointer, __ATOMIC_ACQUIRE)) {
        posted += buffer->buf_ioreq[buffer->read_pointer % IOREQ_BUFFER_SLOT_NUM].data;
        __atomic_fetch_add(&buffer->read_pointer, 1, __ATOMIC_SEQ_CST);
    }
}

static void set_state(struct ioreq *r, unsigned state)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    r->state = state & 0xf;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void answer(struct ioreq *r, uint64_t data)
{
    if (r->dir == IOREQ_READ)
        r->data = data;
    set_state(r, STATE_IORESP_READY);
    notify();
}

static void misbehave(struct ioreq *r, uint64_t how)
{
    switch (how) {
    case IOREQ_PORT_NOISE:
        for (unsigned i = 0; i < 1000; i++)
            notify();
        answer(r, IOREQ_FIXED);
        break;
    case IOREQ_PORT_GARBLED:
        memset(r, 0xff, offsetof(struct ioreq, vp_eport) + 4);
        r->dir = IOREQ_READ;
        answer(r, IOREQ_FIXED);
        break;
    case IOREQ_PORT_BAD_STATE:
    case IOREQ_PORT_NO_STATE:
        r->data = IOREQ_FIXED;
        set_state(r, how == IOREQ_PORT_NO_STATE ? STATE_IOREQ_NONE : 9);
        notify();
        break;
    case IOREQ_PORT_REMOVED:
        destroy();
        create();
        break;
    case IOREQ_PORT_CLOSED:
        unbind_port(port);
        port = bind_port(r->vp_eport);
        break;
    case IOREQ_PORT_ENDS:
        printf("ioreq: ends\n");
        exit(0);
    }
}

// False: no port that behaves.
static bool access_port(const struct ioreq *r, uint32_t *value)
{
    switch (r->addr - IOREQ_PORTS) {
    case IOREQ_PORT_FIXED:
        *value = IOREQ_FIXED;
        return true;
    case IOREQ_PORT_REGISTER:
        if (r->dir == IOREQ_WRITE)
            reg = *value;
        *value = reg;
        return true;
    case IOREQ_PORT_INVALIDATE:
        *value = invalidations;
        return true;
    case IOREQ_PORT_POSTED:
        *value = posted;
        return true;
    }
    return false;
}

// The values are in the guest's memory, in one page.
static void serve_string(struct ioreq *r)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    const uint64_t frame = r->data >> 12;
    int error = 0;
    const struct map_batch map = {1, domain, at, &frame, &error};
    uint8_t *value = (uint8_t *)at + r->data % 4096;
    uint32_t one = 0;

    if (at == MAP_FAILED || ioctl(privcmd, PRIVCMD_MAP_BATCH, &map) || error)
        die("cannot map the guest's memory");
    strings++;
    for (uint32_t i = 0; i < r->count; i++, value += r->df ? -(int)r->size : (int)r->size) {
        memcpy(&one, value, r->size);
        access_port(r, &one);
        if (r->dir == IOREQ_READ)
            memcpy(value, &one, r->size);
    }
    munmap(at, 4096);
    answer(r, 0);
}

static void serve_port(struct ioreq *r)
{
    uint32_t value = (uint32_t)r->data;

    if (r->addr - IOREQ_PORTS == IOREQ_PORT_STRINGS)
        answer(r, strings);
    else if (r->data_is_ptr)
        serve_string(r);
    else if (access_port(r, &value))
        answer(r, value);
    else
        misbehave(r, r->addr - IOREQ_PORTS);
}

static void serve_memory(struct ioreq *r)
{
    uint64_t at = r->addr - IOREQ_MEMORY, data = 0;

    if (r->addr - IOREQ_VIDEO < 4096 && r->dir == IOREQ_WRITE) {
        posted += (uint32_t)r->data; // there was no room to post it
    } else if (at >= sizeof(memory) || r->size > 8 || at + r->size > sizeof(memory)) {
        printf("ioreq: asked for %u bytes at %#llx\n", r->size, (unsigned long long)r->addr);
    } else if (r->dir == IOREQ_WRITE) {
        data = r->data;
        memcpy(memory + at, &data, r->size);
    } else {
        memcpy(&data, memory + at, r->size);
    }
    answer(r, data);
}

static void serve(struct ioreq *r)
{
    set_state(r, STATE_IOREQ_INPROCESS);
    switch (r->type) {
    case IOREQ_TYPE_PIO:
        serve_port(r);
        break;
    case IOREQ_TYPE_COPY:
        serve_memory(r);
        break;
    case IOREQ_TYPE_PCI_CONFIG:
        answer(r, (r->addr >> 32 == IOREQ_DEVICE << 3 ? IOREQ_CONFIG : 0) | (r->addr & 0xffffffff));
        break;
    default:
        invalidations += r->type == IOREQ_TYPE_INVALIDATE;
        answer(r, 0);
    }
}

int main(int argc, char **argv)
{
    uint32_t event;

    setvbuf(stdout, NULL, _IOLBF, 0);
    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
    if (argc != 2 || privcmd < 0 || evtchn < 0)
        die("usage: ioreq_server DOMID, in domain 0");
    domain = (domid_t)atoi(argv[1]);
    create();
    printf("ioreq: serving\n");
    while (read(evtchn, &event, sizeof(event)) == sizeof(event)) {
        if (write(evtchn, &event, sizeof(event)) != sizeof(event))
            die("cannot unmask an event channel");
        take_posted();
        if (requests->vcpu_ioreq[0].state == STATE_IOREQ_READY)
            serve(&requests->vcpu_ioreq[0]);
    }
    die("cannot read events");
}
