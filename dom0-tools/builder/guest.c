#include "builder/guest.h"

#include <errno.h>
#include <sys/mman.h>

#include "pv-abi/grant_table.h"
#include "pv-abi/mmu.h"

#define PAGE_SIZE 4096ul
#define PIN_BATCH 1024

int guest_pin(struct control *control, domid_t domain, unsigned command, const uint64_t *mfns,
              size_t count)
{
    size_t size = PIN_BATCH * sizeof(struct mmuext_op);
    struct mmuext_op *ops = control_buffer(control, size);
    long rc = ops ? 0 : -ENOMEM;

    for (size_t done = 0; done < count && !rc;) {
        size_t batch = count - done < PIN_BATCH ? count - done : PIN_BATCH;
        uint64_t arguments[5] = {(uintptr_t)ops, batch, 0, domain};

        for (size_t i = 0; i < batch; i++) {
            ops[i] = (struct mmuext_op){.cmd = command};
            ops[i].arg1.mfn = mfns[done + i];
        }
        rc = control_hypercall(control, __HYPERVISOR_mmuext_op, arguments);
        done += batch;
    }
    control_buffer_free(control, ops, size);
    return rc < 0 ? (int)rc : 0;
}

// The first frame of the guest's grant table, which the hypervisor makes when asked for it.
static int find_grant_table(const struct pv_target *t, uint64_t *frame)
{
    struct gnttab_setup_table *op = control_buffer(t->control, PAGE_SIZE);
    uint64_t arguments[5] = {GNTTABOP_setup_table, (uintptr_t)op, 1};
    long rc;

    if (!op)
        return -ENOMEM;
    op->dom = t->domain;
    op->nr_frames = 1;
    op->frame_list = (xen_pfn_t *)(op + 1);
    rc = control_hypercall(t->control, __HYPERVISOR_grant_table_op, arguments);
    if (!rc && op->status)
        rc = op->status == GNTST_permission_denied ? -EPERM : -EINVAL;
    *frame = *(xen_pfn_t *)(op + 1);
    control_buffer_free(t->control, op, PAGE_SIZE);
    return (int)rc;
}

int guest_seed_grants(const struct pv_target *t, uint64_t console_mfn, uint64_t xenstore_mfn)
{
    struct grant_entry_v1 *table;
    uint64_t frame;
    int rc = find_grant_table(t, &frame);

    if (rc)
        return rc;
    table = control_map(t->control, t->domain, PROT_READ | PROT_WRITE, &frame, 1, NULL);
    if (!table)
        return -errno;
    table[GNTTAB_RESERVED_CONSOLE] =
        (struct grant_entry_v1){GTF_permit_access, t->console_domain, (uint32_t)console_mfn};
    table[GNTTAB_RESERVED_XENSTORE] =
        (struct grant_entry_v1){GTF_permit_access, t->xenstore_domain, (uint32_t)xenstore_mfn};
    control_unmap(table, 1);
    return 0;
}
