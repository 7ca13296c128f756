#include "control/evtchn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xen/evtchn.h>

// ioctl(2) with its error as -errno.
static int call(int fd, unsigned long request, void *argument)
{
    int rc = ioctl(fd, request, argument);

    return rc < 0 ? -errno : rc;
}

int evtchn_open(void)
{
    int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

int evtchn_bind_interdomain(int fd, domid_t domain, uint32_t remote_port)
{
    struct ioctl_evtchn_bind_interdomain bind = {domain, remote_port};

    return call(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
}

int evtchn_bind_unbound(int fd, domid_t domain)
{
    struct ioctl_evtchn_bind_unbound_port bind = {domain};

    return call(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
}

int evtchn_bind_virq(int fd, uint32_t virq)
{
    struct ioctl_evtchn_bind_virq bind = {virq};

    return call(fd, IOCTL_EVTCHN_BIND_VIRQ, &bind);
}

int evtchn_unbind(int fd, uint32_t port)
{
    struct ioctl_evtchn_unbind unbind = {port};

    return call(fd, IOCTL_EVTCHN_UNBIND, &unbind);
}

int evtchn_notify(int fd, uint32_t port)
{
    struct ioctl_evtchn_notify notify = {port};

    return call(fd, IOCTL_EVTCHN_NOTIFY, &notify);
}

int evtchn_pending(int fd)
{
    uint32_t port;
    ssize_t n = read(fd, &port, sizeof(port));

    if (n < 0)
        return -errno;
    return n == sizeof(port) ? (int)port : -EIO;
}

int evtchn_unmask(int fd, uint32_t port)
{
    ssize_t n = write(fd, &port, sizeof(port));

    if (n < 0)
        return -errno;
    return n == sizeof(port) ? 0 : -EIO;
}

int evtchn_restrict(int fd, domid_t domain)
{
    struct ioctl_evtchn_restrict_domid restriction = {domain};

    return call(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &restriction);
}
