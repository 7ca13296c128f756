#include "xenstore/connection.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

// Whatever lies at `path`: a socket or a device.
static int open_transport(const char *path)
{
    struct stat status;

    if (!path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (stat(path, &status))
        return -1;
    return S_ISSOCK(status.st_mode) ? connect_socket(path) : open(path, O_RDWR | O_CLOEXEC);
}

static const char *device_path(void)
{
    const char *set = getenv("XENSTORED_PATH");

    if (set)
        return set;
    return access("/dev/xen/xenbus", F_OK) ? "/proc/xen/xenbus" : "/dev/xen/xenbus";
}

// The socket, else the device. If neither is there, errno is the socket's unless that is just
// missing.
static int open_any(void)
{
    int fd = open_transport(xs_daemon_socket());
    int error = errno;

    if (fd < 0)
        fd = open_transport(device_path());
    if (fd < 0 && error != ENOENT)
        errno = error;
    return fd;
}

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->fd = open_any();
    if (h->fd < 0) {
        free(h);
        return NULL;
    }
    h->filter = flags & XS_UNWATCH_FILTER;
    h->ready = h->stop = -1;
    h->last_event = &h->events;
    pthread_mutex_init(&h->request, NULL);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    return h;
}

void xs_close(struct xs_handle *h)
{
    if (!h)
        return;
    int error = errno;

    xs_end_watches(h);
    close(h->fd);
    free(h->reply_body);
    free(h);
    errno = error;
}

void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    xs_close(h); // which waits for no thread of another process
}

struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

struct xs_handle *xs_domain_open(void)
{
    return xs_open(0);
}

struct xs_handle *xs_daemon_open_readonly(void)
{
    return xs_open(0);
}

void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}
