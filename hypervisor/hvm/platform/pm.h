// The ACPI fixed hardware (ACPI 6.4, 4.8.3): PM1a event and control registers and the PM timer of
// 32 bits, in 12 ports. Its general-purpose events are the device model's, whose hot-plug they tell
// of.
#pragma once

#include "hvm/platform/tick.h"
#include "pv-abi/hvm/save.h"

#define PM_HZ    3579545u
#define PM_PORTS 12 // event 0-3, control 4-5, timer 8-11
#define SCI_IRQ  9

enum { PM_POWER_BUTTON = 1 << 8, PM_SLEEP_BUTTON = 1 << 9 }; // in the status register

enum pm_sleep { PM_AWAKE, PM_OFF, PM_NO_SUCH_SLEEP };

struct pm {
    uint16_t status, enable, control;
    uint32_t offset; // of the timer, from the PM clock
    uint64_t looked; // the PM clock when status was last brought up to date
};

void pm_init(struct pm *p, nsec_t now);
// Registers by byte.
uint8_t pm_read(struct pm *p, unsigned offset, nsec_t now);
// What the guest has asked for by it.
enum pm_sleep pm_write(struct pm *p, unsigned offset, uint8_t value, nsec_t now);
void pm_press(struct pm *p, uint16_t button);
// Brings status up to date; is the SCI up?
bool pm_sci(struct pm *p, nsec_t now);
nsec_t pm_when(const struct pm *p);

void pm_save(struct pm *p, struct hvm_hw_pmtimer *s, nsec_t now);
bool pm_load(struct pm *p, const struct hvm_hw_pmtimer *s, bool commit, nsec_t now);
