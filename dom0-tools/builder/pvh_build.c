// From a planned image to a PVH domain that can run. Its frame numbers are its own: the hypervisor
// keeps the map, and knows the pages that tools share with the guest by HVM parameters.
#include <errno.h>
#include <string.h>

#include "builder/acpi.h"
#include "builder/build.h"
#include "builder/pvh_vcpu.h"
#include "control/grant_seed.h"
#include "control/hvm.h"
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
    int rc = guest_memory_populate_range(&b->memory, 0, l->low_pages);

    if (!rc && l->high_pages)
        rc = guest_memory_populate_range(&b->memory, PVH_HIGH_FRAME, l->high_pages);
    if (!rc)
        rc = guest_memory_populate_range(&b->memory, PVH_ACPI_FRAME, PVH_ACPI_PAGES);
    if (!rc)
        rc = guest_memory_populate_range(&b->memory, PVH_SPECIAL_FRAME, PVH_SPECIAL_PAGES);
    return rc;
}

static int populate(struct build *b)
{
    const struct pvh_layout *l = &b->image->pvh_layout;
    uint64_t pages = l->low_pages + l->high_pages + PVH_ACPI_PAGES + PVH_SPECIAL_PAGES;
    int rc;

    b->memory = (struct guest_memory){b->target->control, b->target->domain, pages, NULL};
    rc = guest_memory_claim(&b->memory, pages);
    if (rc)
        return rc;
    rc = populate_all(b);
    guest_memory_claim(&b->memory, 0);
    b->result->console_mfn = pvh_special(PVH_CONSOLE);
    b->result->xenstore_mfn = pvh_special(PVH_XENSTORE);
    return rc;
}

// The map that the hypervisor hands out; start info has the same.
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
    uint8_t *pages = guest_memory_map(&b->memory, PVH_SPECIAL_FRAME, PVH_SPECIAL_PAGES);
    uint32_t *table;

    if (!pages)
        return -errno;
    memset(pages, 0, PVH_SPECIAL_PAGES * PAGE_SIZE);
    table = (uint32_t *)(pages + PVH_IDENTITY * PAGE_SIZE);
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*table); i++)
        table[i] = i << 22 | IDENTITY_ENTRY;
    control_unmap(pages, PVH_SPECIAL_PAGES);
    return 0;
}

static int set_params(struct build *b)
{
    const struct guest_target *t = b->target;
    const struct {
        uint32_t index;
        uint64_t value;
    } params[] = {
        {HVM_PARAM_STORE_PFN, pvh_special(PVH_XENSTORE)},
        {HVM_PARAM_STORE_EVTCHN, t->xenstore_port},
        {HVM_PARAM_CONSOLE_PFN, pvh_special(PVH_CONSOLE)},
        {HVM_PARAM_CONSOLE_EVTCHN, t->console_port},
        {HVM_PARAM_IDENT_PT, pvh_special(PVH_IDENTITY) << PAGE_SHIFT},
        {HVM_PARAM_TIMER_MODE, HVMPTM_no_delay_for_missed_ticks},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]) && !rc; i++)
        rc = control_hvm_set_param(t->control, t->domain, params[i].index, params[i].value);
    return rc;
}

// The frame behind the special ones is free: the grant table is shown there for a moment.
static int seed_grants(struct build *b)
{
    const struct guest_target *t = b->target;
    struct grant_seed console = {t->console_domain, pvh_special(PVH_CONSOLE)};
    struct grant_seed xenstore = {t->xenstore_domain, pvh_special(PVH_XENSTORE)};

    return control_seed_grants_at(t->control, t->domain, PVH_SPECIAL_FRAME + PVH_SPECIAL_PAGES,
                                  console, xenstore);
}

static int set_vcpus(struct build *b)
{
    return pvh_set_vcpus(b->target->control, b->target->domain, b->image->kernel.pvh_entry,
                         b->image->pvh_layout.info << PAGE_SHIFT);
}

const struct build_step pvh_build_steps[] = {
    {populate, "it cannot be given memory", false},
    {set_memory_map, "its memory map cannot be set", false},
    {load, "its memory cannot be filled", true},
    {write_acpi, "its ACPI tables cannot be written", false},
    {write_special, "the pages that it shares with daemons cannot be written", false},
    {set_params, "its HVM parameters are refused", false},
    {seed_grants, "its grant table cannot be filled", false},
    {set_vcpus, "its vCPUs cannot be set up", false},
    {NULL, NULL, false},
};
