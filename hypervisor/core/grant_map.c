// Grants: mappings, and the handles that name them.
//
// Mapping: a free handle is reserved, the grant's use begins, the guest's page table is changed,
// and then the mapping becomes visible under its handle; whatever fails is undone in reverse order.
// Unmapping goes in batches: page-table entries first, then one TLB flush, and only then the uses
// end, for until the flush somebody could still reach the frame.
#include "core/grant_impl.h"

#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "mm/tlb.h"

#define BATCH 32

// Handles -----------------------------------------------------------------------------------------

static struct grant_mapping *mapping_of(struct grant_table *gt, grant_handle_t handle)
{
    return &gt->mappings[handle / MAPPINGS_PER_PAGE][handle % MAPPINGS_PER_PAGE];
}

// One more page of free mappings; map_lock held.
static bool add_mappings(struct grant_table *gt)
{
    struct grant_mapping *page;

    if (gt->nr_map_pages >= gt->max_map_pages)
        return false;
    if (!gt->mappings)
        gt->mappings = xzalloc_array(struct grant_mapping *, gt->max_map_pages);
    page = gt->mappings ? pages_alloc(0) : NULL;
    if (!page)
        return false;
    for (unsigned i = 0; i < MAPPINGS_PER_PAGE; i++)
        page[i].ref = gt->nr_map_pages * (unsigned)MAPPINGS_PER_PAGE + i + 1;
    page[MAPPINGS_PER_PAGE - 1].ref = gt->free_mapping;
    gt->free_mapping = gt->nr_map_pages * (unsigned)MAPPINGS_PER_PAGE;
    gt->mappings[gt->nr_map_pages++] = page;
    return true;
}

static grant_handle_t mapping_reserve(struct grant_table *gt)
{
    grant_handle_t handle;

    spin_lock(&gt->map_lock);
    if (gt->free_mapping == NO_HANDLE)
        add_mappings(gt);
    handle = gt->free_mapping;
    if (handle != NO_HANDLE) {
        struct grant_mapping *m = mapping_of(gt, handle);

        gt->free_mapping = m->ref;
        m->flags = MAPPING_BUSY;
    }
    spin_unlock(&gt->map_lock);
    return handle;
}

static void mapping_release(struct grant_table *gt, grant_handle_t handle)
{
    struct grant_mapping *m = mapping_of(gt, handle);

    spin_lock(&gt->map_lock);
    *m = (struct grant_mapping){.ref = gt->free_mapping};
    gt->free_mapping = handle;
    spin_unlock(&gt->map_lock);
}

// Takes a mapping for this CPU to work on: mapping_set or mapping_release ends that.
static bool mapping_take(struct grant_table *gt, grant_handle_t handle, struct grant_mapping *copy)
{
    unsigned nr = gt->nr_map_pages * (unsigned)MAPPINGS_PER_PAGE;
    struct grant_mapping *m;
    bool found;

    spin_lock(&gt->map_lock);
    found = handle < nr;
    if (found) {
        m = mapping_of(gt, (grant_handle_t)index_nospec(handle, nr));
        *copy = *m;
        found = m->flags && !(m->flags & MAPPING_BUSY);
        if (found)
            m->flags |= MAPPING_BUSY;
    }
    spin_unlock(&gt->map_lock);
    return found;
}

static void mapping_set(struct grant_table *gt, grant_handle_t handle,
                        const struct grant_mapping *new)
{
    spin_lock(&gt->map_lock);
    *mapping_of(gt, handle) = *new;
    spin_unlock(&gt->map_lock);
}

static struct domain *mapping_owner(const struct grant_mapping *m)
{
    return mfn_to_virt(m->owner);
}

bool grant_has_mapping(struct domain *d, mfn_t mfn)
{
    struct grant_table *gt = d->grants;
    bool found = false;

    spin_lock(&gt->map_lock);
    for (grant_handle_t h = 0; !found && h < gt->nr_map_pages * MAPPINGS_PER_PAGE; h++) {
        const struct grant_mapping *m = mapping_of(gt, h);

        found = m->flags & (GNTMAP_host_map | GNTMAP_device_map) && m->mfn == mfn;
    }
    spin_unlock(&gt->map_lock);
    return found;
}

// Mapping -----------------------------------------------------------------------------------------

// GNTMAP_host_map: the page-table entry, with references of its own.
static int map_host(const struct gnttab_map_grant_ref *op, const struct grant_pin *pin)
{
    if (!current->domain->ops->grant_map) // a kind of guest that maps none
        return GNTST_general_error;
    if (!(op->flags & GNTMAP_host_map))
        return GNTST_okay;
    return current->domain->ops->grant_map(op->host_addr, frame_to_mfn(pin->frame), op->flags);
}

static int map_grant(struct domain *owner, struct gnttab_map_grant_ref *op)
{
    const unsigned kept =
        GNTMAP_host_map | GNTMAP_device_map | GNTMAP_readonly | GNTMAP_contains_pte;
    struct domain *d = current->domain;
    grant_handle_t handle = mapping_reserve(d->grants);
    bool writable = !(op->flags & GNTMAP_readonly);
    struct grant_pin pin;
    int rc;

    if (handle == NO_HANDLE)
        return GNTST_no_device_space;
    rc = grant_pin(owner, op->ref, d->id, writable, false, &pin);
    if (!rc) {
        rc = map_host(op, &pin);
        if (rc)
            grant_unpin(owner, pin.ref, writable);
    }
    if (rc) {
        mapping_release(d->grants, handle);
        return rc;
    }
    domain_get(owner);
    mapping_set(d->grants, handle,
                &(struct grant_mapping){.owner = frame_owner_id(owner),
                                        .ref = pin.ref,
                                        .mfn = (uint32_t)frame_to_mfn(pin.frame),
                                        .flags = (uint16_t)(op->flags & kept)});
    op->handle = handle;
    op->dev_bus_addr = (uint64_t)frame_to_mfn(pin.frame) << PAGE_SHIFT;
    return GNTST_okay;
}

// The operations of a batch mostly name the same domain: *cache keeps the last one.
long grant_map_op(void *arg, void *cache)
{
    struct gnttab_map_grant_ref *op = arg;
    struct domain **owner = cache;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map))) {
        op->status = GNTST_bad_gntref;
        return 0;
    }
    if (!*owner || (*owner)->id != op->dom) {
        if (*owner)
            domain_put(*owner);
        *owner = op->dom == DOMID_SELF ? NULL : domain_get_by_id(op->dom);
    }
    op->status = *owner ? (int16_t)map_grant(*owner, op) : GNTST_bad_domain;
    return 0;
}

long grant_map_run(const struct grant_op *op, uint64_t uop, unsigned count)
{
    struct domain *owner = NULL;
    long done = grant_array(op, uop, count, &owner);

    if (owner)
        domain_put(owner);
    return done;
}

// Unmapping ---------------------------------------------------------------------------------------

struct batch {
    unsigned count, nr_host; // mappings whose last part is gone; page-table entries removed
    uint64_t address;        // of the last one; PTE: not a virtual address
    bool pte;
    grant_handle_t handle[BATCH];
    struct grant_mapping mapping[BATCH];
};

// What unmap_grant_ref and unmap_and_replace have in common.
struct unmap {
    uint64_t host_addr, dev_bus_addr, replace_with;
    grant_handle_t handle;
};

// Removes those parts of a mapping that the arguments name; an address of 0 leaves its part alone.
static int unmap_parts(const struct unmap *u, struct grant_mapping *m, struct batch *b)
{
    int rc;

    if (u->dev_bus_addr && m->flags & GNTMAP_device_map &&
        u->dev_bus_addr != (uint64_t)m->mfn << PAGE_SHIFT)
        return GNTST_general_error;
    if (u->host_addr && m->flags & GNTMAP_host_map) {
        rc = current->domain->ops->grant_unmap(u->host_addr, m->mfn, m->flags, u->replace_with);
        if (rc)
            return rc;
        m->flags &= (uint16_t)~GNTMAP_host_map;
        b->nr_host++;
        b->address = u->host_addr;
        b->pte = m->flags & GNTMAP_contains_pte || u->replace_with;
    }
    if (u->dev_bus_addr)
        m->flags &= (uint16_t)~GNTMAP_device_map;
    return GNTST_okay;
}

static int unmap_one(const struct unmap *u, struct batch *b)
{
    struct grant_table *gt = current->domain->grants;
    struct grant_mapping m;
    int rc;

    if (!mapping_take(gt, u->handle, &m))
        return GNTST_bad_handle;
    rc = unmap_parts(u, &m, b);
    if (m.flags & (GNTMAP_host_map | GNTMAP_device_map)) {
        mapping_set(gt, u->handle, &m);
        return rc;
    }
    b->handle[b->count] = u->handle;
    b->mapping[b->count++] = m;
    return rc;
}

// Ends the uses of a batch, once nobody can reach the frames any more.
static void finish(struct batch *b)
{
    struct domain *d = current->domain;

    if (b->nr_host == 1 && !b->pte)
        tlb_flush_mask_one(d->mem.dirty_cpus, b->address);
    else if (b->nr_host)
        tlb_flush_mask(d->mem.dirty_cpus);
    for (unsigned i = 0; i < b->count; i++) {
        struct grant_mapping *m = &b->mapping[i];
        struct domain *owner = mapping_owner(m);

        grant_unpin(owner, m->ref, !(m->flags & GNTMAP_readonly));
        mapping_release(d->grants, b->handle[i]);
        domain_put(owner);
    }
    b->count = b->nr_host = 0;
}

long grant_unmap_op(void *arg, void *data)
{
    struct gnttab_unmap_grant_ref *op = arg;
    struct unmap u = {
        .host_addr = op->host_addr, .dev_bus_addr = op->dev_bus_addr, .handle = op->handle};

    op->status = (int16_t)unmap_one(&u, data);
    return 0;
}

long grant_replace_op(void *arg, void *data)
{
    struct gnttab_unmap_and_replace *op = arg;
    struct unmap u = {
        .host_addr = op->host_addr, .replace_with = op->new_addr, .handle = op->handle};

    op->status = (int16_t)unmap_one(&u, data);
    return 0;
}

// In batches; between two of them the hypercall may be preempted.
long grant_unmap_run(const struct grant_op *op, uint64_t uop, unsigned count)
{
    struct batch b = {.count = 0};
    unsigned done = 0;

    while (done < count) {
        unsigned n = MIN(count - done, (unsigned)BATCH);
        long rc = grant_array(op, uop + done * op->size, n, &b);

        finish(&b);
        if (rc < 0)
            return rc;
        done += (unsigned)rc;
        if (rc < n)
            break;
    }
    return done;
}

// Death: the page-table entries, if any are left, have references of their own, and no vCPU will
// run on them again.
int grant_domain_relinquish(struct domain *d)
{
    struct grant_table *gt = d->grants;

    spin_lock(&gt->lock);
    gt->dying = true;
    spin_unlock(&gt->lock);
    while (gt->release_next < gt->nr_map_pages * MAPPINGS_PER_PAGE) {
        grant_handle_t handle = gt->release_next++;
        struct grant_mapping m;

        if (mapping_take(gt, handle, &m)) {
            grant_unpin(mapping_owner(&m), m.ref, !(m.flags & GNTMAP_readonly));
            mapping_release(gt, handle);
            domain_put(mapping_owner(&m));
        }
        if (handle % 64 == 63 && preempt_check())
            return -ERESTART;
    }
    return 0;
}
