// The readers of ACPI tables, on tables made by hand: right ones, old ones and damaged ones.
//
// sources: hypervisor/platform/acpi.c hypervisor/platform/acpi_madt.c
// sources: hypervisor/platform/acpi_fadt.c hypervisor/platform/acpi_srat.c
// sources: hypervisor/platform/acpi_devices.c
#include <CUnit/Basic.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lib/errno.h"
#include "lib/log.h"
#include "tests/suite.h"
#include "tests/unit/acpi_tables.h"

static unsigned complaints;

void log_print(enum log_level level, const char *fmt, ...)
{
    if (level <= LOG_WARN)
        complaints++;
}

static int scan(void)
{
    complaints = 0;
    return acpi_init(NULL, 0);
}

// Bytes of a MADT as QEMU makes it for two CPUs, and more.
static const uint8_t madt[] = {
    0x00, 0x00, 0xe0, 0xfe, 1,    0,    0,    0,                   // local APICs, has 8259
    0,    8,    0,    0,    1,    0,    0,    0,                   // CPU uid 0, id 0
    0,    8,    1,    1,    1,    0,    0,    0,                   // CPU uid 1, id 1
    0,    8,    2,    2,    0,    0,    0,    0,                   // disabled
    0,    8,    3,    255,  1,    0,    0,    0,                   // padding
    1,    12,   7,    0,    0x00, 0x00, 0xc0, 0xfe, 0,    0, 0, 0, // IO-APIC 7
    1,    12,   8,    0,    0x00, 0x10, 0xc0, 0xfe, 24,   0, 0, 0, // IO-APIC 8, GSI 24
    2,    10,   0,    0,    2,    0,    0,    0,    0,    0,       // IRQ 0 at GSI 2
    2,    10,   0,    9,    9,    0,    0,    0,    0x0d, 0,       // IRQ 9 level, active high
    2,    10,   0,    10,   20,   0,    0,    0,    0x0f, 0, // IRQ 10 at 20, level, active low
    2,    10,   1,    3,    3,    0,    0,    0,    0,    0, // of another bus
    4,    6,    0xff, 0,    0,    1,                         // NMI at LINT1 of all
    3,    8,    5,    0,    17,   0,    0,    0,             // NMI at GSI 17, active high, edge
    9,    16,   0,    0,    0,    1,    0,    0,    1,    0, 0, 0,
    9,    0,    0,    0, // x2APIC id 256, uid 9
    9,    16,   0,    0,    1,    0,    0,    0,    1,    0, 0, 0,
    1,    0,    0,    0, // CPU id 1 again
    99,   4,    1,    2, // of a type not known
};

static void test_madt(void)
{
    firmware_clear();
    add_table("APIC", 3, madt, sizeof(madt));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.lapic_maddr, 0xfee00000);
    CU_ASSERT_TRUE(acpi.has_8259);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_cpus, 3);
    CU_ASSERT_EQUAL(acpi.cpus[1].apic_id, 1);
    CU_ASSERT_EQUAL(acpi.cpus[2].apic_id, 256);
    CU_ASSERT_EQUAL(acpi.cpus[2].uid, 9);
    CU_ASSERT_EQUAL(acpi.cpus[0].node, ACPI_NO_NODE);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_ioapics, 2);
    CU_ASSERT_EQUAL(acpi.ioapics[1].id, 8);
    CU_ASSERT_EQUAL(acpi.ioapics[1].maddr, 0xfec01000);
    CU_ASSERT_EQUAL(acpi.ioapics[1].gsi_base, 24);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_overrides, 3);
    CU_ASSERT_EQUAL(acpi.overrides[0].gsi, 2);
    CU_ASSERT_FALSE(acpi.overrides[0].level || acpi.overrides[0].active_low);
    CU_ASSERT_TRUE(acpi.overrides[1].level && !acpi.overrides[1].active_low);
    CU_ASSERT_TRUE(acpi.overrides[2].level && acpi.overrides[2].active_low);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_nmis, 1);
    CU_ASSERT_EQUAL(acpi.nmis[0].lint, 1);
    CU_ASSERT_EQUAL(complaints, 1); // the override of another bus
}

static void test_many_cpus(void)
{
    static uint8_t body[8 + 80 * 8];

    firmware_clear();
    for (unsigned i = 0; i < 80; i++)
        memcpy(body + 8 + i * 8, (uint8_t[]){0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0}, 8);
    add_table("APIC", 3, body, sizeof(body));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, MAX_CPUS);
    CU_ASSERT_EQUAL(acpi.nr_cpus_ignored, 80 - MAX_CPUS);
}

static void put(uint8_t *fadt, unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(fadt + offset - sizeof(struct acpi_header), &value, bytes);
}

static void put_gas(uint8_t *fadt, unsigned offset, uint8_t space, uint64_t address)
{
    put(fadt, offset, space, 1);
    put(fadt, offset + 1, 32, 1);
    put(fadt, offset + 4, address, 8);
}

static void test_fadt(void)
{
    uint8_t body[276 - sizeof(struct acpi_header)] = {0};

    firmware_clear();
    put(body, 46, 9, 2);       // SCI
    put(body, 56, 0x600, 4);   // PM1a event
    put(body, 64, 0x604, 4);   // PM1a control
    put(body, 76, 0x608, 4);   // PM timer
    put(body, 88, 4, 1);       // PM1 event length
    put(body, 108, 0x32, 1);   // century
    put(body, 109, 0x0006, 2); // 8042, no VGA
    put(body, 112, 1 << 8 | 1 << 10, 4);
    put_gas(body, 116, 1, 0xcf9);
    put(body, 128, 0x0f, 1);
    put_gas(body, 208, 0, 0xfed10000); // the longer form wins
    add_table("FACP", 5, body, sizeof(body));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_TRUE_FATAL(acpi.fixed.present);
    CU_ASSERT_EQUAL(acpi.fixed.pm1a_event.address, 0x600);
    CU_ASSERT_EQUAL(acpi.fixed.pm1a_control.space, ACPI_PORT);
    CU_ASSERT_EQUAL(acpi.fixed.pm1b_control.space, ACPI_NOWHERE);
    CU_ASSERT_EQUAL(acpi.fixed.pm_timer.space, ACPI_MEMORY);
    CU_ASSERT_EQUAL(acpi.fixed.pm_timer.address, 0xfed10000);
    CU_ASSERT_TRUE(acpi.fixed.pm_timer_32bit);
    CU_ASSERT_EQUAL(acpi.fixed.reset.address, 0xcf9);
    CU_ASSERT_EQUAL(acpi.fixed.reset_value, 0x0f);
    CU_ASSERT_EQUAL(acpi.fixed.rtc_century, 0x32);
    CU_ASSERT_FALSE(acpi.fixed.no_rtc);
}

static void test_old_fadt(void)
{
    uint8_t body[116 - sizeof(struct acpi_header)] = {0};

    firmware_clear();
    put(body, 76, 0x608, 4);
    put(body, 112, 1 << 10, 4); // claims a reset register that it is too short to have
    add_table("FACP", 1, body, sizeof(body));
    finish_tables(0);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.fixed.pm_timer.space, ACPI_PORT);
    CU_ASSERT_FALSE(acpi.fixed.pm_timer_32bit);
    CU_ASSERT_EQUAL(acpi.fixed.reset.space, ACPI_NOWHERE);
}

static void test_devices(void)
{
    static const uint8_t hpet[] = {0x01, 0xa2, 0x86, 0x80, 0, 64, 0, 0, 0x00, 0x00,
                                   0xd0, 0xfe, 0,    0,    0, 0,  0, 0, 0,    0};
    static const uint8_t mcfg[8 + 2 * 16 + 5] = {0, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0, 0xb0, 0,
                                                 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0,    0,
                                                 0, 0, 1, 0, 0, 0, 2,   0, 9, 4 /* last < first */};

    firmware_clear();
    add_table("HPET", 1, hpet, sizeof(hpet));
    add_table("MCFG", 1, mcfg, sizeof(mcfg));
    add_table("DMAR", 1, mcfg, sizeof(mcfg));
    add_table("SSDT", 1, mcfg, sizeof(mcfg));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.hpet.space, ACPI_MEMORY);
    CU_ASSERT_EQUAL(acpi.hpet.address, 0xfed00000);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_mcfg, 1);
    CU_ASSERT_EQUAL(acpi.mcfg[0].maddr, 0xb0000000);
    CU_ASSERT_EQUAL(acpi.mcfg[0].last_bus, 255);
    CU_ASSERT_EQUAL(acpi.dmar.maddr, listed[2]);
    CU_ASSERT_EQUAL(acpi.dmar.bytes, sizeof(mcfg) + sizeof(struct acpi_header));
    CU_ASSERT_EQUAL(acpi.ivrs.maddr, 0);
    CU_ASSERT_EQUAL(complaints, 1);
}

static void test_srat(void)
{
    uint8_t body[12 + 16 + 24 + 40 + 40] = {0};

    firmware_clear();
    memcpy(body + 12, (uint8_t[]){0, 16, 3, 1, 1, 0, 0, 0, 0, 1, 0, 0}, 12);    // id 1: node 0x103
    memcpy(body + 28, (uint8_t[]){2, 24, 0, 0, 5, 0, 0, 0, 0, 1, 0, 0, 1}, 13); // 256: node 5
    memcpy(body + 52, (uint8_t[]){1, 40, 2, 0,  0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0,
                                  0, 0,  0, 32, 0, 0, 0, 0, 0, 0, 0,  0, 0, 1},
           29);
    memcpy(body + 92, (uint8_t[]){1, 40, 7}, 3); // not enabled
    add_table("SRAT", 3, body, sizeof(body));    // before the MADT that it refers to
    add_table("APIC", 3, madt, sizeof(madt));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.cpus[0].node, ACPI_NO_NODE);
    CU_ASSERT_EQUAL(acpi.cpus[1].node, 0x103);
    CU_ASSERT_EQUAL(acpi.cpus[2].node, 5);
    CU_ASSERT_EQUAL_FATAL(acpi.nr_memory_ranges, 1);
    CU_ASSERT_EQUAL(acpi.memory_ranges[0].start, 0x100000);
    CU_ASSERT_EQUAL(acpi.memory_ranges[0].bytes, 0x200000);
    CU_ASSERT_EQUAL(acpi.memory_ranges[0].node, 2);
}

// Where the root pointer may be ------------------------------------------------------------------

static void test_root_pointer(void)
{
    struct acpi_rsdp copy;

    firmware_clear();
    CU_ASSERT_EQUAL(scan(), -ENODEV);

    add_table("APIC", 3, madt, sizeof(madt));
    finish_tables(2);
    memcpy(&copy, firmware + ROM_RSDP, sizeof(copy));
    memset(firmware + ROM_RSDP, 0, sizeof(copy));
    CU_ASSERT_EQUAL(scan(), -ENODEV);
    CU_ASSERT_EQUAL(acpi_init(&copy, sizeof(copy)), 0); // as the boot loader hands it over
    CU_ASSERT_EQUAL(acpi.nr_cpus, 3);

    copy.checksum++;
    CU_ASSERT_EQUAL(acpi_init(&copy, sizeof(copy)), -ENODEV);
    copy.checksum--;
    copy.extended_checksum++; // back to the RSDT
    CU_ASSERT_EQUAL(acpi_init(&copy, sizeof(copy)), 0);
    CU_ASSERT_EQUAL(acpi_init(&copy, ACPI_RSDP_V1_BYTES), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 3);

    memcpy(firmware + 0x40e, (uint8_t[]){0xc0, 0x9f}, 2); // the extended BIOS data area
    write_rsdp(0x9fc10, 0, copy.rsdt, 0);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 3);
}

// Damage
// -------------------------------------------------------------------------------------------

static void test_bad_tables(void)
{
    uint32_t at;

    firmware_clear();
    at = add_table("APIC", 3, madt, sizeof(madt));
    add_table("MCFG", 1, madt, 3); // too short for anything
    finish_tables(2);
    firmware[at + 60] ^= 1;
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 0);
    CU_ASSERT_EQUAL(complaints, 1); // its checksum
    ((struct acpi_header *)(firmware + at))->length = 0x7fffffff;
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 0);
    ((struct acpi_header *)(firmware + at))->length = 8;
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 0);
}

static void test_bad_entries(void)
{
    uint8_t body[sizeof(madt)];
    uint32_t at;

    firmware_clear();
    memcpy(body, madt, sizeof(madt));
    body[8 + 8 + 1] = 0; // an entry without length would never end
    at = add_table("APIC", 3, body, sizeof(body));
    finish_tables(2);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 1);
    firmware[at + 36 + 8 + 8 + 1] = 200; // one that reaches beyond the table
    seal(at);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_EQUAL(acpi.nr_cpus, 1);
    firmware[at + 36 + 8 + 8 + 1] = 4; // one too short for its type, into which the next one falls
    seal(at);
    CU_ASSERT_EQUAL(scan(), 0);
    CU_ASSERT_TRUE(complaints > 0);
}

// Any single byte of any table may be wrong, with a right checksum.
static void test_every_byte(void)
{
    uint32_t at;

    firmware_clear();
    at = add_table("APIC", 3, madt, sizeof(madt));
    add_table("SRAT", 3, madt, sizeof(madt));
    add_table("FACP", 5, madt, sizeof(madt));
    finish_tables(2);
    for (uint32_t i = at; i < next_table; i++) {
        uint8_t was = firmware[i];

        for (unsigned v = 0; v < 256; v += 17) {
            firmware[i] = (uint8_t)v;
            if (i < at + 36 + sizeof(madt))
                seal(at);
            scan();
            CU_ASSERT_TRUE(acpi.nr_cpus <= MAX_CPUS && acpi.nr_ioapics <= ACPI_MAX_IOAPICS);
        }
        firmware[i] = was;
        seal(at);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"MADT", test_madt},
        {"more CPUs than supported", test_many_cpus},
        {"FADT", test_fadt},
        {"FADT of revision 1", test_old_fadt},
        {"HPET, MCFG, IOMMU", test_devices},
        {"SRAT", test_srat},
        {"root pointer", test_root_pointer},
        {"damaged tables", test_bad_tables},
        {"damaged entries", test_bad_entries},
        {"every byte damaged", test_every_byte},
        CU_TEST_INFO_NULL,
    };

    return run_suite("acpi", tests);
}
