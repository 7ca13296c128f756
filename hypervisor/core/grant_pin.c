// Grants: beginning and ending the use of one, against a table that its owner may change meanwhile.
#include "core/grant_impl.h"

#include "core/guest_frame.h"
#include "lib/errno.h"
#include "lib/log.h"

#define TRIES 5 // before a changing entry is called unstable

// The head of an entry of either version: flags in the lower half, domain in the upper.
static uint16_t head_flags(uint32_t head)
{
    return (uint16_t)head;
}

static domid_t head_domain(uint32_t head)
{
    return (domid_t)(head >> 16);
}

static uint32_t *entry_head(const struct grant_table *gt, grant_ref_t ref)
{
    return gt->version == 1 ? (uint32_t *)grant_v1(gt, ref) : (uint32_t *)grant_v2(gt, ref);
}

// Does the entry permit this use?
static bool permits(uint32_t head, domid_t user, bool writable, bool for_copy, bool v2)
{
    unsigned type = head_flags(head) & GTF_type_mask;
    bool part = v2 && (type == GTF_transitive || head_flags(head) & GTF_sub_page);

    if (type != GTF_permit_access && !(v2 && type == GTF_transitive))
        return false;
    return head_domain(head) == user && !(writable && head_flags(head) & GTF_readonly) &&
           (!part || for_copy);
}

// Sets in-use flags in an entry that permits the use, and tells what its head was.
static int mark_v1(uint32_t *entry, domid_t user, bool writable, uint32_t *head)
{
    uint32_t set = GTF_reading | (writable ? GTF_writing : 0);

    *head = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
    for (unsigned tries = 0; tries < TRIES; tries++) {
        if (!permits(*head, user, writable, false, false))
            return GNTST_general_error;
        if (__atomic_compare_exchange_n(entry, head, *head | set, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return GNTST_okay;
    }
    return GNTST_general_error;
}

// The flags lie apart from the entry here: they are set first, then the entry must still permit it.
static int mark_v2(uint32_t *entry, grant_status_t *status, domid_t user, bool writable,
                   bool for_copy, uint32_t *head)
{
    grant_status_t set = (grant_status_t)(GTF_reading | (writable ? GTF_writing : 0));
    grant_status_t before;

    *head = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
    if (!permits(*head, user, writable, for_copy, true))
        return GNTST_general_error;
    before = __atomic_fetch_or(status, set, __ATOMIC_SEQ_CST);
    *head = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
    if (permits(*head, user, writable, for_copy, true))
        return GNTST_okay;
    __atomic_fetch_and(status, (grant_status_t)(before | ~set), __ATOMIC_SEQ_CST);
    return GNTST_general_error;
}

static void unmark(struct grant_table *gt, grant_ref_t ref, uint16_t flags)
{
    uint16_t *where = gt->version == 1 ? &grant_v1(gt, ref)->flags : grant_status(gt, ref);

    __atomic_fetch_and(where, (uint16_t)~flags, __ATOMIC_SEQ_CST);
}

// Reads what an entry in use grants.
static uint64_t entry_frame(const struct grant_table *gt, grant_ref_t ref, uint32_t head,
                            struct grant_pin *pin)
{
    const union grant_entry_v2 *v2;

    pin->start = 0;
    pin->length = PAGE_SIZE;
    pin->transitive = false;
    if (gt->version == 1)
        return READ_ONCE(grant_v1(gt, ref)->frame);
    v2 = grant_v2(gt, ref);
    if ((head_flags(head) & GTF_type_mask) == GTF_transitive) {
        pin->transitive = true;
        pin->next_domain = READ_ONCE(v2->transitive.trans_domid);
        pin->next_ref = READ_ONCE(v2->transitive.gref);
        return 0;
    }
    if (head_flags(head) & GTF_sub_page) {
        pin->start = READ_ONCE(v2->sub_page.page_off);
        pin->length = READ_ONCE(v2->sub_page.length);
        return READ_ONCE(v2->sub_page.frame);
    }
    return READ_ONCE(v2->full_page.frame);
}

// First use: gets hold of the frame that the entry, now marked, names.
static int hold_frame(struct domain *d, struct grant_active *a, uint32_t head,
                      struct grant_pin *pin)
{
    uint64_t gfn = entry_frame(d->grants, pin->ref, head, pin);

    a->start = pin->start;
    a->length = pin->length;
    if (pin->transitive)
        return GNTST_okay;
    if (pin->start > PAGE_SIZE || pin->length > PAGE_SIZE - pin->start)
        return GNTST_general_error;
    if (domain_gfn_to_frame(d, gfn, &pin->frame))
        return GNTST_bad_page;
    if (pin->writable && frame_get_type(pin->frame, FT_WRITABLE, false)) {
        frame_put(pin->frame);
        return GNTST_general_error;
    }
    a->mfn = (uint32_t)frame_to_mfn(pin->frame);
    return GNTST_okay;
}

// A further use of what is in use already: what was read then counts. A transitive grant has no
// frame: each use of it goes its own way.
static int hold_again(struct domain *d, struct grant_active *a, uint32_t head,
                      struct grant_pin *pin)
{
    if (!a->mfn) {
        entry_frame(d->grants, pin->ref, head, pin);
        return pin->transitive ? GNTST_okay : GNTST_general_error;
    }
    pin->start = a->start;
    pin->length = a->length;
    pin->transitive = false;
    pin->frame = mfn_to_frame(a->mfn);
    if (pin->writable && !a->writers && frame_get_type(pin->frame, FT_WRITABLE, false))
        return GNTST_general_error;
    return GNTST_okay;
}

static int pin_locked(struct domain *d, domid_t user, bool for_copy, struct grant_pin *pin)
{
    struct grant_table *gt = d->grants;
    grant_ref_t ref = pin->ref;
    struct grant_active *a = grant_active(gt, ref);
    bool first = !a->readers && !a->writers;
    uint32_t head;
    int rc;

    if (a->readers == UINT16_MAX || a->writers == UINT16_MAX || (!first && a->user != user))
        return GNTST_general_error;
    // A part of a page that is being copied can not be mapped; whether a whole one can, the entry
    // tells.
    if (!first && !for_copy && (a->start || a->length != PAGE_SIZE))
        return GNTST_general_error;
    if (gt->version == 1)
        rc = mark_v1(entry_head(gt, ref), user, pin->writable, &head);
    else
        rc = mark_v2(entry_head(gt, ref), grant_status(gt, ref), user, pin->writable, for_copy,
                     &head);
    if (rc)
        return rc;
    rc = first ? hold_frame(d, a, head, pin) : hold_again(d, a, head, pin);
    if (rc) {
        unmark(gt, ref,
               (uint16_t)((first ? GTF_reading : 0) |
                          (pin->writable && !a->writers ? GTF_writing : 0)));
        return rc;
    }
    a->user = user;
    if (pin->writable)
        a->writers++;
    else
        a->readers++;
    return GNTST_okay;
}

int grant_pin(struct domain *d, grant_ref_t ref, domid_t user, bool writable, bool for_copy,
              struct grant_pin *pin)
{
    struct grant_table *gt = d->grants;
    int rc;

    spin_lock(&gt->lock);
    if (ref >= grant_nr_entries(gt)) {
        rc = GNTST_bad_gntref;
    } else if (gt->dying) {
        rc = GNTST_general_error;
    } else {
        *pin = (struct grant_pin){.domain = d,
                                  .ref = (grant_ref_t)index_nospec(ref, grant_nr_entries(gt)),
                                  .writable = writable};
        rc = pin_locked(d, user, for_copy, pin);
    }
    spin_unlock(&gt->lock);
    return rc;
}

void grant_unpin(struct domain *d, grant_ref_t ref, bool writable)
{
    struct grant_table *gt = d->grants;
    struct grant_active *a;
    struct frame *f;
    uint16_t clear = 0;
    bool held, untype, last;

    spin_lock(&gt->lock);
    a = grant_active(gt, ref);
    ASSERT(writable ? a->writers : a->readers);
    f = mfn_to_frame(a->mfn);
    if (writable)
        a->writers--;
    else
        a->readers--;
    held = a->mfn;
    untype = writable && !a->writers;
    last = !a->readers && !a->writers;
    if (untype)
        clear |= GTF_writing;
    if (last) {
        clear |= GTF_reading;
        *a = (struct grant_active){0};
    }
    if (clear)
        unmark(gt, ref, clear);
    spin_unlock(&gt->lock);

    if (held && untype)
        frame_put_type(f, false);
    if (held && last)
        frame_put(f);
}
