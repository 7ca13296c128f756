#include "control/grant_seed.h"

#include <errno.h>
#include <sys/mman.h>

#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"

#define PAGE_SIZE 4096

// The first frame of the guest's grant table, which the hypervisor makes when asked for it.
static int find_grant_table(struct control *control, domid_t guest, uint64_t *frame)
{
    struct gnttab_setup_table *op = control_buffer(control, PAGE_SIZE);
    uint64_t arguments[5] = {GNTTABOP_setup_table, (uintptr_t)op, 1};
    long rc;

    if (!op)
        return -ENOMEM;
    op->dom = guest;
    op->nr_frames = 1;
    op->frame_list = (xen_pfn_t *)(op + 1);
    rc = control_hypercall(control, __HYPERVISOR_grant_table_op, arguments);
    if (!rc && op->status)
        rc = op->status == GNTST_permission_denied ? -EPERM : -EINVAL;
    *frame = *(xen_pfn_t *)(op + 1);
    control_buffer_free(control, op, PAGE_SIZE);
    return (int)rc;
}

static struct grant_entry_v1 entry(struct grant_seed seed)
{
    return (struct grant_entry_v1){GTF_permit_access, seed.domain, (uint32_t)seed.mfn};
}

static int write_table(struct control *control, domid_t guest, uint64_t frame,
                       struct grant_seed console, struct grant_seed xenstore)
{
    struct grant_entry_v1 *table =
        control_map(control, guest, PROT_READ | PROT_WRITE, &frame, 1, NULL);

    if (!table)
        return -errno;
    table[GNTTAB_RESERVED_CONSOLE] = entry(console);
    table[GNTTAB_RESERVED_XENSTORE] = entry(xenstore);
    control_unmap(table, 1);
    return 0;
}

int control_seed_grants(struct control *control, domid_t guest, struct grant_seed console,
                        struct grant_seed xenstore)
{
    uint64_t frame;
    int rc = find_grant_table(control, guest, &frame);

    return rc ? rc : write_table(control, guest, frame, console, xenstore);
}

int control_seed_grants_at(struct control *control, domid_t guest, uint64_t guest_frame,
                           struct grant_seed console, struct grant_seed xenstore)
{
    struct xen_add_to_physmap add = {
        .domid = guest, .space = XENMAPSPACE_grant_table, .gpfn = guest_frame};
    struct xen_remove_from_physmap remove = {.domid = guest, .gpfn = guest_frame};
    int rc = (int)control_memory_op(control, XENMEM_add_to_physmap, &add, sizeof(add)), removed;

    if (rc)
        return rc;
    rc = write_table(control, guest, guest_frame, console, xenstore);
    removed = (int)control_memory_op(control, XENMEM_remove_from_physmap, &remove, sizeof(remove));
    return rc ? rc : removed;
}
