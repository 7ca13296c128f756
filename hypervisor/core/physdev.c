// The physdev hypercall: physical interrupts and devices, for whoever drives them.
#include "core/physdev.h"

#include "core/hypercall_table.h"
#include "core/permissions.h"
#include "core/pirq.h"
#include "cpu/ioapic.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/guest.h"

static int op_eoi(union physdev_arg *arg)
{
    return pirq_eoi(current->domain, arg->eoi.irq);
}

static int op_eoi_map(union physdev_arg *arg)
{
    return pirq_share_eoi_map(current->domain, arg->eoi_gmfn.gmfn);
}

static int op_status(union physdev_arg *arg)
{
    int status = pirq_status(current->domain, arg->status.irq);

    if (status < 0)
        return status;
    arg->status.flags = (uint32_t)status;
    return 0;
}

// The domain of map_pirq and unmap_pirq, with a reference.
static int get_target(domid_t id, struct domain **d)
{
    // Who may map nobody's learns nothing of who is there.
    return permit(PERMIT_map_pirq, NULL) ?: permit_domain(PERMIT_map_pirq, id, d);
}

// The device is in the low bits of bus and devfn, with a type that says so the segment in the high
// ones.
static int map_message(struct domain *d, struct physdev_map_pirq *map)
{
    unsigned segment = map->type == MAP_PIRQ_TYPE_MSI ? 0 : (unsigned)map->bus >> 16;
    pci_sbdf_t sbdf = pci_sbdf(segment, (unsigned)map->bus, (unsigned)map->devfn);

    if (map->type == MAP_PIRQ_TYPE_MULTI_MSI) {
        if (map->table_base || map->entry_nr < 1 || map->entry_nr > 32)
            return -EINVAL;
        return pirq_map_msi(d, sbdf, (unsigned)map->entry_nr, &map->pirq);
    }
    if (!map->table_base)
        return pirq_map_msi(d, sbdf, 1, &map->pirq);
    if (map->entry_nr < 0 || mfn_valid(map->table_base >> PAGE_SHIFT))
        return -EINVAL; // no entry, or a table in ordinary memory
    return pirq_map_msix(d, sbdf, (unsigned)map->entry_nr, map->table_base, &map->pirq);
}

static int op_map(union physdev_arg *arg)
{
    struct physdev_map_pirq *map = &arg->map;
    struct domain *d;
    int rc = get_target(map->domid, &d);

    if (rc)
        return rc;
    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        rc = map->index < 0 ? -EINVAL : pirq_map_gsi(d, (unsigned)map->index, &map->pirq);
        break;
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        rc = map_message(d, map);
        break;
    default:
        rc = -EINVAL;
    }
    domain_put(d);
    if (rc)
        guest_debug("map_pirq: type %d index %d of %x:%x: error %d\n", map->type, map->index,
                    map->bus, map->devfn, rc);
    return rc;
}

static int op_unmap(union physdev_arg *arg)
{
    struct domain *d;
    int rc = get_target(arg->unmap.domid, &d);

    if (rc)
        return rc;
    rc = arg->unmap.pirq < 0 ? -EINVAL : pirq_unmap(d, (unsigned)arg->unmap.pirq);
    domain_put(d);
    return rc;
}

static int op_setup_gsi(union physdev_arg *arg)
{
    const struct physdev_setup_gsi *gsi = &arg->gsi;

    if (gsi->gsi < 0 || gsi->triggering > 1 || gsi->polarity > 1)
        return -EINVAL;
    return gsi_configure((unsigned)gsi->gsi, gsi->triggering, gsi->polarity);
}

static int op_get_free_pirq(union physdev_arg *arg)
{
    int pirq = pirq_reserve(current->domain, arg->free_pirq.type != MAP_PIRQ_TYPE_GSI);

    if (pirq < 0)
        return pirq;
    arg->free_pirq.pirq = (uint32_t)pirq;
    return 0;
}

// Vectors mean nothing to a guest; this only says whether the line is one.
static int op_alloc_vector(union physdev_arg *arg)
{
    struct irq *irq = arg->irq.irq < gsi_count() ? gsi_irq(arg->irq.irq) : NULL;

    if (!irq)
        return -EINVAL;
    arg->irq.vector = irq->vector;
    return 0;
}

static int op_apic_read(union physdev_arg *arg)
{
    return ioapic_guest_read(arg->apic.apic_physbase, arg->apic.reg, &arg->apic.value);
}

static int op_apic_write(union physdev_arg *arg)
{
    return ioapic_guest_write(arg->apic.apic_physbase, arg->apic.reg, arg->apic.value);
}

static int op_set_iopl(union physdev_arg *arg)
{
    const struct domain_ops *ops = current->domain->ops;

    if (arg->iopl.iopl > 3)
        return -EINVAL;
    return ops->set_iopl ? ops->set_iopl(current, arg->iopl.iopl) : -ENOSYS;
}

static int op_set_iobitmap(union physdev_arg *arg)
{
    const struct domain_ops *ops = current->domain->ops;

    if (arg->iobitmap.nr_ports > 65536)
        return -EINVAL;
    return ops->set_io_bitmap
               ? ops->set_io_bitmap(current, (uint64_t)arg->iobitmap.bitmap, arg->iobitmap.nr_ports)
               : -ENOSYS;
}

static const struct {
    int (*fn)(union physdev_arg *arg);
    uint8_t bytes;
    bool result;  // the argument is written back
    bool machine; // for who may do physdev_machine
} ops[] = {
#define OP(cmd, fn, type, result, machine) \
    [PHYSDEVOP_##cmd] = {fn, sizeof(struct type), result, machine}
    OP(irq_status_query, op_status, physdev_irq_status_query, true, false),
    OP(set_iopl, op_set_iopl, physdev_set_iopl, false, false),
    OP(set_iobitmap, op_set_iobitmap, physdev_set_iobitmap, false, false),
    OP(apic_read, op_apic_read, physdev_apic, true, true),
    OP(apic_write, op_apic_write, physdev_apic, false, true),
    OP(alloc_irq_vector, op_alloc_vector, physdev_irq, true, true),
    OP(eoi, op_eoi, physdev_eoi, false, false),
    OP(map_pirq, op_map, physdev_map_pirq, true, false),
    OP(unmap_pirq, op_unmap, physdev_unmap_pirq, false, false),
    OP(setup_gsi, op_setup_gsi, physdev_setup_gsi, false, true),
    OP(get_free_pirq, op_get_free_pirq, physdev_get_free_pirq, true, false),
    OP(pci_mmcfg_reserved, physdev_mmcfg_reserved, physdev_pci_mmcfg_reserved, false, true),
    OP(pci_device_add, physdev_device_add, physdev_pci_device_add, false, true),
    OP(pci_device_remove, physdev_device_remove, physdev_pci_device, false, true),
    OP(restore_msi_ext, physdev_restore_msi, physdev_pci_device, false, true),
    OP(pirq_eoi_gmfn_v2, op_eoi_map, physdev_pirq_eoi_gmfn, false, false),
    OP(dbgp_op, physdev_dbgp, physdev_dbgp_op, false, true),
    OP(prepare_msix, physdev_msix, physdev_pci_device, false, true),
    OP(release_msix, physdev_msix, physdev_pci_device, false, true),
#undef OP
};

long do_physdev_op(unsigned cmd, uint64_t uarg)
{
    union physdev_arg arg;
    long rc;

    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = (unsigned)index_nospec(cmd, ARRAY_SIZE(ops));
    if (!ops[cmd].fn)
        return -ENOSYS;
    if (ops[cmd].machine && permit(PERMIT_physdev_machine, NULL))
        return -EPERM;
    if (copy_from_guest(&arg, uarg, ops[cmd].bytes))
        return -EFAULT;
    rc = ops[cmd].fn(&arg);
    if (!rc && ops[cmd].result && copy_to_guest(uarg, &arg, ops[cmd].bytes))
        rc = -EFAULT;
    return rc;
}
