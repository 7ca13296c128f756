// Ioreq servers: their life, what they claim, and the pages that they share.
#include "core/event.h"
#include "core/rangeset.h"
#include "core/sched.h"
#include "hvm/hvm.h"
#include "hvm/ioreq.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "pv-abi/memory.h"

#define NR_FUNCTIONS 0x10000u // of PCI, in the one segment

enum page { REQUESTS, BUFFER };

// Takes no lock but the scheduler's: ports are locked. The vCPU looks at the state itself.
void ioreq_notified(struct vcpu *v, unsigned port, bool closed)
{
    if (closed)
        __atomic_store_n(&to_hvm(v)->ioreqs.closed, port, __ATOMIC_SEQ_CST);
    if (__atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_DEVICE, __ATOMIC_SEQ_CST) & VPF_DEVICE)
        vcpu_wake(v);
}

// With the lock held.
static int find(struct domain *d, uint32_t id, struct ioreq_server **s)
{
    *s = id < IOREQ_SERVERS ? to_hvmd(d)->ioreqs.servers[index_nospec(id, IOREQ_SERVERS)] : NULL;
    if (!*s)
        return -ENOENT;
    return (*s)->emulator == current->domain->id ? 0 : -EPERM;
}

// Life
// ------------------------------------------------------------------------

// The slot's page, which may have been another server's.
static void *shared_page(struct domain *d, unsigned id, enum page which)
{
    void **page = &to_hvmd(d)->ioreqs.pages[id][which];

    if (*page) {
        memset(*page, 0, PAGE_SIZE);
        return *page;
    }
    *page = pages_alloc(0);
    if (*page)
        frame_share(*page, d, true);
    return *page;
}

static int open_port(struct domain *d, unsigned vcpu, domid_t emulator, uint32_t *port)
{
    int rc = event_alloc_xen_port(d, vcpu, emulator, ioreq_notified);

    if (rc < 0)
        return rc;
    *port = (uint32_t)rc;
    return 0;
}

static int open_ports(struct domain *d, struct ioreq_server *s)
{
    int rc = 0;

    for (unsigned i = 0; !rc && i < d->max_vcpus; i++) {
        rc = open_port(d, i, s->emulator, &s->ports[i]);
        s->requests[i].vp_eport = s->ports[i];
    }
    if (!rc && s->buffer)
        rc = open_port(d, 0, s->emulator, &s->buffer_port);
    return rc;
}

static void free_server(struct domain *d, struct ioreq_server *s)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (s->ports[i])
            event_close_xen_port(d, s->ports[i]);
    if (s->buffer_port)
        event_close_xen_port(d, s->buffer_port);
    for (unsigned kind = 0; kind < IOREQ_KINDS; kind++)
        rangeset_free(s->ranges[kind]);
    xfree(s);
}

static int init_server(struct domain *d, struct ioreq_server *s, unsigned id, uint8_t buffering)
{
    s->emulator = current->domain->id;
    s->buffer_handling = buffering;
    s->requests = shared_page(d, id, REQUESTS);
    if (buffering != HVM_IOREQSRV_BUFIOREQ_OFF)
        s->buffer = shared_page(d, id, BUFFER);
    if (!s->requests || (buffering != HVM_IOREQSRV_BUFIOREQ_OFF && !s->buffer))
        return -ENOMEM;
    for (unsigned kind = 0; kind < IOREQ_KINDS; kind++) {
        s->ranges[kind] = rangeset_new();
        if (!s->ranges[kind])
            return -ENOMEM;
    }
    return open_ports(d, s);
}

static int create_locked(struct domain *d, uint8_t buffering, ioservid_t *id)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    unsigned free = 0;
    int rc;

    while (free < IOREQ_SERVERS && io->servers[free])
        free++;
    if (free == IOREQ_SERVERS)
        return -ENOSPC;
    s = xzalloc(struct ioreq_server);
    if (!s)
        return -ENOMEM;
    rc = init_server(d, s, free, buffering);
    if (rc) {
        free_server(d, s);
        return rc;
    }
    io->servers[free] = s;
    io->nr++;
    *id = (ioservid_t)free;
    return 0;
}

int ioreq_server_create(struct domain *d, uint8_t buffering, ioservid_t *id)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    int rc = -EINVAL;

    if (buffering > HVM_IOREQSRV_BUFIOREQ_ATOMIC)
        return -EINVAL;
    spin_lock(&io->lock);
    if (!d->dying)
        rc = create_locked(d, buffering, id);
    spin_unlock(&io->lock);
    return rc;
}

// Those who wait for it have their answer: there is no such device.
static void remove_server(struct domain *d, unsigned id)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s = io->servers[id];
    struct vcpu *v;

    io->servers[id] = NULL;
    io->nr--;
    for_each_vcpu (d, v) {
        if (!(to_hvm(v)->ioreqs.waits_for & 1u << id))
            continue;
        to_hvm(v)->ioreqs.waits_for &= (uint8_t) ~(1u << id);
        ioreq_notified(v, 0, false);
    }
    free_server(d, s);
}

int ioreq_server_destroy(struct domain *d, ioservid_t id)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    int rc;

    spin_lock(&io->lock);
    rc = find(d, id, &s);
    if (!rc)
        remove_server(d, id);
    spin_unlock(&io->lock);
    return rc;
}

void ioreq_domain_relinquish(struct domain *d)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;

    spin_lock(&io->lock);
    for (unsigned id = 0; id < IOREQ_SERVERS; id++)
        if (io->servers[id])
            remove_server(d, id);
    spin_unlock(&io->lock);
}

void ioreq_domain_destroy(struct domain *d)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;

    for (unsigned id = 0; id < IOREQ_SERVERS; id++)
        for (unsigned which = REQUESTS; which <= BUFFER; which++)
            if (io->pages[id][which])
                pages_free(io->pages[id][which], 0);
}

// What its emulator asks and sets
// ------------------------------------------------------------------------

// The pages are to be had as a resource only: frames of the guest's own for that purpose are what
// XENMEM_acquire_resource has done away with.
int ioreq_server_info(struct domain *d, struct xen_dm_op_get_ioreq_server_info *info)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    int rc;

    if (info->flags & ~XEN_DMOP_no_gfns)
        return -EINVAL;
    spin_lock(&io->lock);
    rc = find(d, info->id, &s);
    if (!rc && !(info->flags & XEN_DMOP_no_gfns))
        rc = -EOPNOTSUPP;
    if (!rc && s->buffer)
        info->bufioreq_port = s->buffer_port;
    spin_unlock(&io->lock);
    return rc;
}

int ioreq_server_enable(struct domain *d, ioservid_t id, bool enable)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    int rc;

    spin_lock(&io->lock);
    rc = find(d, id, &s);
    if (!rc)
        s->enabled = enable;
    spin_unlock(&io->lock);
    return rc;
}

static int check_range(const struct xen_dm_op_ioreq_server_range *r)
{
    static const uint64_t last[IOREQ_KINDS] = {[XEN_DMOP_IO_RANGE_PORT] = UINT16_MAX,
                                               [XEN_DMOP_IO_RANGE_MEMORY] = UINT64_MAX,
                                               [XEN_DMOP_IO_RANGE_PCI] = NR_FUNCTIONS - 1};

    return r->type < IOREQ_KINDS && r->start <= r->end &&
                   r->end <= last[index_nospec(r->type, IOREQ_KINDS)]
               ? 0
               : -EINVAL;
}

static int change_ranges(struct rangeset *rs, const struct xen_dm_op_ioreq_server_range *r,
                         bool add)
{
    // A hole makes two ranges of one, so either way there may be one more.
    if (rangeset_count(rs) >= IOREQ_MAX_RANGES)
        return -ENOSPC;
    if (add)
        return rangeset_overlaps(rs, r->start, r->end) ? -EEXIST
                                                       : rangeset_add(rs, r->start, r->end);
    return rangeset_contains(rs, r->start, r->end) ? rangeset_remove(rs, r->start, r->end)
                                                   : -ENOENT;
}

static int change_map(struct domain *d, const struct xen_dm_op_ioreq_server_range *r, bool add)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    int rc = check_range(r);

    if (rc)
        return rc;
    spin_lock(&io->lock);
    rc = find(d, r->id, &s);
    if (!rc)
        rc = change_ranges(s->ranges[index_nospec(r->type, IOREQ_KINDS)], r, add);
    spin_unlock(&io->lock);
    return rc;
}

int ioreq_server_map(struct domain *d, const struct xen_dm_op_ioreq_server_range *range)
{
    return change_map(d, range, true);
}

int ioreq_server_unmap(struct domain *d, const struct xen_dm_op_ioreq_server_range *range)
{
    return change_map(d, range, false);
}

int ioreq_server_frame(struct domain *d, uint32_t id, uint64_t index, mfn_t *mfn)
{
    struct ioreq_domain *io = &to_hvmd(d)->ioreqs;
    struct ioreq_server *s;
    void *page = NULL;
    int rc;

    spin_lock(&io->lock);
    rc = find(d, id, &s);
    if (!rc && index >= IOREQ_SERVER_FRAMES)
        rc = -EINVAL;
    if (!rc) {
        page = index == XENMEM_resource_ioreq_server_frame_bufioreq ? (void *)s->buffer
                                                                    : (void *)s->requests;
        rc = page ? 0 : -ENOENT;
    }
    spin_unlock(&io->lock);
    if (!rc)
        *mfn = virt_to_mfn(page);
    return rc;
}
