// The end of the machine. Reboot, halt and power-off can be called in any state.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Prepares for machine_reboot(), which must not allocate. After acpi_init(), once mmio_map() works.
void reset_init(void);

// Resets the machine: by the ACPI reset register, the chipset, the keyboard controller or a triple
// fault, whichever works first.
__attribute__((noreturn)) void machine_reboot(void);

// Stops all CPUs.
__attribute__((noreturn)) void machine_halt(void);

// Switches the machine off if domain 0 has told how (machine_sleep); otherwise halts.
__attribute__((noreturn)) void machine_poweroff(void);

// Enters a sleep state by writing SLP_TYP and SLP_EN as domain 0 found them in the firmware's
// namespace to the PM1 control registers, or, if extended, the low byte of a to the sleep control
// register. For S5 does not return if it works. -ENODEV: no such register. -EIO: still awake.
int machine_sleep(uint16_t a, uint16_t b, bool extended);
