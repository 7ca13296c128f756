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
    const struct pt_view *view;
    uint32_t table_owner; // frame_owner_id(view->owner)
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

static uint64_t *entry_at(uint64_t maddr)
{
    return maddr_to_virt(maddr & ~7ull);
}

// A page that is no validated table, nor mapped writable: like any page of the guest's own, it may
// be written if it can be writable.
static int store_to_untyped(uint32_t owner, struct frame *f, uint64_t ptr, uint64_t val)
{
    if (!frame_get_writable(f, owner))
        return -EINVAL;
    WRITE_ONCE(*entry_at(ptr), val);
    frame_mark_dirty(f);
    frame_put_and_type(f);
    return 0;
}

static int update_upper(struct work *w, uint64_t ptr, uint64_t val, bool keep_ad)
{
    struct frame *unfinished;
    int rc = upper_update(w->locked, PT_INDEX(ptr, 3), val, keep_ad, &unfinished);

    if (unfinished)
        pt_park(w->v, unfinished);
    return rc;
}

static int update_entry(struct work *w, uint64_t ptr, uint64_t val, bool keep_ad)
{
    struct frame *f = mfn_to_frame(ptr >> PAGE_SHIFT);

    if (f != w->locked) {
        uint64_t state;

        unlock(w);
        if (!mfn_valid(ptr >> PAGE_SHIFT))
            return -EINVAL;
        state = frame_lock(f, w->table_owner);
        if (!state)
            return store_to_untyped(w->table_owner, f, ptr, val);
        w->locked = f;
        w->type = frame_type_of(state);
    }
    switch (w->type) {
    case FT_L1:
        return l1e_update(entry_at(ptr), val, keep_ad, w->view);
    case FT_L2:
    case FT_L3:
    case FT_L4:
        return update_upper(w, ptr, val, keep_ad);
    case FT_WRITABLE:
        WRITE_ONCE(*entry_at(ptr), val);
        frame_mark_dirty(f);
        return 0;
    default:
        return -EINVAL;
    }
}

static int update_m2p(struct work *w, uint64_t ptr, uint64_t val)
{
    mfn_t mfn = ptr >> PAGE_SHIFT;
    struct frame *f = mfn_to_frame(mfn);

    if (!mfn_valid(mfn) || !frame_get_by_id(f, w->view->id))
        return -EINVAL;
    m2p_set(mfn, val);
    frame_put(f);
    return 0;
}

// Entries for the memory of a guest whose frames the hypervisor numbers name it by the guest's
// numbers.
static int update_translated(struct work *w, const struct mmu_update *r, bool keep_ad)
{
    struct domain *from = w->view->from;
    struct frame *f;
    int rc = from->ops->gfn_to_frame(from, PTE_TO_MFN(r->val), &f);

    if (rc)
        return rc;
    rc = update_entry(w, r->ptr, (r->val & ~PTE_ADDR) | frame_to_mfn(f) << PAGE_SHIFT, keep_ad);
    frame_put(f);
    return rc;
}

static bool is_translated(const struct domain *d)
{
    return d->ops && d->ops->physmap;
}

static int one_request(struct work *w, const struct mmu_update *r)
{
    unsigned kind = r->ptr & 7;

    if (unlikely(kind == MMU_MACHPHYS_UPDATE))
        return update_m2p(w, r->ptr, r->val);
    if (unlikely(kind > MMU_PT_UPDATE_NO_TRANSLATE))
        return -ENOSYS;
    if (unlikely(is_translated(w->view->from)) && (r->val & PTE_P) &&
        kind != MMU_PT_UPDATE_NO_TRANSLATE)
        return update_translated(w, r, kind == MMU_PT_UPDATE_PRESERVE_AD);
    return update_entry(w, r->ptr, r->val, kind == MMU_PT_UPDATE_PRESERVE_AD);
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
        if (unlikely(*done < n)) {
            unlock(w);
            if (preempt_check())
                return -ERESTART;
        }
    }
    return 0;
}

// The domains that `dom` names: tables' owner in the high half (less one; 0: the caller), frames'
// owner in the low one. Closed in any case.
static int open_view(struct pt_view *view, unsigned dom)
{
    unsigned owner;
    int rc;

    view->from = NULL;
    owner = dom >> 16 ? (dom >> 16) - 1 : DOMID_SELF;
    rc = pt_domain_get(owner == current->domain->id ? DOMID_SELF : owner, &view->owner);
    if (rc || (rc = pt_domain_get(dom & 0xffff, &view->from)))
        return rc;
    if (view->owner->ops == NULL || view->owner->ops->kind != GUEST_PV)
        return -EINVAL;
    pt_view_init(view, view->owner, view->from);
    return 0;
}

static void close_view(struct pt_view *view)
{
    pt_domain_put(view->from);
    pt_domain_put(view->owner);
}

static int requests(struct pv_vcpu *v, uint64_t reqs, unsigned n, unsigned *done,
                    const struct pt_view *view)
{
    struct work w = {.v = v, .view = view, .table_owner = frame_owner_id(view->owner)};
    int rc = all_requests(&w, reqs, n, done);

    unlock(&w);
    return rc;
}

static int foreign_requests(struct pv_vcpu *v, uint64_t reqs, unsigned n, unsigned *done,
                            unsigned dom)
{
    struct pt_view view;
    int rc = open_view(&view, dom);

    if (!rc)
        rc = requests(v, reqs, n, done, &view);
    close_view(&view);
    return rc;
}

static __attribute__((noinline)) long any_update(uint64_t reqs, unsigned count, uint64_t pdone,
                                                 unsigned dom)
{
    struct pv_vcpu *v = to_pv(current);
    unsigned n = count & ~COUNT_PREEMPTED, done = 0, before = 0;
    int rc = pt_finish(v);

    if (unlikely(rc))
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, reqs, (uint64_t)count, pdone,
                                  (uint64_t)dom);
    if ((count & COUNT_PREEMPTED) && pdone && copy_from_guest(&before, pdone, sizeof(before)))
        return -EFAULT;
    rc = dom == DOMID_SELF ? requests(v, reqs, n, &done, &to_pvd(v->v.domain)->self)
                           : foreign_requests(v, reqs, n, &done, dom);
    before += done;
    if (pdone && copy_to_guest(pdone, &before, sizeof(before)))
        return -EFAULT;
    if (rc == -ERESTART) {
        if (done == n)
            return 0; // what is unfinished waits for the next call
        return hypercall_continue(__HYPERVISOR_mmu_update, 4,
                                  reqs + (uint64_t)done * sizeof(struct mmu_update),
                                  (uint64_t)((n - done) | COUNT_PREEMPTED), pdone, (uint64_t)dom);
    }
    if (unlikely(rc))
        guest_debug("mmu_update: request %u: error %d\n", before, rc);
    return rc;
}

// The short way for nearly all calls: one store to an L1 table of the caller's. 1: it is not that.
static inline int single_update(const struct mmu_update *r, const struct pt_view *view)
{
    mfn_t mfn = r->ptr >> PAGE_SHIFT;
    struct frame *f = mfn_to_frame(mfn);
    int rc;

    if (unlikely((r->ptr & 7) == MMU_MACHPHYS_UPDATE || (r->ptr & 4) || mfn >= max_mfn ||
                 !l1_lock(f, view->id)))
        return 1;
    if (likely((r->ptr & 3) != MMU_PT_UPDATE_PRESERVE_AD))
        rc = l1e_set(entry_at(r->ptr), r->val, view);
    else
        rc = l1e_update(entry_at(r->ptr), r->val, true, view);
    frame_unlock(f);
    return rc;
}

long do_mmu_update(uint64_t reqs, unsigned count, uint64_t pdone, unsigned dom)
{
    struct mmu_update r;
    int rc;

    if (unlikely(count != 1 || dom != DOMID_SELF || pdone))
        return any_update(reqs, count, pdone, dom);
    if (unlikely(copy_pair_from_guest((uint64_t *)&r, reqs)))
        return -EFAULT;
    rc = single_update(&r, &to_pvd(current->domain)->self);
    return likely(rc <= 0) ? rc : any_update(reqs, 1, 0, DOMID_SELF);
}
