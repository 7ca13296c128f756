#include "hvm/platform/pm.h"

#define TIMER_STATUS 0x0001u // the timer's highest bit has changed
#define WAKE_STATUS  0x8000u
// Timer, global lock, buttons, RTC, wake.
#define STATUS_BITS 0x8721u
#define ENABLE_BITS 0x0721u
#define SLEEP_TYPE  0x1c00u
#define SLEEP       0x2000u
#define CONTROL     (SLEEP_TYPE | 0x0003u) // and SCI_EN: there is no other mode
#define SCI_ENABLED 0x0001u
#define HALF        (1ull << 31)

enum { TYPE_S5 = 0, TYPE_S4 = 6 }; // sleep types as Xen's tables have them; off, either way

static uint64_t clock(nsec_t now)
{
    return clock_at(now, PM_HZ);
}

// The PM clock when the timer's highest bit changes next after `from`.
static uint64_t next_change(const struct pm *p, uint64_t from)
{
    return from + HALF - ((from + p->offset) & (HALF - 1));
}

static void look(struct pm *p, nsec_t now)
{
    if (next_change(p, p->looked) <= clock(now))
        p->status |= TIMER_STATUS;
    p->looked = clock(now);
}

bool pm_sci(struct pm *p, nsec_t now)
{
    look(p, now);
    return p->status & p->enable;
}

nsec_t pm_when(const struct pm *p)
{
    if (!(p->enable & TIMER_STATUS) || (p->status & TIMER_STATUS))
        return NSEC_NEVER;
    return clock_time(next_change(p, p->looked), PM_HZ);
}

void pm_press(struct pm *p, uint16_t button)
{
    p->status |= button & (PM_POWER_BUTTON | PM_SLEEP_BUTTON);
}

uint8_t pm_read(struct pm *p, unsigned offset, nsec_t now)
{
    uint64_t regs = (uint64_t)(p->control | SCI_ENABLED) << 32;

    look(p, now);
    regs |= p->status | (uint32_t)p->enable << 16;
    if (offset >= 8)
        regs = (uint32_t)(clock(now) + p->offset);
    return (uint8_t)(regs >> offset % 8 * 8);
}

// The write of a byte of a register.
static uint16_t merged(uint16_t reg, unsigned offset, uint8_t value)
{
    return offset & 1 ? (uint16_t)((reg & 0xff) | value << 8) : (uint16_t)((reg & 0xff00) | value);
}

// The bit that starts a sleep is not kept.
static enum pm_sleep write_control(struct pm *p, unsigned offset, uint8_t value)
{
    uint16_t control = merged(p->control, offset, value);
    unsigned type = (control & SLEEP_TYPE) >> 10;

    p->control = control & CONTROL;
    if (!(control & SLEEP))
        return PM_AWAKE;
    return type == TYPE_S5 || type == TYPE_S4 ? PM_OFF : PM_NO_SUCH_SLEEP;
}

enum pm_sleep pm_write(struct pm *p, unsigned offset, uint8_t value, nsec_t now)
{
    look(p, now);
    switch (offset) {
    case 0:
    case 1:
        p->status &= (uint16_t) ~(value << offset * 8); // written as 1 they go out
        break;
    case 2:
    case 3:
        p->enable = merged(p->enable, offset, value) & ENABLE_BITS;
        break;
    case 4:
    case 5:
        return write_control(p, offset, value);
    }
    return PM_AWAKE;
}

void pm_init(struct pm *p, nsec_t now)
{
    *p = (struct pm){.offset = (uint32_t)-clock(now), .looked = clock(now)};
}

void pm_save(struct pm *p, struct hvm_hw_pmtimer *s, nsec_t now)
{
    look(p, now);
    *s = (struct hvm_hw_pmtimer){(uint32_t)(clock(now) + p->offset), p->status, p->enable};
}

bool pm_load(struct pm *p, const struct hvm_hw_pmtimer *s, bool commit, nsec_t now)
{
    if ((s->pm1a_sts & ~(STATUS_BITS | WAKE_STATUS)) || (s->pm1a_en & ~ENABLE_BITS))
        return false;
    if (commit)
        *p = (struct pm){.status = s->pm1a_sts,
                         .enable = s->pm1a_en,
                         .offset = s->tmr_val - (uint32_t)clock(now),
                         .looked = clock(now)};
    return true;
}
