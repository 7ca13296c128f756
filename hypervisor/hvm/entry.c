// A vCPU's way in: pending work first, then the events that it is to meet.
//
// The order of what is injected: what an exit interrupted on its way in goes first (the vendor
// keeps that), then an NMI, then an interrupt: the event channels' upcall, the PIC's, the local
// APIC's. Where the guest cannot take an interrupt now it is left as soon as it can.
#include "core/event.h"
#include "core/sched.h"
#include "cpu/traps.h"
#include "hvm/hvm.h"
#include "hvm/irq.h"

// INIT and start-up: the sender leaves word, the vCPU itself acts on it, so that nobody waits for
// anybody.
void hvm_send_init(struct hvm_vcpu *target)
{
    __atomic_store_n(&target->init_pending, true, __ATOMIC_SEQ_CST);
    vcpu_kick(&target->v);
}

void hvm_send_startup(struct hvm_vcpu *target, uint8_t page)
{
    struct vcpu *v = &target->v;

    // Only a processor that INIT has stopped listens. One that is on its way to the stop cannot be
    // waited for by a vCPU that it might be waiting for: it misses this, and the next one comes.
    // While the lock is held nobody else starts it.
    spin_lock(&v->domain->lock);
    if ((v->pause_flags & VPF_DOWN) && !v->running && v->context_saved) {
        hvm_reset(target, (uint32_t)page << 8);
        v->initialised = true;
        target->init_pending = false;
        __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_DOWN, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&v->domain->lock);
    vcpu_wake(v);
}

void hvm_send_nmi(struct vcpu *v)
{
    __atomic_store_n(&to_hvm(v)->nmi_pending, true, __ATOMIC_SEQ_CST);
    vcpu_kick(v);
}

// The current vCPU stops until a start-up comes.
static void take_init(struct hvm_vcpu *v)
{
    v->init_pending = false;
    __atomic_fetch_or(&v->v.pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
    lapic_reset(v);
    vcpu_sleep_nosync(&v->v);
}

// The vector of the event channels' upcall, if one is due; 0 otherwise.
static uint8_t upcall_due(const struct hvm_vcpu *v)
{
    if (!event_pending(&v->v))
        return 0;
    return to_hvmd(v->v.domain)->callback_vector;
}

bool hvm_interrupt_pending(struct hvm_vcpu *v)
{
    // An upcall by a vector of its own goes through the local APIC, once for each time that it is
    // raised.
    if (v->upcall_vector && event_pending(&v->v))
        lapic_interrupt_once(v, v->upcall_vector);
    hvm_callback_update(v->v.domain);
    return v->nmi_pending || v->init_pending || upcall_due(v) || hvm_pic_pending(v) ||
           lapic_pending(v) >= 0;
}

static void deliver_interrupt(struct hvm_vcpu *v)
{
    uint8_t upcall = upcall_due(v);
    bool pic = !upcall && hvm_pic_pending(v);
    int vector = upcall ? upcall : lapic_pending(v);

    if (vector < 0 && !pic)
        return;
    if (!hvm_ops->can_interrupt(v)) {
        hvm_ops->want_window(v, true);
        return;
    }
    if (pic)
        vector = hvm_pic_accept(v);
    else if (!upcall)
        lapic_accept(v, (uint8_t)vector);
    hvm_ops->inject(v, HVM_EVENT_INTERRUPT, (uint8_t)vector, -1);
}

// What the vCPU asked of ioreq servers. It meets nothing else before that is answered and the
// instruction, if it was one, is over.
static void finish_request(struct hvm_vcpu *v)
{
    if (!ioreq_finish(v) || !v->accesses.waiting)
        return;
    hvm_access_answer(v, v->ioreqs.answer);
    hvm_ops->redo(v);
}

void hvm_prepare(struct hvm_vcpu *v)
{
    do {
        if (unlikely(v->ioreqs.busy))
            finish_request(v);
        if (unlikely(v->init_pending && !v->ioreqs.busy))
            take_init(v);
        work_run(); // may switch to another vCPU, and not come back
    } while (unlikely(work_pending() || v->ioreqs.busy));
    hvm_access_retire(v);
    hvm_ops->want_window(v, false);
    if (!hvm_interrupt_pending(v))
        return;
    if (hvm_ops->is_injecting(v)) {
        hvm_ops->want_window(v, true);
        return;
    }
    if (v->nmi_pending && (!hvm_ops->can_nmi || hvm_ops->can_nmi(v))) {
        v->nmi_pending = false;
        hvm_ops->inject(v, HVM_EVENT_NMI, TRAP_NMI, -1);
        hvm_ops->want_window(v, hvm_interrupt_pending(v));
        return;
    }
    deliver_interrupt(v);
}

void hvm_fault(struct hvm_vcpu *v, uint8_t vector, int64_t error)
{
    hvm_ops->inject(v, HVM_EVENT_EXCEPTION, vector, error);
}

void hvm_page_fault(struct hvm_vcpu *v, uint64_t address, uint32_t error)
{
    hvm_ops->set_cr2(v, address);
    hvm_fault(v, TRAP_PF, error);
}
