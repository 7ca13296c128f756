// The frame table: for every machine frame its owner, its references and its type. See mm/frame.c
// for the invariants.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "lib/bits.h"
#include "lib/bug.h"
#include "mm/layout.h"

struct domain;

// What a frame is to the allocator.
enum frame_kind {
    FRAME_HOLE,       // no RAM (or memory below 1 MB)
    FRAME_FREE,       // inside a free block
    FRAME_FREE_HEAD,  // first of a free block, `order` tells of which size
    FRAME_HYPERVISOR, // in use by the hypervisor alone
    FRAME_HEAP,       // ... for small objects, `order` tells of which class
    FRAME_DOMAIN,     // ordinary memory of a domain
    FRAME_SHARED,     // the hypervisor's, shown to a domain
};

struct frame {
    uint64_t state;      // FS_*: references, typed references, type, flags; changed atomically only
    uint32_t owner;      // frame number of the owner's struct domain; 0: nobody
    uint32_t next, prev; // links of frame lists (frame numbers; 0 ends)
    union {
        uint32_t stamp; // TLB clock when it was freed or last ceased to be of a type
        uint32_t
            groups; // of a page table: bit n set if entries 16n to 16n + 15 may hold references
    };
    uint16_t progress;   // page table being (in)validated: entries [0, progress) hold references
    int16_t linear;      // page tables of the same level that map it (> 0) or that it maps (< 0)
    uint8_t kind, order; // enum frame_kind
    uint8_t phase;       // FRAME_DOOMED, ...: of who has exclusive use of a page table
    uint8_t traits;      // FRAME_ODD_CACHE, ...; changed atomically
};
_Static_assert(sizeof(struct frame) == 32, "two to a cache line, no straddling");

// struct frame's state.
#define FS_REF        1ull
#define FS_REFS       0x000000000fffffffull
#define FS_COUNT_ONE  (1ull << 28)
#define FS_COUNT      0x00fffffff0000000ull
#define FS_TYPE_SHIFT 56
#define FS_TYPE       (7ull << FS_TYPE_SHIFT)
#define FS_VALIDATED  (1ull << 59) // the content suits the type; only with typed references
#define FS_PARTIAL    (1ull << 60) // (in)validation is preempted: frame.c
#define FS_PINNED     (1ull << 61) // the owner holds a typed reference by its own wish
#define FS_ALLOCATED  (1ull << 62) // the owner holds the reference of its allocation
#define FS_LOCKED     (1ull << 63) // entries are being updated: the last typed reference stays
// The top bits of the counts: with one of them set there are no more references to be had, so that
// nothing ever carries into the next field.
#define FS_REFS_FULL  (1ull << 27)
#define FS_COUNT_FULL (1ull << 55)

#define FRAME_DOOMED 1 // phase: what was validated is being undone
#define FRAME_CHILD_UNFINISHED \
    2                     // ... the entry before `progress` has lost its typed reference already
#define FRAME_ODD_CACHE 1 // traits: has been mapped with another memory type than write-back
#define FRAME_FOREIGN   2 // has been mapped by another domain than its owner
#define FRAME_DIRTY     4 // may have been written since the log of that was read: pv/log_dirty.c
#define FRAME_HELD      8 // others than the domain's own code may write to it at any time

// A list of frames, linked through the frame table.
struct frame_list {
    uint32_t head, tail, count;
};

// A domain's memory in numbers: the first member of struct domain.
struct domain_memory {
    spinlock_t lock;         // guards all but dirty_cpus
    bool closed;             // dying: no allocation any more
    struct frame_list pages; // ordinary memory of the guest
    uint32_t nr_pages, max_pages;
    uint32_t claimed_pages;   // promised by XENMEM_claim_pages and not yet allocated
    struct frame_list shared; // hypervisor frames shown to it (shared_info, grants, ...)
    cpumask_t dirty_cpus;     // CPUs whose TLB may hold entries of this domain
};

// Types of use. A frame has one type at a time while its type count is not 0.
enum frame_type {
    FT_NONE,
    FT_L1,
    FT_L2,
    FT_L3,
    FT_L4,       // page tables
    FT_DESC,     // GDT or LDT frame
    FT_WRITABLE, // mapped writable by a guest, or being written on its behalf
};

#define FS_OF_TYPE(t) ((uint64_t)(t) << FS_TYPE_SHIFT)

#define frame_table ((struct frame *)FRAMETABLE_START)

static inline struct frame *mfn_to_frame(mfn_t mfn)
{
    return &frame_table[mfn];
}

static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return (mfn_t)(f - frame_table);
}

// Is there RAM behind this number (a guest's, free or the hypervisor's)? False for MMIO and holes.
// The frame table can be read, not written, at any number below max_mfn.
static inline bool mfn_valid(mfn_t mfn)
{
    return mfn < max_mfn && frame_table[mfn].kind != FRAME_HOLE;
}

static inline uint64_t frame_state(const struct frame *f)
{
    return __atomic_load_n(&f->state, __ATOMIC_RELAXED);
}

static inline enum frame_type frame_type_of(uint64_t state)
{
    return (enum frame_type)((state & FS_TYPE) >> FS_TYPE_SHIFT);
}

// On failure *old is what the state is.
static inline bool frame_cas(struct frame *f, uint64_t *old, uint64_t next)
{
    return __atomic_compare_exchange_n(&f->state, old, next, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static inline bool frame_refs_ok(uint64_t state)
{
    return (state & FS_REFS) - 1 < FS_REFS_FULL - 1; // neither 0 nor full
}

// The number by which frames know a domain (which lies page-aligned in the direct map).
static inline uint32_t frame_owner_id(const struct domain *d)
{
    return (uint32_t)virt_to_mfn(d);
}

// The owner; the result is stable only while the caller holds a reference to the frame.
static inline struct domain *frame_owner(const struct frame *f)
{
    uint32_t owner = READ_ONCE(f->owner);

    return owner ? mfn_to_virt(owner) : NULL;
}

void frame_last_put(struct frame *f); // frame_put's: frees it
int frame_put_last_type(struct frame *f, bool preemptible);
bool frame_undo_get(struct frame *f); // drops a reference and a typed one; false

// References: a frame with references stays allocated to its owner. frame_get fails if d does not
// own the frame or it is being freed. The last frame_put of a frame frees it.
static inline void frame_put(struct frame *f)
{
    uint64_t old = __atomic_fetch_sub(&f->state, FS_REF, __ATOMIC_SEQ_CST);

    ASSERT(old & FS_REFS);
    if (unlikely((old & FS_REFS) == 1))
        frame_last_put(f);
}

static inline bool frame_get_by_id(struct frame *f, uint32_t id)
{
    uint64_t s = frame_state(f);

    do {
        if (unlikely(f->owner != id || !frame_refs_ok(s)))
            return false;
    } while (unlikely(!frame_cas(f, &s, s + FS_REF)));
    if (likely(READ_ONCE(f->owner) == id))
        return true;
    frame_put(f); // it changed hands between the look and the grip
    return false;
}

static inline bool frame_get(struct frame *f, const struct domain *d)
{
    return frame_get_by_id(f, frame_owner_id(d));
}

// One more reference, whoever the owner is: fails only if it is free or being freed. The caller
// checks the owner then.
static inline bool frame_get_any(struct frame *f)
{
    uint64_t s = frame_state(f);

    do {
        if (!f->owner || !frame_refs_ok(s))
            return false;
    } while (!frame_cas(f, &s, s + FS_REF));
    return true;
}

// Typed references, on top of an ordinary one which the caller holds. 0; -EINVAL: the frame is in
// use as another type or its content is not valid for this one; -ERESTART: preempted (only if
// preemptible), call again with the same arguments. frame_put_type: 0 or -ERESTART; in the latter
// case the typed reference is gone, but the caller must keep its ordinary one and call
// frame_type_finish() until that returns 0.
int frame_get_type(struct frame *f, enum frame_type type, bool preemptible);

static inline int frame_put_type(struct frame *f, bool preemptible)
{
    uint64_t s = frame_state(f);

    do {
        if ((s & FS_COUNT) <= FS_COUNT_ONE)
            return frame_put_last_type(f, preemptible);
    } while (unlikely(!frame_cas(f, &s, s - FS_COUNT_ONE)));
    return 0;
}

// Goes on with an invalidation that frame_put_type left unfinished. 0: done, by whomever.
int frame_type_finish(struct frame *f, bool preemptible);
// The same for a frame of a dying domain, a preempted validation is undone, too.
int frame_type_abort(struct frame *f);

// A reference and a typed one at once, for a domain by its frame_owner_id, if the frame is of that
// type already. False: not the domain's, or of another type, or of none.
static inline bool frame_get_validated(struct frame *f, uint32_t id, enum frame_type type)
{
    const uint64_t look_at = FS_TYPE | FS_VALIDATED | FS_REFS_FULL | FS_COUNT_FULL;
    uint64_t s = frame_state(f);

    while (likely(f->owner == id && (s & look_at) == (FS_OF_TYPE(type) | FS_VALIDATED)))
        if (likely(frame_cas(f, &s, s + FS_REF + FS_COUNT_ONE)))
            return likely(READ_ONCE(f->owner) == id) || frame_undo_get(f);
    return false;
}

// The same for the writable type, which the frame gets if it has none.
bool frame_get_writable_slow(struct frame *f, uint32_t id);
static inline bool frame_get_writable(struct frame *f, uint32_t id)
{
    return likely(frame_get_validated(f, id, FT_WRITABLE)) || frame_get_writable_slow(f, id);
}

// Both at once, not preemptible (types that need no validation of content, or L1 and descriptors).
bool frame_get_and_type(struct frame *f, const struct domain *d, enum frame_type type);

static inline void frame_put_and_type(struct frame *f)
{
    uint64_t s = frame_state(f);

    while (likely((s & FS_COUNT) > FS_COUNT_ONE))
        if (likely(frame_cas(f, &s, s - FS_COUNT_ONE - FS_REF)))
            return;
    frame_put_last_type(f, false);
    frame_put(f);
}

// The same, preemptible: 0, or -ERESTART as frame_put_type, the ordinary reference being kept then.
static inline int frame_put_and_type_preemptible(struct frame *f)
{
    uint64_t s = frame_state(f);
    int rc;

    while (likely((s & FS_COUNT) > FS_COUNT_ONE))
        if (likely(frame_cas(f, &s, s - FS_COUNT_ONE - FS_REF)))
            return 0;
    rc = frame_put_last_type(f, true);
    if (!rc)
        frame_put(f);
    return rc;
}

// The lock of a frame with a validated type, under which the entries of a page table are updated
// or a writable frame is written: the type stays. Returns the state, of which the type will not
// change, or 0 if d does not own the frame or it has no validated type. Waits for another holder; a
// holder may wait for tables of lower level only.
uint64_t frame_lock_slow(struct frame *f, uint32_t id);
static inline void frame_unlock(struct frame *f)
{
    ASSERT(frame_state(f) & FS_LOCKED);
    __atomic_fetch_sub(&f->state, FS_LOCKED, __ATOMIC_SEQ_CST);
}

// The lock's first try, if the state's bits of `mask` are `bits`: the state, or 0.
static inline uint64_t frame_try_lock(struct frame *f, uint32_t id, uint64_t mask, uint64_t bits)
{
    uint64_t s = frame_state(f);

    if (unlikely(f->owner != id || (s & mask) != bits || !frame_cas(f, &s, s | FS_LOCKED)))
        return 0;
    if (likely(READ_ONCE(f->owner) == id))
        return s;
    frame_unlock(f); // it changed hands between the look and the grip
    return 0;
}

static inline uint64_t frame_lock(struct frame *f, uint32_t id)
{
    uint64_t s = frame_try_lock(f, id, FS_VALIDATED | FS_LOCKED, FS_VALIDATED);

    return likely(s) ? s : frame_lock_slow(f, id);
}

static inline void frame_add_trait(struct frame *f, uint8_t trait)
{
    if ((READ_ONCE(f->traits) & trait) != trait)
        __atomic_fetch_or(&f->traits, trait, __ATOMIC_SEQ_CST);
}

static inline void frame_mark_dirty(struct frame *f)
{
    frame_add_trait(f, FRAME_DIRTY);
}

// How the content of page tables and descriptor tables is checked; registered by pv/. Called with
// exclusive use of the frame. validate goes on at f->progress and advances it: 0, -EINVAL or
// (preemptible only) -ERESTART. invalidate goes back from f->progress to 0: 0 or -ERESTART.
struct frame_type_ops {
    int (*validate)(struct frame *f, enum frame_type type, bool preemptible);
    int (*invalidate)(struct frame *f, enum frame_type type, bool preemptible);
};
void frame_register_type_ops(const struct frame_type_ops *ops);

// A domain must exist as long as it owns a frame: hold is called when it comes by its first one,
// release when it has lost its last; registered by core/.
struct frame_owner_ops {
    void (*hold)(struct domain *d);
    void (*release)(struct domain *d);
};
void frame_register_owner_ops(const struct frame_owner_ops *ops);

// Allocates 2^order frames to a domain (charged against max_pages and claims), on its page list,
// each with the allocation's reference (FS_ALLOCATED). NULL: limit reached, or no memory. NULL
// domain: to the hypervisor itself, for frame_give later. Zeroed unless FRAME_NO_SCRUB.
struct frame *frame_alloc(struct domain *d, unsigned order, unsigned flags);
#define FRAME_DMA32    (1u << 0) // below 4 GB
#define FRAME_NO_SCRUB (1u << 1) // the caller overwrites all of it

// XENMEM_exchange: takes a frame from a domain to which nothing refers but its allocation (false if
// something does), and gives frames in exchange. Both without counting: the same number is to be
// taken and given. A frame that was taken is the hypervisor's, to be given back or discarded.
bool frame_take(struct frame *f, struct domain *d);
void frame_give(struct frame *f, unsigned order, struct domain *d);
void frame_discard(struct frame *f);
// The owner gives up the allocation's reference: false if it had none any more.
bool frame_release_allocation(struct frame *f);

// Shows a hypervisor frame (pages_alloc) to a domain, read-only or writable for the guest. The
// hypervisor's own use is not counted; frame_unshare, when the domain dies, ends the guest's right
// to new references, and the frame may be freed when the domain is gone.
void frame_share(void *va, struct domain *d, bool writable);
void frame_unshare(void *va);
// frame_unshare for all of a dying domain's.
void frame_unshare_all(struct domain *d);
// A dying domain gets no more memory; its claim lapses.
void frame_close(struct domain *d);

void frame_list_add(struct frame_list *l, struct frame *f); // at the end
void frame_list_del(struct frame_list *l, struct frame *f);
static inline struct frame *frame_list_first(const struct frame_list *l)
{
    return l->head ? &frame_table[l->head] : NULL;
}
static inline struct frame *frame_list_next(const struct frame *f)
{
    return f->next ? &frame_table[f->next] : NULL;
}

// Machine-to-physical table (guests read it at MACH2PHYS_VIRT_START).
#define m2p_table ((uint64_t *)M2P_RW_START)
static inline void m2p_set(mfn_t mfn, gfn_t gfn)
{
    WRITE_ONCE(m2p_table[mfn], gfn);
}
static inline gfn_t m2p_get(mfn_t mfn)
{
    return READ_ONCE(m2p_table[mfn]);
}
#define M2P_INVALID (~0ull)

uint64_t frames_total(void), frames_free(void);
