// HYPERVISOR_physdev_op as far as it touches no device: interrupts without one, levels, maps.
#include "pv-abi/physdev.h"

#include "tests/guests/common/guest.h"

TEST(physdev_iopl)
{
    struct physdev_set_iopl op = {.iopl = 4};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_set_iopl, &op), EINVAL);
    op.iopl = 0xffffffff;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_set_iopl, &op), EINVAL);
    op.iopl = 1;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_set_iopl, &op));
}

TEST(physdev_iobitmap)
{
    struct physdev_set_iobitmap op = {.nr_ports = 65537};

    op.bitmap = page_alloc();
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_set_iobitmap, &op), EINVAL);
    op.nr_ports = 0xffffffff;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_set_iobitmap, &op), EINVAL);
    op.nr_ports = 0;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_set_iobitmap, &op));
}

TEST(physdev_irq_status)
{
    struct physdev_irq_status_query op = {.irq = 0xffffffff};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_irq_status_query, &op), EINVAL);
    op.irq = 4095;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_irq_status_query, &op), EINVAL);
    op.irq = 9;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_irq_status_query, &op));
    CHECK_EQ(op.flags & ~(XENIRQSTAT_needs_eoi | XENIRQSTAT_shared), 0);
}

TEST(physdev_eoi_refused)
{
    struct physdev_eoi op = {.irq = 0xffffffff};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_eoi, &op), EINVAL);
    op.irq = 4095;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_eoi, &op), EINVAL);
}

TEST(physdev_setup_gsi)
{
    struct physdev_setup_gsi op = {.gsi = -1};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_setup_gsi, &op), EINVAL);
    op.gsi = 100000;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_setup_gsi, &op), EINVAL);
    op.gsi = 0x7fffffff;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_setup_gsi, &op), EINVAL);
}

// An interrupt line nobody uses, from mapping to unmapping.
TEST(physdev_gsi_life)
{
    struct physdev_setup_gsi setup = {.gsi = 23, .triggering = 1, .polarity = 1};
    struct physdev_map_pirq map = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 23};
    struct physdev_unmap_pirq unmap = {.domid = DOMID_SELF};
    struct evtchn_bind_pirq bind = {.flags = BIND_PIRQ__WILL_SHARE};
    struct evtchn_status status = {.dom = DOMID_SELF};
    struct physdev_eoi eoi;
    long error = hc(physdev_op, PHYSDEVOP_setup_gsi, &setup);

    CHECK(error == 0 || error == -XEN_EEXIST);
    map.pirq = 23;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_map_pirq, &map));
    CHECK_EQ(map.pirq, 23);
    bind.pirq = (uint32_t)map.pirq;
    REQUIRE_OK(hc(event_channel_op, EVTCHNOP_bind_pirq, &bind));
    status.port = bind.port;
    CHECK_OK(hc(event_channel_op, EVTCHNOP_status, &status));
    CHECK_EQ(status.status, EVTCHNSTAT_pirq);
    CHECK_EQ(status.u.pirq, map.pirq);
    CHECK_ERR(hc(event_channel_op, EVTCHNOP_bind_pirq, &bind), EEXIST);
    CHECK_ERR(port_send(status.port), EINVAL);
    eoi.irq = (uint32_t)map.pirq;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_eoi, &eoi));
    unmap.pirq = map.pirq;
    hc(physdev_op, PHYSDEVOP_unmap_pirq, &unmap); // refused or forced while it is bound
    CHECK_OK(port_close(status.port));
    unmap.pirq = -1;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_unmap_pirq, &unmap), EINVAL);
}

TEST(physdev_map_pirq_refused)
{
    struct physdev_map_pirq map = {
        .domid = 12345, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    struct physdev_unmap_pirq unmap = {.domid = 12345, .pirq = 9};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_map_pirq, &map), ESRCH);
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_unmap_pirq, &unmap), ESRCH);
    map.domid = DOMID_SELF;
    map.index = 100000;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_map_pirq, &map), EINVAL);
    map.index = -5;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_map_pirq, &map), EINVAL);
    map.type = 99;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_map_pirq, &map), EINVAL);
    map.type = MAP_PIRQ_TYPE_MSI; // of a device that is not there
    map.index = -1;
    map.pirq = -1;
    map.bus = 0xff;
    map.devfn = 0xff;
    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_map_pirq, &map));
    unmap.domid = DOMID_SELF;
    unmap.pirq = 100000;
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_unmap_pirq, &unmap), EINVAL);
}

TEST(physdev_free_pirq)
{
    struct physdev_get_free_pirq op = {.type = MAP_PIRQ_TYPE_MSI};

    CHECK_OK(hc(physdev_op, PHYSDEVOP_get_free_pirq, &op));
    CHECK(op.pirq >= 16 && op.pirq < 4096);
}

// The map of interrupts that want an end-of-interrupt call: once, into a page of one's own.
TEST(physdev_eoi_map)
{
    struct physdev_pirq_eoi_gmfn op = {.gmfn = 0x000000ffffffffff};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_pirq_eoi_gmfn_v2, &op), EINVAL);
    op.gmfn = kernel_root();
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_pirq_eoi_gmfn_v2, &op), EINVAL);
    op.gmfn = mfn_of(page_alloc());
    CHECK_OK(hc(physdev_op, PHYSDEVOP_pirq_eoi_gmfn_v2, &op));
    pool_keep();
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_pirq_eoi_gmfn_v2, &op), EBUSY);
}

TEST(physdev_apic_access)
{
    struct physdev_apic op = {.apic_physbase = 0x12345000, .reg = 1};

    CHECK_ERR(hc(physdev_op, PHYSDEVOP_apic_read, &op), EINVAL); // no I/O APIC there
    CHECK_ERR(hc(physdev_op, PHYSDEVOP_apic_write, &op), EINVAL);
    op.apic_physbase = 0xfec00000;
    CHECK_OK(hc(physdev_op, PHYSDEVOP_apic_read, &op));
    CHECK((op.value >> 16 & 0xff) >= 15); // entries, less one
}

TEST(physdev_pci_refused)
{
    struct physdev_pci_device dev = {.seg = 0, .bus = 0xff, .devfn = 0xff};

    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_pci_device_remove, &dev));
    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_prepare_msix, &dev));
    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_release_msix, &dev));
    CHECK_REFUSED(hc(physdev_op, PHYSDEVOP_restore_msi_ext, &dev));
}

TEST(physdev_hostile)
{
    static const unsigned unknown[] = {0, 1, 2, 3, 18, 22, 32, 100, 0xffffffff};
    static const unsigned known[] = {
        PHYSDEVOP_irq_status_query,  PHYSDEVOP_set_iopl,      PHYSDEVOP_set_iobitmap,
        PHYSDEVOP_apic_read,         PHYSDEVOP_apic_write,    PHYSDEVOP_eoi,
        PHYSDEVOP_map_pirq,          PHYSDEVOP_unmap_pirq,    PHYSDEVOP_pirq_eoi_gmfn_v2,
        PHYSDEVOP_setup_gsi,         PHYSDEVOP_get_free_pirq, PHYSDEVOP_pci_device_add,
        PHYSDEVOP_pci_device_remove,
    };
    char argument[64] = "";

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(hc(physdev_op, unknown[i], argument), ENOSYS);
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        CHECK_EFAULT_ALL(hc(physdev_op, known[i], bad));
}
