// Frames: the buddy allocator against a bitmap, small objects, domains' limits and claims,
// exchange, frames that the hypervisor shows to a domain, locks and counts at their limits.
//
// sources: hypervisor/core/memory_relinquish.c hypervisor/core/permissions.c
// sources: tests/unit/mmu_machine.c tests/unit/mmu_calls.c tests/unit/mmu_check.c
// sources: hypervisor/core/rangeset.c hypervisor/mm/buddy.c hypervisor/mm/frame.c
// sources: hypervisor/mm/frame_type.c hypervisor/mm/heap.c hypervisor/pv/desc.c
// sources: hypervisor/pv/mmu_domain.c hypervisor/pv/mmu_grant.c hypervisor/pv/mmu_l1.c
// sources: hypervisor/pv/mmu_ptwr.c hypervisor/pv/mmu_types.c hypervisor/pv/mmu_update.c
// sources: hypervisor/pv/mmu_va.c hypervisor/pv/mmuext.c hypervisor/core/alu.c
// sources: hypervisor/core/insn.c hypervisor/pv/ptwr_insn.c
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/buddy.h"
#include "mm/tlb.h"
#include "tests/suite.h"
#include "tests/unit/mmu_check.h"
#include "tests/unit/mmu_machine.h"

static bool used[RAM_FRAMES];

static bool take(mfn_t mfn, unsigned order)
{
    for (mfn_t m = mfn; m < mfn + (1ull << order); m++) {
        if (m >= RAM_FRAMES || used[m] || frame_table[m].kind == FRAME_HOLE)
            return false;
        used[m] = true;
    }
    return !(mfn & ((1ull << order) - 1));
}

static void test_buddy_random(void)
{
    struct {
        struct frame *f;
        unsigned order;
    } held[200];
    unsigned n = 0;
    uint64_t free;

    machine_reset(1);
    memset(used, 0, sizeof(used));
    free = frames_free();
    for (unsigned step = 0; step < 200000; step++) {
        if (n < 200 && !one_in(2)) {
            unsigned order = one_in(4) ? below(7) : below(2);
            struct frame *f = buddy_alloc(order, 0, false);

            if (!f)
                continue;
            CU_ASSERT_FATAL(take(frame_to_mfn(f), order));
            held[n].f = f;
            held[n++].order = order;
        } else if (n) {
            unsigned i = below(n);

            for (unsigned k = 0; k < 1u << held[i].order; k++)
                used[frame_to_mfn(held[i].f) + k] = false;
            buddy_free(held[i].f, held[i].order);
            held[i] = held[--n];
        }
    }
    while (n--)
        buddy_free(held[n].f, held[n].order);
    CU_ASSERT_EQUAL(frames_free(), free);
    // All merged again: the largest block that fits is there.
    CU_ASSERT_PTR_NOT_NULL_FATAL((held[0].f = buddy_alloc(8, 0, false)));
    buddy_free(held[0].f, 8);
    CU_ASSERT_PTR_NULL(buddy_alloc(10, 0, false));
    CU_ASSERT_PTR_NULL(buddy_alloc(BUDDY_MAX_ORDER + 1, 0, false));
}

static void test_buddy_flushes(void)
{
    struct frame *f;
    uint64_t before;

    machine_reset(1);
    f = buddy_alloc(3, 0, false);
    buddy_free(f, 3);
    before = tlb_clock;
    f = buddy_alloc(3, 0, false);
    CU_ASSERT(tlb_clock > before); // TLBs may have known it
    buddy_free(f, 3);
    tlb_flush_mask(cpus_online);
    before = tlb_clock;
    f = buddy_alloc(0, 0, false);
    CU_ASSERT_EQUAL(tlb_clock, before); // all have flushed since
    buddy_free(f, 0);
}

static void test_stamps(void)
{
    machine_reset(1);
    tlb_clock = 0xfffffffeull;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t stamp = tlb_clock_now();
        uint64_t before;

        tlb_flush_mask(cpus_online);
        before = tlb_clock;
        tlb_flush_since(cpus_online, stamp);
        CU_ASSERT_EQUAL(tlb_clock, before);
        tlb_flush_since(cpumask_of(1), tlb_clock_now());
        CU_ASSERT_EQUAL(tlb_clock, before + 1);
        CU_ASSERT_EQUAL(tlb_stamp_max(stamp, tlb_clock_now()), tlb_clock_now());
    }
}

static void test_heap_random(void)
{
    struct {
        uint8_t *p;
        size_t size;
    } held[300] = {{0}};
    uint64_t free;

    machine_reset(2);
    free = frames_free();
    for (unsigned step = 0; step < 100000; step++) {
        unsigned i = below(300);
        size_t size = one_in(50) ? below(20000) : 1 + below(700);

        if (held[i].p) {
            for (size_t k = 0; k < held[i].size; k++)
                CU_ASSERT_FATAL(held[i].p[k] == (uint8_t)i);
            xfree(held[i].p);
            held[i].p = NULL;
            continue;
        }
        held[i].p = xzalloc_bytes(size);
        held[i].size = size;
        if (!held[i].p)
            continue;
        CU_ASSERT_FATAL(!((uint64_t)held[i].p & 15) && (size < 64 || !((uint64_t)held[i].p & 63)));
        for (size_t k = 0; k < size; k++)
            CU_ASSERT_FATAL(!held[i].p[k]);
        memset(held[i].p, (int)i, size);
    }
    for (unsigned i = 0; i < 300; i++)
        xfree(held[i].p);
    CU_ASSERT_EQUAL(frames_free(), free);
}

static void test_limits_and_claims(void)
{
    struct domain *d, *other;
    uint64_t free;

    machine_reset(3);
    d = machine_domain(1, 1, 4);
    other = machine_domain(2, 1, RAM_FRAMES);
    CU_ASSERT_PTR_NOT_NULL(frame_alloc(d, 1, 0));
    CU_ASSERT_PTR_NULL(frame_alloc(d, 2, 0)); // beyond the limit
    CU_ASSERT_PTR_NOT_NULL(frame_alloc(d, 1, 0));
    CU_ASSERT_PTR_NULL(frame_alloc(d, 0, 0));

    // A claim keeps memory from all others, and is used up by its owner.
    free = frames_free();
    d->mem.max_pages = RAM_FRAMES;
    CU_ASSERT_FALSE(buddy_claim(free + 1));
    CU_ASSERT(buddy_claim(free));
    d->mem.claimed_pages = (uint32_t)free;
    CU_ASSERT_PTR_NULL(frame_alloc(other, 0, 0));
    CU_ASSERT_PTR_NULL(pages_alloc(0));
    CU_ASSERT_PTR_NOT_NULL(frame_alloc(d, 0, 0));
    CU_ASSERT_EQUAL(d->mem.claimed_pages, free - 1);
    CU_ASSERT_EQUAL(buddy_claimed(), free - 1);
    machine_domain_end(d); // the claim lapses
    CU_ASSERT_EQUAL(buddy_claimed(), 0);
    CU_ASSERT_PTR_NULL(frame_alloc(d, 0, 0));
    CU_ASSERT_EQUAL(d->refs, 1);
    machine_domain_end(other);
    machine_domain_free(other);
    machine_domain_free(d);
}

static void test_ownership(void)
{
    struct domain *d, *other;
    struct frame *f;

    machine_reset(4);
    d = machine_domain(1, 1, 10);
    other = machine_domain(2, 1, 10);
    f = frame_alloc(d, 0, 0);
    CU_ASSERT_EQUAL(d->refs, 2); // held while it owns anything
    CU_ASSERT(frame_get(f, d));
    CU_ASSERT_FALSE(frame_get(f, other));
    CU_ASSERT(frame_release_allocation(f));
    CU_ASSERT_FALSE(frame_release_allocation(f));
    CU_ASSERT_EQUAL(d->mem.nr_pages, 1); // somebody holds it
    frame_put(f);
    CU_ASSERT_EQUAL(d->mem.nr_pages, 0);
    CU_ASSERT_FALSE(frame_get(f, d));
    CU_ASSERT_FALSE(frame_get_any(f));

    // Exchange: only what nobody else refers to.
    f = frame_alloc(d, 0, 0);
    CU_ASSERT_FALSE(frame_take(f, other));
    CU_ASSERT(frame_get(f, d));
    CU_ASSERT_FALSE(frame_take(f, d));
    frame_put(f);
    CU_ASSERT(frame_take(f, d));
    CU_ASSERT_FALSE(frame_get(f, d));
    frame_give(f, 0, d);
    CU_ASSERT(frame_get(f, d));
    frame_put(f);
    machine_domain_end(d);
    machine_domain_end(other);
    CU_ASSERT_EQUAL(d->refs, 1);
    machine_domain_free(other);
    machine_domain_free(d);
}

static void test_shared(void)
{
    void *writable, *readonly;
    struct frame *w, *r;
    struct domain *d;

    machine_reset(5);
    d = machine_domain(1, 1, 10);
    writable = pages_alloc(0);
    readonly = pages_alloc(0);
    w = mfn_to_frame(virt_to_mfn(writable));
    r = mfn_to_frame(virt_to_mfn(readonly));
    frame_share(writable, d, true);
    frame_share(readonly, d, false);
    CU_ASSERT(frame_get_and_type(w, d, FT_WRITABLE));
    CU_ASSERT_FALSE(frame_get_and_type(w, d, FT_L1));
    CU_ASSERT_FALSE(frame_get_and_type(r, d, FT_WRITABLE));
    CU_ASSERT_FALSE(frame_get_and_type(r, d, FT_DESC));
    CU_ASSERT(frame_get(r, d));
    frame_unshare(writable);
    frame_unshare(readonly);
    frame_unshare(readonly); // once is enough
    // What is mapped stays, as what it was.
    CU_ASSERT_FALSE(frame_get_and_type(w, d, FT_L1));
    CU_ASSERT_FALSE(frame_get_and_type(r, d, FT_WRITABLE));
    CU_ASSERT_FALSE(frame_get_and_type(r, d, FT_L1));
    frame_put_and_type(w);
    CU_ASSERT_EQUAL(d->mem.shared.count, 2); // r, and shared_info
    frame_put(r);
    CU_ASSERT_EQUAL(d->mem.shared.count, 1);
    pages_free(writable, 0);
    pages_free(readonly, 0);
    machine_domain_end(d);
    CU_ASSERT_EQUAL(d->refs, 1);
    machine_domain_free(d);
}

// Counts never carry into what is beside them.
static void test_full_counts(void)
{
    struct domain *d;
    struct frame *f;
    uint32_t id;

    machine_reset(6);
    d = machine_domain(1, 1, 10);
    f = frame_alloc(d, 0, 0);
    id = frame_owner_id(d);
    CU_ASSERT(frame_get_writable(f, id));
    f->state += FS_REFS_FULL - 2 - (f->state & FS_REFS); // two to go
    CU_ASSERT(frame_get(f, d));
    while (frame_get(f, d))
        ;
    CU_ASSERT((f->state & FS_REFS) <= FS_REFS_FULL);
    CU_ASSERT_FALSE(frame_get_writable(f, id));
    CU_ASSERT_FALSE(frame_get_any(f));
    f->state -= (f->state & FS_REFS) - 100;
    f->state += FS_COUNT_FULL - FS_COUNT_ONE - (f->state & FS_COUNT);
    while (frame_get_writable(f, id))
        CU_ASSERT_FATAL((f->state & FS_COUNT) <= FS_COUNT_FULL);
    CU_ASSERT_EQUAL(frame_get_type(f, FT_WRITABLE, false), -EINVAL);
    f->state = FS_ALLOCATED | FS_REF;
    machine_domain_end(d);
    machine_domain_free(d);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"blocks, allocated and freed at random", test_buddy_random},
        {"flushes before a frame is used again", test_buddy_flushes},
        {"stamps, when the clock passes 32 bits", test_stamps},
        {"small objects at random", test_heap_random},
        {"limits and claims", test_limits_and_claims},
        {"owners", test_ownership},
        {"frames shown to a domain", test_shared},
        {"full counts", test_full_counts},
        CU_TEST_INFO_NULL,
    };

    return run_suite("Frames", tests);
}
