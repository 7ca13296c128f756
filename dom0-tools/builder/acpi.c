#include "builder/acpi.h"

#include <string.h>

#define LOCAL_APIC_ADDRESS 0xfee00000u
#define CREATOR_REVISION   1
#define TABLE_ALIGN        16

#define FADT_REVISION       5
#define FADT_VGA_ABSENT     (1u << 2) // iapc_boot_arch
#define FADT_RTC_ABSENT     (1u << 5)
#define FADT_WBINVD         (1u << 0) // flags
#define FADT_NO_FIXED_POWER (1u << 4)
#define FADT_NO_FIXED_SLEEP (1u << 5)
#define FADT_NO_FIXED_RTC   (1u << 6)
#define FADT_HW_REDUCED     (1u << 20)

#define MADT_REVISION     3
#define MADT_LOCAL_APIC   0
#define MADT_APIC_ENABLED 1u

struct rsdp {
    char signature[8];
    uint8_t checksum; // of the first 20 bytes
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum; // of all
    uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == 36, "ACPI 5.2.5.3");

struct header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == 36, "ACPI 5.2.6");

struct xsdt {
    struct header h;
    uint64_t tables[2];
} __attribute__((packed));

// All that is not named is zero: registers and interrupts that hardware-reduced ACPI has not.
struct fadt {
    struct header h;
    uint32_t firmware_ctrl;
    uint32_t dsdt;
    uint8_t legacy1[109 - 44];
    uint16_t iapc_boot_arch;
    uint8_t reserved;
    uint32_t flags;
    uint8_t legacy2[140 - 116];
    uint64_t x_dsdt;
    uint8_t legacy3[268 - 148];
} __attribute__((packed));
_Static_assert(sizeof(struct fadt) == 268, "ACPI 5.2.9");
_Static_assert(offsetof(struct fadt, flags) == 112, "ACPI 5.2.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI 5.2.9");

struct madt_apic {
    uint8_t type, length;
    uint8_t processor;
    uint8_t apic_id;
    uint32_t flags;
} __attribute__((packed));

struct madt {
    struct header h;
    uint32_t local_apic;
    uint32_t flags;
    struct madt_apic apics[];
} __attribute__((packed));
_Static_assert(sizeof(struct madt) == 44, "ACPI 5.2.12");

// DefScope of the root's \_SB, empty: ScopeOp, the length of what follows, the name.
static const uint8_t dsdt_code[] = {0x10, 0x06, '\\', '_', 'S', 'B', '_'};

struct dsdt {
    struct header h;
    uint8_t code[sizeof(dsdt_code)];
} __attribute__((packed));

static uint8_t checksum(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint8_t sum = 0;

    while (n-- > 0)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

// Its checksum, when all else is in place.
static void seal(struct header *h, const char *signature, size_t length, uint8_t revision)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    h->length = (uint32_t)length;
    h->revision = revision;
    memcpy(h->oem_id, "Vellum", sizeof(h->oem_id));
    memcpy(h->oem_table_id, "PVH     ", sizeof(h->oem_table_id));
    memcpy(h->creator_id, "VLLM", sizeof(h->creator_id));
    h->creator_revision = CREATOR_REVISION;
    h->checksum = checksum(h, length);
}

static void write_fadt(struct fadt *f, uint64_t dsdt)
{
    f->dsdt = (uint32_t)dsdt;
    f->x_dsdt = dsdt;
    f->iapc_boot_arch = FADT_VGA_ABSENT | FADT_RTC_ABSENT;
    f->flags = FADT_WBINVD | FADT_NO_FIXED_POWER | FADT_NO_FIXED_SLEEP | FADT_NO_FIXED_RTC |
               FADT_HW_REDUCED;
    seal(&f->h, "FACP", sizeof(*f), FADT_REVISION);
}

static size_t write_madt(struct madt *m, unsigned vcpus, unsigned max_vcpus)
{
    size_t size = sizeof(*m) + max_vcpus * sizeof(m->apics[0]);

    m->local_apic = LOCAL_APIC_ADDRESS;
    for (unsigned i = 0; i < max_vcpus; i++)
        m->apics[i] = (struct madt_apic){MADT_LOCAL_APIC, sizeof(m->apics[0]), (uint8_t)i,
                                         (uint8_t)(2 * i), i < vcpus ? MADT_APIC_ENABLED : 0};
    seal(&m->h, "APIC", size, MADT_REVISION);
    return size;
}

static void write_rsdp(struct rsdp *r, uint64_t xsdt)
{
    memcpy(r->signature, "RSD PTR ", sizeof(r->signature));
    memcpy(r->oem_id, "Vellum", sizeof(r->oem_id));
    r->revision = 2;
    r->length = sizeof(*r);
    r->xsdt = xsdt;
    r->checksum = checksum(r, offsetof(struct rsdp, length));
    r->extended_checksum = checksum(r, sizeof(*r));
}

// `at` moves behind a table of this size, which lies there.
static size_t place(size_t *at, size_t size)
{
    size_t here = (*at + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;

    *at = here + size;
    return here;
}

size_t acpi_write(void *page, uint64_t address, unsigned vcpus, unsigned max_vcpus)
{
    uint8_t *base = page;
    size_t end = sizeof(struct rsdp);
    size_t xsdt_at = place(&end, sizeof(struct xsdt)), fadt_at = place(&end, sizeof(struct fadt));
    size_t dsdt_at = place(&end, sizeof(struct dsdt)), madt_at = place(&end, 0);
    struct xsdt *xsdt = (struct xsdt *)(base + xsdt_at);
    struct dsdt *dsdt = (struct dsdt *)(base + dsdt_at);

    memset(page, 0, ACPI_PAGE_SIZE);
    memcpy(dsdt->code, dsdt_code, sizeof(dsdt_code));
    seal(&dsdt->h, "DSDT", sizeof(*dsdt), 2);
    write_fadt((struct fadt *)(base + fadt_at), address + dsdt_at);
    end += write_madt((struct madt *)(base + madt_at), vcpus, max_vcpus);
    xsdt->tables[0] = address + fadt_at;
    xsdt->tables[1] = address + madt_at;
    seal(&xsdt->h, "XSDT", sizeof(*xsdt), 1);
    write_rsdp(page, address + xsdt_at);
    return end;
}
