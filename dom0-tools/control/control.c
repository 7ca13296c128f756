#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/privcmd.h"
#include "pv-abi/version.h"

#define PAGE_SIZE    4096UL
#define POOL_MAX     16
#define PAGES(bytes) (((bytes) + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE)

// Most buffers are one page and short-lived, and mapping one costs more than most calls: a few are
// kept. Whatever is in the pool is zero.
struct control {
    int privcmd;
    int buffers;
    pthread_mutex_t lock; // the pool's
    void *pool[POOL_MAX];
    unsigned pooled;
};

static int open_device(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int control_open(struct control **out)
{
    const uint64_t version[5] = {XENVER_version};
    struct control *c = calloc(1, sizeof(*c));
    int rc = -ENOMEM;

    *out = NULL;
    if (!c)
        return rc;
    c->buffers = -1;
    rc = c->privcmd = open_device("/dev/xen/privcmd");
    if (rc >= 0)
        rc = c->buffers = open_device("/dev/xen/hypercall");
    if (rc >= 0)
        rc = (int)control_hypercall(c, __HYPERVISOR_xen_version, version);
    if (rc < 0) {
        control_close(c);
        return rc;
    }
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return 0;
}

void control_close(struct control *control)
{
    if (!control)
        return;
    while (control->pooled)
        munmap(control->pool[--control->pooled], PAGE_SIZE);
    if (control->buffers >= 0)
        close(control->buffers);
    if (control->privcmd >= 0)
        close(control->privcmd);
    free(control);
}

long control_hypercall(struct control *control, unsigned number, const uint64_t arguments[5])
{
    struct privcmd_hypercall call = {.op = number};
    long rc;

    memcpy(call.arg, arguments, sizeof(call.arg));
    // Not ioctl(3), which would cut the result to an int.
    rc = syscall(SYS_ioctl, control->privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);
    return rc == -1 ? -errno : rc;
}

void *control_buffer(struct control *control, size_t size)
{
    void *buffer = NULL;

    if (size <= PAGE_SIZE) {
        pthread_mutex_lock(&control->lock);
        if (control->pooled)
            buffer = control->pool[--control->pooled];
        pthread_mutex_unlock(&control->lock);
        if (buffer)
            return buffer;
    }
    buffer = mmap(NULL, PAGES(size), PROT_READ | PROT_WRITE, MAP_SHARED, control->buffers, 0);
    if (buffer == MAP_FAILED)
        return NULL;
    return memset(buffer, 0, PAGES(size));
}

void control_buffer_free(struct control *control, void *buffer, size_t size)
{
    bool kept = false;

    if (!buffer)
        return;
    if (size <= PAGE_SIZE) {
        memset(buffer, 0, PAGE_SIZE);
        pthread_mutex_lock(&control->lock);
        kept = control->pooled < POOL_MAX;
        if (kept)
            control->pool[control->pooled++] = buffer;
        pthread_mutex_unlock(&control->lock);
    }
    if (!kept)
        munmap(buffer, PAGES(size));
}

// A call whose argument number `which` is the address of `size` bytes, copied in and out.
static long call_with(struct control *control, unsigned number, unsigned which, uint64_t first,
                      void *argument, size_t size)
{
    uint64_t arguments[5] = {first};
    void *buffer = control_buffer(control, size);
    long rc;

    if (!buffer)
        return -ENOMEM;
    memcpy(buffer, argument, size);
    arguments[which] = (uintptr_t)buffer;
    rc = control_hypercall(control, number, arguments);
    memcpy(argument, buffer, size);
    control_buffer_free(control, buffer, size);
    return rc;
}

int control_domctl(struct control *control, struct xen_domctl *op)
{
    long rc;

    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    do {
        rc = call_with(control, __HYPERVISOR_domctl, 0, 0, op, sizeof(*op));
    } while (rc == -EAGAIN && op->cmd == XEN_DOMCTL_destroydomain);
    return (int)rc;
}

int control_sysctl(struct control *control, struct xen_sysctl *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return (int)call_with(control, __HYPERVISOR_sysctl, 0, 0, op, sizeof(*op));
}

long control_memory_op(struct control *control, unsigned command, void *argument, size_t size)
{
    const uint64_t plain[5] = {command};

    if (!size)
        return control_hypercall(control, __HYPERVISOR_memory_op, plain);
    return call_with(control, __HYPERVISOR_memory_op, 1, command, argument, size);
}

// The first error among `count`, as -errno; the kernel stores negative numbers.
static int first_error(const int *errors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (errors[i])
            return errors[i];
    return 0;
}

void *control_map(struct control *control, domid_t domain, int protection, const uint64_t *frames,
                  size_t count, int *errors)
{
    int *results = errors ? errors : calloc(count, sizeof(*results));
    struct privcmd_mmapbatch_v2 batch = {
        .num = (unsigned)count, .dom = domain, .arr = frames, .err = results};
    void *address;
    int rc;

    if (!results || !count || count > UINT32_MAX / PAGE_SIZE) {
        errno = results ? EINVAL : ENOMEM;
        if (!errors)
            free(results);
        return NULL;
    }
    address = mmap(NULL, count * PAGE_SIZE, protection, MAP_SHARED, control->privcmd, 0);
    rc = address == MAP_FAILED ? -errno : 0;
    batch.addr = (uintptr_t)address;
    // ENOENT says that some frame is paged out, which the frame's own result says too.
    if (!rc && ioctl(control->privcmd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) && errno != ENOENT)
        rc = -errno;
    if (!rc && !errors)
        rc = first_error(results, count);
    if (rc && address != MAP_FAILED)
        munmap(address, count * PAGE_SIZE);
    if (!errors)
        free(results);
    errno = -rc;
    return rc ? NULL : address;
}

void control_unmap(void *address, size_t count)
{
    if (address)
        munmap(address, count * PAGE_SIZE);
}
