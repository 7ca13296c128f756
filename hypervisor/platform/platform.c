#include "platform/platform.h"

#include "cpu/apic.h"
#include "cpu/ioapic.h"
#include "cpu/time.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "platform/acpi.h"
#include "platform/pic.h"
#include "platform/reset.h"
#include "platform/serial.h"
#include "platform/timers.h"

// Messages to local APICs, from wherever (Intel SDM vol. 3, 11.11.1).
#define MSI_FIRST_MADDR 0xfee00000ull
#define MSI_LAST_MADDR  0xfeefffffull

void platform_interrupts_init(bool allow_x2apic)
{
    if (acpi.has_8259 || !acpi.root_maddr)
        pic_disable();
    apic_init(acpi.lapic_maddr, allow_x2apic);
    apic_cpu_init();
    for (unsigned i = 0; i < acpi.nr_nmis; i++)
        apic_set_nmi_input(acpi.nmis[i].lint, acpi.nmis[i].active_low, acpi.nmis[i].level);
    for (unsigned i = 0; i < acpi.nr_ioapics; i++)
        ioapic_add(acpi.ioapics[i].id, acpi.ioapics[i].maddr, acpi.ioapics[i].gsi_base);
    for (unsigned i = 0; i < acpi.nr_overrides; i++)
        ioapic_override(acpi.overrides[i].isa_irq, acpi.overrides[i].gsi,
                        acpi.overrides[i].active_low, acpi.overrides[i].level);
    if (!acpi.nr_ioapics)
        log_warn("no IO-APIC: devices can interrupt by messages only\n");
    reset_init();
}

void platform_time_init(void)
{
    time_init(best_time_source());
}

bool platform_claimed_ports(unsigned *cursor, uint16_t *first, uint16_t *last)
{
    static const uint16_t fixed[][2] = {
        {0x20, 0x21}, {0x40, 0x43}, {0xa0, 0xa1}, {0xcf8, 0xcf8}, {0xcfc, 0xcff}};
    unsigned irq;

    for (unsigned i; (i = (*cursor)++) < ARRAY_SIZE(fixed) + NR_SERIAL_PORTS;) {
        if (i < ARRAY_SIZE(fixed)) {
            *first = fixed[i][0];
            *last = fixed[i][1];
            return true;
        }
        if (serial_in_use(i - ARRAY_SIZE(fixed), first, &irq)) {
            *last = (uint16_t)(*first + 7);
            return true;
        }
    }
    return false;
}

bool platform_claimed_memory(unsigned *cursor, uint64_t *first, uint64_t *last)
{
    unsigned i = (*cursor)++;

    if (i == 0) {
        *first = MSI_FIRST_MADDR;
        *last = MSI_LAST_MADDR;
        return true;
    }
    if (i > acpi.nr_ioapics)
        return false;
    *first = ROUND_DOWN(acpi.ioapics[i - 1].maddr, (uint64_t)PAGE_SIZE);
    *last = *first + PAGE_SIZE - 1;
    return true;
}
