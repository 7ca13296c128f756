// Grants: changing between versions 1 and 2.
#include "core/grant_impl.h"

#include "lib/errno.h"
#include "lib/string.h"

// The toolstack's entries survive the change, in use or not.
struct reserved_entry {
    uint16_t flags; // in-use flags among them
    domid_t domid;
    uint64_t frame;
};

static bool active_beyond_reserved(const struct grant_table *gt)
{
    for (grant_ref_t ref = GNTTAB_NR_RESERVED_ENTRIES; ref < grant_nr_entries(gt); ref++) {
        const struct grant_active *a = grant_active(gt, ref);

        if (a->readers || a->writers)
            return true;
    }
    return false;
}

static struct reserved_entry read_v1(const struct grant_table *gt, grant_ref_t ref)
{
    const struct grant_entry_v1 *e = grant_v1(gt, ref);

    return (struct reserved_entry){READ_ONCE(e->flags), READ_ONCE(e->domid), READ_ONCE(e->frame)};
}

static struct reserved_entry read_v2(const struct grant_table *gt, grant_ref_t ref)
{
    const union grant_entry_v2 *e = grant_v2(gt, ref);
    uint16_t status = READ_ONCE(*grant_status(gt, ref)) & (GTF_reading | GTF_writing);

    return (struct reserved_entry){(uint16_t)(READ_ONCE(e->hdr.flags) | status),
                                   READ_ONCE(e->hdr.domid), READ_ONCE(e->full_page.frame)};
}

// Reads the reserved entries, if the other version can express them.
static int read_reserved(const struct grant_table *gt, struct reserved_entry *entries)
{
    for (grant_ref_t ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++) {
        struct reserved_entry *e = &entries[ref];

        *e = gt->version == 1 ? read_v1(gt, ref) : read_v2(gt, ref);
        if ((e->flags & GTF_type_mask) == GTF_invalid)
            *e = (struct reserved_entry){0};
        else if ((e->flags & GTF_type_mask) != GTF_permit_access || e->flags & GTF_sub_page)
            return -EINVAL;
        else if (gt->version == 2 && e->frame != (uint32_t)e->frame)
            return -ERANGE;
    }
    return 0;
}

static void write_reserved(struct grant_table *gt, grant_ref_t ref, const struct reserved_entry *e)
{
    const uint16_t in_use = GTF_reading | GTF_writing;

    if (gt->version == 1) {
        *grant_v1(gt, ref) = (struct grant_entry_v1){e->flags, e->domid, (uint32_t)e->frame};
        return;
    }
    *grant_v2(gt, ref) = (union grant_entry_v2){
        .full_page = {.hdr = {(uint16_t)(e->flags & ~in_use), e->domid}, .frame = e->frame}};
    *grant_status(gt, ref) = e->flags & in_use;
}

// With the lock held: all that can fail comes first.
static int change_version(struct domain *d, uint8_t version)
{
    struct reserved_entry reserved[GNTTAB_NR_RESERVED_ENTRIES];
    struct grant_table *gt = d->grants;
    int rc;

    if (version == gt->version)
        return 0;
    if (active_beyond_reserved(gt))
        return -EBUSY;
    rc = read_reserved(gt, reserved);
    if (!rc && version == 2)
        rc = grant_grow_status(d);
    if (rc)
        return rc;
    for (unsigned i = 0; i < gt->nr_frames; i++)
        memset(gt->frames[i], 0, PAGE_SIZE);
    for (unsigned i = 0; i < gt->nr_status_frames; i++)
        memset(gt->status[i], 0, PAGE_SIZE);
    gt->version = version;
    for (grant_ref_t ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++)
        write_reserved(gt, ref, &reserved[ref]);
    return 0;
}

long grant_set_version_op(void *arg, void *unused)
{
    struct gnttab_set_version *op = arg;
    struct domain *d = current->domain;
    long rc;

    if (op->version != 1 && op->version != 2)
        return -EINVAL;
    if (op->version > d->grants->max_version)
        return -ENOSYS;
    spin_lock(&d->grants->lock);
    rc = change_version(d, (uint8_t)op->version);
    op->version = d->grants->version;
    spin_unlock(&d->grants->lock);
    return rc;
}
