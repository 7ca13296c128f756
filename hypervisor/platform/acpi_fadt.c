// FADT: the fixed hardware, that is the PM timer, the sleep and reset registers, and what of the
// old PC the machine has (ACPI 6.4, 5.2.9).
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "platform/acpi_tables.h"

struct fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control;
    uint32_t pm_timer, gpe0, gpe1;
    uint8_t pm1_event_bytes, pm1_control_bytes, pm2_control_bytes, pm_timer_bytes;
    uint8_t gpe0_bytes, gpe1_bytes, gpe1_base, cstate_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved1;
    uint32_t flags;
    struct acpi_gas reset;
    uint8_t reset_value;
    uint16_t arm_boot_flags;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct acpi_gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control;
    struct acpi_gas x_pm_timer, x_gpe0, x_gpe1;
    struct acpi_gas sleep_control, sleep_status;
} __attribute__((packed));
_Static_assert(offsetof(struct fadt, flags) == 112, "5.2.9");
_Static_assert(offsetof(struct fadt, x_pm1a_event) == 148, "5.2.9");
_Static_assert(sizeof(struct fadt) == 268, "5.2.9");

#define FADT_V1_BYTES 116

#define FLAG_TIMER_32BIT    (1u << 8)
#define FLAG_RESET_REGISTER (1u << 10)
#define BOOT_NO_RTC         (1u << 5)

// A block is described twice; the longer form wins where it says anything.
static struct acpi_address block(const struct acpi_gas *x, uint32_t port, uint8_t bytes)
{
    struct acpi_address a = acpi_address_from(x);

    if (a.space == ACPI_NOWHERE && port)
        a = (struct acpi_address){ACPI_PORT, (uint8_t)(bytes * 8), port};
    return a;
}

static void read_blocks(struct acpi_fixed *fixed, const struct fadt *f)
{
    fixed->pm_timer = block(&f->x_pm_timer, f->pm_timer, 4);
    fixed->pm1a_event = block(&f->x_pm1a_event, f->pm1a_event, f->pm1_event_bytes);
    fixed->pm1b_event = block(&f->x_pm1b_event, f->pm1b_event, f->pm1_event_bytes);
    fixed->pm1a_control = block(&f->x_pm1a_control, f->pm1a_control, 2);
    fixed->pm1b_control = block(&f->x_pm1b_control, f->pm1b_control, 2);
    fixed->sleep_control = acpi_address_from(&f->sleep_control);
}

static void read_flags(struct acpi_fixed *fixed, const struct fadt *f)
{
    fixed->pm_timer_32bit = f->flags & FLAG_TIMER_32BIT;
    if (f->flags & FLAG_RESET_REGISTER) {
        fixed->reset = acpi_address_from(&f->reset);
        fixed->reset_value = f->reset_value;
    }
    // Before revision 3 the boot flags mean nothing.
    fixed->no_rtc = f->header.revision >= 3 && (f->boot_flags & BOOT_NO_RTC);
}

void acpi_read_fadt(const struct acpi_header *table)
{
    struct fadt f;

    if (table->length < FADT_V1_BYTES) {
        log_warn("ACPI: FACP is too short (%u bytes)\n", table->length);
        return;
    }
    // An older, shorter table is one whose missing fields are 0.
    memset(&f, 0, sizeof(f));
    memcpy(&f, table, MIN(table->length, sizeof(f)));
    acpi.fixed = (struct acpi_fixed){.present = true, .rtc_century = f.century};
    read_blocks(&acpi.fixed, &f);
    read_flags(&acpi.fixed, &f);
}
