// Between the files of the physdev hypercall (pv-abi/physdev.h).
#pragma once

#include "core/domain.h"
#include "pv-abi/physdev.h"

// Room for every operation's argument.
union physdev_arg {
    struct physdev_eoi eoi;
    struct physdev_pirq_eoi_gmfn eoi_gmfn;
    struct physdev_irq_status_query status;
    struct physdev_set_iopl iopl;
    struct physdev_set_iobitmap iobitmap;
    struct physdev_apic apic;
    struct physdev_irq irq;
    struct physdev_map_pirq map;
    struct physdev_unmap_pirq unmap;
    struct physdev_pci_device_add add;
    struct physdev_pci_device device;
    struct physdev_setup_gsi gsi;
    struct physdev_get_free_pirq free_pirq;
    struct physdev_pci_mmcfg_reserved mmcfg;
    struct physdev_dbgp_op dbgp;
};

// The operations on PCI devices; arguments are the hypervisor's copies. All are domain 0's only.
int physdev_device_add(union physdev_arg *arg);
int physdev_device_remove(union physdev_arg *arg);
int physdev_restore_msi(union physdev_arg *arg);
int physdev_msix(union physdev_arg *arg);
int physdev_mmcfg_reserved(union physdev_arg *arg);
int physdev_dbgp(union physdev_arg *arg);
