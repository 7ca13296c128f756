// Validation of page tables of level 2 to 4, and live changes of their entries.
//
// Validating a table means: every present entry is free of reserved and refused bits and points to
// a frame of the table's owner that is a validated table of the next lower level, of which the
// entry then holds a reference and a typed one. A table that is not validated yet is validated on
// the way, so pinning a root brings a whole tree to life. Slots 256 to 271 of a root are the
// hypervisor's and filled in here.
//
// Linear page tables: a read-only entry may point to a table of the same level, which makes the
// tables visible as pages. To the same table: then it holds a plain reference only, since a typed
// one would keep the table alive for ever. To another: then it holds both, and neither of the two
// may be at the other end of such a relation as well (frame->linear), so that invalidation never
// nests deeper than levels plus one.
//
// Both directions can be preempted between two entries that cost something; frame->progress tells
// where to go on. If it is the child that was preempted, validation calls for the child again;
// invalidation, where the entry's typed reference is gone already, marks that
// (FRAME_CHILD_UNFINISHED) and finishes it.
#include "core/vm_assist.h"
#include "cpu/features.h"
#include "cpu/smp.h"
#include "mm/paging.h"
#include "pv/mmu.h"
#include "pv/pt.h"

static bool linear_step(struct frame *f, int16_t by)
{
    int16_t old = __atomic_load_n(&f->linear, __ATOMIC_RELAXED);

    do {
        if (by > 0 ? old < 0 || old == INT16_MAX : old > 0 || old == INT16_MIN)
            return false;
    } while (!__atomic_compare_exchange_n(&f->linear, &old, (int16_t)(old + by), false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

static void linear_end(struct frame *table, struct frame *target)
{
    __atomic_fetch_add(&table->linear, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&target->linear, 1, __ATOMIC_SEQ_CST);
}

static int linear_get(struct frame *table, unsigned level, struct frame *target, uint32_t id)
{
    if (target == table)
        return frame_get_by_id(target, id) ? 0 : -EINVAL;
    if (!linear_step(table, -1))
        return -EINVAL;
    if (linear_step(target, 1)) {
        if (frame_get_validated(target, id, (enum frame_type)level))
            return 0;
        __atomic_fetch_sub(&target->linear, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&table->linear, 1, __ATOMIC_SEQ_CST);
    return -EINVAL;
}

// References of a present entry of a table of level 2 to 4. upper_get_fast: if the lower table is
// valid already, which most are.
static inline bool upper_get_fast(uint64_t e, unsigned level, uint32_t id)
{
    mfn_t mfn = PTE_TO_MFN(e);

    return likely(!(e & (pt_reserved | UPPER_REFUSED)) && mfn < max_mfn) &&
           frame_get_validated(mfn_to_frame(mfn), id, (enum frame_type)(level - 1));
}

static int upper_get(uint64_t e, unsigned level, struct frame *table, uint32_t id, bool preemptible)
{
    mfn_t mfn = PTE_TO_MFN(e);
    struct frame *f;
    int rc;

    if ((e & (pt_reserved | UPPER_REFUSED)) || !mfn_valid(mfn))
        return -EINVAL;
    f = mfn_to_frame(mfn);
    if (!frame_get_by_id(f, id))
        return -EINVAL;
    rc = f == table ? -EINVAL : frame_get_type(f, (enum frame_type)(level - 1), preemptible);
    if (!rc)
        return 0;
    frame_put(f);
    return rc == -EINVAL && !(e & PTE_RW) ? linear_get(table, level, f, id) : rc;
}

// Drops them: 0 or -ERESTART, as frame_put_and_type_preemptible.
static inline int upper_put(uint64_t e, unsigned level, struct frame *table, bool preemptible)
{
    struct frame *f = mfn_to_frame(PTE_TO_MFN(e));

    if (unlikely(f == table)) {
        frame_put(f);
        return 0;
    }
    if (unlikely(frame_type_of(frame_state(f)) == (enum frame_type)level))
        linear_end(table, f);
    if (preemptible)
        return frame_put_and_type_preemptible(f);
    frame_put_and_type(f);
    return 0;
}

_Static_assert(HV_FIRST_SLOT % PT_GROUP == 0 && HV_LAST_SLOT == HV_FIRST_SLOT + PT_GROUP - 1,
               "the hypervisor's slots are passed over as a group");

static void fill_hypervisor_slots(struct frame *f)
{
    uint64_t *t = table_of_frame(f);

    for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
        t[i] = hv_pml4[i];
    t[PERDOMAIN_SLOT] = virt_to_maddr(to_pvd(frame_owner(f))->perdomain_l3) | PTE_TABLE;
}

// One present entry: 0, -EINVAL or -ERESTART. *slow: it may have cost something.
static inline int validate_entry(struct frame *f, unsigned level, uint64_t *p, bool preemptible,
                                 bool *slow)
{
    uint64_t e = *p;

    *slow = !upper_get_fast(e, level, f->owner);
    if (*slow) {
        int rc = upper_get(e, level, f, f->owner, preemptible);

        if (rc)
            return rc;
    }
    if (!(e & PTE_US))
        *p = e | PTE_US;
    return 0;
}

// The entries of one group, from f->progress on: 0, -EINVAL or -ERESTART.
static int validate_group(struct frame *f, unsigned level, unsigned group, bool preemptible)
{
    uint64_t *t = table_of_frame(f);

    for (unsigned i = MAX(group, (unsigned)f->progress); i < group + PT_GROUP; i++) {
        bool slow;
        int rc;

        if (!(t[i] & PTE_P))
            continue;
        rc = validate_entry(f, level, &t[i], preemptible, &slow);
        if (rc || (slow && preemptible && preempt_check())) {
            f->progress = (uint16_t)(rc ? i : i + 1);
            return rc ? rc : -ERESTART;
        }
    }
    return 0;
}

static int upper_validate(struct frame *f, unsigned level, bool preemptible)
{
    uint64_t *t = table_of_frame(f);

    if (!f->progress)
        f->groups = 0;
    for (unsigned group = f->progress & ~(PT_GROUP - 1u); group < PTES_PER_TABLE;
         group += PT_GROUP) {
        int rc;

        if (group_absent(&t[group]) || (level == FT_L4 && group == HV_FIRST_SLOT))
            continue;
        mark_group(f, group);
        rc = validate_group(f, level, group, preemptible);
        if (rc)
            return rc;
    }
    f->progress = PTES_PER_TABLE;
    if (level == FT_L4)
        fill_hypervisor_slots(f);
    return 0;
}

// One present entry: 0 or -ERESTART.
static int invalidate_entry(struct frame *f, unsigned level, uint64_t e, bool preemptible)
{
    struct frame *child = mfn_to_frame(PTE_TO_MFN(e));
    int rc;

    if (!(f->phase & FRAME_CHILD_UNFINISHED)) {
        rc = upper_put(e, level, f, preemptible);
        if (rc)
            f->phase |= FRAME_CHILD_UNFINISHED;
        return rc;
    }
    rc = frame_type_finish(child, preemptible);
    if (rc)
        return rc;
    f->phase &= (uint8_t)~FRAME_CHILD_UNFINISHED;
    frame_put(child);
    return 0;
}

static bool last_typed(uint64_t e)
{
    return (frame_state(mfn_to_frame(PTE_TO_MFN(e))) & FS_COUNT) <= FS_COUNT_ONE;
}

// The entries of one group, below f->progress, which goes down with them: 0 or -ERESTART.
static int invalidate_group(struct frame *f, unsigned level, unsigned group, bool preemptible)
{
    const uint64_t *t = table_of_frame(f);
    unsigned i = MIN(group + PT_GROUP, (unsigned)f->progress);

    while (i-- > group) {
        bool slow;
        int rc;

        if (!(t[i] & PTE_P))
            continue;
        slow = last_typed(t[i]);
        rc = invalidate_entry(f, level, t[i], preemptible);
        if (rc || (slow && preemptible && preempt_check())) {
            f->progress = (uint16_t)(rc ? i + 1 : i);
            return -ERESTART;
        }
    }
    f->progress = (uint16_t)group;
    return 0;
}

static int upper_invalidate(struct frame *f, unsigned level, bool preemptible)
{
    uint64_t *t = table_of_frame(f);
    uint32_t left = groups_below(f, f->progress);

    for (; left; left &= ~(1u << bit_last(left))) {
        int rc = invalidate_group(f, level, bit_last(left) * PT_GROUP, preemptible);

        if (rc)
            return rc;
    }
    f->progress = 0;
    if (level == FT_L4) // the guest need not see where the hypervisor lives
        for (unsigned i = HV_FIRST_SLOT; i <= HV_LAST_SLOT; i++)
            t[i] = 0;
    return 0;
}

static int validate(struct frame *f, enum frame_type type, bool preemptible)
{
    switch (type) {
    case FT_L1:
        return l1_validate(f);
    case FT_DESC:
        return desc_validate(f);
    default:
        return upper_validate(f, type, preemptible);
    }
}

static int invalidate(struct frame *f, enum frame_type type, bool preemptible)
{
    switch (type) {
    case FT_L1:
        l1_invalidate(f);
        return 0;
    case FT_DESC:
        return 0;
    default:
        return upper_invalidate(f, type, preemptible);
    }
}

static void upper_store(uint64_t *p, uint64_t next, bool keep_ad)
{
    uint64_t old = READ_ONCE(*p);

    while (!__atomic_compare_exchange_n(p, &old, keep_ad ? next | (old & (PTE_A | PTE_D)) : next,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
}

int upper_update(struct frame *table, unsigned index, uint64_t next, bool keep_ad,
                 struct frame **unfinished)
{
    unsigned level = frame_type_of(frame_state(table));
    uint64_t *p = &table_of_frame(table)[index], old = READ_ONCE(*p);
    int rc;

    *unfinished = NULL;
    if (level == FT_L4 && !l4_slot_is_guests(index))
        return -EINVAL;
    if (next & PTE_P) {
        next |= PTE_US;
        if ((old & PTE_P) && !((old ^ next) & (PTE_ADDR | PTE_RW))) {
            if (next & UPPER_REFUSED)
                return -EINVAL;
            upper_store(p, next, keep_ad);
            return 0;
        }
        rc = upper_get_fast(next, level, table->owner)
                 ? 0
                 : upper_get(next, level, table, table->owner, true);
        if (rc)
            return rc;
        mark_group(table, index);
    }
    upper_store(p, next, keep_ad);
    if ((old & PTE_P) && upper_put(old, level, table, true))
        *unfinished = mfn_to_frame(PTE_TO_MFN(old));
    return 0;
}

void pv_mmu_init(void)
{
    static const struct frame_type_ops ops = {.validate = validate, .invalidate = invalidate};

    pt_reserved = PTE_ADDR & ~((1ull << cpu_features.phys_bits) - 1);
    pt_unusual = pt_reserved | PTE_CACHE_L1;
    frame_register_type_ops(&ops);
}
