// Grant mappings: L1 entries that the grant table makes and removes. Such an entry holds references
// of its own, like any other, whoever owns the frame; so it does no harm if the guest overwrites it
// by itself, except that it can not be unmapped by its grant handle any more.
#include "pv-abi/grant_table.h"
#include "pv/mmu.h"
#include "pv/pt.h"

static uint64_t grant_entry(mfn_t mfn, unsigned flags)
{
    uint64_t e = mfn << PAGE_SHIFT | PTE_P | PTE_A | PTE_D;

    if (flags & GNTMAP_application_map)
        e |= PTE_US;
    if (!(flags & GNTMAP_readonly))
        e |= PTE_RW;
    // The three bits that the processor leaves to software.
    e |= (uint64_t)(flags >> _GNTMAP_guest_avail0 & 7) << 9;
    return l1e_adjust(e);
}

// The entry that the caller means: locked table in *table, or NULL.
static uint64_t *find_entry(uint64_t addr, unsigned flags, struct frame **table)
{
    uint32_t id = frame_owner_id(current->domain);
    uint64_t *p;

    if (flags & GNTMAP_contains_pte) {
        if ((addr & 7) || !mfn_valid(addr >> PAGE_SHIFT))
            return NULL;
        *table = mfn_to_frame(addr >> PAGE_SHIFT);
        p = &table_of_frame(*table)[(addr & ~PAGE_MASK) / 8];
    } else {
        p = pv_address_ok(addr) ? pt_walk(addr, table) : NULL;
    }
    return p && l1_lock(*table, id) ? p : NULL;
}

// References of an entry for a frame of anybody: the caller, who holds one, vouches for the right.
static bool entry_get(mfn_t mfn, bool writable)
{
    struct frame *f = mfn_to_frame(mfn);

    if (!mfn_valid(mfn))
        return true;
    frame_add_trait(f, writable ? FRAME_FOREIGN | FRAME_HELD : FRAME_FOREIGN);
    if (!frame_get_any(f))
        return false;
    if (!writable || !frame_get_type(f, FT_WRITABLE, false))
        return true;
    frame_put(f);
    return false;
}

int pv_grant_map(uint64_t addr, mfn_t mfn, unsigned flags)
{
    uint64_t next = grant_entry(mfn, flags), old, *p;
    struct frame *table;

    if (!entry_get(mfn, next & PTE_RW))
        return GNTST_general_error;
    p = find_entry(addr, flags, &table);
    if (!p) {
        l1e_put(next);
        return GNTST_general_error;
    }
    old = READ_ONCE(*p);
    l1e_mark(p);
    WRITE_ONCE(*p, next);
    if (old & PTE_P)
        l1e_put(old);
    frame_unlock(table);
    return GNTST_okay;
}

// Takes the entry at a virtual address away from there, with its references.
static int take_entry(uint64_t addr, uint64_t *entry)
{
    struct frame *table;
    uint64_t *p = find_entry(addr, 0, &table);

    if (!p)
        return GNTST_general_error;
    *entry = READ_ONCE(*p);
    WRITE_ONCE(*p, 0);
    frame_unlock(table);
    return GNTST_okay;
}

static void give_up_entry(uint64_t e)
{
    if (e & PTE_P)
        l1e_put(e);
}

static bool entry_matches(uint64_t e, mfn_t mfn, unsigned flags)
{
    return (e & PTE_P) && PTE_TO_MFN(e) == mfn && !(e & PTE_RW) == !!(flags & GNTMAP_readonly);
}

// Before anything is changed, as far as that can be told.
static bool is_mapped_at(uint64_t addr, mfn_t mfn, unsigned flags)
{
    struct frame *table;
    uint64_t *p = find_entry(addr, flags, &table);
    bool ok = p && entry_matches(READ_ONCE(*p), mfn, flags);

    if (p)
        frame_unlock(table);
    return ok;
}

int pv_grant_unmap(uint64_t addr, mfn_t mfn, unsigned flags, uint64_t replace_with)
{
    uint64_t old = 0, next = 0, *p;
    struct frame *table;

    if (replace_with) {
        if ((flags & GNTMAP_contains_pte) || !is_mapped_at(addr, mfn, flags) ||
            take_entry(replace_with, &next))
            return GNTST_general_error;
    }
    p = find_entry(addr, flags, &table);
    if (p) {
        old = READ_ONCE(*p);
        if (entry_matches(old, mfn, flags)) // in its group there is something already
            WRITE_ONCE(*p, next);
        else
            p = NULL;
        frame_unlock(table);
    }
    give_up_entry(p ? old : next);
    return p ? GNTST_okay : GNTST_general_error;
}
