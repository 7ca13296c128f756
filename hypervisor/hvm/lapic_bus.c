// What reaches local APICs from elsewhere: from one another, from the I/O APIC, from devices (MSI).
#include "core/sched.h"
#include "hvm/lapic_impl.h"

#define ICR_LOGICAL (1u << 11)
#define ICR_ASSERT  (1u << 14)
#define ICR_LEVEL   (1u << 15)

// IRR last: it makes the interrupt. What its trigger was is asked at its end.
static bool request(struct hvm_vcpu *v, uint8_t vector, bool level)
{
    uint32_t *tmr = lapic_word(&v->lapic, R_TMR, vector), bit = 1u << vector % 32;

    if (vector < LAPIC_FIRST_VECTOR || !lapic_is_enabled(&v->lapic))
        return false;
    if (level)
        __atomic_fetch_or(tmr, bit, __ATOMIC_SEQ_CST);
    else if (READ_ONCE(*tmr) & bit)
        __atomic_fetch_and(tmr, ~bit, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(lapic_word(&v->lapic, R_IRR, vector), bit, __ATOMIC_SEQ_CST);
    vcpu_kick(&v->v);
    return true;
}

void lapic_interrupt(struct hvm_vcpu *v, uint8_t vector)
{
    request(v, vector, false);
}

bool lapic_is_requested(const struct domain *d, uint8_t vector)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (lapic_get(&to_hvm(v)->lapic, R_IRR + vector / 32 * 16u) >> vector % 32 & 1)
            return true;
    }
    return false;
}

static bool is_addressed(const struct hvm_vcpu *v, uint32_t destination, bool logical, bool wide)
{
    const struct lapic *l = &v->lapic;
    uint32_t ldr = lapic_get(l, R_LDR);

    if (destination == (wide ? ~0u : 0xffu))
        return true;
    if (!logical)
        return destination == lapic_id(v);
    if (lapic_is_x2apic(l))
        return ldr >> 16 == destination >> 16 && (ldr & destination & 0xffff);
    ldr >>= 24;
    if (lapic_get(l, R_DFR) >> 28 == 0xf)
        return ldr & destination;
    return ldr >> 4 == destination >> 4 && (ldr & destination & 0xf); // clusters of four
}

static bool deliver(struct hvm_vcpu *target, uint32_t icr, bool is_ipi)
{
    switch (icr >> 8 & 7) {
    case MODE_FIXED:
    case MODE_LOWEST:
        return request(target, (uint8_t)icr, !is_ipi && (icr & ICR_LEVEL));
    case MODE_NMI:
        target->v.domain->ops->vcpu_nmi(&target->v);
        return true;
    case MODE_INIT:
        if (!(icr & ICR_LEVEL) || (icr & ICR_ASSERT))
            hvm_send_init(target);
        return true;
    case MODE_STARTUP:
        if (is_ipi)
            hvm_send_startup(target, (uint8_t)icr);
        return is_ipi;
    default:
        return false;
    }
}

// Of those that a message of lowest priority may go to, the one with the least takes it; among
// equals each in turn.
static unsigned rank(const struct hvm_vcpu *v)
{
    const struct hvm_domain *d = to_hvmd(v->v.domain);
    unsigned n = d->d.max_vcpus, turn = (v->v.id + n - 1 - d->last_lowest % n) % n;

    return (lapic_priority(&v->lapic) >> 4) * MAX_VCPUS + turn;
}

bool lapic_send(struct domain *d, struct hvm_vcpu *from, uint32_t icr, uint32_t destination,
                bool wide)
{
    unsigned shorthand = from ? icr >> 18 & 3 : 0; // 1: myself, 2: all, 3: all others
    bool lowest = (icr >> 8 & 7) == MODE_LOWEST, taken = false;
    struct hvm_vcpu *least = NULL;
    struct vcpu *other;

    for_each_vcpu (d, other) {
        struct hvm_vcpu *to = to_hvm(other);

        if (shorthand ? (shorthand == 1 && to != from) || (shorthand == 3 && to == from)
                      : !is_addressed(to, destination, icr & ICR_LOGICAL, wide))
            continue;
        if (!lowest)
            taken |= deliver(to, icr, from);
        else if (lapic_is_enabled(&to->lapic) && (!least || rank(to) < rank(least)))
            least = to;
    }
    if (!least)
        return taken;
    to_hvmd(d)->last_lowest = (uint8_t)least->v.id;
    return deliver(least, icr, from);
}
