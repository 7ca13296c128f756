#include "builder/pvh_layout.h"

#include <errno.h>
#include <string.h>

#include "pv-abi/hvm/start_info.h"
#include "pv-abi/start_info.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)

// The page of start info.
struct info_page {
    struct hvm_start_info start;
    struct hvm_modlist_entry module;
    struct hvm_memmap_table_entry map[PVH_MAP_MAX];
    char module_name[16];
    char cmdline[MAX_GUEST_CMDLINE];
};
_Static_assert(sizeof(struct info_page) <= PAGE_SIZE, "start info is one page");

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes >> PAGE_SHIFT) + (bytes % PAGE_SIZE != 0);
}

int pvh_layout_plan(struct pvh_layout *l, const struct kernel *k, uint64_t initrd_bytes,
                    uint64_t nr_pages, bool pc)
{
    *l = (struct pvh_layout){
        .pc = pc,
        .special = pc ? HVM_SPECIAL_FRAME : PVH_SPECIAL_FRAME,
        .special_pages = pc ? HVM_SPECIAL_PAGES : PVH_SPECIAL_PAGES,
        .xenstore = pc ? HVM_XENSTORE_FRAME : PVH_SPECIAL_FRAME,
        .console = pc ? HVM_CONSOLE_FRAME : PVH_SPECIAL_FRAME + 1,
        .identity = pc ? HVM_IDENTITY_FRAME : PVH_SPECIAL_FRAME + 2,
        .low_pages = nr_pages < PVH_HOLE_FRAME ? nr_pages : PVH_HOLE_FRAME,
        .kernel = k->min_paddr >> PAGE_SHIFT,
        .info = pages_of(k->max_paddr),
        .initrd_pages = pages_of(initrd_bytes),
    };
    l->high_pages = nr_pages - l->low_pages;
    l->initrd = l->info + 1;
    l->end = l->least = l->initrd + l->initrd_pages;
    if (l->end > PVH_HOLE_FRAME)
        return -EFBIG;
    return l->least > nr_pages ? -ENOMEM : 0;
}

uint64_t pvh_layout_frames(const struct pvh_layout *l)
{
    return l->low_pages + l->high_pages + l->special_pages - (l->pc ? HVM_VIDEO_PAGES : 0) +
           (l->pc ? 0 : PVH_ACPI_PAGES);
}

unsigned pvh_memory_map(const struct pvh_layout *l, struct pvh_range map[PVH_MAP_MAX])
{
    uint64_t first = l->pc ? HVM_FIRST_FRAME : 0;
    unsigned n = 0;

    map[n++] = (struct pvh_range){first << PAGE_SHIFT, (l->low_pages - first) << PAGE_SHIFT,
                                  XEN_HVM_MEMMAP_TYPE_RAM};
    if (!l->pc) {
        map[n++] = (struct pvh_range){PVH_ACPI_FRAME << PAGE_SHIFT, PVH_ACPI_PAGES << PAGE_SHIFT,
                                      XEN_HVM_MEMMAP_TYPE_ACPI};
        map[n++] = (struct pvh_range){l->special << PAGE_SHIFT, l->special_pages << PAGE_SHIFT,
                                      XEN_HVM_MEMMAP_TYPE_RESERVED};
    }
    if (l->high_pages)
        map[n++] = (struct pvh_range){PVH_HIGH_FRAME << PAGE_SHIFT, l->high_pages << PAGE_SHIFT,
                                      XEN_HVM_MEMMAP_TYPE_RAM};
    return n;
}

void pvh_write_info(const struct pvh_layout *l, uint64_t initrd_bytes, const char *cmdline,
                    void *page)
{
    struct info_page *p = page;
    uint64_t at = l->info << PAGE_SHIFT;
    struct pvh_range map[PVH_MAP_MAX];

    memset(p, 0, PAGE_SIZE);
    p->start = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .cmdline_paddr = at + offsetof(struct info_page, cmdline),
        .rsdp_paddr = l->pc ? 0 : PVH_ACPI_FRAME << PAGE_SHIFT,
        .memmap_paddr = at + offsetof(struct info_page, map),
        .memmap_entries = pvh_memory_map(l, map),
    };
    if (initrd_bytes) {
        p->start.nr_modules = 1;
        p->start.modlist_paddr = at + offsetof(struct info_page, module);
        p->module.paddr = l->initrd << PAGE_SHIFT;
        p->module.size = initrd_bytes;
        if (l->pc) {
            p->module.cmdline_paddr = at + offsetof(struct info_page, module_name);
            strcpy(p->module_name, "firmware");
        }
    }
    for (unsigned i = 0; i < p->start.memmap_entries; i++)
        p->map[i] = (struct hvm_memmap_table_entry){map[i].start, map[i].size, map[i].type, 0};
    strncpy(p->cmdline, cmdline, sizeof(p->cmdline) - 1);
}
