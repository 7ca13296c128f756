// From a planned image to a PVH or HVM domain that can run. Its frame numbers are its own: the
// hypervisor keeps the map, and knows the pages that tools share with the guest by HVM parameters.
#include <errno.h>
#include <string.h>

#include "builder/acpi.h"
#include "builder/build.h"
#include "builder/pvh_vcpu.h"
#include "control/grant_seed.h"
#include "control/hvm.h"
#include "pv-abi/hvm/hvm_info_table.h"
#include "pv-abi/hvm/params.h"
#include "pv-abi/memory.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul

// Present, writable, user, accessed, dirty, 4 MB.
#define IDENTITY_ENTRY 0xe7u

// An entry of XENMEM_set_memory_map's.
struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

static int populate_all(const struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    uint64_t above = l->pc ? HVM_VIDEO_FRAME + HVM_VIDEO_PAGES : 0;
    int rc = l->pc ? guest_memory_populate_range(&b->memory, 0, HVM_VIDEO_FRAME) : 0;

    if (!rc)
        rc = guest_memory_populate_range(&b->memory, above, l->low_pages - above);
    if (!rc && l->high_pages)
        rc = guest_memory_populate_range(&b->memory, PVH_HIGH_FRAME, l->high_pages);
    if (!rc && !l->pc)
        rc = guest_memory_populate_range(&b->memory, PVH_ACPI_FRAME, PVH_ACPI_PAGES);
    if (!rc)
        rc = guest_memory_populate_range(&b->memory, l->special, l->special_pages);
    return rc;
}

static int populate(struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    uint64_t pages = pvh_layout_frames(l);
    int rc;

    b->memory = (struct guest_memory){b->target->control, b->target->domain, pages, NULL};
    rc = guest_memory_claim(&b->memory, pages);
    if (rc)
        return rc;
    rc = populate_all(b);
    guest_memory_claim(&b->memory, 0);
    b->result->console_mfn = l->console;
    b->result->xenstore_mfn = l->xenstore;
    return rc;
}

// The map that the hypervisor hands out; start info has the same. hvmloader makes the PC's of it.
static int set_memory_map(struct build *b)
{
    struct control *control = b->target->control;
    struct pvh_range ranges[PVH_MAP_MAX];
    unsigned n = pvh_memory_map(&b->image->pvh_layout, ranges);
    struct e820_entry *map = control_buffer(control, sizeof(*map) * PVH_MAP_MAX);
    struct xen_foreign_memory_map foreign = {.domid = b->target->domain, .map = {n, map}};
    long rc = -ENOMEM;

    if (map) {
        for (unsigned i = 0; i < n; i++)
            map[i] = (struct e820_entry){ranges[i].start, ranges[i].size, ranges[i].type};
        rc = control_memory_op(control, XENMEM_set_memory_map, &foreign, sizeof(foreign));
    }
    control_buffer_free(control, map, sizeof(*map) * PVH_MAP_MAX);
    return (int)rc;
}

static int fill(const struct build *b, uint8_t *memory)
{
    const struct guest_image *image = b->image;
    const struct pvh_layout *l = &image->pvh_layout;

    kernel_load(&image->kernel, memory + image->kernel.min_paddr % PAGE_SIZE);
    pvh_write_info(l, image->ramdisk_len, image->cmdline,
                   memory + ((l->info - l->kernel) << PAGE_SHIFT));
    return image_read_ramdisk(image, memory + ((l->initrd - l->kernel) << PAGE_SHIFT));
}

static int load(struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    uint8_t *memory = guest_memory_map(&b->memory, l->kernel, l->end - l->kernel);
    int rc;

    if (!memory)
        return -errno;
    rc = fill(b, memory);
    control_unmap(memory, l->end - l->kernel);
    return rc;
}

static int write_acpi(struct build *b)
{
    void *page = guest_memory_map(&b->memory, PVH_ACPI_FRAME, PVH_ACPI_PAGES);

    if (!page)
        return -errno;
    acpi_write(page, PVH_ACPI_FRAME << PAGE_SHIFT, b->image->vcpus, b->image->max_vcpus);
    control_unmap(page, PVH_ACPI_PAGES);
    return 0;
}

// The rings, and a page table by which processors that cannot run without paging (VT-x without
// "unrestricted guest") run a guest that has it off.
static int write_special(struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    uint8_t *pages = guest_memory_map(&b->memory, l->special, l->special_pages);
    uint32_t *table;

    if (!pages)
        return -errno;
    memset(pages, 0, l->special_pages * PAGE_SIZE);
    table = (uint32_t *)(pages + (l->identity - l->special) * PAGE_SIZE);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*table); i++)
        table[i] = i << 22 | IDENTITY_ENTRY;
    control_unmap(pages, l->special_pages);
    return 0;
}

struct param {
    uint32_t index;
    uint64_t value;
};

static int set_all(const struct build *b, const struct param *params, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && !rc; i++)
        rc = control_hvm_set_param(b->target->control, b->target->domain, params[i].index,
                                   params[i].value);
    return rc;
}

static int set_params(struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    const struct param params[] = {
        {HVM_PARAM_STORE_PFN, l->xenstore},
        {HVM_PARAM_STORE_EVTCHN, b->target->xenstore_port},
        {HVM_PARAM_CONSOLE_PFN, l->console},
        {HVM_PARAM_CONSOLE_EVTCHN, b->target->console_port},
        {HVM_PARAM_IDENT_PT, l->identity << PAGE_SHIFT},
        {HVM_PARAM_TIMER_MODE, HVMPTM_no_delay_for_missed_ticks},
    };

    return set_all(b, params, sizeof(params) / sizeof(params[0]));
}

// Where device models meet the guest; and its HPET, which is there unless it is told otherwise.
static int set_pc_params(struct build *b)
{
    const struct param params[] = {
        {HVM_PARAM_IOREQ_PFN, HVM_IOREQ_FRAME},
        {HVM_PARAM_BUFIOREQ_PFN, HVM_BUFFERED_FRAME},
        {HVM_PARAM_IOREQ_SERVER_PFN, HVM_SPECIAL_FRAME},
        {HVM_PARAM_NR_IOREQ_SERVER_PAGES, HVM_IOREQ_PAGES},
        {HVM_PARAM_HPET_ENABLED, b->image->hpet},
    };

    return set_all(b, params, sizeof(params) / sizeof(params[0]));
}

// What hvmloader makes the tables of that a PC's BIOS leaves.
static struct hvm_info_table info_table(const struct guest_image *image)
{
    const struct pvh_layout *l = &image->pvh_layout;
    struct hvm_info_table info = {
        .signature = {'H', 'V', 'M', ' ', 'I', 'N', 'F', 'O'},
        .length = sizeof(info),
        .apic_mode = image->apic,
        .nr_vcpus = image->max_vcpus,
        .low_mem_pgend = (uint32_t)l->low_pages,
        .reserved_mem_pgstart = HVM_SPECIAL_FRAME,
        .high_mem_pgend = l->high_pages ? (uint32_t)(PVH_HIGH_FRAME + l->high_pages) : 0,
    };
    const uint8_t *bytes = (const uint8_t *)&info;
    unsigned sum = 0;

    for (unsigned i = 0; i < image->vcpus; i++)
        info.vcpu_online[i / 8] |= (uint8_t)(1 << i % 8);
    for (size_t i = 0; i < sizeof(info); i++)
        sum += bytes[i];
    info.checksum = (uint8_t)-sum;
    return info;
}

static int write_pc_info(struct build *b)
{
    const struct hvm_info_table info = info_table(b->image);
    uint8_t *page = guest_memory_map(&b->memory, HVM_INFO_PFN, 1);

    if (!page)
        return -errno;
    memcpy(page + HVM_INFO_OFFSET, &info, sizeof(info));
    control_unmap(page, 1);
    return 0;
}

// The frame behind the special ones is free: the grant table is shown there for a moment.
static int seed_grants(struct build *b)
{
    const struct guest_target *t = b->target;
    const struct pvh_layout *l = &b->image->pvh_layout;
    struct grant_seed console = {t->console_domain, l->console};
    struct grant_seed xenstore = {t->xenstore_domain, l->xenstore};

    return control_seed_grants_at(t->control, t->domain, l->special + l->special_pages, console,
                                  xenstore);
}

static int set_vcpus(struct build *b)
{
    return pvh_set_vcpus(b->target->control, b->target->domain, b->image->kernel.pvh_entry,
                         b->image->pvh_layout.info << PAGE_SHIFT);
}

#define STEP_POPULATE                                \
    {                                                \
        populate, "it cannot be given memory", false \
    }
#define STEP_MAP                                              \
    {                                                         \
        set_memory_map, "its memory map cannot be set", false \
    }
#define STEP_LOAD                                 \
    {                                             \
        load, "its memory cannot be filled", true \
    }
#define STEP_SPECIAL                                                                    \
    {                                                                                   \
        write_special, "the pages that it shares with daemons cannot be written", false \
    }
#define STEP_PARAMS                                         \
    {                                                       \
        set_params, "its HVM parameters are refused", false \
    }
#define STEP_GRANTS                                            \
    {                                                          \
        seed_grants, "its grant table cannot be filled", false \
    }
#define STEP_VCPUS                                     \
    {                                                  \
        set_vcpus, "its vCPUs cannot be set up", false \
    }
#define STEPS_END         \
    {                     \
        NULL, NULL, false \
    }

const struct build_step pvh_build_steps[] = {
    STEP_POPULATE, STEP_MAP,
    STEP_LOAD,     {write_acpi, "its ACPI tables cannot be written", false},
    STEP_SPECIAL,  STEP_PARAMS,
    STEP_GRANTS,   STEP_VCPUS,
    STEPS_END,
};

const struct build_step hvm_build_steps[] = {
    STEP_POPULATE,
    STEP_MAP,
    STEP_LOAD,
    {write_pc_info, "what its firmware is told cannot be written", false},
    STEP_SPECIAL,
    STEP_PARAMS,
    {set_pc_params, "the parameters of its devices are refused", false},
    STEP_GRANTS,
    STEP_VCPUS,
    STEPS_END,
};
