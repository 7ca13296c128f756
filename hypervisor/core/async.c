// Asynchronous hypercalls (docs/async-hypercalls.md).
//
// The ring is the guest's memory, which it may write to at any moment. So: what is read of it is
// copied once and then looked at; of the indices, those that are the hypervisor's to move are kept
// here and only shown there. Its frames have a reference and are of the writable type as long as
// the ring is registered, so that they cannot become page tables.
//
// A call is made by the same handlers as ever, for the vCPU whose ring it is, on its address space,
// in the order of the ring. One that is preempted stays in `call`, as a multicall's entry does, and
// nothing behind it begins before it is done. So the results and what becomes of the machine are
// those of the same calls made one after another.
#include "core/async.h"

#include "core/event.h"
#include "core/guest_frame.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "cpu/smp.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "pv-abi/async.h"
#include "pv-abi/multicall.h"

struct async {
    unsigned entries, nr_pages, port;
    struct frame *frames[ASYNC_MAX_PAGES];
    void *pages[ASYNC_MAX_PAGES]; // in the direct map
    uint32_t call_head, result_tail;
    bool busy;      // a call is being made: none is taken by it
    bool half_done; // `call` is to be continued
    struct multicall_entry call;
    uint64_t data; // of `call`
};

#define RESULTS(a) (2 * (a)->entries)

// What may be asked for: calls that neither depend on nor change what the vCPU is doing at the
// moment (its registers, stack, callbacks, descriptor tables, whether it runs).
static bool allowed(uint64_t op)
{
    static const uint64_t numbers =
        1ull << __HYPERVISOR_mmu_update | 1ull << __HYPERVISOR_platform_op |
        1ull << __HYPERVISOR_update_descriptor | 1ull << __HYPERVISOR_memory_op |
        1ull << __HYPERVISOR_update_va_mapping | 1ull << __HYPERVISOR_set_timer_op |
        1ull << __HYPERVISOR_xen_version | 1ull << __HYPERVISOR_console_io |
        1ull << __HYPERVISOR_grant_table_op | 1ull << __HYPERVISOR_vm_assist |
        1ull << __HYPERVISOR_update_va_mapping_otherdomain | 1ull << __HYPERVISOR_vcpu_op |
        1ull << __HYPERVISOR_mmuext_op | 1ull << __HYPERVISOR_event_channel_op |
        1ull << __HYPERVISOR_physdev_op | 1ull << __HYPERVISOR_sysctl | 1ull << __HYPERVISOR_domctl;

    return op < 64 && (numbers >> op & 1);
}

static struct async_header *header(const struct async *a)
{
    return a->pages[0];
}

// Entries never straddle pages: their sizes divide the header's and the page's.
static void *at(const struct async *a, uint64_t offset)
{
    return (char *)a->pages[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}

static struct async_call *call_at(const struct async *a, uint32_t index)
{
    return at(a, sizeof(struct async_header) +
                     (uint64_t)(index & (a->entries - 1)) * sizeof(struct async_call));
}

static struct async_result *result_at(const struct async *a, uint32_t index)
{
    return at(a, sizeof(struct async_header) + a->entries * sizeof(struct async_call) +
                     (uint64_t)(index & (RESULTS(a) - 1)) * sizeof(struct async_result));
}

static void break_ring(struct async *a, const char *why)
{
    guest_warn("its ring of asynchronous hypercalls is dead: %s\n", why);
    WRITE_ONCE(header(a)->error, 1);
}

// Is there a call to be taken, and room for its result?
static bool more(struct async *a)
{
    uint32_t calls = READ_ONCE(header(a)->call_tail) - a->call_head;
    uint32_t results = a->result_tail - READ_ONCE(header(a)->result_head);

    if (likely(!calls) || READ_ONCE(header(a)->error))
        return false;
    if (calls > a->entries)
        break_ring(a, "more calls than it has places for");
    else if (results > RESULTS(a))
        break_ring(a, "more results read than there were");
    else
        return results < RESULTS(a);
    return false;
}

static void take(struct async *a)
{
    struct async_call call;

    barrier(); // the tail was read before the entry is; loads stay in order on x86
    memcpy(&call, call_at(a, a->call_head), sizeof(call));
    barrier();
    a->call_head++;
    WRITE_ONCE(header(a)->call_head, a->call_head);
    a->data = call.data;
    a->call.op = call.op;
    memcpy(a->call.args, call.args, sizeof(a->call.args));
}

// Makes the call that is in a->call. False: it was preempted, and what is left of it is there now.
static bool make(struct vcpu *v, struct async *a)
{
    if (!allowed(a->call.op)) {
        a->call.result = (xen_ulong_t)-EOPNOTSUPP;
        return true;
    }
    v->multicall = &a->call;
    a->call.result = (xen_ulong_t)hypercall_dispatch(a->call.op, a->call.args);
    v->multicall = NULL;
    return (long)a->call.result != -ERESTART;
}

static void complete(struct vcpu *v, struct async *a)
{
    struct async_result result = {a->data, (int64_t)a->call.result};
    uint32_t event;

    memcpy(result_at(a, a->result_tail), &result, sizeof(result));
    barrier(); // stores stay in order on x86
    a->result_tail++;
    WRITE_ONCE(header(a)->result_tail, a->result_tail);
    // The guest sets `result_event` and then looks at `result_tail`.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event = READ_ONCE(header(a)->result_event);
    if (a->port && event == a->result_tail)
        event_send(v->domain, a->port);
}

static bool half_done_or_next(struct async *a)
{
    if (a->half_done)
        return true;
    if (!more(a))
        return false;
    take(a);
    return true;
}

unsigned async_take(struct vcpu *v)
{
    struct async *a = v->async;
    unsigned done = 0;

    // Not inside another call, be it one of the ring's own or a multicall's.
    if (a->busy || v->multicall)
        return 0;
    while ((!done || !preempt_check()) && half_done_or_next(a)) {
        a->busy = true;
        a->half_done = !make(v, a);
        a->busy = false;
        if (a->half_done)
            break;
        complete(v, a);
        done++;
    }
    return done;
}

static void free_ring(struct async *a)
{
    for (unsigned i = 0; i < a->nr_pages; i++)
        guest_area_put(a->frames[i]);
    xfree(a);
}

void async_drop(struct vcpu *v)
{
    if (v->async)
        free_ring(v->async);
    v->async = NULL;
}

static bool registration_ok(const struct async_register *r)
{
    return r->entries >= ASYNC_MIN_ENTRIES && r->entries <= ASYNC_MAX_ENTRIES &&
           !(r->entries & (r->entries - 1)) && !r->reserved &&
           r->nr_pages == DIV_ROUND_UP(ASYNC_RING_SIZE(r->entries), (uint64_t)PAGE_SIZE);
}

static long register_ring(struct vcpu *v, uint64_t arg)
{
    struct async_register r;
    struct async *a;

    if (copy_from_guest(&r, arg, sizeof(r)))
        return -EFAULT;
    if (!registration_ok(&r))
        return -EINVAL;
    if (v->async)
        return -EBUSY;
    a = xzalloc(struct async);
    if (!a)
        return -ENOMEM;
    a->entries = r.entries;
    a->port = r.port;
    for (; a->nr_pages < r.nr_pages; a->nr_pages++)
        if (guest_area_get(v->domain, r.pages[a->nr_pages], &a->frames[a->nr_pages],
                           &a->pages[a->nr_pages])) {
            free_ring(a);
            return -EINVAL;
        }
    memset(header(a), 0, sizeof(struct async_header));
    v->async = a;
    return 0;
}

// The ring cannot be taken away by a call that is in it.
static long unregister_ring(struct vcpu *v)
{
    if (!v->async)
        return -ENOENT;
    async_drop(v);
    return 0;
}

long do_async_op(unsigned cmd, uint64_t arg)
{
    struct vcpu *v = current;

    switch (cmd) {
    case ASYNCOP_register:
        return register_ring(v, arg);
    case ASYNCOP_unregister:
        return unregister_ring(v);
    case ASYNCOP_kick:
        return v->async ? (long)async_take(v) : -ENOENT;
    default:
        return -ENOSYS;
    }
}
