// A guest's side of grant tables for tests: hypercalls, entries, and a kind of guest whose page
// tables are a list.
#pragma once

#include "core/grant.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"
#include "pv-abi/grant_table.h"
#include "tests/unit/fake/platform.h"

// What a domain has mapped: as PV page tables do, each entry holds references of its own.
#define MAX_PTES 4096
#define BAD_VA   0xbad000ull // can not be mapped
static struct {
    const struct domain *d;
    uint64_t addr;
    mfn_t mfn;
    bool writable;
} ptes[MAX_PTES];

static inline unsigned pte_find(const struct domain *d, uint64_t addr)
{
    unsigned i = 0;

    while (i < MAX_PTES && !(ptes[i].d == d && ptes[i].addr == addr))
        i++;
    return i;
}

static inline unsigned ptes_in_use(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_PTES; i++)
        n += ptes[i].d != NULL;
    return n;
}

static inline int list_map(uint64_t addr, mfn_t mfn, unsigned flags)
{
    struct frame *f = mfn_to_frame(mfn);
    unsigned i = pte_find(NULL, 0);

    if (addr == BAD_VA || i == MAX_PTES || pte_find(current->domain, addr) < MAX_PTES)
        return GNTST_bad_virt_addr;
    if (!frame_get_any(f))
        panic("mapping of a free frame\n");
    if (!(flags & GNTMAP_readonly) && frame_get_type(f, FT_WRITABLE, false))
        panic("writable mapping of a frame of another type\n");
    ptes[i].d = current->domain;
    ptes[i].addr = addr;
    ptes[i].mfn = mfn;
    ptes[i].writable = !(flags & GNTMAP_readonly);
    return GNTST_okay;
}

static inline void pte_drop(unsigned i)
{
    struct frame *f = mfn_to_frame(ptes[i].mfn);

    if (ptes[i].writable)
        frame_put_and_type(f);
    else
        frame_put(f);
    ptes[i].d = NULL;
    ptes[i].addr = 0;
}

static inline int list_unmap(uint64_t addr, mfn_t mfn, unsigned flags, uint64_t replace_with)
{
    unsigned i = pte_find(current->domain, addr);

    if (i == MAX_PTES || ptes[i].mfn != mfn)
        return GNTST_general_error;
    pte_drop(i);
    if (replace_with) {
        i = pte_find(current->domain, replace_with);
        if (i < MAX_PTES)
            ptes[i].addr = addr;
    }
    return GNTST_okay;
}

static inline struct domain *make_domain(domid_t id, bool privileged)
{
    struct domain *d;

    fake_ops.grant_map = list_map;
    fake_ops.grant_unmap = list_unmap;
    d = fake_domain(id, 1, privileged);
    if (grant_domain_init(d, 4, 4))
        panic("no grant table\n");
    return d;
}

static inline long gnttab(struct domain *d, unsigned cmd, void *arg, unsigned count)
{
    fake_run(d->vcpus[0]);
    return do_grant_table_op(cmd, guest_address(arg), count);
}

// The domain's table as it sees it.
static inline void *table_va(struct domain *d, unsigned frame)
{
    mfn_t mfn;

    if (grant_table_frame(d, frame, false, &mfn))
        panic("no table frame %u\n", frame);
    return mfn_to_virt(mfn);
}

static inline struct grant_entry_v1 *entry_v1(struct domain *d, unsigned ref)
{
    return (struct grant_entry_v1 *)table_va(d, ref / 512) + ref % 512;
}

static inline union grant_entry_v2 *entry_v2(struct domain *d, unsigned ref)
{
    return (union grant_entry_v2 *)table_va(d, ref / 256) + ref % 256;
}

static inline grant_status_t *status_of(struct domain *d, unsigned ref)
{
    mfn_t mfn;

    if (grant_table_frame(d, ref / 2048, true, &mfn))
        panic("no status frame\n");
    return (grant_status_t *)mfn_to_virt(mfn) + ref % 2048;
}

static inline void offer(struct domain *d, unsigned ref, domid_t to, const struct frame *f,
                         unsigned flags)
{
    struct grant_entry_v1 *e = entry_v1(d, ref);

    e->frame = (uint32_t)frame_to_mfn(f);
    e->domid = to;
    e->flags = (uint16_t)flags;
}

// Maps; the status comes back, the handle in *handle.
static inline int map(struct domain *d, domid_t from, unsigned ref, uint64_t addr, unsigned flags,
                      grant_handle_t *handle)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = addr, .flags = flags, .ref = ref, .dom = from, .status = 99};

    if (gnttab(d, GNTTABOP_map_grant_ref, &op, 1))
        panic("map_grant_ref refused as a whole\n");
    *handle = op.handle;
    return op.status;
}

static inline int unmap(struct domain *d, uint64_t addr, uint64_t dev, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = addr, .dev_bus_addr = dev, .handle = handle, .status = 99};

    if (gnttab(d, GNTTABOP_unmap_grant_ref, &op, 1))
        panic("unmap_grant_ref refused as a whole\n");
    return op.status;
}

// The end of a domain, as core/domain.c does it; all its page-table entries go, too.
static inline void relinquish(struct domain *d)
{
    int rc;

    while ((rc = grant_domain_relinquish(d)) == -ERESTART)
        ;
    if (rc)
        panic("grant_domain_relinquish: %d\n", rc);
    for (unsigned i = 0; i < MAX_PTES; i++)
        if (ptes[i].d == d)
            pte_drop(i);
    fake_domain_remove(d);
}

static inline void finish(struct domain *d)
{
    grant_domain_destroy(d);
    fake_domain_free(d);
}
