#include "frontends/kernel/grants.h"

#include "frontends/kernel/guest.h"
#include "frontends/kernel/pages.h"

#define FRAMES   4 // of the table: 2048 entries
#define PER_PAGE (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define ENTRIES  (FRAMES * PER_PAGE)

static struct grant_entry_v1 table[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint16_t free_refs[ENTRIES]; // a stack
static unsigned nr_free, total;

static bool set_up(void)
{
    xen_pfn_t frames[FRAMES] = {0};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = FRAMES};

    setup.frame_list = frames;
    if (hc(grant_table_op, GNTTABOP_setup_table, &setup, 1) || setup.status != GNTST_okay) {
        print("grants: no table of %u frames, status %d\n", FRAMES, setup.status);
        return false;
    }
    for (unsigned i = 0; i < FRAMES; i++)
        if (map_frame_at(table + i * PER_PAGE, frames[i]))
            panic("grants: cannot map the table");
    for (unsigned ref = ENTRIES; ref-- > GNTTAB_NR_RESERVED_ENTRIES;)
        free_refs[nr_free++] = (uint16_t)ref;
    total = nr_free;
    return true;
}

grant_ref_t grant_page(domid_t remote, const void *page, bool read_only)
{
    grant_ref_t ref;

    if (!total && !set_up())
        return 0;
    if (nr_free == 0)
        return 0;
    ref = free_refs[--nr_free];
    table[ref].frame = (uint32_t)mfn_of(page);
    table[ref].domid = remote;
    __atomic_store_n(&table[ref].flags, GTF_permit_access | (read_only ? GTF_readonly : 0),
                     __ATOMIC_RELEASE);
    return ref;
}

bool grant_end(grant_ref_t ref)
{
    uint16_t flags;

    if (ref == 0)
        return true;
    flags = __atomic_load_n(&table[ref].flags, __ATOMIC_RELAXED);
    do {
        if (flags & (GTF_reading | GTF_writing))
            return false;
    } while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    free_refs[nr_free++] = (uint16_t)ref;
    return true;
}

void grant_revoke(grant_ref_t ref)
{
    __atomic_store_n(&table[ref].flags, 0, __ATOMIC_SEQ_CST);
}

unsigned grants_in_use(void)
{
    return total - nr_free;
}

unsigned grants_total(void)
{
    return total;
}
