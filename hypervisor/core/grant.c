// Grant tables: the table's life.
//
// A domain offers frames of its own through entries in a table that it shares with the hypervisor.
// It writes the entries; the hypervisor reads them when somebody wants to use a grant, and marks
// those in use. Others use a grant by mapping the frame or by having the hypervisor copy.
//
// Trust. The table's frames may change at any moment into anything. So an entry is read when its
// first use begins, with a compare-and-exchange that checks it and sets the in-use flag in one step
// (version 2: sets the flag in the status frame, then looks at the entry again), and from then to
// the end of the last use only the hypervisor's own record, struct grant_active, counts.
//
// Invariants, for each entry:
//  - readers + writers is the number of live uses: mappings (struct grant_mapping, of whatever
//  kinds)
//    and copies under way; all are of one domain, `user`;
//  - while it is not 0, the record holds one reference to the frame, and while writers is not 0,
//  one
//    typed reference as writable, too: so the frame stays the owner's and no page table;
//  - GTF_reading is set while there are uses, GTF_writing while there are writers (a hostile owner
//  can
//    clear them, and only confuses itself).
// For each mapping: it is counted in its grant's entry, and it holds a reference to the granting
// domain. Its page-table entry has references of its own, which are the guest kind's business, so
// frames never hang on one being right. The TLB is flushed between the removal of a page-table
// entry and the end of the use, once for a batch.
//
// Locks: gt->lock guards a domain's own table, gt->map_lock its mappings; neither is held while the
// other or another domain's is taken, nor while a guest's page tables are changed. A mapping that
// is being worked on is BUSY and belongs to that CPU.
#include "core/grant_impl.h"

#include "core/guest_frame.h"
#include "core/permissions.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/alloc.h"

int grant_domain_init(struct domain *d, unsigned max_frames, unsigned max_maptrack_frames)
{
    struct grant_table *gt = xzalloc(struct grant_table);

    if (!gt)
        return -ENOMEM;
    spin_init(&gt->lock);
    spin_init(&gt->map_lock);
    gt->version = 1;
    gt->max_version = 2;
    gt->max_frames = MAX(max_frames, 1u);
    gt->max_map_pages = max_maptrack_frames;
    gt->free_mapping = NO_HANDLE;
    gt->frames = xzalloc_array(void *, gt->max_frames);
    gt->status = xzalloc_array(grant_status_t *, gt->max_frames);
    gt->active = xzalloc_array(struct grant_active *, gt->max_frames * ACTIVE_PAGES);
    d->grants = gt;
    if (!gt->frames || !gt->status || !gt->active || grant_grow(d, 1)) {
        grant_domain_destroy(d);
        return -ENOMEM;
    }
    return 0;
}

void grant_set_limits(struct domain *d, unsigned max_frames, unsigned max_maptrack_frames,
                      unsigned max_version)
{
    struct grant_table *gt = d->grants;

    spin_lock(&gt->lock);
    gt->max_frames = MAX(MIN(max_frames, gt->max_frames), gt->nr_frames);
    gt->max_map_pages = MAX(MIN(max_maptrack_frames, gt->max_map_pages), gt->nr_map_pages);
    gt->max_version = (uint8_t)max_version;
    spin_unlock(&gt->lock);
}

static void *shared_page(struct domain *d)
{
    void *va = pages_alloc(0);

    if (va)
        frame_share(va, d, true);
    return va;
}

void grant_domain_destroy(struct domain *d)
{
    struct grant_table *gt = d->grants;

    if (!gt)
        return;
    d->grants = NULL;
    for (unsigned i = 0; gt->frames && i < gt->max_frames; i++)
        pages_free(gt->frames[i], 0);
    for (unsigned i = 0; gt->status && i < gt->max_frames; i++)
        pages_free(gt->status[i], 0);
    for (unsigned i = 0; gt->active && i < gt->max_frames * ACTIVE_PAGES; i++)
        pages_free(gt->active[i], 0);
    for (unsigned i = 0; i < gt->nr_map_pages; i++)
        pages_free(gt->mappings[i], 0);
    xfree(gt->frames);
    xfree(gt->status);
    xfree(gt->active);
    xfree(gt->mappings);
    xfree(gt);
}

unsigned grant_nr_entries(const struct grant_table *gt)
{
    return gt->nr_frames * (gt->version == 1 ? V1_PER_FRAME : V2_PER_FRAME);
}

struct grant_active *grant_active(const struct grant_table *gt, grant_ref_t ref)
{
    return &gt->active[ref / ACTIVE_PER_PAGE][ref % ACTIVE_PER_PAGE];
}

struct grant_entry_v1 *grant_v1(const struct grant_table *gt, grant_ref_t ref)
{
    return (struct grant_entry_v1 *)gt->frames[ref / V1_PER_FRAME] + ref % V1_PER_FRAME;
}

union grant_entry_v2 *grant_v2(const struct grant_table *gt, grant_ref_t ref)
{
    return (union grant_entry_v2 *)gt->frames[ref / V2_PER_FRAME] + ref % V2_PER_FRAME;
}

grant_status_t *grant_status(const struct grant_table *gt, grant_ref_t ref)
{
    return &gt->status[ref / STATUS_PER_FRAME][ref % STATUS_PER_FRAME];
}

// What the table lacks for its frame number `i`; what could be had stays for the next attempt.
static int add_frame(struct domain *d, unsigned i)
{
    struct grant_table *gt = d->grants;

    for (unsigned page = i * ACTIVE_PAGES; page < (i + 1) * ACTIVE_PAGES; page++)
        if (!gt->active[page] && !(gt->active[page] = pages_alloc(0)))
            return -ENOMEM;
    if (!gt->frames[i] && !(gt->frames[i] = shared_page(d)))
        return -ENOMEM;
    return 0;
}

int grant_grow_status(struct domain *d)
{
    struct grant_table *gt = d->grants;
    unsigned wanted = DIV_ROUND_UP(gt->nr_frames * V2_PER_FRAME, STATUS_PER_FRAME);

    for (; gt->nr_status_frames < wanted; gt->nr_status_frames++) {
        void *page = shared_page(d);

        if (!page)
            return -ENOMEM;
        gt->status[gt->nr_status_frames] = page;
    }
    return 0;
}

int grant_grow(struct domain *d, unsigned nr_frames)
{
    struct grant_table *gt = d->grants;
    unsigned before = gt->nr_frames;
    int rc;

    if (nr_frames > gt->max_frames || (gt->dying && nr_frames > gt->nr_frames))
        return -EINVAL;
    for (unsigned i = gt->nr_frames; i < nr_frames; i++)
        if ((rc = add_frame(d, i)))
            return rc;
    gt->nr_frames = MAX(gt->nr_frames, nr_frames);
    rc = gt->version == 2 ? grant_grow_status(d) : 0;
    if (rc)
        gt->nr_frames = before;
    return rc;
}

unsigned grant_table_max_frames(const struct domain *d)
{
    return d->grants->max_frames;
}

int grant_table_frame(struct domain *d, unsigned index, bool status, mfn_t *mfn)
{
    struct grant_table *gt = d->grants;
    // A status frame serves several table frames; it is there when the first of them is.
    uint64_t frame = (uint64_t)index * (status ? STATUS_PER_FRAME / V2_PER_FRAME : 1);
    int rc = -EINVAL;

    spin_lock(&gt->lock);
    if (frame < gt->max_frames && (!status || gt->version == 2))
        rc = grant_grow(d, (unsigned)frame + 1);
    if (!rc)
        *mfn = virt_to_mfn(status ? (void *)gt->status[index] : gt->frames[index]);
    spin_unlock(&gt->lock);
    return rc;
}

int grant_get_domain(domid_t id, struct domain **d)
{
    int rc = permit_domain(PERMIT_grant_table, id, d);

    return rc == -ESRCH ? GNTST_bad_domain : rc ? GNTST_permission_denied : GNTST_okay;
}

void grant_dump(struct domain *d)
{
    struct grant_table *gt = d->grants;

    spin_lock(&gt->lock);
    log_info("d%u: grant table version %u, %u of %u frames\n", d->id, gt->version, gt->nr_frames,
             gt->max_frames);
    for (unsigned ref = 0; ref < grant_nr_entries(gt); ref++) {
        const struct grant_active *a = grant_active(gt, ref);

        if (a->readers || a->writers)
            log_info("  %5u mfn %x, used by d%u, %u reading, %u writing\n", ref, a->mfn, a->user,
                     a->readers, a->writers);
    }
    spin_unlock(&gt->lock);
}
