// What domain 0 tells of PCI devices. The hypervisor keeps no list of them: it looks at a device
// when domain 0 asks for its messages, and knows none otherwise. So a report is checked and no
// more.
#include "core/physdev.h"

#include "lib/errno.h"
#include "lib/log.h"
#include "platform/acpi.h"
#include "platform/msi.h"

static int check_device(pci_sbdf_t sbdf)
{
    return pci_present(sbdf) ? 0 : -ENODEV;
}

// A device that is told of may have been removed from the bus already.
static int removed(void)
{
    return 0;
}

int physdev_manage_pci(union physdev_arg *arg)
{
    return check_device(pci_sbdf(0, arg->manage_pci.bus, arg->manage_pci.devfn));
}

int physdev_manage_pci_ext(union physdev_arg *arg)
{
    if (arg->manage_pci_ext.is_extfn && arg->manage_pci_ext.is_virtfn)
        return -EINVAL;
    return check_device(pci_sbdf(0, arg->manage_pci_ext.bus, arg->manage_pci_ext.devfn));
}

int physdev_device_add(union physdev_arg *arg)
{
    // A virtual function answers only once its physical function lets it.
    if (arg->add.flags & XEN_PCI_DEV_VIRTFN)
        return check_device(pci_sbdf(arg->add.seg, arg->add.physfn.bus, arg->add.physfn.devfn));
    return check_device(pci_sbdf(arg->add.seg, arg->add.bus, arg->add.devfn));
}

int physdev_device_remove(union physdev_arg *arg)
{
    return removed();
}

static int restore(pci_sbdf_t sbdf)
{
    // Having no messages to restore is no error.
    return msi_restore(sbdf) ? check_device(sbdf) : 0;
}

int physdev_restore_msi(union physdev_arg *arg)
{
    return restore(pci_sbdf(0, arg->restore_msi.bus, arg->restore_msi.devfn));
}

int physdev_restore_msi_ext(union physdev_arg *arg)
{
    return restore(pci_sbdf(arg->device.seg, arg->device.bus, arg->device.devfn));
}

// Before and after a device with MSI-X is given to a guest: there is nothing to prepare, but the
// caller wants to know whether it could be.
int physdev_msix(union physdev_arg *arg)
{
    pci_sbdf_t sbdf = pci_sbdf(arg->device.seg, arg->device.bus, arg->device.devfn);

    return pci_find_capability(sbdf, PCI_CAP_MSIX) ? 0 : -ENODEV;
}

int physdev_mmcfg_reserved(union physdev_arg *arg)
{
    const struct physdev_pci_mmcfg_reserved *r = &arg->mmcfg;

    if (r->flags & ~XEN_PCI_MMCFG_RESERVED)
        return -EINVAL;
    for (unsigned i = 0; i < acpi.nr_mcfg; i++)
        if (acpi.mcfg[i].maddr == r->address && acpi.mcfg[i].segment == r->segment &&
            acpi.mcfg[i].first_bus == r->start_bus && acpi.mcfg[i].last_bus == r->end_bus)
            return 0;
    return -ENODEV;
}

// The hypervisor's console is never on a USB debug port, so any reset of its controller is all
// right.
int physdev_dbgp(union physdev_arg *arg)
{
    if (arg->dbgp.bus != PHYSDEVOP_DBGP_BUS_UNKNOWN && arg->dbgp.bus != PHYSDEVOP_DBGP_BUS_PCI)
        return -EINVAL;
    if (arg->dbgp.op != PHYSDEVOP_DBGP_RESET_PREPARE && arg->dbgp.op != PHYSDEVOP_DBGP_RESET_DONE)
        return -ENOSYS;
    return 0;
}
