// The local APIC. Registers are kept as the manual lays them out, 16 bytes apart; ISR, TMR and IRR
// are eight of them each. Other CPUs set bits in IRR and nothing else (an INIT or start-up goes
// through flags, hvm/entry.c); all the rest is changed by the vCPU itself.
#include "hvm/lapic.h"

#include "core/sched.h"
#include "cpu/msr.h"
#include "hvm/hvm.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

enum {
    R_ID = 0x20,
    R_VERSION = 0x30,
    R_TPR = 0x80,
    R_PPR = 0xa0,
    R_EOI = 0xb0,
    R_LDR = 0xd0,
    R_DFR = 0xe0,
    R_SVR = 0xf0,
    R_ISR = 0x100,
    R_TMR = 0x180,
    R_IRR = 0x200,
    R_ESR = 0x280,
    R_LVT_CMCI = 0x2f0,
    R_ICR = 0x300,
    R_ICR2 = 0x310,
    R_LVT_TIMER = 0x320,
    R_LVT_ERROR = 0x370,
    R_TIMER_COUNT = 0x380,
    R_TIMER_NOW = 0x390,
    R_TIMER_DIVIDE = 0x3e0,
    R_SELF_IPI = 0x3f0,
};

#define VERSION      0x00050014u // six local vectors
#define BASE_BSP     (1u << 8)
#define BASE_X2APIC  (1u << 10)
#define BASE_ENABLED (1u << 11)
#define SVR_ENABLED  (1u << 8)
#define LVT_MASKED   (1u << 16)
#define LVT_PERIODIC (1u << 17)
#define ICR_LOGICAL  (1u << 11)
#define ICR_ASSERT   (1u << 14)
#define ICR_LEVEL    (1u << 15)
#define FIRST_VECTOR 16 // below it are exceptions: not to be sent
#define BUS_NS       1  // of the timer's clock, before it is divided: 1 GHz

enum { MODE_FIXED = 0, MODE_LOWEST = 1, MODE_NMI = 4, MODE_INIT = 5, MODE_STARTUP = 6 };

static uint32_t *reg(struct lapic *l, unsigned offset)
{
    return &l->regs[offset / 4];
}

static uint32_t get(const struct lapic *l, unsigned offset)
{
    return READ_ONCE(l->regs[offset / 4]);
}

static bool is_x2apic(const struct lapic *l)
{
    return l->base_msr & BASE_X2APIC;
}

static bool is_enabled(const struct lapic *l)
{
    return (l->base_msr & BASE_ENABLED) && (get(l, R_SVR) & SVR_ENABLED);
}

// The highest vector set in ISR or IRR, -1 if none.
static int highest(const struct lapic *l, unsigned base)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t word = get(l, base + (unsigned)i * 16);

        if (word)
            return i * 32 + 31 - __builtin_clz(word);
    }
    return -1;
}

static uint32_t *word_of(struct lapic *l, unsigned base, uint8_t vector)
{
    return reg(l, base + vector / 32 * 16u);
}

// The class of what is being served, or the task's own if that is higher.
static uint32_t processor_priority(const struct lapic *l)
{
    int serving = highest(l, R_ISR);
    uint32_t task = get(l, R_TPR) & 0xff, class = serving < 0 ? 0 : (uint32_t)serving & 0xf0;

    return task >> 4 >= class >> 4 ? task : class;
}

int lapic_pending(const struct hvm_vcpu *v)
{
    const struct lapic *l = &v->lapic;
    int vector = is_enabled(l) ? highest(l, R_IRR) : -1;

    return vector >= 0 && (uint32_t)vector >> 4 > processor_priority(l) >> 4 ? vector : -1;
}

void lapic_accept(struct hvm_vcpu *v, uint8_t vector)
{
    __atomic_fetch_and(word_of(&v->lapic, R_IRR, vector), ~(1u << vector % 32), __ATOMIC_SEQ_CST);
    *word_of(&v->lapic, R_ISR, vector) |= 1u << vector % 32;
}

void lapic_interrupt(struct hvm_vcpu *v, uint8_t vector)
{
    if (vector < FIRST_VECTOR || !is_enabled(&v->lapic))
        return;
    __atomic_fetch_or(word_of(&v->lapic, R_IRR, vector), 1u << vector % 32, __ATOMIC_SEQ_CST);
    vcpu_kick(&v->v);
}

void lapic_interrupt_once(struct hvm_vcpu *v, uint8_t vector)
{
    struct lapic *l = &v->lapic;

    if (is_enabled(l) && !(*word_of(l, R_ISR, vector) >> vector % 32 & 1))
        __atomic_fetch_or(word_of(l, R_IRR, vector), 1u << vector % 32, __ATOMIC_SEQ_CST);
}

static void end_of_interrupt(struct lapic *l)
{
    int vector = highest(l, R_ISR);

    if (vector >= 0)
        *word_of(l, R_ISR, (uint8_t)vector) &= ~(1u << vector % 32);
}

uint8_t lapic_get_cr8(const struct hvm_vcpu *v)
{
    return (uint8_t)(get(&v->lapic, R_TPR) >> 4 & 0xf);
}

// CR8 is looked at whenever the guest leaves: the lower half stays unless the guest has written it.
void lapic_set_cr8(struct hvm_vcpu *v, uint8_t cr8)
{
    uint32_t *tpr = reg(&v->lapic, R_TPR);

    if (*tpr >> 4 != (cr8 & 0xfu))
        *tpr = (uint32_t)(cr8 & 0xf) << 4;
}

// The timer
// ------------------------------------------------------------------------

static nsec_t divided(const struct lapic *l, uint32_t count)
{
    uint32_t code = get(l, R_TIMER_DIVIDE);
    unsigned shift = ((code & 3) | (code & 8) >> 1) + 1; // 0: by 2, .. 6: by 128, 7: by 1

    return (nsec_t)count * BUS_NS << (shift & 7);
}

static void timer_fired(void *vcpu)
{
    struct hvm_vcpu *v = vcpu;
    uint32_t lvt = get(&v->lapic, R_LVT_TIMER);

    if (!(lvt & LVT_MASKED))
        lapic_interrupt(v, (uint8_t)lvt);
    if ((lvt & LVT_PERIODIC) && v->lapic.timer_period) {
        v->lapic.timer_start += v->lapic.timer_period;
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
    // A period that no CPU could serve in time would hold it for ever.
    if (get(l, R_LVT_TIMER) & LVT_PERIODIC)
        l->timer_period = MAX(l->timer_period, MICROSECONDS(50));
    l->timer_start = time_now();
    timer_set_here(&l->timer, l->timer_start + l->timer_period);
}

static uint32_t timer_count(const struct lapic *l)
{
    nsec_t left = l->timer_start + l->timer_period - time_now(), tick = divided(l, 1);

    return l->timer_period && left > 0 ? (uint32_t)(left / tick) : 0;
}

// Interrupts between processors
// ------------------------------------------------------------------------

static uint32_t id_of(const struct hvm_vcpu *v)
{
    return v->v.id * 2; // as the ABI numbers them, and the tools' tables say
}

static bool is_addressed(const struct hvm_vcpu *v, uint32_t destination, bool logical, bool wide)
{
    const struct lapic *l = &v->lapic;
    uint32_t ldr = get(l, R_LDR);

    if (destination == (wide ? ~0u : 0xffu))
        return true;
    if (!logical)
        return destination == id_of(v);
    if (is_x2apic(l))
        return ldr >> 16 == destination >> 16 && (ldr & destination & 0xffff);
    ldr >>= 24;
    if (get(l, R_DFR) >> 28 == 0xf)
        return ldr & destination;
    return ldr >> 4 == destination >> 4 && (ldr & destination & 0xf); // clusters of four
}

static void deliver(struct hvm_vcpu *target, uint32_t icr)
{
    switch (icr >> 8 & 7) {
    case MODE_FIXED:
    case MODE_LOWEST:
        lapic_interrupt(target, (uint8_t)icr);
        break;
    case MODE_NMI:
        target->v.domain->ops->vcpu_nmi(&target->v);
        break;
    case MODE_INIT:
        if (!(icr & ICR_LEVEL) || (icr & ICR_ASSERT))
            hvm_send_init(target);
        break;
    case MODE_STARTUP:
        hvm_send_startup(target, (uint8_t)icr);
        break;
    }
}

static void send_ipi(struct hvm_vcpu *v, uint32_t icr, uint32_t destination, bool wide)
{
    unsigned shorthand = icr >> 18 & 3; // 1: myself, 2: all, 3: all others
    bool lowest = (icr >> 8 & 7) == MODE_LOWEST;
    struct vcpu *other;

    for_each_vcpu (v->v.domain, other) {
        struct hvm_vcpu *to = to_hvm(other);

        if (shorthand ? (shorthand == 1 && to != v) || (shorthand == 3 && to == v)
                      : !is_addressed(to, destination, icr & ICR_LOGICAL, wide))
            continue;
        deliver(to, icr);
        if (lowest)
            break;
    }
}

// Registers
// ------------------------------------------------------------------------

void lapic_reset(struct hvm_vcpu *v)
{
    struct lapic *l = &v->lapic;

    timer_stop(&l->timer);
    memset(l->regs, 0, sizeof(l->regs));
    l->timer_period = 0;
    l->base_msr = LAPIC_DEFAULT_BASE | BASE_ENABLED | (v->v.id ? 0 : BASE_BSP);
    *reg(l, R_ID) = id_of(v) << 24;
    *reg(l, R_VERSION) = VERSION;
    *reg(l, R_DFR) = ~0u;
    *reg(l, R_SVR) = 0xff;
    for (unsigned lvt = R_LVT_TIMER; lvt <= R_LVT_ERROR; lvt += 16)
        *reg(l, lvt) = LVT_MASKED;
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

    return (l->base_msr & BASE_ENABLED) && !is_x2apic(l) &&
           address >> PAGE_SHIFT == (l->base_msr >> PAGE_SHIFT & 0xffffffffff);
}

uint32_t lapic_read(struct hvm_vcpu *v, unsigned offset)
{
    const struct lapic *l = &v->lapic;

    if (offset % 16 || offset >= LAPIC_BYTES)
        return 0;
    switch (offset) {
    case R_PPR:
        return processor_priority(l);
    case R_TIMER_NOW:
        return timer_count(l);
    case R_EOI:
        return 0;
    default:
        return get(l, offset);
    }
}

static void write_lvt(struct lapic *l, unsigned offset, uint32_t value)
{
    if (!(get(l, R_SVR) & SVR_ENABLED))
        value |= LVT_MASKED;
    *reg(l, offset) = value & (offset == R_LVT_TIMER ? 0x300ffu : 0x1a7ffu);
}

static void write_svr(struct lapic *l, uint32_t value)
{
    *reg(l, R_SVR) = value & 0x1ff;
    for (unsigned lvt = R_LVT_TIMER; !(value & SVR_ENABLED) && lvt <= R_LVT_ERROR; lvt += 16)
        *reg(l, lvt) |= LVT_MASKED;
}

void lapic_write(struct hvm_vcpu *v, unsigned offset, uint32_t value)
{
    struct lapic *l = &v->lapic;

    switch (offset) {
    case R_TPR:
        *reg(l, R_TPR) = value & 0xff;
        break;
    case R_EOI:
        end_of_interrupt(l);
        break;
    case R_LDR:
        if (!is_x2apic(l))
            *reg(l, R_LDR) = value & 0xff000000;
        break;
    case R_DFR:
        if (!is_x2apic(l))
            *reg(l, R_DFR) = value | 0x0fffffff;
        break;
    case R_SVR:
        write_svr(l, value);
        break;
    case R_ESR: // no error is ever recorded
        break;
    case R_ICR:
        *reg(l, R_ICR) = value & ~(1u << 12); // never busy
        send_ipi(v, value, get(l, R_ICR2) >> 24, false);
        break;
    case R_ICR2:
        *reg(l, R_ICR2) = value & 0xff000000;
        break;
    case R_LVT_TIMER ... R_LVT_ERROR:
        if (offset % 16 == 0)
            write_lvt(l, offset, value);
        break;
    case R_TIMER_COUNT:
        *reg(l, R_TIMER_COUNT) = value;
        timer_start(v, value);
        break;
    case R_TIMER_DIVIDE:
        *reg(l, R_TIMER_DIVIDE) = value & 0xb;
        break;
    }
}

// MSRs
// ------------------------------------------------------------------------

static bool base_ok(uint64_t value)
{
    return !(value & ~(0xffffff000ull | BASE_BSP | BASE_ENABLED | BASE_X2APIC)) &&
           (value & (BASE_ENABLED | BASE_X2APIC)) != BASE_X2APIC;
}

static bool write_base(struct hvm_vcpu *v, uint64_t value)
{
    struct lapic *l = &v->lapic;
    uint64_t mode = value & (BASE_ENABLED | BASE_X2APIC);

    if (!base_ok(value) || (is_x2apic(l) && mode == BASE_ENABLED)) // back only by way of disabled
        return false;
    if (mode == (BASE_ENABLED | BASE_X2APIC) && !is_x2apic(l)) {
        *reg(l, R_ID) = id_of(v);
        *reg(l, R_LDR) = (id_of(v) & ~0xfu) << 12 | 1u << (id_of(v) & 0xf);
    }
    l->base_msr = (value & ~(uint64_t)BASE_BSP) | (v->v.id ? 0 : BASE_BSP);
    return true;
}

bool lapic_read_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned offset = (msr - MSR_X2APIC) * 16;

    if (msr == MSR_APIC_BASE) {
        *value = v->lapic.base_msr;
        return true;
    }
    if (!is_x2apic(&v->lapic) || offset >= LAPIC_BYTES || offset == R_DFR || offset == R_ICR2 ||
        offset == R_EOI || offset == R_SELF_IPI)
        return false;
    *value = lapic_read(v, offset);
    if (offset == R_ICR)
        *value |= (uint64_t)get(&v->lapic, R_ICR2) << 32;
    return true;
}

bool lapic_write_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned offset = (msr - MSR_X2APIC) * 16;

    if (msr == MSR_APIC_BASE)
        return write_base(v, value);
    if (!is_x2apic(&v->lapic) || offset >= LAPIC_BYTES)
        return false;
    switch (offset) {
    case R_ICR:
        *reg(&v->lapic, R_ICR) = (uint32_t)value & ~(1u << 12);
        *reg(&v->lapic, R_ICR2) = (uint32_t)(value >> 32);
        send_ipi(v, (uint32_t)value, (uint32_t)(value >> 32), true);
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
    *reg(l, R_VERSION) = VERSION;
    *reg(l, R_ID) = is_x2apic(l) ? id_of(v) : id_of(v) << 24;
    timer_start(v, get(l, R_TIMER_COUNT)); // from its beginning: how far it was is not recorded
}
