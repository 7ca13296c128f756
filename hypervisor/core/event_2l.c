// The 2-level event channel ABI: one pending and one mask bit for each of 4096 ports in
// shared_info, and in each vCPU's vcpu_info a word whose bits say which 64 ports are worth looking
// at.
//
// The guest owns all of these bits and may write anything; whatever it writes, only its own
// notifications suffer. Order matters: the pending bit first, then the mask is read. The guest
// clears a mask bit first and looks at the pending bit afterwards.
#include "core/event_impl.h"

#include "pv-abi/shared_info.h"

static void select_and_mark(struct vcpu *v, uint32_t port)
{
    struct vcpu_info *info = __atomic_load_n(&v->info, __ATOMIC_SEQ_CST);
    uint64_t bit = 1ull << (port / 64);

    if (info && !(__atomic_fetch_or(&info->evtchn_pending_sel, bit, __ATOMIC_SEQ_CST) & bit))
        event_mark_pending(v);
}

static void set_pending_2l(struct domain *d, struct vcpu *v, struct event_port *p)
{
    struct shared_info *si = d->shared_info;

    if (bit_test_and_set(si->evtchn_pending, p->port))
        return;
    if (!bit_test(si->evtchn_mask, p->port))
        select_and_mark(v, p->port);
    event_wake_pollers(d, p->port);
}

static void clear_pending_2l(struct domain *d, struct event_port *p)
{
    if (d->shared_info)
        bit_clear(d->shared_info->evtchn_pending, p->port);
}

static void unmask_2l(struct domain *d, struct vcpu *v, struct event_port *p)
{
    struct shared_info *si = d->shared_info;

    if (bit_test_and_clear(si->evtchn_mask, p->port) && bit_test(si->evtchn_pending, p->port))
        select_and_mark(v, p->port);
}

static bool is_pending_2l(struct domain *d, const struct event_port *p)
{
    return bit_test(d->shared_info->evtchn_pending, p->port);
}

static bool is_masked_2l(struct domain *d, const struct event_port *p)
{
    return bit_test(d->shared_info->evtchn_mask, p->port);
}

static bool is_busy_2l(struct domain *d, const struct event_port *p)
{
    return false;
}

const struct event_abi event_2l = {
    .max_ports = EVTCHN_2L_NR_CHANNELS,
    .set_pending = set_pending_2l,
    .clear_pending = clear_pending_2l,
    .unmask = unmask_2l,
    .is_pending = is_pending_2l,
    .is_masked = is_masked_2l,
    .is_busy = is_busy_2l,
};
