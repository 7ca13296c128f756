// A guest that asks the hypervisor for what only domain 0 may do, and for the memory, events and
// grants of others.
#include "pv-abi/domctl.h"
#include "pv-abi/memory.h"
#include "pv-abi/physdev.h"
#include "pv-abi/platform.h"
#include "pv-abi/sched.h"
#include "pv-abi/sysctl.h"

#include "tests/guests/common/grant.h"
#include "tests/guests/common/guest.h"

TEST(control_is_not_for_guests)
{
    static struct xen_domctl domctl;
    static struct xen_sysctl sysctl;
    static struct xen_platform_op platform;

    for (unsigned cmd = 0; cmd < 100; cmd++)
        for (unsigned dom = 0; dom < 8; dom++) {
            memset(&domctl, 0, sizeof(domctl));
            domctl.cmd = cmd;
            domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
            domctl.domain = (domid_t)dom;
            CHECK_REFUSED(hc(domctl, &domctl));
        }
    for (unsigned cmd = 0; cmd < 40; cmd++) {
        memset(&sysctl, 0, sizeof(sysctl));
        sysctl.cmd = cmd;
        sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        CHECK_REFUSED(hc(sysctl, &sysctl));
        memset(&platform, 0, sizeof(platform));
        platform.cmd = cmd;
        platform.interface_version = XENPF_INTERFACE_VERSION;
        CHECK_REFUSED(hc(platform_op, &platform));
    }
}

TEST(control_memory_of_others)
{
    uint64_t extent = 0;
    struct xen_memory_reservation r = {.extent_start = &extent, .nr_extents = 1, .domid = 0};

    CHECK(hc(memory_op, XENMEM_populate_physmap, &r) <= 0);
    CHECK(hc(memory_op, XENMEM_decrease_reservation, &r) <= 0);
    CHECK(hc(memory_op, XENMEM_increase_reservation, &r) <= 0);
    // Every frame of the machine that is not ours, up to 4 GB: not one may be mapped.
    for (uint64_t mfn = 0; mfn < 1u << 20; mfn += 61) {
        uint64_t pfn = m2p_read(mfn);

        if (pfn < start_info->nr_pages && mfn_of_pfn(pfn) == mfn)
            continue;
        if (mfn == start_info->shared_info >> PAGE_SHIFT)
            continue;
        if (!CHECK(window_map(0, mfn, PTE_RW) != 0)) {
            print("     ... of frame %lx\n", mfn);
            break;
        }
    }
    CHECK_REFUSED(
        hc(update_va_mapping_otherdomain, window_va(0), pte_make(1000, PTE_RW), UVMF_NONE, 0));
    CHECK_REFUSED(mmu_update_one(pte_maddr(window_va(0), 1), pte_make(1000, PTE_RW), 0));
}

TEST(control_grants_of_others)
{
    struct gnttab_map_grant_ref map;

    for (unsigned dom = 0; dom < 8; dom++)
        for (unsigned ref = 0; ref < 64; ref++) {
            map = (struct gnttab_map_grant_ref){.host_addr = window_va(0),
                                                .flags = GNTMAP_host_map,
                                                .ref = ref,
                                                .dom = (domid_t)dom};
            CHECK_OK(hc(grant_table_op, GNTTABOP_map_grant_ref, &map, 1));
            CHECK(map.status != GNTST_okay);
        }
}

TEST(control_events_of_others)
{
    for (unsigned dom = 0; dom < 8; dom++)
        for (unsigned port = 0; port < 200; port++) {
            long mine = port_bind_interdomain(dom, port);

            if (mine > 0)
                port_close((unsigned)mine);
            CHECK(mine < 0);
        }
    for (unsigned i = 0; i < 20000; i++) // a flood, which reaches a daemon that is not ours
        port_send(start_info->console.domU.evtchn);
}

TEST(control_devices)
{
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 4, .pirq = -1};
    struct physdev_set_iopl iopl = {.iopl = 3};
    uint32_t value;

    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_map_pirq, &map));
    hc(physdev_op, PHYSDEVOP_set_iopl, &iopl); // may be granted; ports are not
    // Ports that are not its own swallow writes and read as if nothing were there.
    __asm__ volatile("outb %%al, %%dx" : : "a"(0xfe), "d"(0x64)); // would reset the machine
    __asm__ volatile("inb %%dx, %%al" : "=a"(value) : "d"(0x64), "0"(0));
    CHECK_EQ(value & 0xff, 0xff);
    iopl.iopl = 1;
    hc(physdev_op, PHYSDEVOP_set_iopl, &iopl);
}
