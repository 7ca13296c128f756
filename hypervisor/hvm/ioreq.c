#include "hvm/ioreq.h"

#include "core/event.h"
#include "core/rangeset.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "lib/log.h"

#define CONFIG_DATA   0xcfcu
#define CONFIG_ENABLE 0x80000000u
#define VIDEO_START   0xa0000u
#define VIDEO_END     0xc0000u

static struct ioreq_domain *ioreqs_of(struct hvm_vcpu *v)
{
    return &to_hvmd(v->v.domain)->ioreqs;
}

// The state shares its byte with bits that the server need not keep.
static uint8_t *state_byte(struct ioreq *r)
{
    return &r->type - 1;
}
_Static_assert(offsetof(struct ioreq, type) == 31, "the state is in byte 30");

// `with`: of the request's other bits.
static void set_state(struct ioreq *r, uint8_t state, struct ioreq with)
{
    with.state = state & 0xf;
    __atomic_store_n(state_byte(r), *state_byte(&with), __ATOMIC_RELEASE);
}

static uint8_t get_state(struct ioreq *r)
{
    return __atomic_load_n(state_byte(r), __ATOMIC_ACQUIRE) & 0xf;
}

// Asking
// ------------------------------------------------------------------------

struct request {
    uint64_t address, data;
    uint32_t count; // as of struct hvm_access
    uint8_t type;   // IOREQ_TYPE_*
    uint8_t bytes;
    bool write, down;
};

// False: nobody listens.
static bool send(struct hvm_vcpu *v, unsigned id, const struct request *what)
{
    struct ioreq_server *s = ioreqs_of(v)->servers[id];
    struct ioreq *r = &s->requests[v->v.id];

    __atomic_store_n(&v->ioreqs.closed, 0, __ATOMIC_SEQ_CST);
    r->addr = what->address;
    r->data = what->data;
    r->count = what->count ?: 1;
    r->size = what->bytes;
    r->vp_eport = s->ports[v->v.id];
    r->type = what->type;
    set_state(r, STATE_IOREQ_READY,
              (struct ioreq){.data_is_ptr = what->count != 0,
                             .dir = what->write ? IOREQ_WRITE : IOREQ_READ,
                             .df = what->down});
    if (!event_send_xen_port(v->v.domain, s->ports[v->v.id])) {
        set_state(r, STATE_IOREQ_NONE, (struct ioreq){0});
        return false;
    }
    v->ioreqs.waits_for |= (uint8_t)(1u << id);
    v->ioreqs.answer = ~0ull;
    v->ioreqs.busy = true;
    return true;
}

// Ports 0xcfc to 0xcff are a window into the configuration space of the function that the guest
// chose through 0xcf8.
static bool is_config(struct hvm_vcpu *v, const struct hvm_access *a)
{
    return a->port && (a->address & ~3ull) == CONFIG_DATA && (a->address & 3) + a->bytes <= 4 &&
           (v->v.domain->pci_address & CONFIG_ENABLE);
}

static void describe(struct hvm_vcpu *v, const struct hvm_access *a, struct request *what)
{
    uint64_t function = v->v.domain->pci_address >> 8 & 0xffff;

    *what = (struct request){.address = a->address,
                             .data = a->data,
                             .count = a->count,
                             .down = a->down,
                             .type = a->port ? IOREQ_TYPE_PIO : IOREQ_TYPE_COPY,
                             .bytes = a->bytes,
                             .write = a->write};
    if (!is_config(v, a))
        return;
    what->type = IOREQ_TYPE_PCI_CONFIG;
    what->address = function << 32 | (v->v.domain->pci_address & 0xfc) | (a->address & 3);
}

static bool claims(const struct ioreq_server *s, const struct request *what)
{
    uint64_t function = what->address >> 32, last = what->address + what->bytes - 1;

    if (!s || !s->enabled)
        return false;
    if (what->type == IOREQ_TYPE_PCI_CONFIG)
        return rangeset_contains(s->ranges[XEN_DMOP_IO_RANGE_PCI], function, function);
    return last >= what->address &&
           rangeset_contains(s->ranges[what->type == IOREQ_TYPE_PIO ? XEN_DMOP_IO_RANGE_PORT
                                                                    : XEN_DMOP_IO_RANGE_MEMORY],
                             what->address, last);
}

// Posted writes
// ------------------------------------------------------------------------

// Pointers count slots for ever. A server of the "atomic" kind has them brought back together when
// both have been around; it expects that, and moves its own by atomic additions only.
static void wrap_pointers(struct buffered_iopage *page)
{
    uint64_t *both = (uint64_t *)&page->read_pointer, old = READ_ONCE(*both);
    uint32_t rounds = (uint32_t)old / IOREQ_BUFFER_SLOT_NUM * IOREQ_BUFFER_SLOT_NUM;

    // If the server moves on meanwhile, the next write will do.
    if (rounds)
        __atomic_compare_exchange_n(both, &old, old - ((uint64_t)rounds << 32 | rounds), false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static bool fits_buffer(const struct ioreq_server *s, const struct request *what)
{
    return s->buffer && what->type == IOREQ_TYPE_COPY && what->write &&
           what->address >= VIDEO_START && what->address + what->bytes <= VIDEO_END;
}

// False: there is no room, which a server makes before it answers the next request.
static bool post(struct domain *d, struct ioreq_server *s, const struct request *what)
{
    struct buffered_iopage *page = s->buffer;
    uint32_t at = READ_ONCE(page->write_pointer), slots = what->bytes == 8 ? 2 : 1;
    uint32_t used = at - READ_ONCE(page->read_pointer);

    if (used > IOREQ_BUFFER_SLOT_NUM - slots)
        return false;
    for (uint32_t i = 0; i < slots; i++)
        page->buf_ioreq[(at + i) % IOREQ_BUFFER_SLOT_NUM] =
            (struct buf_ioreq){.type = what->type,
                               .dir = IOREQ_WRITE,
                               .size = bit_first(what->bytes) & 3,
                               .addr = what->address & 0xfffff,
                               .data = (uint32_t)(what->data >> i * 32)};
    __atomic_fetch_add(&page->write_pointer, slots, __ATOMIC_SEQ_CST);
    if (s->buffer_handling == HVM_IOREQSRV_BUFIOREQ_ATOMIC)
        wrap_pointers(page);
    event_send_xen_port(d, s->buffer_port);
    return true;
}

static enum ioreq_result offer(struct hvm_vcpu *v, const struct request *what)
{
    struct ioreq_domain *io = ioreqs_of(v);

    for (unsigned id = 0; id < IOREQ_SERVERS; id++) {
        struct ioreq_server *s = io->servers[id];

        if (!claims(s, what))
            continue;
        if (fits_buffer(s, what) && post(v->v.domain, s, what))
            return IOREQ_POSTED;
        if (send(v, id, what))
            return IOREQ_ASKED;
    }
    return IOREQ_UNCLAIMED;
}

enum ioreq_result ioreq_access(struct hvm_vcpu *v, const struct hvm_access *a)
{
    struct ioreq_domain *io = ioreqs_of(v);
    enum ioreq_result result;
    struct request what;

    if (!READ_ONCE(io->nr))
        return IOREQ_UNCLAIMED;
    describe(v, a, &what);
    spin_lock(&io->lock);
    result = offer(v, &what);
    spin_unlock(&io->lock);
    return result;
}

void ioreq_invalidate(struct hvm_vcpu *v)
{
    const struct request what = {
        .data = ~0ull, .type = IOREQ_TYPE_INVALIDATE, .bytes = 4, .write = true};
    struct ioreq_domain *io = ioreqs_of(v);

    spin_lock(&io->lock);
    for (unsigned id = 0; id < IOREQ_SERVERS; id++)
        if (io->servers[id] && io->servers[id]->enabled)
            send(v, id, &what);
    spin_unlock(&io->lock);
}

// The answer
// ------------------------------------------------------------------------

// Somebody else who has the port by now does not know of the request.
static bool has_ended(struct hvm_vcpu *v, const struct ioreq_server *s)
{
    uint32_t port = s->ports[v->v.id];

    return __atomic_load_n(&v->ioreqs.closed, __ATOMIC_SEQ_CST) == port ||
           !event_xen_port_bound(v->v.domain, port);
}

// Has the server done with the vCPU's request, one way or another?
static bool is_over(struct hvm_vcpu *v, unsigned id)
{
    struct ioreq_server *s = ioreqs_of(v)->servers[id];
    struct ioreq *r = &s->requests[v->v.id];
    uint8_t state = get_state(r);

    switch (state) {
    case STATE_IORESP_READY:
        v->ioreqs.answer = READ_ONCE(r->data);
        break;
    case STATE_IOREQ_READY:
    case STATE_IOREQ_INPROCESS:
        if (!has_ended(v, s))
            return false;
        guest_warn("ioreq server %u has ended before it answered\n", id);
        break;
    default:
        guest_warn("ioreq server %u set a request to state %u\n", id, state);
    }
    set_state(r, STATE_IOREQ_NONE, (struct ioreq){0});
    return true;
}

static bool collect(struct hvm_vcpu *v)
{
    for (unsigned id = 0; id < IOREQ_SERVERS; id++)
        if ((v->ioreqs.waits_for & 1u << id) && is_over(v, id))
            v->ioreqs.waits_for &= (uint8_t) ~(1u << id);
    return !v->ioreqs.waits_for;
}

bool ioreq_finish(struct hvm_vcpu *v)
{
    struct ioreq_domain *io = ioreqs_of(v);
    bool over;

    spin_lock(&io->lock);
    over = collect(v);
    if (!over) {
        __atomic_fetch_or(&v->v.pause_flags, VPF_DEVICE, __ATOMIC_SEQ_CST);
        // What came before the flag did not see it.
        over = collect(v);
        if (over)
            __atomic_fetch_and(&v->v.pause_flags, ~(uint64_t)VPF_DEVICE, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&io->lock);
    if (over)
        v->ioreqs.busy = false;
    else
        work_raise(this_cpu(), WORK_SCHEDULE);
    return over;
}
