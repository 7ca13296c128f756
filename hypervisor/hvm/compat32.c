// Hypercalls of 32-bit code, which firmware is: number and result in EAX, arguments in EBX and ECX,
// for none of those that are here has more.
//
// What an argument points to mostly looks the same to 32-bit and to 64-bit code. Where it is
// narrower it is widened into a window, which the handlers find at addresses that 32-bit code does
// not have. Only what firmware needs is here; other calls do not exist for such code.
#include "core/domain.h"
#include "core/hypercall.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/memory.h"
#include "pv-abi/multicall.h"
#include "pv-abi/sched.h"
#include "pv-abi/version.h"

#define WINDOW       (1ull << 32)
#define LIST         (WINDOW + offsetof(struct hvm_window, list))
#define EXTENT_SHIFT 6 // of XENMEM_*: above are the extents that are done
#define MAX_EXTENTS  32

struct hvm_window {
    union {
        struct xen_add_to_physmap add;
        struct xen_remove_from_physmap remove;
        struct xen_memory_reservation reservation;
        struct xen_memory_map map;
        struct sched_poll poll;
        struct xen_platform_parameters parameters;
    } u;
    uint64_t list[MAX_EXTENTS];
};

struct call {
    uint32_t number;
    uint32_t args[2];
    struct hvm_window window;
};

// NULL: not all of it is in the window.
static char *in_window(uint64_t address, size_t len)
{
    char *window = (char *)to_hvm(current)->window;

    if (len > sizeof(struct hvm_window) || address - WINDOW > sizeof(struct hvm_window) - len)
        return NULL;
    return window + (address - WINDOW);
}

static int copy_from(void *dst, uint64_t src, size_t len)
{
    const char *at;

    if (src < WINDOW)
        return src + len > WINDOW ? -EFAULT : hvm_guest_access.copy_from(dst, src, len);
    at = in_window(src, len);
    if (!at)
        return -EFAULT;
    memcpy(dst, at, len);
    return 0;
}

static int copy_to(uint64_t dst, const void *src, size_t len)
{
    char *at;

    if (dst < WINDOW)
        return dst + len > WINDOW ? -EFAULT : hvm_guest_access.copy_to(dst, src, len);
    at = in_window(dst, len);
    if (!at)
        return -EFAULT;
    if (src)
        memcpy(at, src, len);
    else
        memset(at, 0, len);
    return 0;
}

static const struct guest_access window_access = {copy_from, copy_to};

// -ERESTART: c->args[0] says how to go on; nothing else of a call's arguments changes.
static long dispatch(struct call *c, uint64_t pointer)
{
    struct multicall_entry entry = {.op = c->number, .args = {c->args[0], pointer}};
    struct vcpu *v = current;
    long rc;

    v->multicall = &entry;
    rc = hypercall_dispatch(c->number, entry.args);
    v->multicall = NULL;
    if (rc == -ERESTART)
        c->args[0] = (uint32_t)entry.args[0];
    return rc;
}

// XENMEM_*
// ------------------------------------------------------------------------

// As many extents at a time as the window holds.
static long reservation(struct call *c)
{
    uint32_t op = c->args[0] & ((1u << EXTENT_SHIFT) - 1), start = c->args[0] >> EXTENT_SHIFT;
    struct {
        uint32_t list, nr, order, flags;
        uint16_t domid, pad;
    } in;
    uint32_t n, entry;
    long rc;

    if (copy_from(&in, c->args[1], sizeof(in)))
        return start;
    n = start < in.nr ? MIN(in.nr - start, (uint32_t)MAX_EXTENTS) : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (copy_from(&entry, in.list + (start + i) * 4ull, sizeof(entry)))
            return start;
        c->window.list[i] = entry;
    }
    c->window.u.reservation = (struct xen_memory_reservation){.nr_extents = start + n,
                                                              .extent_order = in.order,
                                                              .mem_flags = in.flags,
                                                              .domid = in.domid};
    c->window.u.reservation.extent_start = (void *)(LIST - start * 8ull);
    rc = dispatch(c, WINDOW);
    if (rc != start + n || rc >= in.nr)
        return rc;
    c->args[0] = op | (uint32_t)rc << EXTENT_SHIFT;
    return -ERESTART;
}

static long add_to_physmap(struct call *c)
{
    struct {
        uint16_t domid, size;
        uint32_t space, idx, gpfn;
    } in;

    if (copy_from(&in, c->args[1], sizeof(in)))
        return -EFAULT;
    c->window.u.add =
        (struct xen_add_to_physmap){.domid = in.domid, .size = in.size, .space = in.space};
    c->window.u.add.idx = in.idx;
    c->window.u.add.gpfn = in.gpfn;
    return dispatch(c, WINDOW);
}

static long remove_from_physmap(struct call *c)
{
    struct {
        uint16_t domid, pad;
        uint32_t gpfn;
    } in;

    if (copy_from(&in, c->args[1], sizeof(in)))
        return -EFAULT;
    c->window.u.remove = (struct xen_remove_from_physmap){.domid = in.domid, .gpfn = in.gpfn};
    return dispatch(c, WINDOW);
}

static long memory_map(struct call *c)
{
    struct {
        uint32_t nr_entries, buffer;
    } in;
    long rc;

    if (copy_from(&in, c->args[1], sizeof(in)))
        return -EFAULT;
    c->window.u.map = (struct xen_memory_map){.nr_entries = in.nr_entries};
    c->window.u.map.buffer = (void *)(uint64_t)in.buffer;
    rc = dispatch(c, WINDOW);
    if (rc)
        return rc;
    return copy_to(c->args[1], &c->window.u.map.nr_entries, sizeof(uint32_t));
}

static long memory_op(struct call *c)
{
    switch (c->args[0] & ((1u << EXTENT_SHIFT) - 1)) {
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return reservation(c);
    case XENMEM_add_to_physmap:
        return add_to_physmap(c);
    case XENMEM_remove_from_physmap:
        return remove_from_physmap(c);
    case XENMEM_memory_map:
        return memory_map(c);
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return dispatch(c, c->args[1]);
    case XENMEM_get_vnumainfo: // there is none for anybody
        return -EOPNOTSUPP;
    default:
        return -ENOSYS;
    }
}

// Others
// ------------------------------------------------------------------------

static long sched_op(struct call *c)
{
    struct {
        uint32_t ports, nr_ports;
        uint64_t timeout;
    } in;

    if (c->args[0] != SCHEDOP_poll)
        return dispatch(c, c->args[1]);
    if (copy_from(&in, c->args[1], sizeof(in)))
        return -EFAULT;
    c->window.u.poll = (struct sched_poll){.nr_ports = in.nr_ports, .timeout = in.timeout};
    c->window.u.poll.ports = (void *)(uint64_t)in.ports;
    return dispatch(c, WINDOW);
}

static long version(struct call *c)
{
    long rc;

    if (c->args[0] != XENVER_platform_parameters)
        return dispatch(c, c->args[1]);
    rc = dispatch(c, WINDOW);
    return rc ?: copy_to(c->args[1], &c->window.u.parameters.virt_start, sizeof(uint32_t));
}

static long perform(struct call *c)
{
    switch (c->number) {
    case __HYPERVISOR_memory_op:
        return memory_op(c);
    case __HYPERVISOR_sched_op:
        return sched_op(c);
    case __HYPERVISOR_xen_version:
        return version(c);
    case __HYPERVISOR_event_channel_op: // these have no pointers, and nothing of another width
    case __HYPERVISOR_hvm_op:
        return dispatch(c, c->args[1]);
    default:
        return -ENOSYS;
    }
}

void hvm_hypercall_32(struct hvm_vcpu *v, struct cpu_user_regs *regs, unsigned length)
{
    struct call c = {.number = (uint32_t)regs->rax,
                     .args = {(uint32_t)regs->rbx, (uint32_t)regs->rcx}};
    long rc;

    v->window = &c.window;
    cpu_info()->guest_access = &window_access;
    rc = perform(&c);
    cpu_info()->guest_access = &hvm_guest_access;
    v->window = NULL;
    if (rc == -ERESTART) {
        regs->rbx = c.args[0];
        regs->rip -= length;
    } else {
        regs->rax = (uint32_t)rc;
    }
}
