#include "platform/reset.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/mmio.h"
#include "cpu/time.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "platform/acpi.h"

#define CHIPSET_RESET_PORT   0xcf9 // bit 1: whole system, bit 2: now
#define KEYBOARD_COMMAND     0x64
#define KEYBOARD_BUSY        0x02
#define KEYBOARD_PULSE_RESET 0xfe

#define PM1_STATUS_WAKE (1u << 15)

static void acpi_write(const struct acpi_address *a, unsigned bytes, uint16_t v)
{
    volatile char *mmio = a->space == ACPI_MEMORY ? mmio_map(a->address, bytes) : NULL;

    if (a->space == ACPI_PORT && bytes == 1)
        outb((uint16_t)a->address, (uint8_t)v);
    else if (a->space == ACPI_PORT)
        outw((uint16_t)a->address, v);
    else if (mmio && bytes == 1)
        mmio_write8(mmio, (uint8_t)v);
    else if (mmio)
        mmio_write16(mmio, v);
}

// Time does not count before time_init(), so this counts port accesses, about a microsecond each.
static void wait_ms(unsigned ms)
{
    for (unsigned i = 0; i < ms * 1000; i++)
        outb(0x80, 0);
}

static void reset_by_keyboard(void)
{
    for (unsigned attempt = 0; attempt < 10; attempt++) {
        for (unsigned i = 0; i < 0x10000 && (inb(KEYBOARD_COMMAND) & KEYBOARD_BUSY); i++)
            cpu_relax();
        outb(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
        wait_ms(5);
    }
}

static __attribute__((noreturn)) void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0; int3" : : "m"(none));
    for (;;)
        halt_forever();
}

static volatile char *reset_mmio;

void reset_init(void)
{
    if (acpi.fixed.reset.space == ACPI_MEMORY)
        reset_mmio = mmio_map(acpi.fixed.reset.address, 1);
}

static void reset_by_acpi(void)
{
    if (acpi.fixed.reset.space == ACPI_PORT)
        outb((uint16_t)acpi.fixed.reset.address, acpi.fixed.reset_value);
    else if (reset_mmio)
        mmio_write8(reset_mmio, acpi.fixed.reset_value);
    else
        return;
    wait_ms(50);
}

void machine_reboot(void)
{
    cli();
    apic_stop_others();
    reset_by_acpi();
    outb(CHIPSET_RESET_PORT, 0x02);
    wait_ms(1);
    outb(CHIPSET_RESET_PORT, 0x06);
    wait_ms(50);
    reset_by_keyboard();
    triple_fault();
}

void machine_halt(void)
{
    cli();
    apic_stop_others();
    for (;;)
        halt_forever();
}

static bool sleep_known;
static uint16_t sleep_a, sleep_b;
static bool sleep_extended;

void machine_poweroff(void)
{
    if (sleep_known)
        machine_sleep(sleep_a, sleep_b, sleep_extended);
    log_info("It is now safe to switch the machine off.\n");
    machine_halt();
}

int machine_sleep(uint16_t a, uint16_t b, bool extended)
{
    const struct acpi_fixed *f = &acpi.fixed;

    sleep_a = a;
    sleep_b = b;
    sleep_extended = extended;
    sleep_known = true;
    if (extended) {
        if (f->sleep_control.space == ACPI_NOWHERE)
            return -ENODEV;
        acpi_write(&f->sleep_control, 1, a);
    } else {
        if (f->pm1a_control.space == ACPI_NOWHERE)
            return -ENODEV;
        // The wake status must be clear, or the machine wakes at once.
        acpi_write(&f->pm1a_event, 2, PM1_STATUS_WAKE);
        acpi_write(&f->pm1b_event, 2, PM1_STATUS_WAKE);
        acpi_write(&f->pm1a_control, 2, a);
        acpi_write(&f->pm1b_control, 2, b);
    }
    wait_ms(500);
    return -EIO;
}
