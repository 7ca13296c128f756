#include "console_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "consoled/consoled.h"
#include "control/control.h"
#include "control/evtchn.h"
#include "control/grant.h"
#include "xenstore/xenstore.h"

#define LOCAL(domid) (1000 + (domid))

struct world_domain world[WORLD_DOMAINS];
unsigned notes;
char last_note[512];

static int events = -1; // readable while a port is pending

void note(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(last_note, sizeof(last_note), format, list);
    va_end(list);
    notes++;
}

// --- the store ---

static struct node {
    char path[80];
    char *value;
} nodes[8 * WORLD_DOMAINS];

static struct watch {
    char path[80], token[16];
} watches[2 * WORLD_DOMAINS];

struct xs_handle {
    int ready;
    unsigned first, last;
    struct watch queue[16 * WORLD_DOMAINS];
};

static struct xs_handle *connection;
static bool store_is_lost;

static void tell(const char *path)
{
    for (unsigned i = 0; connection && i < 2 * WORLD_DOMAINS; i++) {
        size_t len = strlen(watches[i].path);

        if (!len || strncmp(path, watches[i].path, len) || (path[len] && path[len] != '/'))
            continue;
        struct watch *event = &connection->queue[connection->last++];

        snprintf(event->path, sizeof(event->path), "%s", path);
        strcpy(event->token, watches[i].token);
        eventfd_write(connection->ready, 1);
    }
}

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < 8 * WORLD_DOMAINS; i++) {
        if (strcmp(nodes[i].path, path) == 0)
            return &nodes[i];
    }
    return NULL;
}

void store_set(const char *path, const char *value)
{
    struct node *node = find(path);

    if (!node) {
        node = find("");
        snprintf(node->path, sizeof(node->path), "%s", path);
    }
    free(node->value);
    node->value = value ? strdup(value) : NULL;
    tell(path);
}

const char *store_get(const char *path)
{
    struct node *node = find(path);

    return node ? node->value : NULL;
}

void store_fire(const char *special)
{
    tell(special);
}

void store_lose(bool lost)
{
    store_is_lost = lost;
    if (lost && connection)
        eventfd_write(connection->ready, 1);
    if (lost)
        memset(watches, 0, sizeof(watches));
}

struct xs_handle *xs_open(unsigned long flags)
{
    errno = ECONNREFUSED;
    if (store_is_lost)
        return NULL;
    connection = calloc(1, sizeof(*connection));
    connection->ready = eventfd(0, EFD_NONBLOCK);
    return connection;
}

void xs_close(struct xs_handle *h)
{
    if (h)
        close(h->ready);
    free(h);
    connection = NULL;
    memset(watches, 0, sizeof(watches));
}

int xs_fileno(struct xs_handle *h)
{
    return h->ready;
}

char **xs_check_watch(struct xs_handle *h)
{
    eventfd_t ignored;

    errno = store_is_lost ? EINVAL : EAGAIN;
    if (store_is_lost || h->first == h->last) {
        if (!store_is_lost)
            eventfd_read(h->ready, &ignored);
        h->first = h->last = 0;
        return NULL;
    }
    struct watch *event = &h->queue[h->first++];
    char **vector = malloc(2 * sizeof(*vector) + sizeof(*event));

    memcpy(vector + 2, event, sizeof(*event));
    vector[XS_WATCH_PATH] = ((struct watch *)(vector + 2))->path;
    vector[XS_WATCH_TOKEN] = ((struct watch *)(vector + 2))->token;
    return vector;
}

static bool refuse(void)
{
    errno = EBADF;
    return store_is_lost;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    struct watch *watch = watches;

    if (refuse())
        return false;
    while (*watch->path)
        watch++;
    strcpy(watch->path, path);
    strcpy(watch->token, token);
    struct watch *event = &h->queue[h->last++];

    *event = *watch;
    eventfd_write(h->ready, 1);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    for (unsigned i = 0; i < 2 * WORLD_DOMAINS; i++) {
        if (strcmp(watches[i].path, path) == 0)
            memset(&watches[i], 0, sizeof(watches[i]));
    }
    return true;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    const char *value = refuse() ? NULL : store_get(path);

    if (!store_is_lost)
        errno = ENOENT;
    return value ? strdup(value) : NULL;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len)
{
    if (!refuse())
        store_set(path, data);
    return !store_is_lost;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    return !refuse();
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    return !refuse();
}

// --- the hypervisor ---

void *control_buffer(struct control *control, size_t size)
{
    return calloc(1, size);
}

void control_buffer_free(struct control *control, void *buffer, size_t size)
{
    free(buffer);
}

int control_sysctl(struct control *control, struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *list = &op->u.getdomaininfolist;
    unsigned count = 0;

    for (unsigned i = list->first_domain; i < WORLD_DOMAINS && count < list->max_domains; i++) {
        if (!world[i].exists)
            continue;
        struct xen_domctl_getdomaininfo *info = &list->buffer[count++];

        info->domain = i;
        info->flags = world[i].dying ? XEN_DOMINF_dying : XEN_DOMINF_running;
        memcpy(info->handle, &world[i].life, sizeof(world[i].life));
    }
    list->num_domains = count;
    return 0;
}

static void *map(unsigned domid, bool can)
{
    errno = EINVAL;
    if (!can)
        return NULL;
    world[domid].mapped++;
    return &world[domid].page;
}

static void unmap(void *address)
{
    for (unsigned i = 0; i < WORLD_DOMAINS; i++) {
        if (address == &world[i].page)
            world[i].mapped--;
    }
}

void *control_map(struct control *control, domid_t domain, int protection, const uint64_t *frames,
                  size_t count, int *errors)
{
    return map(domain, world[domain].exists && *frames == world[domain].frame);
}

void control_unmap(void *address, size_t count)
{
    unmap(address);
}

void *grant_map(int fd, domid_t domain, const uint32_t *references, size_t count, int protection)
{
    return map(domain, world[domain].exists && world[domain].granted && !*references);
}

void grant_unmap(int fd, void *address, size_t count)
{
    unmap(address);
}

static void show_pending(void)
{
    eventfd_t ignored;
    bool any = false;

    for (unsigned i = 0; i < WORLD_DOMAINS; i++)
        any |= world[i].bound && world[i].pending && !world[i].masked;
    if (any)
        eventfd_write(events, 1);
    else
        eventfd_read(events, &ignored);
}

int evtchn_open(void)
{
    return events = eventfd(0, EFD_NONBLOCK);
}

int evtchn_bind_interdomain(int fd, domid_t domain, uint32_t remote_port)
{
    if (world[domain].unbindable || remote_port != world[domain].port)
        return -EINVAL;
    world[domain].bound = true;
    world[domain].masked = false;
    world[domain].pending = true; // as a newly bound port is
    show_pending();
    return LOCAL(domain);
}

int evtchn_unbind(int fd, uint32_t port)
{
    world[port - LOCAL(0)].bound = false;
    show_pending();
    return 0;
}

int evtchn_notify(int fd, uint32_t port)
{
    world[port - LOCAL(0)].notified++;
    return 0;
}

int evtchn_pending(int fd)
{
    static unsigned turn; // no domain is always the first

    for (unsigned i = 0; i < WORLD_DOMAINS; i++) {
        struct world_domain *domain = &world[turn++ % WORLD_DOMAINS];

        if (domain->bound && domain->pending && !domain->masked) {
            domain->pending = false;
            domain->masked = true;
            show_pending();
            return LOCAL(domain - world);
        }
    }
    return -EAGAIN;
}

int evtchn_unmask(int fd, uint32_t port)
{
    world[port - LOCAL(0)].masked = false;
    show_pending();
    return 0;
}

// --- guests ---

void world_reset(void)
{
    for (unsigned i = 0; i < 8 * WORLD_DOMAINS; i++)
        free(nodes[i].value);
    memset(nodes, 0, sizeof(nodes));
    memset(watches, 0, sizeof(watches));
    memset(world, 0, sizeof(world));
    store_is_lost = false;
    notes = 0;
    *last_note = '\0';
}

struct world_domain *world_domain(unsigned domid, const char *name)
{
    struct world_domain *domain = &world[domid];
    char path[80], value[24];

    memset(domain, 0, sizeof(*domain));
    domain->exists = domain->granted = true;
    domain->port = 7 + domid;
    domain->frame = 0x100000000 + domid;
    domain->life = domid;
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    store_set(path, name);
    snprintf(path, sizeof(path), "/local/domain/%u/console/port", domid);
    snprintf(value, sizeof(value), "%u", domain->port);
    store_set(path, value);
    snprintf(path, sizeof(path), "/local/domain/%u/console/ring-ref", domid);
    snprintf(value, sizeof(value), "%lu", domain->frame);
    store_set(path, value);
    return domain;
}

size_t guest_print(unsigned domid, const char *text, size_t len)
{
    struct world_domain *domain = &world[domid];
    struct xencons_interface *page = &domain->page;
    size_t done = 0;

    while (done < len && page->out_prod - page->out_cons < sizeof(page->out))
        page->out[MASK_XENCONS_IDX(page->out_prod++, page->out)] = text[done++];
    if (done) {
        domain->pending = true;
        show_pending();
    }
    return done;
}

size_t guest_read(unsigned domid, char *to, size_t size)
{
    struct world_domain *domain = &world[domid];
    struct xencons_interface *page = &domain->page;
    size_t done = 0;

    while (done < size && page->in_cons != page->in_prod)
        to[done++] = page->in[MASK_XENCONS_IDX(page->in_cons++, page->in)];
    domain->pending = true;
    show_pending();
    return done;
}
