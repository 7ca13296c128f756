// Sets of ranges against a bitmap.
// sources: hypervisor/core/rangeset.c tests/unit/fake/platform.c
#include <CUnit/Basic.h>

#include "core/rangeset.h"
#include "lib/errno.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

#define SPACE 300

static bool model[SPACE];

static bool all(unsigned first, unsigned last, bool value)
{
    for (unsigned i = first; i <= last; i++)
        if (model[i] != value)
            return false;
    return true;
}

static void check(struct rangeset *rs)
{
    for (unsigned i = 0; i < SPACE; i++)
        CU_ASSERT_EQUAL(rangeset_contains(rs, i, i), model[i]);
    CU_ASSERT(!rangeset_overlaps(rs, SPACE, UINT64_MAX));
}

static void test_random(void)
{
    struct rangeset *rs;

    fake_reset();
    fake_seed(1);
    rs = rangeset_new();
    memset(model, 0, sizeof(model));
    for (int step = 0; step < 20000; step++) {
        unsigned first = fake_below(SPACE), last = first + fake_below(MIN(SPACE - first, 40));
        bool add = fake_below(2);

        CU_ASSERT_EQUAL((add ? rangeset_add : rangeset_remove)(rs, first, last), 0);
        memset(model + first, add, last - first + 1);
        first = fake_below(SPACE);
        last = first + fake_below(MIN(SPACE - first, 5));
        CU_ASSERT_EQUAL(rangeset_contains(rs, first, last), all(first, last, true));
        CU_ASSERT_EQUAL(rangeset_overlaps(rs, first, last), !all(first, last, false));
        if (step % 50 == 0)
            check(rs);
    }
    rangeset_free(rs);
    rangeset_free(NULL);
    CU_ASSERT_EQUAL(fake_objects_in_use(), 0);
}

static void test_ends(void)
{
    struct rangeset *rs = rangeset_new();

    CU_ASSERT(!rangeset_overlaps(rs, 0, UINT64_MAX));
    CU_ASSERT_EQUAL(rangeset_add(rs, UINT64_MAX, UINT64_MAX), 0);
    CU_ASSERT_EQUAL(rangeset_add(rs, 0, 0), 0);
    CU_ASSERT(rangeset_contains(rs, UINT64_MAX, UINT64_MAX));
    CU_ASSERT(!rangeset_contains(rs, 0, UINT64_MAX));
    CU_ASSERT_EQUAL(rangeset_add(rs, 1, UINT64_MAX - 1), 0);
    CU_ASSERT(rangeset_contains(rs, 0, UINT64_MAX));
    CU_ASSERT_EQUAL(rangeset_remove(rs, 5, 5), 0);
    CU_ASSERT(!rangeset_overlaps(rs, 5, 5));
    CU_ASSERT(rangeset_contains(rs, 6, UINT64_MAX));
    CU_ASSERT_EQUAL(rangeset_remove(rs, 0, UINT64_MAX), 0);
    CU_ASSERT(!rangeset_overlaps(rs, 0, UINT64_MAX));
    rangeset_free(rs);
}

// Without memory nothing changes.
static void test_no_memory(void)
{
    struct rangeset *rs = rangeset_new();
    int rc = 0;

    for (unsigned i = 0; i < 8; i++)
        rangeset_add(rs, i * 10, i * 10 + 5);
    fake_alloc_budget = 0;
    rc = rangeset_add(rs, 1000, 1001);
    CU_ASSERT_EQUAL(rc, -ENOMEM);
    CU_ASSERT(!rangeset_overlaps(rs, 1000, 1001));
    CU_ASSERT_EQUAL(rangeset_remove(rs, 2, 3), -ENOMEM);
    CU_ASSERT(rangeset_contains(rs, 0, 5));
    fake_alloc_budget = -1;
    CU_ASSERT_EQUAL(rangeset_remove(rs, 2, 3), 0);
    CU_ASSERT(!rangeset_overlaps(rs, 2, 3));
    rangeset_free(rs);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random against a bitmap", test_random},
        {"the ends of the number space", test_ends},
        {"no memory", test_no_memory},
        CU_TEST_INFO_NULL,
    };

    return run_suite("rangeset", tests);
}
