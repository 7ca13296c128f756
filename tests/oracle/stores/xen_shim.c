// Put before Xen's libraries (LD_PRELOAD), lets Debian's xenstored and oxenstored run without a
// hypervisor: rings are files FAKE_XEN/page-DOMID, events come as 32-bit ports from the pipe
// FAKE_XEN/events, and a domain exists if its page does. fake_hypervisor.c is the same for Vellum's
// store.
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define FIRST_PORT 100 // of a domain: this and its id

struct xenevtchn_handle {
    int fd;
};

// oxenstored wants more file descriptors than a container may give; a few clients need none of
// that.
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return 0;
}

static const char *in_folder(const char *what, unsigned number)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s-%u", getenv("FAKE_XEN"), what, number);
    return path;
}

// Domain 0's ring and port, which its kernel shows in /proc/xen.
static int open_file(const char *path, int flags, int mode)
{
    char there[256];

    if (!strncmp(path, "/proc/xen/", 10)) {
        snprintf(there, sizeof(there), "%s%s", getenv("FAKE_XEN"), path);
        path = there;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    int mode;

    va_start(list, flags);
    mode = va_arg(list, int);
    va_end(list);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    int mode;

    va_start(list, flags);
    mode = va_arg(list, int);
    va_end(list);
    return open_file(path, flags, mode);
}

static int exists(unsigned domid)
{
    return !domid || !access(in_folder("page", domid), F_OK);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                                unsigned flags)
{
    return calloc(1, 8);
}

int xc_interface_close(xc_interface *xch)
{
    free(xch);
    return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
    if (!exists(first))
        return 0;
    memset(info, 0, sizeof(*info));
    info->domid = first;
    return 1;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first, unsigned int max,
                          xc_domaininfo_t *info)
{
    unsigned n = 0;

    for (uint32_t domid = first; domid < 5000 && n < max; domid++)
        if (exists(domid)) {
            memset(&info[n], 0, sizeof(*info));
            info[n++].domain = (domid_t)domid;
        }
    return (int)n;
}

static void *map(uint32_t domid)
{
    int fd = open(in_folder("page", domid), O_RDWR);
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

void *xc_map_foreign_range(xc_interface *xch, uint32_t domid, int size, int prot, unsigned long mfn)
{
    return map(domid);
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    return calloc(1, 8);
}

int xengnttab_close(xengnttab_handle *handle)
{
    free(handle);
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *handle, uint32_t max)
{
    return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *handle, uint32_t domid, uint32_t ref, int prot)
{
    return map(domid);
}

int xengnttab_unmap(xengnttab_handle *handle, void *page, uint32_t count)
{
    return munmap(page, 4096);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    xenevtchn_handle *handle = calloc(1, sizeof(*handle));
    char path[256];

    snprintf(path, sizeof(path), "%s/events", getenv("FAKE_XEN"));
    handle->fd = open(path, O_RDWR | O_NONBLOCK);
    return handle;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned flags)
{
    xenevtchn_handle *handle = calloc(1, sizeof(*handle));

    handle->fd = fd;
    return handle;
}

int xenevtchn_fd(xenevtchn_handle *handle)
{
    return handle->fd;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domid,
                                                     evtchn_port_t port)
{
    return FIRST_PORT + (int)domid;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *handle, unsigned int virq)
{
    return 1;
}

int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
    uint32_t port;

    return read(handle->fd, &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
    return 0;
}
