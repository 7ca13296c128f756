// HYPERVISOR_dm_op: what a device model does to its guest. The first buffer says what; some
// operations have more. What device models do to the guest's memory is in hvm/dm_memory.c.
#include "hvm/dm_op.h"

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "hvm/hvm.h"
#include "hvm/irq.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/sched.h"

// Ioreq servers
// ------------------------------------------------------------------------

static int create_server(struct dm_call *c)
{
    struct xen_dm_op_create_ioreq_server *in = &c->op.u.create_ioreq_server;

    if (in->pad[0] || in->pad[1] || in->pad[2])
        return -EINVAL;
    return ioreq_server_create(c->d, in->handle_bufioreq, &in->id);
}

static int server_info(struct dm_call *c)
{
    return ioreq_server_info(c->d, &c->op.u.get_ioreq_server_info);
}

static int map_range(struct dm_call *c)
{
    const struct xen_dm_op_ioreq_server_range *in = &c->op.u.map_io_range_to_ioreq_server;

    return in->pad ? -EINVAL : ioreq_server_map(c->d, in);
}

static int unmap_range(struct dm_call *c)
{
    const struct xen_dm_op_ioreq_server_range *in = &c->op.u.unmap_io_range_from_ioreq_server;

    return in->pad ? -EINVAL : ioreq_server_unmap(c->d, in);
}

static int enable_server(struct dm_call *c)
{
    const struct xen_dm_op_set_ioreq_server_state *in = &c->op.u.set_ioreq_server_state;

    return in->pad ? -EINVAL : ioreq_server_enable(c->d, in->id, in->enabled);
}

static int destroy_server(struct dm_call *c)
{
    const struct xen_dm_op_destroy_ioreq_server *in = &c->op.u.destroy_ioreq_server;

    return in->pad ? -EINVAL : ioreq_server_destroy(c->d, in->id);
}

// Interrupts and the domain as a whole
// ------------------------------------------------------------------------

static int set_intx(struct dm_call *c)
{
    const struct xen_dm_op_set_pci_intx_level *in = &c->op.u.set_pci_intx_level;

    if (in->domain || in->bus || in->level > 1) // there is one bus
        return -EINVAL;
    return hvm_pci_intx(c->d, in->device, in->intx, in->level);
}

static int set_isa_irq(struct dm_call *c)
{
    const struct xen_dm_op_set_isa_irq_level *in = &c->op.u.set_isa_irq_level;

    return in->level > 1 ? -EINVAL : hvm_isa_irq(c->d, in->isa_irq, in->level);
}

static int set_link_route(struct dm_call *c)
{
    const struct xen_dm_op_set_pci_link_route *in = &c->op.u.set_pci_link_route;

    return hvm_pci_link_route(c->d, in->link, in->isa_irq);
}

static int inject_msi(struct dm_call *c)
{
    const struct xen_dm_op_inject_msi *in = &c->op.u.inject_msi;

    return in->pad ? -EINVAL : hvm_msi(c->d, in->addr, in->data);
}

// Others than NMIs would need what the guest is told to match its state.
static int inject_event(struct dm_call *c)
{
    const struct xen_dm_op_inject_event *in = &c->op.u.inject_event;
    struct vcpu *v = domain_vcpu(c->d, in->vcpuid);

    if (in->pad0 || in->pad1 || !v)
        return -EINVAL;
    if (in->type != XEN_DMOP_EVENT_nmi)
        return -EOPNOTSUPP;
    c->d->ops->vcpu_nmi(v);
    return 0;
}

static int remote_shutdown(struct dm_call *c)
{
    uint32_t reason = c->op.u.remote_shutdown.reason;

    if (reason > SHUTDOWN_MAX)
        return -EINVAL;
    domain_shutdown(c->d, reason);
    return 0;
}

static int nr_vcpus(struct dm_call *c)
{
    c->op.u.nr_vcpus.vcpus = c->d->max_vcpus;
    return 0;
}

static const struct operation {
    int (*fn)(struct dm_call *c);
    uint8_t size; // of its argument
    bool result;  // the argument is written back
} ops[] = {
#define OP(name, fn, result) [XEN_DMOP_##name] = {fn, sizeof(struct xen_dm_op_##name), result}
#define RANGE_OP(name, fn) \
    [XEN_DMOP_##name] = {fn, sizeof(struct xen_dm_op_ioreq_server_range), false}
    OP(create_ioreq_server, create_server, true),
    OP(get_ioreq_server_info, server_info, true),
    RANGE_OP(map_io_range_to_ioreq_server, map_range),
    RANGE_OP(unmap_io_range_from_ioreq_server, unmap_range),
    OP(set_ioreq_server_state, enable_server, false),
    OP(destroy_ioreq_server, destroy_server, false),
    OP(track_dirty_vram, dm_track_dirty_vram, false),
    OP(set_pci_intx_level, set_intx, false),
    OP(set_isa_irq_level, set_isa_irq, false),
    OP(set_pci_link_route, set_link_route, false),
    OP(inject_msi, inject_msi, false),
    OP(inject_event, inject_event, false),
    OP(modified_memory, dm_modified_memory, false),
    OP(set_mem_type, dm_set_mem_type, false),
    OP(map_mem_type_to_ioreq_server, dm_map_mem_type, false),
    OP(remote_shutdown, remote_shutdown, false),
    OP(relocate_memory, dm_relocate_memory, false),
    OP(pin_memory_cacheattr, dm_pin_cache_attribute, false),
    OP(nr_vcpus, nr_vcpus, true),
#undef OP
#undef RANGE_OP
};

// The buffers' places, and of the first one as much as the operation needs.
static int read_call(struct dm_call *c, uint64_t bufs, const struct operation **o)
{
    if (c->nr_bufs > DM_MAX_BUFFERS)
        return -E2BIG;
    if (copy_from_guest(c->buf, bufs, c->nr_bufs * sizeof(c->buf[0])))
        return -EFAULT;
    if (!c->nr_bufs || c->buf[0].size < DM_HEADER ||
        copy_from_guest(&c->op, (uint64_t)c->buf[0].h, DM_HEADER))
        return -EFAULT;
    if (c->op.op >= ARRAY_SIZE(ops))
        return -EOPNOTSUPP;
    *o = &ops[index_nospec(c->op.op, ARRAY_SIZE(ops))];
    if (!(*o)->fn)
        return -EOPNOTSUPP;
    if (c->op.pad)
        return -EINVAL;
    if (c->buf[0].size < DM_HEADER + (*o)->size ||
        copy_from_guest(&c->op.u, (uint64_t)c->buf[0].h + DM_HEADER, (*o)->size))
        return -EFAULT;
    return 0;
}

static int perform(struct dm_call *c, uint64_t bufs)
{
    const struct operation *o;
    int rc = read_call(c, bufs, &o);

    if (rc)
        return rc;
    rc = c->d->dying ? -EINVAL : o->fn(c);
    if (((!rc && o->result) || rc == -ERESTART) &&
        copy_to_guest((uint64_t)c->buf[0].h + DM_HEADER, &c->op.u, o->size))
        return -EFAULT;
    return rc;
}

long do_dm_op(unsigned dom, unsigned nr_bufs, uint64_t bufs)
{
    struct dm_call c = {.nr_bufs = nr_bufs};
    long rc = permit(PERMIT_dm_op, NULL) ?: permit_domain(PERMIT_dm_op, (domid_t)dom, &c.d);

    if (rc)
        return rc;
    rc = c.d->ops->kind == GUEST_HVM ? perform(&c, bufs) : -EINVAL;
    domain_put(c.d);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_dm_op, 3, (uint64_t)dom, (uint64_t)nr_bufs, bufs);
    return rc;
}
