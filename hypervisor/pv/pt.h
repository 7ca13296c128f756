// Guest page-table entries, between the parts of the PV MMU.
#pragma once

#include "lib/errno.h"
#include "mm/frame.h"
#include "mm/pte.h"
#include "pv/domain.h"

// Marks a guest kernel's page. Both of its modes run in ring 3, so that every page has PTE_US; what
// the guest meant by it is kept here. Pages of guest users are global, to survive the switches
// between the two modes' root tables; those of its kernel are not, and so are gone in user mode.
#define PTE_GUEST_KERNEL (1ull << 52)

// Address bits that the processor does not have.
extern uint64_t pt_reserved;
// ... and all that makes an L1 entry worth a second look.
extern uint64_t pt_unusual;

// Upper tables: no large pages, no memory types, nothing global.
#define UPPER_REFUSED (PTE_PWT | PTE_PCD | PTE_PSE | PTE_G)

// Most entries of most tables are empty, so tables are scanned by sixteen at once.
#define PT_GROUP 16
_Static_assert(PTES_PER_TABLE / PT_GROUP == 32, "a bit each in frame->groups");

// Notes that an entry of a table, of which one has exclusive use or the lock, holds references now.
static inline void mark_group(struct frame *table, unsigned index)
{
    table->groups |= 1u << index / PT_GROUP;
}

// The groups that may hold references in entries below `end`, as far as the table has been
// validated.
static inline uint32_t groups_below(const struct frame *table, unsigned end)
{
    return table->groups & (uint32_t)((1ull << DIV_ROUND_UP(end, PT_GROUP)) - 1);
}
static inline bool group_absent(const uint64_t *t)
{
    return !((t[0] | t[1] | t[2] | t[3] | t[4] | t[5] | t[6] | t[7] | t[8] | t[9] | t[10] | t[11] |
              t[12] | t[13] | t[14] | t[15]) &
             PTE_P);
}

static inline bool l4_slot_is_guests(unsigned slot)
{
    return slot < HV_FIRST_SLOT || slot > HV_LAST_SLOT;
}

static inline void pt_view_init(struct pt_view *view, struct domain *owner, struct domain *from)
{
    view->owner = owner;
    view->from = from;
    view->id = frame_owner_id(from);
    // All of what one domain maps of another's, since the frame has to be marked.
    view->unusual = pt_unusual | (owner != from ? PTE_P : 0);
}

// A present L1 entry as it goes into the table.
static inline uint64_t l1e_adjust(uint64_t e)
{
    if (!(e & PTE_US))
        e |= PTE_US | PTE_GUEST_KERNEL;
    return e & PTE_GUEST_KERNEL ? e & ~PTE_G : e | PTE_G;
}

// References of a present L1 entry: one, and a writable typed one if it has PTE_RW. Device memory
// has none. 0, -EINVAL, -EPERM.
int l1e_get_slow(uint64_t e, const struct pt_view *view);
static inline int l1e_get(uint64_t e, const struct pt_view *view)
{
    mfn_t mfn = PTE_TO_MFN(e);

    if (likely(!(e & view->unusual) && mfn < max_mfn)) {
        struct frame *f = mfn_to_frame(mfn);

        if (likely(e & PTE_RW ? frame_get_validated(f, view->id, FT_WRITABLE)
                              : frame_get_by_id(f, view->id)))
            return 0;
    }
    return l1e_get_slow(e, view);
}

static inline void l1e_put(uint64_t e)
{
    mfn_t mfn = PTE_TO_MFN(e);

    if (unlikely(!mfn_valid(mfn)))
        return;
    if (e & PTE_RW)
        frame_put_and_type(mfn_to_frame(mfn));
    else
        frame_put(mfn_to_frame(mfn));
}

// mark_group() of the table that holds the entry.
static inline void l1e_mark(const uint64_t *p)
{
    mark_group(mfn_to_frame(virt_to_mfn(p)), PT_INDEX(p, 3));
}

// Changes an entry of a locked L1 table. keep_ad: accessed and dirty bits that are set stay set.
// 0, -EINVAL, -EPERM.
int l1e_update(uint64_t *p, uint64_t next, bool keep_ad, const struct pt_view *view);

// l1e_update of the commonest kind, which is an entry that was empty, without a call.
static inline int l1e_set(uint64_t *p, uint64_t next, const struct pt_view *view)
{
    int rc;

    if (unlikely(!(next & PTE_P) || (READ_ONCE(*p) & PTE_P)))
        return l1e_update(p, next, false, view);
    next = l1e_adjust(next);
    rc = l1e_get(next, view);
    if (unlikely(rc))
        return rc;
    l1e_mark(p);
    WRITE_ONCE(*p, next);
    return 0;
}

// The same if it is `old`, atomically; -EAGAIN if not.
int l1e_exchange(uint64_t *p, uint64_t old, uint64_t next, const struct pt_view *view);

// Changes an entry of a locked table of level 2 to 4, preemptibly: 0, -EINVAL, or -ERESTART with
// nothing changed. *unfinished: the old entry's table is still to be invalidated
// (frame_type_finish). Lower tables always belong to the owner of the table.
int upper_update(struct frame *table, unsigned index, uint64_t next, bool keep_ad,
                 struct frame **unfinished);

// struct frame_type_ops, by kind.
int l1_validate(struct frame *f);
void l1_invalidate(struct frame *f);
int desc_validate(struct frame *f);

// The L1 entry that maps va in the current vCPU's kernel page tables and the frame that holds it;
// NULL if there is none. A snapshot: to be trusted after frame_lock() of the frame, type L1
// checked.
uint64_t *pt_walk(uint64_t va, struct frame **table);

static inline uint64_t *table_of_frame(const struct frame *f)
{
    return mfn_to_virt(frame_to_mfn(f));
}

// Locks the L1 table `f` of domain `id`. False: it is none.
bool l1_lock_slow(struct frame *f, uint32_t id);
static inline bool l1_lock(struct frame *f, uint32_t id)
{
    return likely(frame_try_lock(f, id, FS_TYPE | FS_VALIDATED | FS_LOCKED,
                                 FS_OF_TYPE(FT_L1) | FS_VALIDATED)) ||
           l1_lock_slow(f, id);
}

// A domain other than the caller's, or itself, that a hypercall names: with a reference
// (pt_domain_put), in *d. 0, -ESRCH, -EPERM.
int pt_domain_get(unsigned id, struct domain **d);
void pt_domain_put(struct domain *d);

// Finishes what this vCPU left unfinished. 0 or -ERESTART.
int pt_finish_parked(struct pv_vcpu *v);
static inline int pt_finish(struct pv_vcpu *v)
{
    return likely(!v->unfinished) ? 0 : pt_finish_parked(v);
}
// Leaves it for later.
static inline void pt_park(struct pv_vcpu *v, struct frame *f)
{
    ASSERT(!v->unfinished);
    v->unfinished = f;
}

// The current vCPU's root tables change: 0, -EINVAL, -ERESTART (before the change, or, with
// v->unfinished, after it).
int pt_new_root(struct pv_vcpu *v, mfn_t root);
int pt_new_user_root(struct pv_vcpu *v, mfn_t root);

// May the domain choose memory types other than write-back? Those who drive devices may.
bool pt_may_choose_cache(const struct domain *d);

// Continuations count on in the hypercall's count argument.
#define COUNT_PREEMPTED 0x80000000u
