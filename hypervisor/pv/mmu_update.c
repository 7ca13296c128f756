// HYPERVISOR_mmu_update: a batch of stores to page tables and to the M2P.
//
// The table of the entry at hand stays locked from one request to the next as long as that is for
// the same table. The lock keeps its type; nothing that is done under it can need the same lock.
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "cpu/smp.h"
#include "lib/log.h"
#include "mm/guest.h"
#include "pv/mmu.h"
#include "pv/pt.h"

#define BATCH 16 // requests read from the guest at once

struct work {
    struct pv_vcpu *v;
    struct pt_view view;
    uint32_t table_owner; // frame_owner_id(view.owner)
    struct frame *locked; // NULL: none
    enum frame_type type; // of it
};

static void unlock(struct work *w)
{
    if (w->locked) {
        frame_unlock(w->locked);
        w->locked = NULL;
    }
}

// A page that is no validated table, nor mapped writable: like any page of the guest's own, it may
// be written if it can be writable.
static int store_to_untyped(struct work *w, struct frame *f, unsigned offset, uint64_t val)
{
    if (!frame_get_writable(f, w->table_owner))
        return -EINVAL;
    WRITE_ONCE(*(uint64_t *)((char *)table_of_frame(f) + offset), val);
    frame_put_and_type(f);
    return 0;
}

static int update_upper(struct work *w, unsigned offset, uint64_t val, bool keep_ad)
{
    struct frame *unfinished;
    int rc = upper_update(w->locked, offset / 8, val, keep_ad, &unfinished);

    if (unfinished)
        pt_park(w->v, unfinished);
    return rc;
}

static int update_entry(struct work *w, uint64_t ptr, uint64_t val, bool keep_ad)
{
    mfn_t mfn = ptr >> PAGE_SHIFT;
    unsigned offset = (unsigned)ptr & (PAGE_SIZE - 1) & ~7u;
    struct frame *f = mfn_to_frame(mfn);
    uint64_t *p;

    if (f != w->locked) {
        unlock(w);
        if (!mfn_valid(mfn))
            return -EINVAL;
        if (!frame_lock(f, w->table_owner))
            return store_to_untyped(w, f, offset, val);
        w->locked = f;
        w->type = frame_type_of(frame_state(f));
    }
    p = (uint64_t *)((char *)table_of_frame(f) + offset);
    switch (w->type) {
    case FT_L1:
        return l1e_update(p, val, keep_ad, &w->view);
    case FT_L2:
    case FT_L3:
    case FT_L4:
        return update_upper(w, offset, val, keep_ad);
    case FT_WRITABLE:
        WRITE_ONCE(*p, val);
        return 0;
    default:
        return -EINVAL;
    }
}

static int update_m2p(struct work *w, uint64_t ptr, uint64_t val)
{
    mfn_t mfn = ptr >> PAGE_SHIFT;
    struct frame *f = mfn_to_frame(mfn);

    if (!mfn_valid(mfn) || !frame_get_by_id(f, w->view.id))
        return -EINVAL;
    m2p_set(mfn, val);
    frame_put(f);
    return 0;
}

static int one_request(struct work *w, const struct mmu_update *r)
{
    switch (r->ptr & 3) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_entry(w, r->ptr, r->val, false);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_entry(w, r->ptr, r->val, true);
    default:
        return update_m2p(w, r->ptr & ~3ull, r->val);
    }
}

// Does requests [*done, n). Stops with *done at the one that failed (rc), or with -ERESTART.
static int all_requests(struct work *w, uint64_t reqs, unsigned n, unsigned *done)
{
    struct mmu_update batch[BATCH];

    while (*done < n) {
        unsigned some = MIN(n - *done, (unsigned)BATCH);

        if (copy_from_guest(batch, reqs + (uint64_t)*done * sizeof(batch[0]),
                            some * sizeof(batch[0])))
            return -EFAULT;
        for (unsigned i = 0; i < some; i++) {
            int rc = one_request(w, &batch[i]);

            if (unlikely(rc))
                return rc;
            ++*done;
            if (unlikely(w->v->unfinished))
                return -ERESTART;
        }
        if (*done < n) {
            unlock(w);
            if (preempt_check())
                return -ERESTART;
        }
    }
    return 0;
}

// The domains that `dom` names: tables' owner in the high half (less one; 0: the caller), frames'
// owner in the low one.
static int open_view(struct pt_view *view, unsigned dom)
{
    int rc;

    view->from = NULL;
    rc = pt_domain_get(dom >> 16 ? (dom >> 16) - 1 : DOMID_SELF, &view->owner);
    if (rc || (rc = pt_domain_get(dom & 0xffff, &view->from)))
        return rc;
    if (view->owner->ops == NULL || view->owner->ops->kind != GUEST_PV)
        return -EINVAL;
    pt_view_init(view, view->owner, view->from);
    return 0;
}

long do_mmu_update(uint64_t reqs, unsigned count, uint64_t pdone, unsigned dom)
{
    struct work w = {.v = to_pv(current)};
    unsigned n = count & ~COUNT_PREEMPTED, done = 0, before = 0;
    int rc;

    rc = pt_finish(w.v);
    if (unlikely(rc))
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, reqs, (uint64_t)count, pdone,
                                  (uint64_t)dom);
    if ((count & COUNT_PREEMPTED) && pdone && copy_from_guest(&before, pdone, sizeof(before)))
        return -EFAULT;
    if (likely(dom == DOMID_SELF)) {
        w.view = to_pvd(w.v->v.domain)->self;
    } else {
        rc = open_view(&w.view, dom);
        if (rc)
            goto out;
    }
    w.table_owner = frame_owner_id(w.view.owner);
    rc = all_requests(&w, reqs, n, &done);
    unlock(&w);
out:
    if (unlikely(dom != DOMID_SELF)) {
        pt_domain_put(w.view.from);
        pt_domain_put(w.view.owner);
    }
    before += done;
    if (pdone && copy_to_guest(pdone, &before, sizeof(before)))
        return -EFAULT;
    // Even if all are done: a table that is being invalidated is not free for other uses yet, and
    // the guest may count on it as soon as the call returns.
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmu_update, 4,
                                  reqs + (uint64_t)done * sizeof(struct mmu_update),
                                  (uint64_t)((n - done) | COUNT_PREEMPTED), pdone, (uint64_t)dom);
    if (unlikely(rc))
        guest_debug("mmu_update: request %u: error %d\n", before, rc);
    return rc;
}
