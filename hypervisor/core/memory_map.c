// Memory maps, and where the M2P is.
#include "core/memory_impl.h"
#include "core/permissions.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "mm/paging.h"

static struct e820_entry machine_map[128];
static unsigned machine_entries;

void memory_add_machine_range(uint64_t start, uint64_t bytes, uint32_t type)
{
    if (machine_entries < ARRAY_SIZE(machine_map))
        machine_map[machine_entries++] = (struct e820_entry){start, bytes, type};
}

// Gives as many entries as there is room for. room 0 without a buffer asks for the number.
static long give_map(uint64_t arg, const struct e820_entry *map, unsigned n)
{
    struct xen_memory_map out;
    uint64_t buffer;

    if (copy_from_guest(&out, arg, sizeof(out)))
        return -EFAULT;
    buffer = (uint64_t)out.buffer;
    if (!out.nr_entries && !buffer) {
        out.nr_entries = n;
    } else if (out.nr_entries < n && map == machine_map) {
        return -EINVAL; // half a map of the machine would be worse than none
    } else {
        out.nr_entries = MIN(out.nr_entries, n);
        if (copy_to_guest(buffer, map, out.nr_entries * sizeof(*map)))
            return -EFAULT;
    }
    return copy_to_guest(arg, &out, sizeof(out));
}

static long memory_map(uint64_t arg)
{
    struct domain *d = current->domain;
    struct e820_entry *copy;
    unsigned n;
    long rc;

    copy = xzalloc_array(struct e820_entry, E820_MAX_ENTRIES);
    if (!copy)
        return -ENOMEM;
    spin_lock(&d->lock);
    n = d->nr_e820;
    if (n)
        memcpy(copy, d->e820, n * sizeof(*copy));
    spin_unlock(&d->lock);
    rc = n ? give_map(arg, copy, n) : -ENOSYS;
    xfree(copy);
    return rc;
}

static long set_map(struct domain *d, const struct xen_memory_map *in)
{
    struct e820_entry *map = NULL, *old;

    if (in->nr_entries > E820_MAX_ENTRIES)
        return -EINVAL;
    if (in->nr_entries) {
        map = xzalloc_array(struct e820_entry, in->nr_entries);
        if (!map)
            return -ENOMEM;
        if (copy_from_guest(map, (uint64_t)in->buffer, in->nr_entries * sizeof(*map))) {
            xfree(map);
            return -EFAULT;
        }
    }
    spin_lock(&d->lock);
    old = d->e820;
    d->e820 = map;
    d->nr_e820 = in->nr_entries;
    spin_unlock(&d->lock);
    xfree(old);
    return 0;
}

static long set_memory_map(uint64_t arg)
{
    struct xen_foreign_memory_map in;
    struct domain *d;
    long rc;

    if (copy_from_guest(&in, arg, sizeof(in)))
        return -EFAULT;
    rc = permit_domain(PERMIT_memory_map, in.domid, &d);
    if (rc)
        return rc;
    rc = set_map(d, &in.map);
    domain_put(d);
    return rc;
}

// One frame number for each 2 MB of the table; holes repeat the one before.
static long machphys_mfn_list(uint64_t arg)
{
    struct xen_machphys_mfn_list out;
    uint64_t last = 0;

    if (copy_from_guest(&out, arg, sizeof(out)))
        return -EFAULT;
    out.nr_extents = 0;
    for (uint64_t at = 0; at < max_mfn * 8 && out.nr_extents < out.max_extents; at += M2P_EXTENT) {
        maddr_t ma = hv_translate(M2P_RW_START + at);

        if (ma != ~0ull)
            last = ma >> PAGE_SHIFT;
        if (copy_to_guest((uint64_t)(out.extent_start + out.nr_extents), &last, sizeof(last)))
            return -EFAULT;
        out.nr_extents++;
    }
    return copy_to_guest(arg, &out, sizeof(out));
}

static long machphys_mapping(uint64_t arg)
{
    const struct xen_machphys_mapping out = {
        .v_start = MACH2PHYS_VIRT_START, .v_end = MACH2PHYS_VIRT_END, .max_mfn = max_mfn - 1};

    return copy_to_guest(arg, &out, sizeof(out));
}

// No device needs identity mappings as long as no IOMMU is used.
static long reserved_device_memory(uint64_t arg)
{
    struct xen_reserved_device_memory_map out;

    if (copy_from_guest(&out, arg, sizeof(out)))
        return -EFAULT;
    if (out.flags & ~(uint32_t)XENMEM_RDM_ALL)
        return -EINVAL;
    out.nr_entries = 0;
    return copy_to_guest(arg, &out, sizeof(out));
}

long memory_map_op(unsigned op, uint64_t arg)
{
    switch (op) {
    case XENMEM_memory_map:
        return memory_map(arg);
    case XENMEM_machine_memory_map:
        return permit(PERMIT_machine_memory_map, NULL)
                   ?: give_map(arg, machine_map, machine_entries);
    case XENMEM_set_memory_map:
        return set_memory_map(arg);
    case XENMEM_machphys_mfn_list:
        return machphys_mfn_list(arg);
    case XENMEM_machphys_mapping:
        return machphys_mapping(arg);
    default:
        return reserved_device_memory(arg);
    }
}
