// HYPERVISOR_memory_op: memory maps, the M2P's frames, and what a PV domain is refused.
#include "pv-abi/memory.h"

#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

struct e820 {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static struct e820 map[128];

TEST(memory_machine_map)
{
    struct xen_memory_map m = {.nr_entries = 128};
    unsigned ram = 0;

    m.buffer = map;
    REQUIRE_OK(hc(memory_op, XENMEM_machine_memory_map, &m));
    REQUIRE(m.nr_entries > 2 && m.nr_entries <= 128);
    for (unsigned i = 0; i < m.nr_entries; i++) {
        CHECK(map[i].size > 0);
        CHECK(i == 0 || map[i].addr >= map[i - 1].addr + map[i - 1].size);
        ram += map[i].type == 1;
    }
    CHECK(ram >= 2);
    m.nr_entries = 1;
    CHECK_ERR(hc(memory_op, XENMEM_machine_memory_map, &m), EINVAL);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_machine_memory_map, bad));
    m.nr_entries = 128;
    m.buffer = bad_pointers[0];
    CHECK_ERR(hc(memory_op, XENMEM_machine_memory_map, &m), EFAULT);
}

TEST(memory_own_map)
{
    struct xen_foreign_memory_map set = {.domid = DOMID_SELF};
    struct xen_memory_map m = {.nr_entries = 128};

    m.buffer = map;
    // Domain 0 has none until it gives itself one.
    CHECK_ERR(hc(memory_op, XENMEM_memory_map, &m), ENOSYS);
    map[0] = (struct e820){0, 0xa0000, 1};
    map[1] = (struct e820){0x100000, 0x1000000, 1};
    set.map.nr_entries = 2;
    set.map.buffer = map;
    CHECK_OK(hc(memory_op, XENMEM_set_memory_map, &set));
    memset(map, 0, sizeof(map));
    CHECK_OK(hc(memory_op, XENMEM_memory_map, &m));
    CHECK_EQ(m.nr_entries, 2);
    CHECK_EQ(map[1].addr, 0x100000);
    CHECK_EQ(map[1].size, 0x1000000);
    m.nr_entries = 1;
    CHECK_OK(hc(memory_op, XENMEM_memory_map, &m)); // as many as fit
    CHECK_EQ(m.nr_entries, 1);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_memory_map, bad));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_set_memory_map, bad));
    set.map.nr_entries = 100000;
    CHECK_ERR(hc(memory_op, XENMEM_set_memory_map, &set), EINVAL);
    set.map.nr_entries = 2;
    set.domid = NO_DOMAIN;
    CHECK_ERR(hc(memory_op, XENMEM_set_memory_map, &set), ESRCH);
    set.domid = DOMID_SELF; // leave it as it was
    set.map.nr_entries = 0;
    CHECK_OK(hc(memory_op, XENMEM_set_memory_map, &set));
    CHECK_ERR(hc(memory_op, XENMEM_memory_map, &m), ENOSYS);
}

TEST(memory_machphys_mapping)
{
    struct xen_machphys_mapping m = {0};

    CHECK_OK(hc(memory_op, XENMEM_machphys_mapping, &m));
    CHECK_EQ(m.v_start, MACH2PHYS_VIRT_START);
    CHECK_EQ(m.v_end, MACH2PHYS_VIRT_END);
    CHECK(m.max_mfn >= start_info->nr_pages);
    CHECK(m.max_mfn < MACH2PHYS_NR_ENTRIES);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_machphys_mapping, bad));
}

// Domain 0 may map these frames read-only, as DOMID_XEN's; they then read like the table itself.
TEST(memory_machphys_mfn_list)
{
    xen_pfn_t frames[4] = {0};
    struct xen_machphys_mfn_list list = {.max_extents = 4};
    uint64_t pte, some = mfn_of(page_alloc());

    list.extent_start = frames;
    REQUIRE_OK(hc(memory_op, XENMEM_machphys_mfn_list, &list));
    CHECK(list.nr_extents >= 1 && list.nr_extents <= 4);
    REQUIRE(frames[0] != 0);
    // The extent covers 2 MB of the table: 262144 entries. Map the page with `some`'s entry.
    if (some < 262144) {
        uint64_t frame = frames[0] + some / 512;

        pte = pte_make(frame, PTE_RO);
        CHECK_OK(mmu_update_one(pte_maddr(window_va(0), 1), pte, DOMID_XEN));
        CHECK_EQ(((volatile uint64_t *)window_va(0))[some % 512], pfn_of_mfn(some));
        CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 0), VEC_PF);
        CHECK_OK(window_unmap(0));
        pte = pte_make(frame, PTE_RW);
        CHECK_REFUSED(mmu_update_one(pte_maddr(window_va(0), 1), pte, DOMID_XEN));
        CHECK_REFUSED(window_map(0, frame, PTE_RO)); // not its own
        CHECK_REFUSED(window_map(0, frame, PTE_RW));
    }
    list.max_extents = 0;
    CHECK_OK(hc(memory_op, XENMEM_machphys_mfn_list, &list));
    CHECK_EQ(list.nr_extents, 0);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_machphys_mfn_list, bad));
}

TEST(memory_physmap_refused)
{
    struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info};
    struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = spare_pfn(0)};
    struct xen_pod_target pod = {.domid = DOMID_SELF};

    add.gpfn = spare_pfn(0);
    CHECK_ERR(hc(memory_op, XENMEM_add_to_physmap, &add), EACCES);
    add.space = 99;
    CHECK_REFUSED(hc(memory_op, XENMEM_add_to_physmap, &add));
    add.domid = NO_DOMAIN;
    CHECK_ERR(hc(memory_op, XENMEM_add_to_physmap, &add), ESRCH);
    CHECK_REFUSED(hc(memory_op, XENMEM_remove_from_physmap, &remove));
    remove.domid = NO_DOMAIN;
    CHECK_ERR(hc(memory_op, XENMEM_remove_from_physmap, &remove), ESRCH);
    CHECK_ERR(hc(memory_op, XENMEM_set_pod_target, &pod), EINVAL);
    CHECK_ERR(hc(memory_op, XENMEM_get_pod_target, &pod), EINVAL);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_add_to_physmap, bad));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_add_to_physmap_batch, bad));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_remove_from_physmap, bad));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_set_pod_target, bad));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_get_pod_target, bad));
}

TEST(memory_sharing_absent)
{
    char argument[128] = "";

    CHECK_EQ(hc(memory_op, XENMEM_get_sharing_freed_pages, 0), 0);
    CHECK_EQ(hc(memory_op, XENMEM_get_sharing_shared_pages, 0), 0);
    CHECK_REFUSED(hc(memory_op, XENMEM_sharing_op, argument));
    CHECK_REFUSED(hc(memory_op, XENMEM_paging_op, argument));
    CHECK_REFUSED(hc(memory_op, XENMEM_access_op, argument));
}

TEST(memory_vnuma_absent)
{
    struct xen_vnuma_topology_info info = {.domid = DOMID_SELF};

    CHECK_ERR(hc(memory_op, XENMEM_get_vnumainfo, &info), EOPNOTSUPP);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_get_vnumainfo, bad));
}

TEST(memory_acquire_resource)
{
    struct xen_mem_acquire_resource r = {.domid = NO_DOMAIN,
                                         .type = XENMEM_resource_grant_table,
                                         .id = XENMEM_resource_grant_table_id_shared};

    CHECK_ERR(hc(memory_op, XENMEM_acquire_resource, &r), ESRCH);
    r.domid = DOMID_SELF; // only another domain's
    CHECK_REFUSED(hc(memory_op, XENMEM_acquire_resource, &r));
    r.pad = 1;
    CHECK_ERR(hc(memory_op, XENMEM_acquire_resource, &r), EINVAL);
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_acquire_resource, bad));
}

TEST(memory_reserved_device_memory)
{
    struct xen_reserved_device_memory_map m = {.flags = XENMEM_RDM_ALL};
    long error = hc(memory_op, XENMEM_reserved_device_memory_map, &m);

    CHECK(error == 0 || error == -XEN_ENOSYS || error == -XEN_ENOBUFS);
    m.flags = 0x80;
    CHECK_REFUSED(hc(memory_op, XENMEM_reserved_device_memory_map, &m));
}

TEST(memory_unknown)
{
    static const unsigned unknown[] = {8, 29, 30, 63};
    char argument[128] = "";

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(hc(memory_op, unknown[i], argument), ENOSYS);
}
