// The saved records of the platform's devices (pv-abi/hvm/save_devices.h).
#include "hvm/hvm.h"
#include "hvm/platform/platform.h"
#include "lib/errno.h"
#include "lib/string.h"

static const struct record {
    uint8_t code, instance;
    uint16_t length;
} records[] = {
#define RECORD(name, instance)                                         \
    {                                                                  \
        HVM_SAVE_CODE(name), instance, (uint16_t)HVM_SAVE_LENGTH(name) \
    }
    RECORD(PIC, 0),      RECORD(PIC, 1), RECORD(IOAPIC, 0), RECORD(PCI_IRQ, 0), RECORD(ISA_IRQ, 0),
    RECORD(PCI_LINK, 0), RECORD(PIT, 0), RECORD(RTC, 0),    RECORD(HPET, 0),    RECORD(PMTIMER, 0),
};

static void save(struct hvm_platform *p, const struct record *which, union hvm_platform_record *r,
                 nsec_t now)
{
    switch (which->code) {
    case HVM_SAVE_CODE(PIC):
        pic_save(&p->pic, which->instance, &r->pic);
        break;
    case HVM_SAVE_CODE(IOAPIC):
        r->ioapic = p->ioapic.s;
        break;
    case HVM_SAVE_CODE(PCI_IRQ):
        memcpy(r->pci.i, p->pci_pins, sizeof(r->pci.i));
        break;
    case HVM_SAVE_CODE(ISA_IRQ):
        r->isa.i[0] = (p->held_by_model | p->held_by_devices) & 0xffff;
        break;
    case HVM_SAVE_CODE(PCI_LINK):
        memcpy(r->link.route, p->route, sizeof(r->link.route));
        break;
    case HVM_SAVE_CODE(PIT):
        pit_save(&p->pit, &r->pit);
        break;
    case HVM_SAVE_CODE(RTC):
        r->rtc = p->rtc.s;
        break;
    case HVM_SAVE_CODE(HPET):
        hpet_save(&p->hpet, &r->hpet, now);
        break;
    case HVM_SAVE_CODE(PMTIMER):
        pm_save(&p->pm, &r->pm, now);
        break;
    }
}

bool hvm_platform_save(struct domain *d, unsigned n, struct hvm_save_descriptor *head,
                       union hvm_platform_record *r)
{
    struct hvm_platform *p = to_hvmd(d)->platform;

    if (!p || n >= ARRAY_SIZE(records))
        return false;
    *head = (struct hvm_save_descriptor){records[n].code, records[n].instance, records[n].length};
    memset(r, 0, sizeof(*r));
    spin_lock(&p->lock);
    platform_run(p, time_now());
    save(p, &records[n], r, time_now());
    spin_unlock(&p->lock);
    return true;
}

static bool link_ok(const struct hvm_hw_pci_link *l)
{
    return (l->route[0] | l->route[1] | l->route[2] | l->route[3]) < 16;
}

static bool load(struct hvm_platform *p, unsigned code, unsigned instance,
                 const union hvm_platform_record *r, bool commit, nsec_t now)
{
    switch (code) {
    case HVM_SAVE_CODE(PIC):
        return pic_load(&p->pic, instance, &r->pic, commit);
    case HVM_SAVE_CODE(IOAPIC):
        return ioapic_load(&p->ioapic, &r->ioapic, commit);
    case HVM_SAVE_CODE(PCI_IRQ):
        if (commit)
            memcpy(p->pci_pins, r->pci.i, sizeof(p->pci_pins));
        return true;
    case HVM_SAVE_CODE(ISA_IRQ):
        if (commit)
            p->held_by_model = (p->held_by_model & ~0xffffull) | r->isa.i[0];
        return r->isa.i[0] <= 0xffff;
    case HVM_SAVE_CODE(PCI_LINK):
        if (commit)
            memcpy(p->route, r->link.route, sizeof(p->route));
        return link_ok(&r->link);
    case HVM_SAVE_CODE(PIT):
        return pit_load(&p->pit, &r->pit, commit, now);
    case HVM_SAVE_CODE(RTC):
        if (!rtc_load(&p->rtc, &r->rtc, commit, now))
            return false;
        if (commit)
            p->domain->time_offset_seconds = r->rtc.rtc_offset;
        return true;
    case HVM_SAVE_CODE(HPET):
        return hpet_load(&p->hpet, &r->hpet, commit, now);
    default:
        return pm_load(&p->pm, &r->pm, commit, now);
    }
}

int hvm_platform_load(struct domain *d, unsigned code, unsigned instance,
                      const union hvm_platform_record *r, bool commit)
{
    struct hvm_platform *p = to_hvmd(d)->platform;
    bool ok = false, known = false;

    for (unsigned i = 0; i < ARRAY_SIZE(records); i++) {
        known |= records[i].code == code;
        ok |= records[i].code == code && records[i].instance == instance;
    }
    if (!p || !known)
        return -EOPNOTSUPP;
    if (!ok)
        return -EINVAL;
    spin_lock(&p->lock);
    platform_sync_clock(p);
    ok = load(p, code, instance, r, commit, time_now());
    spin_unlock(&p->lock);
    return ok ? 0 : -EINVAL;
}

// A line that a device here holds up was recorded as up: whether the model held it too is not
// known.
void hvm_platform_loaded(struct domain *d)
{
    struct hvm_platform *p = to_hvmd(d)->platform;
    nsec_t now = time_now();

    if (!p)
        return;
    spin_lock(&p->lock);
    platform_sync_clock(p);
    p->edges = 0;
    p->held_by_devices = hpet_levels(&p->hpet) | (uint64_t)pm_sci(&p->pm, now) << SCI_IRQ;
    if (rtc_interrupt(&p->rtc, now) && !hpet_is_legacy(&p->hpet))
        p->held_by_devices |= 1ull << RTC_IRQ;
    p->held_by_model &= ~p->held_by_devices;
    platform_adopt_lines(p);
    platform_run(p, now);
    spin_unlock(&p->lock);
}
