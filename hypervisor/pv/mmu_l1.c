// Entries of L1 tables: the leaves of a guest's page tables, and nearly all there is to do.
//
// A present entry that maps RAM holds a reference of the frame, and a typed one (FT_WRITABLE) if it
// has PTE_RW. That is so whoever owns the frame: a table may map frames of its owner, of another
// domain by that domain's grant, or where a privileged domain asks for it. Device memory has no
// struct frame and is checked against the owner's permissions only.
#include "core/rangeset.h"
#include "lib/log.h"
#include "pv/pt.h"

uint64_t pt_reserved, pt_unusual;

bool pt_may_choose_cache(const struct domain *d)
{
    return d->privileged || rangeset_overlaps(d->io_memory, 0, ~0ull);
}

static int device_get(mfn_t mfn, const struct pt_view *view)
{
    if (view->from != view->owner && view->from != dom_io)
        return -EINVAL;
    if (rangeset_contains(view->owner->io_memory, mfn, mfn))
        return 0;
    guest_warn("may not map device frame %#lx\n", mfn);
    return -EPERM;
}

int l1e_get_slow(uint64_t e, const struct pt_view *view)
{
    mfn_t mfn = PTE_TO_MFN(e);
    struct frame *f;

    if (e & pt_reserved)
        return -EINVAL;
    if ((e & PTE_CACHE_L1) && !pt_may_choose_cache(view->owner)) {
        guest_debug("may not set memory types: entry %#lx\n", e);
        return -EINVAL;
    }
    if (!mfn_valid(mfn))
        return device_get(mfn, view);
    f = mfn_to_frame(mfn);
    // Before the references: whoever takes the frame for a table sees the trait.
    if (e & PTE_CACHE_L1)
        frame_add_trait(f, FRAME_ODD_CACHE);
    if (view->from != view->owner)
        frame_add_trait(f, e & PTE_RW ? FRAME_FOREIGN | FRAME_DIRTY : FRAME_FOREIGN);
    if (e & PTE_RW ? frame_get_writable(f, view->id) : frame_get_by_id(f, view->id))
        return 0;
    guest_debug("may not map frame %#lx of d%d (state %#lx): entry %#lx\n", mfn,
                frame_owner(f) ? frame_owner(f)->id : -1, frame_state(f), e);
    return -EINVAL;
}

bool l1_lock_slow(struct frame *f, uint32_t id)
{
    uint64_t s = frame_lock_slow(f, id);

    if (!s || (s & FS_TYPE) == FS_OF_TYPE(FT_L1))
        return s;
    frame_unlock(f);
    return false;
}

static void store_keeping_ad(uint64_t *p, uint64_t next)
{
    uint64_t old = READ_ONCE(*p);

    while (!__atomic_compare_exchange_n(p, &old, next | (old & (PTE_A | PTE_D)), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
}

enum store_mode { STORE_PLAIN, STORE_KEEP_AD, STORE_EXACT };

// Nobody but the processor, which sets A and D, changes an entry of a locked table under our hands.
static inline bool store(uint64_t *p, uint64_t old, uint64_t next, enum store_mode mode)
{
    if (mode == STORE_PLAIN)
        WRITE_ONCE(*p, next);
    else if (mode == STORE_KEEP_AD)
        store_keeping_ad(p, next);
    else
        return __atomic_compare_exchange_n(p, &old, next, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    return true;
}

static inline __attribute__((always_inline)) int
update(uint64_t *p, uint64_t old, uint64_t next, enum store_mode mode, const struct pt_view *view)
{
    int rc;

    if (!(next & PTE_P)) {
        if (!store(p, old, next, mode))
            return -EAGAIN;
        if (old & PTE_P)
            l1e_put(old);
        return 0;
    }
    next = l1e_adjust(next);
    // The same frame with no more rights than before: its reference stays.
    if ((old & PTE_P) && !((old ^ next) & PTE_ADDR) && !(next & ~old & PTE_RW) &&
        !(next & view->unusual)) {
        if (!store(p, old, next, mode))
            return -EAGAIN;
        if ((old & ~next & PTE_RW) && mfn_valid(PTE_TO_MFN(old)))
            frame_put_type(mfn_to_frame(PTE_TO_MFN(old)), false);
        return 0;
    }
    rc = l1e_get(next, view);
    if (unlikely(rc))
        return rc;
    l1e_mark(p);
    if (!store(p, old, next, mode)) {
        l1e_put(next);
        return -EAGAIN;
    }
    if (old & PTE_P)
        l1e_put(old);
    return 0;
}

int l1e_update(uint64_t *p, uint64_t next, bool keep_ad, const struct pt_view *view)
{
    if (keep_ad)
        return update(p, READ_ONCE(*p), next, STORE_KEEP_AD, view);
    return update(p, READ_ONCE(*p), next, STORE_PLAIN, view);
}

int l1e_exchange(uint64_t *p, uint64_t old, uint64_t next, const struct pt_view *view)
{
    return update(p, old, next, STORE_EXACT, view);
}

// One entry of a table that is being validated: 0, or what l1e_get says.
static inline int validate_entry(uint64_t *p, const struct pt_view *view)
{
    uint64_t e = *p, next = l1e_adjust(e);
    int rc = l1e_get(next, view);

    if (next != e && !rc)
        *p = next;
    return rc;
}

int l1_validate(struct frame *f)
{
    const struct pt_view *view = &to_pvd(frame_owner(f))->self;
    uint64_t *t = table_of_frame(f);

    f->groups = 0;
    for (unsigned group = 0; group < PTES_PER_TABLE; group += PT_GROUP) {
        if (likely(group_absent(&t[group])))
            continue;
        mark_group(f, group);
        for (unsigned i = group; i < group + PT_GROUP; i++) {
            int rc = t[i] & PTE_P ? validate_entry(&t[i], view) : 0;

            if (unlikely(rc)) {
                f->progress = (uint16_t)i;
                return rc;
            }
        }
    }
    return 0;
}

void l1_invalidate(struct frame *f)
{
    const uint64_t *t = table_of_frame(f);

    for (uint32_t left = groups_below(f, f->progress); left; left &= left - 1) {
        unsigned group = bit_first(left) * PT_GROUP;

        for (unsigned i = group; i < MIN(group + PT_GROUP, (unsigned)f->progress); i++)
            if (t[i] & PTE_P)
                l1e_put(t[i]);
    }
    f->progress = 0;
}
