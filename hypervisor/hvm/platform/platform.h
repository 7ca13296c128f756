// The devices of a PC that an HVM guest may have in the hypervisor, and their interrupt lines.
//
// Each is a structure and functions that are told the time and answer what becomes of their
// interrupt; nothing in them knows of locks, timers or domains. platform.c has the accesses of
// guests come to them and one timer that follows the earliest of what they wait for; irq.c has the
// lines between them; saved.c their records.
#pragma once

#include "core/domain.h"
#include "hvm/platform/hpet.h"
#include "hvm/platform/ioapic.h"
#include "hvm/platform/pic.h"
#include "hvm/platform/pit.h"
#include "hvm/platform/pm.h"
#include "hvm/platform/rtc.h"

// What domains with devices in the hypervisor must ask for, with USE_PIRQ or without.
#define HVM_PLATFORM_EMULATION (XEN_X86_EMU_ALL & ~(XEN_X86_EMU_VPCI | XEN_X86_EMU_USE_PIRQ))

#define NO_LINE 0xff

struct hvm_platform {
    struct domain *domain;
    spinlock_t lock;    // of all that follows
    struct timer timer; // armed for `when`
    nsec_t when;

    // Lines that somebody holds up: ISA lines in bits 0 to 15, the I/O APIC's further inputs behind
    // them; PCI pins, four for each device. `edges`: the last of a device was an edge.
    uint64_t held_by_model, held_by_devices, edges, pci_pins[2];
    uint8_t route[4];                    // of PIRQA to PIRQD: an ISA line, 0: nowhere
    uint8_t callback_line, callback_pin; // of event channels; NO_LINE
    bool callback_up;
    bool intr; // the PIC's output as it is known outside

    struct pic pic;
    struct ioapic ioapic;
    struct pit pit;
    struct rtc rtc;
    struct pm pm;
    struct hpet hpet;
};

// Makes the devices, once, before the domain has vCPUs. -ENOMEM, or as hvm_device_add().
int hvm_platform_init(struct domain *d);
void hvm_platform_destroy(struct domain *d);
// The domain's vCPU 0 runs on this CPU from now on.
void hvm_platform_follow(struct domain *d);
// The guest's power or sleep button. -ENOSYS: it has none.
int hvm_platform_press(struct domain *d, bool sleep);

// irq.c, with the lock held. Has the controllers know all lines as they are now, and processors
// what the PIC says.
void platform_propagate(struct hvm_platform *p);
void platform_pulse(struct hvm_platform *p, unsigned line); // an edge, from a device
void platform_tell_intr(struct hvm_platform *p);
enum tick_line platform_line(const struct hvm_platform *p, unsigned line);
// What has been loaded is as it was before: no line's level is an edge.
void platform_adopt_lines(struct hvm_platform *p);

// platform.c, with the lock held. What has fallen due happens, and the timer is set for the rest.
void platform_run(struct hvm_platform *p, nsec_t now);
void platform_sync_clock(struct hvm_platform *p);

// saved.c
union hvm_platform_record {
    struct hvm_hw_vpic pic;
    struct hvm_hw_vioapic ioapic;
    struct hvm_hw_pci_irqs pci;
    struct hvm_hw_isa_irqs isa;
    struct hvm_hw_pci_link link;
    struct hvm_hw_pit pit;
    struct hvm_hw_rtc rtc;
    struct hvm_hw_hpet hpet;
    struct hvm_hw_pmtimer pm;
};
// The n-th record; false: there are no more.
bool hvm_platform_save(struct domain *d, unsigned n, struct hvm_save_descriptor *head,
                       union hvm_platform_record *r);
// Checks one, and takes it over if `commit`. -EINVAL: no device could be so, -EOPNOTSUPP: the
// domain has no such device. When all have been taken over, hvm_platform_loaded().
int hvm_platform_load(struct domain *d, unsigned code, unsigned instance,
                      const union hvm_platform_record *r, bool commit);
void hvm_platform_loaded(struct domain *d);
