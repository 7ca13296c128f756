// What xenstored/hypervisor.h and control/evtchn.h promise, without a hypervisor: as xen_shim.c
// says.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/evtchn.h"
#include "xenstored/hypervisor.h"

#define FIRST_PORT 100 // of a domain: this and its id
#define DOMAINS    5000

struct hypervisor {
    int events;
};

static const char *in_folder(const char *what, unsigned number)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s-%u", getenv("FAKE_XEN"), what, number);
    return path;
}

int hypervisor_open(struct hypervisor **out)
{
    *out = calloc(1, sizeof(**out));
    (*out)->events = evtchn_open();
    return (*out)->events < 0 ? (*out)->events : 0;
}

void hypervisor_close(struct hypervisor *hypervisor)
{
    close(hypervisor->events);
    free(hypervisor);
}

int hypervisor_events(const struct hypervisor *hypervisor)
{
    return hypervisor->events;
}

int hypervisor_has(struct hypervisor *hypervisor, uint16_t domid)
{
    return !domid || !access(in_folder("page", domid), F_OK);
}

int hypervisor_each(struct hypervisor *hypervisor,
                    void (*visit)(void *arg, uint16_t domid, bool shut_down, bool dying), void *arg)
{
    for (uint16_t domid = 0; domid < DOMAINS; domid++)
        if (hypervisor_has(hypervisor, domid))
            visit(arg, domid, false, false);
    return 0;
}

struct xenstore_domain_interface *hypervisor_map(struct hypervisor *hypervisor, uint16_t domid,
                                                 uint64_t frame, bool *granted)
{
    int fd = open(in_folder("page", domid), O_RDWR);
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    *granted = true;
    return page == MAP_FAILED ? NULL : page;
}

struct xenstore_domain_interface *hypervisor_map_own(struct hypervisor *hypervisor, uint32_t *port)
{
    *port = 1;
    return calloc(1, 4096);
}

void hypervisor_unmap(struct hypervisor *hypervisor, struct xenstore_domain_interface *page,
                      bool granted)
{
    if (granted)
        munmap(page, 4096);
    else
        free(page);
}

int evtchn_open(void)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/events", getenv("FAKE_XEN"));
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int evtchn_bind_interdomain(int fd, domid_t domain, uint32_t remote_port)
{
    return FIRST_PORT + domain;
}

int evtchn_bind_unbound(int fd, domid_t domain)
{
    return -ENOSYS;
}

int evtchn_bind_virq(int fd, uint32_t virq)
{
    return 1;
}

int evtchn_unbind(int fd, uint32_t port)
{
    return 0;
}

int evtchn_notify(int fd, uint32_t port)
{
    return 0;
}

int evtchn_pending(int fd)
{
    uint32_t port;

    return read(fd, &port, sizeof(port)) == sizeof(port) ? (int)port : -EAGAIN;
}

int evtchn_unmask(int fd, uint32_t port)
{
    return 0;
}
