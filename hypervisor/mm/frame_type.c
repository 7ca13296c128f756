// The types of frames: who uses a frame as what. The invariants stand in frame.c.
#include "cpu/asm.h"
#include "cpu/spinlock.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/tlb.h"

static const struct frame_type_ops *type_ops;

void frame_register_type_ops(const struct frame_type_ops *ops)
{
    type_ops = ops;
}

static bool has_content(enum frame_type type)
{
    return type >= FT_L1 && type <= FT_DESC;
}

// Another CPU has exclusive use of the frame, or the lock: lets it get on.
static uint64_t wait_for(struct frame *f)
{
    cpu_relax();
    smp_serve();
    return frame_state(f);
}

// Before a frame is used as another type than it was last: no TLB may know it as that any more.
static void flush_old_type(struct frame *f)
{
    struct domain_memory *m = (struct domain_memory *)frame_owner(f);
    cpumask_t mask = READ_ONCE(f->traits) & FRAME_FOREIGN ? cpus_online : m->dirty_cpus;

    tlb_flush_since(mask, f->stamp);
    if (unlikely(READ_ONCE(f->traits) & FRAME_FOREIGN))
        __atomic_fetch_and(&f->traits, (uint8_t)~FRAME_FOREIGN, __ATOMIC_SEQ_CST);
}

// A frame that was mapped with an odd memory type may lie differently in memory and in caches.
static void flush_odd_cache(struct frame *f)
{
    char *page = mfn_to_virt(frame_to_mfn(f));

    __asm__ volatile("mfence" : : : "memory");
    for (unsigned i = 0; i < PAGE_SIZE; i += 64)
        __asm__ volatile("clflush %0" : "+m"(page[i]));
    __asm__ volatile("mfence" : : : "memory");
    __atomic_fetch_and(&f->traits, (uint8_t)~FRAME_ODD_CACHE, __ATOMIC_SEQ_CST);
}

// Exclusive use ends: nobody uses the frame as this type any more. What remains in the type field
// is what flush_old_type is about. `own`: the references of FS_PARTIAL go, too.
static void end_untyped(struct frame *f, unsigned own)
{
    f->phase = 0;
    f->progress = 0;
    // From here on a stamp again, for a table.
    f->stamp = tlb_clock_now();
    __atomic_fetch_sub(&f->state, FS_COUNT_ONE + own * FS_REF, __ATOMIC_SEQ_CST);
}

static void end_validated(struct frame *f, unsigned own)
{
    f->progress = 0;
    __atomic_fetch_add(&f->state, FS_VALIDATED - own * FS_REF, __ATOMIC_SEQ_CST);
}

static int end_partial(struct frame *f, unsigned own)
{
    __atomic_fetch_add(&f->state, FS_PARTIAL + (1 - own) * FS_REF, __ATOMIC_SEQ_CST);
    return -ERESTART;
}

// Undoes what is validated, [0, f->progress), with exclusive use, which ends.
static int undo(struct frame *f, unsigned own, bool preemptible)
{
    enum frame_type type = frame_type_of(frame_state(f));

    f->phase |= FRAME_DOOMED;
    if (has_content(type)) {
        int rc = type_ops->invalidate(f, type, preemptible);

        frame_mark_dirty(f);
        if (rc) {
            ASSERT(rc == -ERESTART && preemptible);
            return end_partial(f, own);
        }
    }
    end_untyped(f, own);
    return 0;
}

// Brings a frame of exclusive use to FS_VALIDATED, or back to no type.
static int validate(struct frame *f, unsigned own, bool preemptible)
{
    enum frame_type type = frame_type_of(frame_state(f));
    int rc;

    if (f->phase & FRAME_DOOMED) { // somebody's attempt failed; that was ours, most likely
        rc = undo(f, own, preemptible);
        return rc ? rc : -EINVAL;
    }
    if (has_content(type)) {
        if (unlikely(f->traits & FRAME_ODD_CACHE))
            flush_odd_cache(f);
        rc = type_ops->validate(f, type, preemptible);
        if (rc == -ERESTART)
            return end_partial(f, own);
        if (rc) {
            int undone = undo(f, own, preemptible);

            return undone ? undone : rc;
        }
    }
    end_validated(f, own);
    return 0;
}

// The first typed reference. False: the state changed meanwhile (*s is the new one).
static bool begin_type(struct frame *f, enum frame_type type, uint64_t *s)
{
    enum frame_type old = frame_type_of(*s);
    uint64_t next = (*s & ~FS_TYPE) | FS_OF_TYPE(type) | FS_COUNT_ONE;

    // Nothing to flush, nothing to check: at once.
    if (!has_content(type) && (old == type || old == FT_NONE))
        next |= FS_VALIDATED;
    return frame_cas(f, s, next);
}

int frame_get_type(struct frame *f, enum frame_type type, bool preemptible)
{
    uint64_t s = frame_state(f);

    ASSERT(s & FS_REFS);
    for (;;) {
        if (!(s & FS_COUNT)) {
            enum frame_type old = frame_type_of(s);

            // What the hypervisor shows to a domain stays what it was shown as.
            if (unlikely(f->kind == FRAME_SHARED) && (old != type || type != FT_WRITABLE))
                return -EINVAL;
            if (!begin_type(f, type, &s))
                continue;
            if (!has_content(type) && (old == type || old == FT_NONE))
                return 0;
            if (old != type && old != FT_NONE)
                flush_old_type(f);
            return validate(f, 0, preemptible);
        }
        if (frame_type_of(s) != type)
            return -EINVAL;
        if (s & FS_VALIDATED) {
            if (s & FS_COUNT_FULL)
                return -EINVAL;
            if (frame_cas(f, &s, s + FS_COUNT_ONE))
                return 0;
        } else if (s & FS_PARTIAL) {
            if (frame_cas(f, &s, s & ~FS_PARTIAL))
                return validate(f, 1, preemptible);
        } else {
            s = wait_for(f);
        }
    }
}

int frame_put_last_type(struct frame *f, bool preemptible)
{
    uint64_t s = frame_state(f);

    for (;;) {
        ASSERT((s & FS_COUNT) && (s & FS_VALIDATED));
        if ((s & FS_COUNT) > FS_COUNT_ONE) {
            if (frame_cas(f, &s, s - FS_COUNT_ONE))
                return 0;
        } else if (s & FS_LOCKED) {
            s = wait_for(f);
        } else if (frame_cas(f, &s, s & ~FS_VALIDATED)) {
            break;
        }
    }
    f->progress = PAGE_SIZE / 8;
    return undo(f, 0, preemptible);
}

int frame_type_finish(struct frame *f, bool preemptible)
{
    uint64_t s = frame_state(f);

    while (s & FS_PARTIAL) {
        if (!frame_cas(f, &s, s & ~FS_PARTIAL))
            continue;
        if (f->phase & FRAME_DOOMED)
            return undo(f, 1, preemptible);
        // Somebody has finished ours and begun anew.
        __atomic_fetch_or(&f->state, FS_PARTIAL, __ATOMIC_SEQ_CST);
        return 0;
    }
    return 0;
}

int frame_type_abort(struct frame *f)
{
    uint64_t s = frame_state(f);

    while (s & FS_PARTIAL)
        if (frame_cas(f, &s, s & ~FS_PARTIAL))
            return undo(f, 1, true);
    return 0;
}

bool frame_undo_get(struct frame *f)
{
    frame_put_and_type(f);
    return false;
}

bool frame_get_and_type(struct frame *f, const struct domain *d, enum frame_type type)
{
    if (type == FT_WRITABLE)
        return frame_get_writable(f, frame_owner_id(d));
    if (!frame_get(f, d))
        return false;
    if (!frame_get_type(f, type, false))
        return true;
    frame_put(f);
    return false;
}

bool frame_get_writable_slow(struct frame *f, uint32_t id)
{
    if (!frame_get_by_id(f, id))
        return false;
    if (!frame_get_type(f, FT_WRITABLE, false))
        return true;
    frame_put(f);
    return false;
}

uint64_t frame_lock_slow(struct frame *f, uint32_t id)
{
    uint64_t s = frame_state(f);

    while (READ_ONCE(f->owner) == id && (s & FS_VALIDATED)) {
        if (s & FS_LOCKED) {
            s = wait_for(f);
        } else if (frame_cas(f, &s, s | FS_LOCKED)) {
            if (READ_ONCE(f->owner) == id)
                return s;
            frame_unlock(f); // it changed hands between the look and the grip
        }
    }
    return 0;
}
