#include "xenstored/hypervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/control.h"
#include "control/evtchn.h"
#include "control/grant.h"
#include "pv-abi/grant_table.h"
#include "store/alloc.h"
#include "store/log.h"

#define PAGE      4096
#define BATCH     1024
#define BACKEND   "/dev/xen/xenbus_backend"
#define KVA       "/proc/xen/xsd_kva"
#define PORT      "/proc/xen/xsd_port"
#define GET_EVENT _IOC(_IOC_NONE, 'B', 0, 0) // of BACKEND: the event channel of the kernel's ring

struct hypervisor {
    struct control *control;
    int events, grants;
    struct xen_domctl_getdomaininfo *infos; // BATCH of them, for hypercalls
};

int hypervisor_open(struct hypervisor **out)
{
    struct hypervisor *hypervisor = allocate(sizeof(*hypervisor));
    const char *what = "/dev/xen/privcmd";
    int error;

    hypervisor->events = hypervisor->grants = -1;
    error = control_open(&hypervisor->control);
    if (!error) {
        what = "/dev/xen/evtchn";
        hypervisor->events = evtchn_open();
        error = hypervisor->events < 0 ? hypervisor->events : 0;
    }
    if (!error) {
        what = "memory for hypercalls";
        hypervisor->infos = control_buffer(hypervisor->control, BATCH * sizeof(*hypervisor->infos));
        error = hypervisor->infos ? 0 : -ENOMEM;
    }
    if (error) {
        log_error("cannot open %s: %s: is this domain 0, and is xen-evtchn, xen-gntdev and "
                  "xen-privcmd loaded? (--no-domains serves programs alone)",
                  what, strerror(-error));
        hypervisor_close(hypervisor);
        return error;
    }
    hypervisor->grants = grant_open();
    if (hypervisor->grants < 0)
        log_info("no /dev/xen/gntdev: domains' rings are mapped by their frames");
    *out = hypervisor;
    return 0;
}

void hypervisor_close(struct hypervisor *hypervisor)
{
    if (hypervisor->infos)
        control_buffer_free(hypervisor->control, hypervisor->infos,
                            BATCH * sizeof(*hypervisor->infos));
    if (hypervisor->control)
        control_close(hypervisor->control);
    if (hypervisor->events >= 0)
        close(hypervisor->events);
    if (hypervisor->grants >= 0)
        close(hypervisor->grants);
    free(hypervisor);
}

int hypervisor_events(const struct hypervisor *hypervisor)
{
    return hypervisor->events;
}

// Fills infos with domains from `first` on: how many, or -errno.
static int list(struct hypervisor *hypervisor, uint16_t first, uint32_t max)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};
    int error;

    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = max;
    op.u.getdomaininfolist.buffer = hypervisor->infos;
    error = control_sysctl(hypervisor->control, &op);
    return error < 0 ? error : (int)op.u.getdomaininfolist.num_domains;
}

int hypervisor_has(struct hypervisor *hypervisor, uint16_t domid)
{
    int count = list(hypervisor, domid, 1);

    return count < 0 ? count : count && hypervisor->infos[0].domain == domid;
}

int hypervisor_each(struct hypervisor *hypervisor,
                    void (*visit)(void *arg, uint16_t domid, bool shut_down, bool dying), void *arg)
{
    int count;

    for (uint32_t first = 0; first < DOMID_FIRST_RESERVED;) {
        count = list(hypervisor, (uint16_t)first, BATCH);
        if (count < 0)
            return count;
        for (int i = 0; i < count; i++)
            visit(arg, hypervisor->infos[i].domain,
                  hypervisor->infos[i].flags & XEN_DOMINF_shutdown,
                  hypervisor->infos[i].flags & XEN_DOMINF_dying);
        if (count < BATCH)
            break;
        first = hypervisor->infos[count - 1].domain + 1u;
    }
    return 0;
}

struct xenstore_domain_interface *hypervisor_map(struct hypervisor *hypervisor, uint16_t domid,
                                                 uint64_t frame, bool *granted)
{
    const uint32_t reference = GNTTAB_RESERVED_XENSTORE;
    void *page = NULL;

    if (hypervisor->grants >= 0)
        page = grant_map(hypervisor->grants, domid, &reference, 1, PROT_READ | PROT_WRITE);
    *granted = page;
    if (!page)
        page = control_map(hypervisor->control, domid, PROT_READ | PROT_WRITE, &frame, 1, NULL);
    return page;
}

static long read_number(const char *path)
{
    FILE *file = fopen(path, "re");
    long number = -1;

    if (!file)
        return -1;
    if (fscanf(file, "%ld", &number) != 1)
        number = -1;
    fclose(file);
    return number;
}

struct xenstore_domain_interface *hypervisor_map_own(struct hypervisor *hypervisor, uint32_t *port)
{
    int fd = open(BACKEND, O_RDWR | O_CLOEXEC);
    long number = fd < 0 ? -1 : ioctl(fd, GET_EVENT, NULL);
    void *page;

    if (number <= 0) { // an older kernel, or one without the device's module
        if (fd >= 0)
            close(fd);
        number = read_number(PORT);
        fd = open(KVA, O_RDWR | O_CLOEXEC);
    }
    if (fd < 0 || number <= 0) {
        if (fd >= 0)
            close(fd);
        errno = ENODEV;
        return NULL;
    }
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    *port = (uint32_t)number;
    return page == MAP_FAILED ? NULL : page;
}

void hypervisor_unmap(struct hypervisor *hypervisor, struct xenstore_domain_interface *page,
                      bool granted)
{
    if (granted)
        grant_unmap(hypervisor->grants, page, 1);
    else
        control_unmap(page, 1);
}
