#include "hvm/platform/platform.h"

#include "core/pv_time.h"
#include "hvm/hvm.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/alloc.h"
#include "pv-abi/hvm/ioreq.h"
#include "pv-abi/sched.h"

#define SPEAKER 0x61

// Between it and its domain.
void platform_sync_clock(struct hvm_platform *p)
{
    int64_t offset = p->domain->time_offset_seconds;

    p->rtc.utc_base = wallclock_at_start();
    p->rtc.s.rtc_offset = MIN(MAX(offset, -RTC_MAX_OFFSET), RTC_MAX_OFFSET);
}

static void clock_was_set(struct hvm_platform *p, int64_t old)
{
    if (p->rtc.s.rtc_offset == old)
        return;
    p->domain->time_offset_seconds = p->rtc.s.rtc_offset;
    wallclock_publish(p->domain);
}

static void run_hpet(struct hvm_platform *p, nsec_t now)
{
    for (unsigned i = 0; i < HPET_TIMER_NUM; i++) {
        int line = hpet_line(&p->hpet, i);
        enum tick_line state = line < 0 ? TICK_MASKED : platform_line(p, (unsigned)line);

        if (hpet_tick(&p->hpet, i, now, state) && line >= 0)
            platform_pulse(p, (unsigned)line);
    }
}

// While the HPET stands in for them, PIT and RTC have no lines.
void platform_run(struct hvm_platform *p, nsec_t now)
{
    bool legacy = hpet_is_legacy(&p->hpet);
    uint64_t levels;
    nsec_t when;

    platform_sync_clock(p);
    if (pit_tick(&p->pit, now, legacy ? TICK_MASKED : platform_line(p, 0)) && !legacy)
        platform_pulse(p, 0);
    run_hpet(p, now);
    levels = hpet_levels(&p->hpet) | (uint64_t)pm_sci(&p->pm, now) << SCI_IRQ;
    if (rtc_interrupt(&p->rtc, now) && !legacy)
        levels |= 1ull << RTC_IRQ;
    p->held_by_devices = levels;
    if (!legacy)
        p->edges &= ~(1ull << RTC_IRQ);
    platform_propagate(p);
    when =
        MIN(MIN(pit_when(&p->pit), rtc_when(&p->rtc)), MIN(pm_when(&p->pm), hpet_when(&p->hpet)));
    if (when == p->when || p->domain->dying)
        return;
    p->when = when;
    if (when == NSEC_NEVER)
        timer_stop(&p->timer);
    else
        timer_set(&p->timer, when);
}

static void timer_fired(void *platform)
{
    struct hvm_platform *p = platform;

    spin_lock(&p->lock);
    p->when = NSEC_NEVER;
    platform_run(p, time_now());
    spin_unlock(&p->lock);
}

// Accesses
// ------------------------------------------------------------------------

// Devices of 8 bits are reached byte by byte. False: not theirs.
static bool read_byte(struct hvm_platform *p, unsigned port, uint8_t *value, nsec_t now)
{
    switch (port) {
    case 0x40 ... 0x43:
        *value = pit_read(&p->pit, port, now);
        return true;
    case SPEAKER:
        *value = pit_read_speaker(&p->pit, now);
        return true;
    case 0x70 ... 0x71:
        return rtc_read(&p->rtc, port, value, now);
    default:
        *value = pic_read(&p->pic, port);
        return true;
    }
}

static bool write_byte(struct hvm_platform *p, unsigned port, uint8_t value, nsec_t now)
{
    switch (port) {
    case 0x40 ... 0x43:
        pit_write(&p->pit, port, value, now);
        return true;
    case SPEAKER:
        pit_write_speaker(&p->pit, value, now);
        return true;
    case 0x70 ... 0x71:
        return rtc_write(&p->rtc, port, value, now);
    default:
        pic_write(&p->pic, port, value);
        return true;
    }
}

static bool access_bytes(struct hvm_vcpu *v, struct hvm_access *a)
{
    struct hvm_platform *p = to_hvmd(v->v.domain)->platform;
    nsec_t now = time_now();
    int64_t offset;
    bool ours = true;

    if (!a->write)
        a->data = 0;
    spin_lock(&p->lock);
    platform_sync_clock(p);
    offset = p->rtc.s.rtc_offset;
    for (unsigned i = 0; i < a->bytes && ours; i++) {
        unsigned port = (unsigned)a->address + i;
        uint8_t value = 0;

        if (a->write)
            ours = write_byte(p, port, (uint8_t)(a->data >> i * 8), now);
        else if ((ours = read_byte(p, port, &value, now)))
            a->data |= (uint64_t)value << i * 8;
    }
    clock_was_set(p, offset);
    platform_tell_intr(p);
    platform_run(p, now);
    spin_unlock(&p->lock);
    return ours;
}

static bool access_pm(struct hvm_vcpu *v, struct hvm_access *a)
{
    struct hvm_domain *d = to_hvmd(v->v.domain);
    struct hvm_platform *p = d->platform;
    uint64_t base = d->params[HVM_PARAM_ACPI_IOPORTS_LOCATION] ? ACPI_PM1A_EVT_BLK_ADDRESS_V1
                                                               : ACPI_PM1A_EVT_BLK_ADDRESS_V0;
    unsigned first = (unsigned)(a->address - base);
    enum pm_sleep sleep = PM_AWAKE;
    nsec_t now = time_now();

    if (first >= PM_PORTS)
        return false; // the registers are at the other place
    if (!a->write)
        a->data = 0;
    spin_lock(&p->lock);
    for (unsigned i = 0; i < a->bytes; i++) {
        if (a->write)
            sleep = MAX(sleep, pm_write(&p->pm, first + i, (uint8_t)(a->data >> i * 8), now));
        else
            a->data |= (uint64_t)pm_read(&p->pm, first + i, now) << i * 8;
    }
    platform_run(p, now);
    spin_unlock(&p->lock);
    if (sleep == PM_OFF)
        domain_shutdown(&d->d, SHUTDOWN_poweroff);
    else if (sleep == PM_NO_SUCH_SLEEP)
        guest_warn("asks for a sleep state that there is not: S4 and S5 only\n");
    return true;
}

// Its registers are read and written as wholes.
static bool access_ioapic(struct hvm_vcpu *v, struct hvm_access *a)
{
    struct hvm_platform *p = to_hvmd(v->v.domain)->platform;
    unsigned offset = (unsigned)(a->address - IOAPIC_BASE);

    spin_lock(&p->lock);
    if (!a->write) {
        a->data = ioapic_read(&p->ioapic, offset & ~3u) >> (offset & 3) * 8;
    } else if (a->bytes == 4 && !(offset & 3)) {
        ioapic_write(&p->ioapic, p->domain, offset, (uint32_t)a->data);
        p->intr = false; // the PIC's way may be another now
        platform_tell_intr(p);
    }
    spin_unlock(&p->lock);
    return true;
}

// As wholes, or as halves.
static bool access_hpet(struct hvm_vcpu *v, struct hvm_access *a)
{
    struct hvm_platform *p = to_hvmd(v->v.domain)->platform;
    unsigned offset = (unsigned)(a->address - HPET_BASE), shift = (offset & 7) * 8;
    uint64_t mask = (a->bytes == 8 ? ~0ull : UINT32_MAX) << shift;
    nsec_t now = time_now();

    spin_lock(&p->lock);
    if (!a->write) {
        a->data = hpet_read(&p->hpet, offset & ~7u, now) >> shift;
    } else if (a->bytes >= 4 && !(offset & (a->bytes - 1u))) {
        hpet_write(&p->hpet, offset & ~7u, a->data << shift, mask, now);
        platform_run(p, now);
    }
    spin_unlock(&p->lock);
    return true;
}

int hvm_platform_press(struct domain *d, bool sleep)
{
    struct hvm_platform *p = to_hvmd(d)->platform;

    if (!p)
        return -ENOSYS;
    spin_lock(&p->lock);
    pm_press(&p->pm, sleep ? PM_SLEEP_BUTTON : PM_POWER_BUTTON);
    platform_run(p, time_now());
    spin_unlock(&p->lock);
    return 0;
}

// Birth and death
// ------------------------------------------------------------------------

static const struct {
    bool port;
    uint32_t first, bytes;
    hvm_device_fn *fn;
} ranges[] = {
    {true, 0x20, 2, access_bytes},
    {true, 0xa0, 2, access_bytes},
    {true, 0x4d0, 2, access_bytes},
    {true, 0x40, 4, access_bytes},
    {true, SPEAKER, 1, access_bytes},
    {true, 0x70, 2, access_bytes},
    {true, ACPI_PM1A_EVT_BLK_ADDRESS_V0, PM_PORTS, access_pm},
    {true, ACPI_PM1A_EVT_BLK_ADDRESS_V1, PM_PORTS, access_pm},
    {false, IOAPIC_BASE, IOAPIC_BYTES, access_ioapic},
    {false, HPET_BASE, HPET_BYTES, access_hpet},
};

int hvm_platform_init(struct domain *d)
{
    struct hvm_platform *p = xzalloc(struct hvm_platform);
    nsec_t now = time_now();

    if (!p)
        return -ENOMEM;
    p->domain = d;
    p->when = NSEC_NEVER;
    p->callback_line = p->callback_pin = NO_LINE;
    pic_init(&p->pic);
    ioapic_init(&p->ioapic);
    pit_init(&p->pit, now);
    rtc_init(&p->rtc, now);
    pm_init(&p->pm, now);
    hpet_init(&p->hpet);
    timer_init(&p->timer, timer_fired, p, this_cpu());
    to_hvmd(d)->platform = p;
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        int rc = hvm_device_add(d, ranges[i].port, ranges[i].first,
                                ranges[i].first + ranges[i].bytes - 1, ranges[i].fn);

        if (rc)
            return rc;
    }
    return 0;
}

void hvm_platform_destroy(struct domain *d)
{
    struct hvm_platform *p = to_hvmd(d)->platform;

    if (!p)
        return;
    timer_kill(&p->timer);
    to_hvmd(d)->platform = NULL;
    xfree(p);
}

void hvm_platform_follow(struct domain *d)
{
    if (to_hvmd(d)->platform)
        timer_migrate(&to_hvmd(d)->platform->timer, this_cpu());
}
