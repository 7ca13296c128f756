// The log of frames that an HVM domain writes to, as domctl's caller reads it. The "guest" writes
// by finding the leaf of its map read-only and telling the log, as its exit would.
//
// sources: hypervisor/hvm/dirty_log.c hypervisor/core/dirty_log.c hypervisor/hvm/p2m.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <CUnit/Basic.h>
#include <string.h>

#include "core/dirty_log.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/pte.h"
#include "pv-abi/domctl.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

#define PAGES 2000

static struct hvm_domain *d;
static uint8_t bitmap[PAGES / 8];
static struct xen_domctl op;

static int ask(unsigned what)
{
    int rc;

    do {
        op.cmd = XEN_DOMCTL_shadow_op;
        op.u.shadow_op.op = what;
        op.u.shadow_op.mode =
            what == XEN_DOMCTL_SHADOW_OP_ENABLE ? XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY : 0;
        op.u.shadow_op.dirty_bitmap = bitmap;
        op.u.shadow_op.pages = PAGES;
        rc = domctl_shadow_op(&d->d, &op);
    } while (rc == -ERESTART);
    return rc;
}

static bool logged(gfn_t gfn)
{
    return bitmap[gfn / 8] >> gfn % 8 & 1;
}

static unsigned number_logged(void)
{
    unsigned n = 0;

    for (gfn_t gfn = 0; gfn < PAGES; gfn++)
        n += logged(gfn);
    return n;
}

static uint64_t *leaf_of(gfn_t gfn)
{
    gfn_t end;
    uint64_t *entry = p2m_entry_2(&d->p2m, gfn, &end);

    return *entry & PTE_PSE ? entry : p2m_table(*entry) + gfn % 512;
}

// False: the write goes nowhere.
static bool guest_writes(gfn_t gfn)
{
    uint64_t e = *leaf_of(gfn);

    return (e & PTE_P) && ((e & PTE_RW) || hvm_dirty_log_write(&d->d, gfn));
}

static struct frame *add_large(gfn_t gfn)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(pages_alloc(P2M_MAX_ORDER)));

    for (unsigned i = 0; i < 512; i++) {
        f[i].owner = frame_owner_id(&d->d);
        f[i].state = FS_REF | FS_ALLOCATED;
        f[i].traits = 0;
    }
    CU_ASSERT_EQUAL(hvm_physmap_ops.add(&d->d, gfn, f, P2M_MAX_ORDER), 0);
    return f;
}

static void start(void)
{
    fake_reset();
    d = kit_domain(1);
    fake_ops.dirty_log = &hvm_dirty_log_ops;
    kit_populate(d, 5);
    kit_populate(d, 700);
    add_large(1024);
}

static void test_writes(void)
{
    start();
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), -EINVAL); // it is not on
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), -EINVAL); // it is
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_PEEK), 0);
    CU_ASSERT_EQUAL(number_logged(), 0);

    CU_ASSERT(guest_writes(700));
    CU_ASSERT(guest_writes(1500)); // in the large leaf
    CU_ASSERT_FALSE(guest_writes(6));
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_PEEK), 0);
    CU_ASSERT_EQUAL(number_logged(), 2);
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 2);
    CU_ASSERT(logged(700));
    CU_ASSERT(logged(1500));
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 0);
    CU_ASSERT(guest_writes(1500)); // again
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 1);
    kit_domain_free(d);
}

// What others write is marked in the frame table; what they may write to at any moment is always
// reported.
static void test_marks(void)
{
    struct frame *f, *held;

    start();
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    CU_ASSERT_EQUAL(hvm_gfn_to_frame(&d->d, 5, &f), 0);
    CU_ASSERT_EQUAL(hvm_gfn_to_frame(&d->d, 1030, &held), 0);
    frame_mark_dirty(f);
    frame_add_trait(held, FRAME_HELD);
    for (unsigned round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
        CU_ASSERT_EQUAL(logged(5), !round);
        CU_ASSERT(logged(1030));
        CU_ASSERT_EQUAL(number_logged(), round ? 1 : 2);
    }
    kit_domain_free(d);
}

// So is new memory, and a place that is empty now. After the end everything is writable again, as
// it is written to, and large leaves stay whole.
static void test_end(void)
{
    struct frame *f;

    start();
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    kit_populate(d, 6);
    CU_ASSERT_EQUAL(hvm_physmap_ops.remove(&d->d, 700, &f), 0);
    for (unsigned round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
        CU_ASSERT_EQUAL(logged(6), !round);
        CU_ASSERT_EQUAL(logged(700), !round);
        CU_ASSERT_EQUAL(number_logged(), round ? 0 : 2);
    }
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_OFF), 0);
    CU_ASSERT_FALSE(*leaf_of(1024) & PTE_RW);
    CU_ASSERT(guest_writes(1024));
    CU_ASSERT((*leaf_of(1024) & (PTE_RW | PTE_PSE)) == (PTE_RW | PTE_PSE));
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_PEEK), -EINVAL);
    kit_domain_free(d);
}

// A large leaf that cannot be split for want of memory counts as written to as a whole.
static void test_no_memory(void)
{
    start();
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    fake_alloc_budget = 0;
    CU_ASSERT(guest_writes(1024));
    fake_alloc_budget = -1;
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 512);
    CU_ASSERT(guest_writes(1024));
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 1);
    kit_domain_free(d);
}

// Reading that is preempted goes on where it was, and reports everything once.
static void test_preempted(void)
{
    start();
    fake_preempt_every = 1;
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    CU_ASSERT(guest_writes(5));
    CU_ASSERT(guest_writes(1024));
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_CLEAN), 0);
    CU_ASSERT_EQUAL(number_logged(), 2);
    CU_ASSERT_EQUAL(op.u.shadow_op.stats.dirty_count, 2);
    CU_ASSERT_EQUAL(op.u.shadow_op.stats.fault_count, 2);
    fake_preempt_every = 0;
    kit_domain_free(d);
}

// A bitmap that ends within a word gets no bit behind its end.
static void test_short_bitmap(void)
{
    start();
    CU_ASSERT_EQUAL(ask(XEN_DOMCTL_SHADOW_OP_ENABLE), 0);
    CU_ASSERT(guest_writes(5));
    CU_ASSERT(guest_writes(700));
    memset(bitmap, 0xaa, sizeof(bitmap));
    op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_PEEK;
    op.u.shadow_op.pages = 6;
    CU_ASSERT_EQUAL(domctl_shadow_op(&d->d, &op), 0);
    CU_ASSERT_EQUAL(bitmap[0], 1 << 5);
    CU_ASSERT_EQUAL(bitmap[1], 0xaa);
    op.u.shadow_op.pages = (1ull << 32) + 1;
    CU_ASSERT_EQUAL(domctl_shadow_op(&d->d, &op), -EINVAL);
    kit_domain_free(d);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"writes", test_writes},
        {"marks", test_marks},
        {"end", test_end},
        {"no memory", test_no_memory},
        {"preempted", test_preempted},
        {"short bitmap", test_short_bitmap},
        CU_TEST_INFO_NULL,
    };

    return run_suite("hvm dirty log", tests);
}
