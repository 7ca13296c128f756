// Waiting for domains and their nodes.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "domain/impl.h"
#include "pv-abi/sched.h"
#include "xenstore/extensions.h"

// Each domain has somebody who waits for its end: where they can, they do not wake at others'.
static bool watch_end(struct xs_handle *store, domid_t id)
{
    char path[32];

    snprintf(path, sizeof(path), "@releaseDomain/%u", id);
    return xs_watch_depth(store, path, "end", 0) ||
           (errno == EINVAL && xs_watch(store, "@releaseDomain", "end"));
}

int waiter_open(struct waiter *w, const struct toolstack *t, domid_t id, const char *path,
                unsigned seconds)
{
    w->deadline = seconds ? domain_now() + seconds * 1000000000ull : 0;
    w->process = -1;
    w->store = xs_open(0);
    if (w->store && watch_end(w->store, id) && (!path || xs_watch(w->store, path, "path")))
        return 0;
    domain_fail(t, -errno, "xenstore cannot be watched");
    waiter_close(w);
    return -EIO;
}

void waiter_close(struct waiter *w)
{
    if (w->store)
        xs_close(w->store);
    w->store = NULL;
}

int waiter_next(struct waiter *w)
{
    struct pollfd events[] = {{.fd = xs_fileno(w->store), .events = POLLIN},
                              {.fd = w->process, .events = POLLIN}};
    uint64_t now = domain_now();
    int timeout = -1, rc;
    char **event;

    if (w->deadline && now >= w->deadline)
        return -ETIMEDOUT;
    if (w->deadline)
        timeout = w->deadline - now > 3600ull * 1000000000
                      ? 3600000
                      : (int)((w->deadline - now + 999999) / 1000000);
    rc = poll(events, 2, timeout);
    if (rc < 0)
        return errno == EINTR ? 0 : -errno;
    errno = EAGAIN;
    while (rc && (event = xs_check_watch(w->store)))
        free(event);
    return errno == EAGAIN || !rc ? 0 : -EIO;
}

static int wait_for_end(const struct toolstack *t, domid_t id, struct waiter *w)
{
    struct xen_domctl_getdomaininfo info;

    for (;;) {
        int rc = domain_info(t, id, &info);

        if (rc)
            return rc;
        if (info.flags & XEN_DOMINF_dying)
            return -ESRCH;
        if (info.flags & XEN_DOMINF_shutdown)
            return info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
        rc = waiter_next(w);
        if (rc)
            return rc;
    }
}

int domain_wait(const struct toolstack *t, domid_t id, unsigned seconds)
{
    struct waiter w;
    int rc = waiter_open(&w, t, id, NULL, seconds);

    if (rc)
        return rc;
    rc = wait_for_end(t, id, &w);
    waiter_close(&w);
    if (rc == -ETIMEDOUT)
        fprintf(t->messages, "domain %u has not shut down within %u s\n", id, seconds);
    else if (rc < 0 && rc != -ESRCH)
        domain_fail(t, rc, "domain %u cannot be waited for", id);
    return rc;
}
