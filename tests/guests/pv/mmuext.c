// HYPERVISOR_mmuext_op: pinning, root tables, flushes, pages.
#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345

static uint64_t *read_only_page(void)
{
    uint64_t *page = page_alloc();

    REQUIRE_OK(page_protect(page, false));
    return page;
}

// Four empty tables, each linked into the next higher one; not yet validated.
static void chain(uint64_t *tables[4])
{
    for (unsigned i = 0; i < 4; i++)
        tables[i] = page_alloc();
    for (unsigned i = 1; i < 4; i++)
        tables[i][5] = pte_make(mfn_of(tables[i - 1]), PTE_TAB);
    for (unsigned i = 0; i < 4; i++)
        REQUIRE_OK(page_protect(tables[i], false));
}

static void chain_release(uint64_t *tables[4])
{
    for (unsigned i = 0; i < 4; i++)
        CHECK_OK(page_protect(tables[i], true));
}

TEST(mmuext_pin_each_level)
{
    uint64_t *tables[4];

    for (unsigned level = 0; level < 4; level++) {
        chain(tables);
        CHECK_OK(mmuext(MMUEXT_PIN_L1_TABLE + level, mfn_of(tables[level]), 0));
        // Everything below it is typed now, and nothing above.
        for (unsigned i = 0; i < 4; i++) {
            if (i <= level) {
                CHECK_REFUSED(page_protect(tables[i], true));
            } else {
                CHECK_OK(page_protect(tables[i], true));
                CHECK_OK(page_protect(tables[i], false));
            }
        }
        CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(tables[level]), 0));
        chain_release(tables);
    }
}

TEST(mmuext_pin_twice)
{
    uint64_t *l1 = read_only_page();
    uint64_t mfn = mfn_of(l1);

    CHECK_OK(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0));
    CHECK_ERR(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), EINVAL);
    CHECK_REFUSED(mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0));
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0));
    CHECK_ERR(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), EINVAL);
    CHECK_OK(page_protect(l1, true));
}

// A table whose entry names a frame that is writable elsewhere is a good L1, but nothing higher.
TEST(mmuext_pin_wrong_level)
{
    uint64_t *table = page_alloc(), *writable = page_alloc();

    table[5] = pte_make(mfn_of(writable), PTE_TAB);
    REQUIRE_OK(page_protect(table, false));
    for (unsigned cmd = MMUEXT_PIN_L2_TABLE; cmd <= MMUEXT_PIN_L4_TABLE; cmd++)
        CHECK_ERR(mmuext(cmd, mfn_of(table), 0), EINVAL);
    CHECK_OK(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0)); // refusals left nothing behind
    for (unsigned cmd = MMUEXT_PIN_L2_TABLE; cmd <= MMUEXT_PIN_L4_TABLE; cmd++)
        CHECK_ERR(mmuext(cmd, mfn_of(table), 0), EINVAL);
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(table), 0));
    CHECK_OK(page_protect(table, true));
}

TEST(mmuext_pin_hostile)
{
    static const uint64_t frames[] = {0x000000ffffffffff, 0x0000000fffffffff, 0xfee00, 0xb8};

    for (unsigned cmd = MMUEXT_PIN_L1_TABLE; cmd <= MMUEXT_UNPIN_TABLE; cmd++)
        for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
            CHECK_REFUSED(mmuext(cmd, frames[i], 0));
    CHECK_ERR(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(page_alloc()), 0), EINVAL);
    // The runtime's tables are in use, not pinned.
    CHECK_ERR(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(window_l1()), 0), EINVAL);
}

// A store into the pinned table from the kernel's read-only mapping of it faults or is emulated,
// but a lower table that is taken out becomes an ordinary page again.
TEST(mmuext_pinned_table_changes)
{
    uint64_t *tables[4];

    chain(tables);
    CHECK_OK(mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(tables[3]), 0));
    CHECK_OK(pte_write(entry_maddr(tables[1], 5), 0)); // the L1 leaves
    CHECK_OK(page_protect(tables[0], true));
    CHECK_EQ(FAULT_OF(tables[0][0] = 1), NO_FAULT);
    CHECK_REFUSED(pte_write(entry_maddr(tables[1], 5), pte_make(mfn_of(tables[0]), PTE_TAB)));
    tables[0][0] = 0;
    CHECK_OK(page_protect(tables[0], false));
    CHECK_OK(pte_write(entry_maddr(tables[1], 5), pte_make(mfn_of(tables[0]), PTE_TAB)));
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(tables[3]), 0));
    chain_release(tables);
}

// A copy of the kernel's root table, to be switched to.
static uint64_t *copy_of_root(void)
{
    const uint64_t *root = (const uint64_t *)start_info->pt_base;
    uint64_t *copy = page_alloc();

    for (unsigned i = 0; i < 512; i++)
        if (i < 256 || i >= 272)
            copy[i] = root[i];
    REQUIRE_OK(page_protect(copy, false));
    return copy;
}

TEST(mmuext_new_baseptr)
{
    uint64_t *copy = copy_of_root();
    uint64_t old = kernel_root();

    CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(copy), 0)); // pinned or not
    CHECK(copy[256] & PTE_P);                              // the hypervisor's slots are filled in
    CHECK_REFUSED(page_protect(copy, true));
    CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(copy), 0)); // again the same
    CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, old, 0));
    CHECK_OK(page_protect(copy, true));
}

TEST(mmuext_new_baseptr_pinned)
{
    uint64_t *copy = copy_of_root();
    uint64_t old = kernel_root();

    CHECK_OK(mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(copy), 0));
    for (unsigned i = 0; i < 10; i++) {
        CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(copy), 0));
        CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, old, 0));
    }
    // Unpinned while in use it stays a table until it is left.
    CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(copy), 0));
    CHECK_OK(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(copy), 0));
    CHECK_REFUSED(page_protect(copy, true));
    CHECK_OK(mmuext(MMUEXT_NEW_BASEPTR, old, 0));
    CHECK_OK(page_protect(copy, true));
}

TEST(mmuext_new_baseptr_refused)
{
    CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, 0x000000ffffffffff, 0));
    CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(page_alloc()), 0)); // writable
    CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(window_l1()), 0));
    CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, 0, 0));
    CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, 0x000000ffffffffff, 0));
    CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(page_alloc()), 0));
    CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(window_l1()), 0));
    // The old ones are still in force.
    CHECK_EQ(FAULT_OF((void)*(volatile uint64_t *)user_va(0)), NO_FAULT);
}

TEST(mmuext_new_user_baseptr)
{
    uint64_t *root = read_only_page();

    CHECK_OK(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(root), 0));
    CHECK_REFUSED(page_protect(root, true));
    CHECK_OK(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(root), 0));
    CHECK_OK(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0)); // none
    CHECK_OK(page_protect(root, true));
    CHECK_OK(mmuext(MMUEXT_NEW_USER_BASEPTR, user_root(), 0));
}

TEST(mmuext_flushes)
{
    uint64_t mask = 1;
    uint64_t none = 0;

    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0));
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, window_va(0), 0));
    CHECK_OK(mmuext(MMUEXT_INVLPG_ALL, window_va(0), 0));
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (uint64_t)&mask));
    CHECK_OK(mmuext(MMUEXT_INVLPG_MULTI, window_va(0), (uint64_t)&mask));
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (uint64_t)&none));
    mask = ~0UL; // vCPUs that do not exist do not matter
    CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (uint64_t)&mask));
    // Addresses that are nobody's business are passed over.
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, 0x8000000000000000, 0));
    CHECK_OK(mmuext(MMUEXT_INVLPG_LOCAL, 0xffff830000000000, 0));
    CHECK_OK(mmuext(MMUEXT_INVLPG_ALL, 0x8000000000000000, 0));
    for (unsigned i = 0; i < BAD_POINTERS; i++) {
        CHECK_ERR(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (uint64_t)bad_pointers[i]), EINVAL);
        CHECK_ERR(mmuext(MMUEXT_INVLPG_MULTI, 0, (uint64_t)bad_pointers[i]), EINVAL);
    }
}

// The flush is what makes a changed entry felt.
TEST(mmuext_flush_is_effective)
{
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);
    uint64_t *page = page_alloc();
    uint64_t entry = pte_make(mfn_of(page), PTE_RW), maddr = pte_maddr(window_va(0), 1);
    static const unsigned how[] = {MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_TLB_FLUSH_ALL,
                                   MMUEXT_INVLPG_LOCAL, MMUEXT_INVLPG_ALL};

    for (unsigned i = 0; i < ARRAY_SIZE(how); i++) {
        CHECK_OK(pte_write(maddr, entry));
        CHECK_OK(mmuext(how[i], window_va(0), 0));
        CHECK_EQ(FAULT_OF(*p = i), NO_FAULT);
        CHECK_OK(pte_write(maddr, 0));
        CHECK_OK(mmuext(how[i], window_va(0), 0));
        CHECK_EQ(FAULT_OF(*p = i), VEC_PF);
    }
}

TEST(mmuext_flush_cache)
{
    long error = mmuext(MMUEXT_FLUSH_CACHE, 0, 0);

    CHECK(error == 0 || error == -XEN_EACCES);
    CHECK_EQ(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), error);
}

TEST(mmuext_clear_and_copy_page)
{
    uint64_t *a = page_alloc(), *b = page_alloc();

    for (unsigned i = 0; i < 512; i++)
        a[i] = i * 3 + 1;
    CHECK_OK(mmuext(MMUEXT_COPY_PAGE, mfn_of(b), mfn_of(a)));
    CHECK_EQ(memcmp(a, b, PAGE_SIZE), 0);
    CHECK_OK(mmuext(MMUEXT_CLEAR_PAGE, mfn_of(a), 0));
    for (unsigned i = 0; i < 512; i++)
        if (a[i]) {
            CHECK_EQ(a[i], 0);
            break;
        }
    CHECK_EQ(b[511], 511 * 3 + 1);
    // Page tables and frames of others are not to be overwritten, nor the latter read.
    CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, mfn_of(window_l1()), 0));
    CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, kernel_root(), 0));
    CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, 0x000000ffffffffff, 0));
    CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, kernel_root(), mfn_of(a)));
    CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, mfn_of(a), 0x000000ffffffffff));
    CHECK_OK(mmuext(MMUEXT_COPY_PAGE, mfn_of(a), kernel_root())); // reading one's tables is fine
}

TEST(mmuext_super_absent)
{
    CHECK_REFUSED(mmuext(MMUEXT_MARK_SUPER, mfn_of(page_alloc()) & ~511UL, 0));
    CHECK_REFUSED(mmuext(MMUEXT_UNMARK_SUPER, mfn_of(page_alloc()) & ~511UL, 0));
}

TEST(mmuext_unknown)
{
    static const unsigned unknown[] = {14, 21, 22, 100, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        CHECK_ERR(mmuext(unknown[i], 0, 0), ENOSYS);
}

static struct mmuext_op ops[3000];

TEST(mmuext_batches)
{
    static const unsigned sizes[] = {0, 1, 10, 500, 3000};
    unsigned done;

    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        ops[i].cmd = MMUEXT_INVLPG_LOCAL;
        ops[i].arg1.linear_addr = window_va(i % 512);
    }
    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        done = 9999;
        CHECK_OK(hc(mmuext_op, ops, sizes[s], &done, DOMID_SELF));
        CHECK_EQ(done, sizes[s]);
    }
    ops[7].cmd = 99;
    CHECK_ERR(hc(mmuext_op, ops, 20, &done, DOMID_SELF), ENOSYS);
    CHECK_EQ(done, 7);
}

TEST(mmuext_hostile_arguments)
{
    ops[0].cmd = MMUEXT_TLB_FLUSH_LOCAL;
    CHECK_EFAULT_ALL(hc(mmuext_op, bad, 1, 0, DOMID_SELF));
    CHECK_ERR(hc(mmuext_op, ops, 1, 0, NO_DOMAIN), ESRCH);
    ops[0].cmd = MMUEXT_NEW_BASEPTR;
    ops[0].arg1.mfn = kernel_root();
    CHECK_REFUSED(hc(mmuext_op, ops, 1, 0, DOMID_XEN)); // only with one's own tables
}
