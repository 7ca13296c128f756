// The frame table: ownership and references. frame_type.c has the types.
//
// Every machine frame of RAM has a struct frame. What is counted, and what may never be:
//
// 1. Owner. A frame belongs to one domain or, owner 0, to nobody: free, or the hypervisor's. The
// owner
//    changes only while the frame has no references. (Frames of the hypervisor that are shown to a
//    domain have an owner, too, and kind FRAME_SHARED.)
//
// 2. References. Each of these holds one: the owner's allocation (FS_ALLOCATED), the owner's pin
//    (FS_PINNED), every present entry of a validated page table that maps the frame, every entry of
//    a table of higher level that points to it, every vCPU for its root tables and descriptor
//    tables, every grant mapping, everybody in the hypervisor who works on the frame across a
//    possible preemption, and a preempted (in)validation (FS_PARTIAL). A frame without references
//    is free: whoever drops the last one gives it back. So nobody ever maps a frame that has become
//    somebody else's.
//
// 3. Types. A frame has, while its typed count is not 0, one type: page table of level 1 to 4,
// descriptor
//    table, or writable. All writable mappings hold typed references, and so do all uses as table.
//    As a frame has one type at a time, no frame that the processor takes for a table is ever
//    mapped writable. Read-only mappings hold a plain reference only and are always allowed. There
//    are never more typed references than references.
//
// 4. Content. FS_VALIDATED says that the content suits the type. For tables: that each entry was
// checked
//    and holds the references of rule 2. From then on the content changes under FS_LOCKED only,
//    each new entry checked and referenced before it is stored, each old one dropped after.
//
// 5. TLBs. When a typed count falls to 0, the TLB clock is stamped on the frame (mm/tlb.c), and
// before
//    the frame gets another type, CPUs that may hold older translations flush. The same when a
//    frame is freed and allocated again. In between nobody waits for flushes.
//
// Exclusive use: a page table with a typed count of 1 and neither FS_VALIDATED nor FS_PARTIAL is
// being validated or invalidated by one CPU; others who want it wait. FS_PARTIAL: the same,
// preempted. The typed count 1 and one reference then belong to that state itself, and whoever
// wants the frame as the same type takes it over by clearing FS_PARTIAL. So nobody depends on
// whether the one who began comes back, and a dying domain's are cleared away with its memory
// (frame_type_abort).
//
// Locks: the domain's memory lock is a leaf, but for the buddy allocator's.
#include "mm/frame.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "mm/buddy.h"
#include "mm/tlb.h"

static const struct frame_owner_ops *owner_ops;

void frame_register_owner_ops(const struct frame_owner_ops *ops)
{
    owner_ops = ops;
}

void frame_list_add(struct frame_list *l, struct frame *f)
{
    uint32_t mfn = (uint32_t)frame_to_mfn(f);

    f->next = 0;
    f->prev = l->tail;
    if (l->tail)
        frame_table[l->tail].next = mfn;
    else
        l->head = mfn;
    l->tail = mfn;
    l->count++;
}

void frame_list_del(struct frame_list *l, struct frame *f)
{
    if (f->prev)
        frame_table[f->prev].next = f->next;
    else
        l->head = f->next;
    if (f->next)
        frame_table[f->next].prev = f->prev;
    else
        l->tail = f->prev;
    f->next = f->prev = 0;
    l->count--;
}

static struct domain_memory *memory_of(struct domain *d)
{
    return (struct domain_memory *)d;
}

static bool owns_nothing(const struct domain_memory *m)
{
    return !m->nr_pages && !m->shared.count;
}

// Counts n more frames against the domain's limit and claim. *claimed: how many the claim covers.
static bool charge(struct domain *d, uint64_t n, uint64_t *claimed)
{
    struct domain_memory *m = memory_of(d);
    bool first;

    spin_lock(&m->lock);
    if (m->closed || m->nr_pages + n > m->max_pages) {
        spin_unlock(&m->lock);
        return false;
    }
    first = owns_nothing(m);
    m->nr_pages += (uint32_t)n;
    *claimed = MIN(n, m->claimed_pages);
    m->claimed_pages -= (uint32_t)*claimed;
    spin_unlock(&m->lock);
    if (first && owner_ops)
        owner_ops->hold(d);
    return true;
}

static void uncharge(struct domain *d, uint64_t n, uint64_t claimed)
{
    struct domain_memory *m = memory_of(d);
    bool last;

    spin_lock(&m->lock);
    m->nr_pages -= (uint32_t)n;
    m->claimed_pages += (uint32_t)claimed;
    last = owns_nothing(m);
    spin_unlock(&m->lock);
    if (last && owner_ops)
        owner_ops->release(d);
}

// From here on the frames are the domain's, with one reference each.
static void hand_over(struct frame *f, uint64_t n, struct domain *d)
{
    struct domain_memory *m = memory_of(d);

    spin_lock(&m->lock);
    for (uint64_t i = 0; i < n; i++) {
        // After frame_take, what the type was: TLBs may still know the frame as that.
        uint64_t old_type = f[i].state & FS_TYPE;

        ASSERT(f[i].kind == FRAME_HYPERVISOR && f[i].state == old_type);
        f[i].kind = FRAME_DOMAIN;
        f[i].traits = (uint8_t)((f[i].traits & ~FRAME_HELD) | FRAME_DIRTY);
        f[i].owner = frame_owner_id(d);
        frame_list_add(&m->pages, &f[i]);
        __atomic_store_n(&f[i].state, FS_ALLOCATED | FS_REF | old_type, __ATOMIC_RELEASE);
    }
    spin_unlock(&m->lock);
}

struct frame *frame_alloc(struct domain *d, unsigned order, unsigned flags)
{
    uint64_t n = 1ull << order, claimed = 0;
    struct frame *f;

    if (order > BUDDY_MAX_ORDER || (d && !charge(d, n, &claimed)))
        return NULL;
    // The claim's part first, or the allocator would keep it from us.
    buddy_unclaim(claimed);
    f = buddy_alloc(order, flags, false);
    if (!f) {
        if (claimed && !buddy_claim(claimed))
            claimed = 0; // somebody was faster; the promise is broken, but not the count
        if (d)
            uncharge(d, n, claimed);
        return NULL;
    }
    if (!(flags & FRAME_NO_SCRUB))
        memset(mfn_to_virt(frame_to_mfn(f)), 0, (size_t)PAGE_SIZE << order);
    if (d)
        hand_over(f, n, d);
    return f;
}

void frame_give(struct frame *f, unsigned order, struct domain *d)
{
    hand_over(f, 1ull << order, d);
}

bool frame_take(struct frame *f, struct domain *d)
{
    struct domain_memory *m = memory_of(d);
    uint64_t s;

    // A reference of our own, so that the owner stays while we look.
    if (!frame_get(f, d))
        return false;
    s = frame_state(f);
    do {
        if ((s & ~FS_TYPE) != (FS_ALLOCATED | 2 * FS_REF) || f->kind != FRAME_DOMAIN) {
            frame_put(f);
            return false;
        }
    } while (!frame_cas(f, &s, s & FS_TYPE));
    spin_lock(&m->lock);
    frame_list_del(&m->pages, f);
    spin_unlock(&m->lock);
    f->owner = 0;
    f->kind = FRAME_HYPERVISOR;
    m2p_set(frame_to_mfn(f), M2P_INVALID);
    return true;
}

void frame_discard(struct frame *f)
{
    f->state = 0;
    buddy_free(f, 0);
}

bool frame_release_allocation(struct frame *f)
{
    uint64_t old = __atomic_fetch_and(&f->state, ~FS_ALLOCATED, __ATOMIC_SEQ_CST);

    if (!(old & FS_ALLOCATED))
        return false;
    frame_put(f);
    return true;
}

static void free_domain_frame(struct frame *f, struct domain *d)
{
    struct domain_memory *m = memory_of(d);

    spin_lock(&m->lock);
    frame_list_del(&m->pages, f);
    spin_unlock(&m->lock);
    f->owner = 0;
    f->state = 0;
    m2p_set(frame_to_mfn(f), M2P_INVALID);
    buddy_free(f, 0);
    uncharge(d, 1, 0); // last: the domain may go with it
}

static void retire_shared_frame(struct frame *f, struct domain *d)
{
    struct domain_memory *m = memory_of(d);
    bool last;

    spin_lock(&m->lock);
    frame_list_del(&m->shared, f);
    last = owns_nothing(m);
    spin_unlock(&m->lock);
    if (last && owner_ops)
        owner_ops->release(d);
}

void frame_last_put(struct frame *f)
{
    struct domain *d = frame_owner(f);
    uint64_t state = frame_state(f);

    ASSERT(!(state & ~FS_TYPE)); // a type that nobody uses any more may be left
    ASSERT(d);
    if (f->kind == FRAME_SHARED) {
        retire_shared_frame(f, d);
        return;
    }
    ASSERT(f->kind == FRAME_DOMAIN);
    free_domain_frame(f, d);
}

void frame_share(void *va, struct domain *d, bool writable)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));
    struct domain_memory *m = memory_of(d);
    bool first;

    ASSERT(f->kind == FRAME_HYPERVISOR && !f->state);
    f->kind = FRAME_SHARED;
    f->owner = frame_owner_id(d);
    spin_lock(&m->lock);
    first = owns_nothing(m);
    frame_list_add(&m->shared, f);
    spin_unlock(&m->lock);
    if (first && owner_ops)
        owner_ops->hold(d);
    // The typed reference keeps the type what it is.
    __atomic_store_n(&f->state,
                     FS_ALLOCATED | FS_REF | FS_COUNT_ONE | FS_VALIDATED |
                         FS_OF_TYPE(writable ? FT_WRITABLE : FT_NONE),
                     __ATOMIC_RELEASE);
}

// False if it has been done.
static bool unshare(struct frame *f)
{
    uint64_t old = __atomic_fetch_and(&f->state, ~FS_ALLOCATED, __ATOMIC_SEQ_CST);

    if (!(old & FS_ALLOCATED))
        return false;
    if (frame_type_of(old) != FT_NONE) {
        frame_put_and_type(f);
    } else {
        __atomic_fetch_sub(&f->state, FS_COUNT_ONE, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(&f->state, ~FS_VALIDATED, __ATOMIC_SEQ_CST);
        frame_put(f);
    }
    return true;
}

void frame_unshare(void *va)
{
    unshare(mfn_to_frame(virt_to_mfn(va)));
}

void frame_unshare_all(struct domain *d)
{
    struct domain_memory *m = memory_of(d);
    struct frame *f;

    do {
        spin_lock(&m->lock);
        for (f = frame_list_first(&m->shared); f; f = frame_list_next(f))
            if (frame_state(f) & FS_ALLOCATED)
                break;
        spin_unlock(&m->lock);
    } while (f && (unshare(f) || true));
}

void frame_close(struct domain *d)
{
    struct domain_memory *m = memory_of(d);
    uint32_t claimed;

    spin_lock(&m->lock);
    m->closed = true;
    claimed = m->claimed_pages;
    m->claimed_pages = 0;
    spin_unlock(&m->lock);
    buddy_unclaim(claimed);
}
