#include "tests/guests/common/grant.h"

#include "tests/guests/common/guest.h"

#define TABLE_SLOT 508 // of the window

static bool ready;

void grant_init(void)
{
    xen_pfn_t frame = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};

    if (ready)
        return;
    setup.frame_list = &frame;
    REQUIRE_OK(hc(grant_table_op, GNTTABOP_setup_table, &setup, 1));
    REQUIRE_OK(setup.status);
    REQUIRE_OK(window_map(TABLE_SLOT, frame, PTE_RW));
    ready = true;
}

volatile struct grant_entry_v1 *grant_v1(grant_ref_t ref)
{
    return (volatile struct grant_entry_v1 *)window_va(TABLE_SLOT) + ref;
}

volatile union grant_entry_v2 *grant_v2(grant_ref_t ref)
{
    return (volatile union grant_entry_v2 *)window_va(TABLE_SLOT) + ref;
}

void grant_frame(grant_ref_t ref, unsigned dom, uint64_t mfn, unsigned flags)
{
    volatile struct grant_entry_v1 *entry = grant_v1(ref);

    entry->frame = (uint32_t)mfn;
    entry->domid = (domid_t)dom;
    __atomic_store_n(&entry->flags, (uint16_t)(GTF_permit_access | flags), __ATOMIC_SEQ_CST);
}

void grant_page(grant_ref_t ref, const void *page, unsigned flags)
{
    grant_frame(ref, GRANT_OWN_DOMAIN, mfn_of(page), flags);
}

bool grant_end(grant_ref_t ref)
{
    if (grant_v1(ref)->flags & (GTF_reading | GTF_writing))
        return false;
    grant_v1(ref)->flags = 0;
    return true;
}

int grant_map_of(unsigned dom, grant_ref_t ref, uint64_t address, unsigned flags,
                 grant_handle_t *handle, uint64_t *bus)
{
    struct gnttab_map_grant_ref map = {
        .host_addr = address, .flags = flags, .ref = ref, .dom = (domid_t)dom};

    map.status = 99;
    CHECK_OK(hc(grant_table_op, GNTTABOP_map_grant_ref, &map, 1));
    if (handle)
        *handle = map.handle;
    if (bus)
        *bus = map.dev_bus_addr;
    return map.status;
}

int grant_map(grant_ref_t ref, uint64_t address, unsigned flags, grant_handle_t *handle)
{
    return grant_map_of(GRANT_OWN_DOMAIN, ref, address, flags, handle, NULL);
}

int grant_unmap(grant_handle_t handle, uint64_t address, uint64_t bus)
{
    struct gnttab_unmap_grant_ref unmap = {
        .host_addr = address, .dev_bus_addr = bus, .handle = handle};

    unmap.status = 99;
    CHECK_OK(hc(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1));
    return unmap.status;
}
