// The local APIC. Registers are kept as the manual lays them out, 16 bytes apart; ISR, TMR and IRR
// are eight of them each. Other CPUs change bits in IRR and TMR and nothing else (lapic_bus.c; an
// INIT or start-up goes through flags, hvm/entry.c); all the rest is changed by the vCPU itself.
#include "hvm/lapic.h"

#include "core/sched.h"
#include "cpu/msr.h"
#include "hvm/irq.h"
#include "hvm/lapic_impl.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

#define VERSION      0x00050014u // six local vectors
#define LVT_MASKED   (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define LEAST_PERIOD MICROSECONDS(200) // a vCPU that serves a tick too late does nothing else
#define BUS_NS       1                 // of the timer's clock, before it is divided: 1 GHz

// The highest vector set in ISR or IRR, -1 if none.
static int highest(const struct lapic *l, unsigned base)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t word = lapic_get(l, base + (unsigned)i * 16);

        if (word)
            return i * 32 + 31 - __builtin_clz(word);
    }
    return -1;
}

uint32_t lapic_priority(const struct lapic *l)
{
    int serving = highest(l, R_ISR);
    uint32_t task = lapic_get(l, R_TPR) & 0xff, class = serving < 0 ? 0 : (uint32_t)serving & 0xf0;

    return task >> 4 >= class >> 4 ? task : class;
}

int lapic_pending(const struct hvm_vcpu *v)
{
    const struct lapic *l = &v->lapic;
    int vector = lapic_is_enabled(l) ? highest(l, R_IRR) : -1;

    return vector >= 0 && (uint32_t)vector >> 4 > lapic_priority(l) >> 4 ? vector : -1;
}

void lapic_accept(struct hvm_vcpu *v, uint8_t vector)
{
    __atomic_fetch_and(lapic_word(&v->lapic, R_IRR, vector), ~(1u << vector % 32),
                       __ATOMIC_SEQ_CST);
    *lapic_word(&v->lapic, R_ISR, vector) |= 1u << vector % 32;
}

void lapic_interrupt_once(struct hvm_vcpu *v, uint8_t vector)
{
    struct lapic *l = &v->lapic;

    if (lapic_is_enabled(l) && !(*lapic_word(l, R_ISR, vector) >> vector % 32 & 1))
        __atomic_fetch_or(lapic_word(l, R_IRR, vector), 1u << vector % 32, __ATOMIC_SEQ_CST);
}

static void end_of_interrupt(struct hvm_vcpu *v)
{
    struct lapic *l = &v->lapic;
    int vector = highest(l, R_ISR);

    if (vector < 0)
        return;
    *lapic_word(l, R_ISR, (uint8_t)vector) &= ~(1u << vector % 32);
    if (*lapic_word(l, R_TMR, (uint8_t)vector) >> vector % 32 & 1)
        hvm_irq_eoi(v->v.domain, (uint8_t)vector);
}

bool lapic_takes_extint(const struct hvm_vcpu *v)
{
    const struct lapic *l = &v->lapic;

    if (!(l->base_msr & LAPIC_BASE_ENABLED)) // the pin is the processor's own then
        return !v->v.id;
    return (lapic_get(l, R_LVT_LINT0) & (LVT_MASKED | 0x700)) == MODE_EXTINT << 8;
}

void lapic_lint0(struct hvm_vcpu *v)
{
    uint32_t lvt = lapic_get(&v->lapic, R_LVT_LINT0);

    if (!lapic_is_enabled(&v->lapic) || (lvt & LVT_MASKED))
        return;
    if ((lvt >> 8 & 7) == MODE_FIXED)
        lapic_interrupt(v, (uint8_t)lvt);
    else if ((lvt >> 8 & 7) == MODE_NMI)
        v->v.domain->ops->vcpu_nmi(&v->v);
}

uint8_t lapic_get_cr8(const struct hvm_vcpu *v)
{
    return (uint8_t)(lapic_get(&v->lapic, R_TPR) >> 4 & 0xf);
}

// CR8 is looked at whenever the guest leaves: the lower half stays unless the guest has written it.
void lapic_set_cr8(struct hvm_vcpu *v, uint8_t cr8)
{
    uint32_t *tpr = lapic_reg(&v->lapic, R_TPR);

    if (*tpr >> 4 != (cr8 & 0xfu))
        *tpr = (uint32_t)(cr8 & 0xf) << 4;
}

// The timer
// ------------------------------------------------------------------------

static nsec_t divided(const struct lapic *l, uint32_t count)
{
    uint32_t code = lapic_get(l, R_TIMER_DIVIDE);
    unsigned shift = ((code & 3) | (code & 8) >> 1) + 1; // 0: by 2, .. 6: by 128, 7: by 1

    return (nsec_t)count * BUS_NS << (shift & 7);
}

static void timer_fired(void *vcpu)
{
    struct hvm_vcpu *v = vcpu;
    uint32_t lvt = lapic_get(&v->lapic, R_LVT_TIMER);

    if (!(lvt & LVT_MASKED))
        lapic_interrupt(v, (uint8_t)lvt);
    if ((lvt & LVT_PERIODIC) && v->lapic.timer_period) {
        v->lapic.timer_start += v->lapic.timer_period;
        // It may have been started to go off once.
        v->lapic.timer_period = MAX(v->lapic.timer_period, LEAST_PERIOD);
        // Periods that were missed are not made up for: a slow CPU would do nothing else.
        if (v->lapic.timer_start + v->lapic.timer_period <= time_now())
            v->lapic.timer_start = time_now();
        timer_set(&v->lapic.timer, v->lapic.timer_start + v->lapic.timer_period);
    }
}

static void timer_start(struct hvm_vcpu *v, uint32_t count)
{
    struct lapic *l = &v->lapic;

    timer_stop(&l->timer);
    l->timer_period = divided(l, count);
    if (!count)
        return;
    if (lapic_get(l, R_LVT_TIMER) & LVT_PERIODIC)
        l->timer_period = MAX(l->timer_period, LEAST_PERIOD);
    l->timer_start = time_now();
    timer_set_here(&l->timer, l->timer_start + l->timer_period);
}

static uint32_t timer_count(const struct lapic *l)
{
    nsec_t left = l->timer_start + l->timer_period - time_now(), tick = divided(l, 1);

    return l->timer_period && left > 0 ? (uint32_t)(left / tick) : 0;
}

// Registers
// ------------------------------------------------------------------------

void lapic_reset(struct hvm_vcpu *v)
{
    struct lapic *l = &v->lapic;

    timer_stop(&l->timer);
    memset(l->regs, 0, sizeof(l->regs));
    l->timer_period = 0;
    l->base_msr = LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLED | (v->v.id ? 0 : LAPIC_BASE_BSP);
    *lapic_reg(l, R_ID) = lapic_id(v) << 24;
    *lapic_reg(l, R_VERSION) = VERSION;
    *lapic_reg(l, R_DFR) = ~0u;
    *lapic_reg(l, R_SVR) = 0xff;
    for (unsigned lvt = R_LVT_TIMER; lvt <= R_LVT_ERROR; lvt += 16)
        *lapic_reg(l, lvt) = LVT_MASKED;
}

void lapic_init(struct hvm_vcpu *v)
{
    timer_init(&v->lapic.timer, timer_fired, v, v->v.cpu);
    lapic_reset(v);
}

void lapic_destroy(struct hvm_vcpu *v)
{
    timer_kill(&v->lapic.timer);
}

bool lapic_covers(const struct hvm_vcpu *v, uint64_t address)
{
    const struct lapic *l = &v->lapic;

    return (l->base_msr & LAPIC_BASE_ENABLED) && !lapic_is_x2apic(l) &&
           address >> PAGE_SHIFT == (l->base_msr >> PAGE_SHIFT & 0xffffffffff);
}

uint32_t lapic_read(struct hvm_vcpu *v, unsigned offset)
{
    const struct lapic *l = &v->lapic;

    if (offset % 16 || offset >= LAPIC_BYTES)
        return 0;
    switch (offset) {
    case R_PPR:
        return lapic_priority(l);
    case R_TIMER_NOW:
        return timer_count(l);
    case R_EOI:
        return 0;
    default:
        return lapic_get(l, offset);
    }
}

static void write_lvt(struct lapic *l, unsigned offset, uint32_t value)
{
    if (!(lapic_get(l, R_SVR) & LAPIC_SVR_ENABLED))
        value |= LVT_MASKED;
    *lapic_reg(l, offset) = value & (offset == R_LVT_TIMER ? 0x300ffu : 0x1a7ffu);
}

static void write_svr(struct lapic *l, uint32_t value)
{
    *lapic_reg(l, R_SVR) = value & 0x1ff;
    for (unsigned lvt = R_LVT_TIMER; !(value & LAPIC_SVR_ENABLED) && lvt <= R_LVT_ERROR; lvt += 16)
        *lapic_reg(l, lvt) |= LVT_MASKED;
}

void lapic_write(struct hvm_vcpu *v, unsigned offset, uint32_t value)
{
    struct lapic *l = &v->lapic;

    switch (offset) {
    case R_TPR:
        *lapic_reg(l, R_TPR) = value & 0xff;
        break;
    case R_EOI:
        end_of_interrupt(v);
        break;
    case R_LDR:
        if (!lapic_is_x2apic(l))
            *lapic_reg(l, R_LDR) = value & 0xff000000;
        break;
    case R_DFR:
        if (!lapic_is_x2apic(l))
            *lapic_reg(l, R_DFR) = value | 0x0fffffff;
        break;
    case R_SVR:
        write_svr(l, value);
        break;
    case R_ESR: // no error is ever recorded
        break;
    case R_ICR:
        *lapic_reg(l, R_ICR) = value & ~(1u << 12); // never busy
        lapic_send(v->v.domain, v, value, lapic_get(l, R_ICR2) >> 24, false);
        break;
    case R_ICR2:
        *lapic_reg(l, R_ICR2) = value & 0xff000000;
        break;
    case R_LVT_TIMER ... R_LVT_ERROR:
        if (offset % 16 == 0)
            write_lvt(l, offset, value);
        break;
    case R_TIMER_COUNT:
        *lapic_reg(l, R_TIMER_COUNT) = value;
        timer_start(v, value);
        break;
    case R_TIMER_DIVIDE:
        *lapic_reg(l, R_TIMER_DIVIDE) = value & 0xb;
        break;
    }
}

// MSRs
// ------------------------------------------------------------------------

static bool base_ok(uint64_t value)
{
    return !(value & ~(0xffffff000ull | LAPIC_BASE_BSP | LAPIC_BASE_ENABLED | LAPIC_BASE_X2APIC)) &&
           (value & (LAPIC_BASE_ENABLED | LAPIC_BASE_X2APIC)) != LAPIC_BASE_X2APIC;
}

static bool write_base(struct hvm_vcpu *v, uint64_t value)
{
    struct lapic *l = &v->lapic;
    uint64_t mode = value & (LAPIC_BASE_ENABLED | LAPIC_BASE_X2APIC);

    if (!base_ok(value) ||
        (lapic_is_x2apic(l) && mode == LAPIC_BASE_ENABLED)) // back only by way of disabled
        return false;
    if (mode == (LAPIC_BASE_ENABLED | LAPIC_BASE_X2APIC) && !lapic_is_x2apic(l)) {
        *lapic_reg(l, R_ID) = lapic_id(v);
        *lapic_reg(l, R_LDR) = (lapic_id(v) & ~0xfu) << 12 | 1u << (lapic_id(v) & 0xf);
    }
    l->base_msr = (value & ~(uint64_t)LAPIC_BASE_BSP) | (v->v.id ? 0 : LAPIC_BASE_BSP);
    return true;
}

bool lapic_read_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned offset = (msr - MSR_X2APIC) * 16;

    if (msr == MSR_APIC_BASE) {
        *value = v->lapic.base_msr;
        return true;
    }
    if (!lapic_is_x2apic(&v->lapic) || offset >= LAPIC_BYTES || offset == R_DFR ||
        offset == R_ICR2 || offset == R_EOI || offset == R_SELF_IPI)
        return false;
    *value = lapic_read(v, offset);
    if (offset == R_ICR)
        *value |= (uint64_t)lapic_get(&v->lapic, R_ICR2) << 32;
    return true;
}

bool lapic_write_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned offset = (msr - MSR_X2APIC) * 16;

    if (msr == MSR_APIC_BASE)
        return write_base(v, value);
    if (!lapic_is_x2apic(&v->lapic) || offset >= LAPIC_BYTES)
        return false;
    switch (offset) {
    case R_ICR:
        *lapic_reg(&v->lapic, R_ICR) = (uint32_t)value & ~(1u << 12);
        *lapic_reg(&v->lapic, R_ICR2) = (uint32_t)(value >> 32);
        lapic_send(v->v.domain, v, (uint32_t)value, (uint32_t)(value >> 32), true);
        return true;
    case R_SELF_IPI:
        lapic_interrupt(v, (uint8_t)value);
        return value < 0x100;
    case R_ID:
    case R_VERSION:
    case R_PPR:
    case R_LDR:
    case R_DFR:
    case R_ICR2:
    case R_TIMER_NOW:
    case R_ISR ... R_IRR + 0x70:
        return false;
    case R_EOI:
        if (value)
            return false;
    }
    if (value >> 32)
        return false;
    lapic_write(v, offset, (uint32_t)value);
    return true;
}

bool lapic_load_base(struct hvm_vcpu *v, uint64_t base, bool commit)
{
    if (commit)
        v->lapic.base_msr = base;
    return base_ok(base);
}

void lapic_load_regs(struct hvm_vcpu *v, const uint32_t regs[LAPIC_BYTES / 4])
{
    struct lapic *l = &v->lapic;

    memcpy(l->regs, regs, sizeof(l->regs));
    *lapic_reg(l, R_VERSION) = VERSION;
    *lapic_reg(l, R_ID) = lapic_is_x2apic(l) ? lapic_id(v) : lapic_id(v) << 24;
    timer_start(v,
                lapic_get(l, R_TIMER_COUNT)); // from its beginning: how far it was is not recorded
}
