// What domain 0 tells of PCI devices. The hypervisor remembers that they are there; what it needs
// to know of one it reads from the device when that is asked for.
#include "core/physdev.h"

#include "lib/errno.h"
#include "lib/list.h"
#include "lib/log.h"
#include "mm/alloc.h"
#include "platform/acpi.h"
#include "platform/msi.h"

struct pci_device {
    struct list link;
    pci_sbdf_t sbdf;
};

static struct list devices = LIST_INIT(devices);
static spinlock_t devices_lock;

static pci_sbdf_t device_of(const union physdev_arg *arg)
{
    return pci_sbdf(arg->device.seg, arg->device.bus, arg->device.devfn);
}

// With the lock held.
static struct pci_device *find_device(pci_sbdf_t sbdf)
{
    struct pci_device *d;

    list_for_each (d, &devices, link) {
        if (d->sbdf == sbdf)
            return d;
    }
    return NULL;
}

// Telling of a device again is no error.
int physdev_device_add(union physdev_arg *arg)
{
    pci_sbdf_t sbdf = pci_sbdf(arg->add.seg, arg->add.bus, arg->add.devfn);
    struct pci_device *d = xzalloc(struct pci_device);
    bool added = false;

    if (!d)
        return -ENOMEM;
    d->sbdf = sbdf;
    spin_lock(&devices_lock);
    if (!find_device(sbdf)) {
        list_add_tail(&d->link, &devices);
        added = true;
    }
    spin_unlock(&devices_lock);
    if (added)
        log_debug("PCI device " PCI_FORMAT "\n", PCI_ARGS(sbdf));
    else
        xfree(d);
    return 0;
}

int physdev_device_remove(union physdev_arg *arg)
{
    struct pci_device *d;

    spin_lock(&devices_lock);
    d = find_device(device_of(arg));
    if (d)
        list_del(&d->link);
    spin_unlock(&devices_lock);
    if (!d)
        return -ENODEV;
    xfree(d);
    return 0;
}

// Having no messages to restore is no error.
int physdev_restore_msi(union physdev_arg *arg)
{
    return msi_restore(device_of(arg)) && !pci_present(device_of(arg)) ? -ENODEV : 0;
}

// Before and after a device with MSI-X is given to a guest: there is nothing to prepare, but the
// caller wants to know whether it could be.
int physdev_msix(union physdev_arg *arg)
{
    return pci_find_capability(device_of(arg), PCI_CAP_MSIX) ? 0 : -ENODEV;
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
