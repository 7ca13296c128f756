// Lists of memory ranges, against a bitmap.
//
// sources: hypervisor/mm/memmap.c
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "mm/memmap.h"
#include "tests/suite.h"

#define SPACE 512

static bool model[SPACE];

static bool equals_model(const struct memmap *m)
{
    bool seen[SPACE] = {false};

    for (unsigned i = 0; i < m->count; i++) {
        if (m->r[i].start >= m->r[i].end || (i && m->r[i].start <= m->r[i - 1].end))
            return false; // sorted, disjoint, merged
        for (uint64_t at = m->r[i].start; at < m->r[i].end; at++)
            seen[at] = true;
    }
    return !memcmp(seen, model, sizeof(seen));
}

static unsigned room_needed(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SPACE; i++)
        n += model[i] && (!i || !model[i - 1]);
    return n;
}

static void test_random(void)
{
    struct memmap m = {0};

    memset(model, 0, sizeof(model));
    for (unsigned n = 0; n < 100000; n++) {
        unsigned start = (unsigned)random() % SPACE, length = (unsigned)random() % 20;
        unsigned end = start + length > SPACE ? SPACE : start + length;
        bool add = random() & 1;

        if (room_needed() >= MEMMAP_MAX_RANGES - 1)
            add = false, start = 0, end = SPACE;
        CU_ASSERT_FATAL(add ? memmap_add(&m, start, end) : memmap_remove(&m, start, end));
        for (unsigned i = start; i < end; i++)
            model[i] = add;
        CU_ASSERT_FATAL(equals_model(&m));
    }
}

static void test_take(void)
{
    struct memmap m = {0};
    maddr_t ma;

    memmap_add(&m, 0x1000, 0x5800);
    memmap_add(&m, 0x10000, 0x20000);
    CU_ASSERT_EQUAL(memmap_take(&m, 0x1000, 0x1000, ~0ull), 0x1f000);
    CU_ASSERT_EQUAL(memmap_take(&m, 0x1000, 0x1000, 0x18000), 0x17000);
    CU_ASSERT_EQUAL(memmap_take(&m, 0x1000, 0x1000, 0x10000), 0x4000);
    CU_ASSERT_EQUAL(memmap_take(&m, 0x8000, 0x1000, ~0ull), 0); // no range is large enough
    ma = memmap_bytes(&m);
    CU_ASSERT_EQUAL(ma, 0x4800 + 0x10000 - 0x3000);
}

static void test_full(void)
{
    struct memmap m = {0};

    for (unsigned i = 0; i < MEMMAP_MAX_RANGES; i++)
        CU_ASSERT(memmap_add(&m, i * 0x10000, i * 0x10000 + 0x4000));
    CU_ASSERT_FALSE(memmap_add(&m, 0x8000, 0x9000));
    CU_ASSERT_FALSE(memmap_remove(&m, 0x1000, 0x2000)); // would make two of one
    CU_ASSERT_EQUAL(m.count, MEMMAP_MAX_RANGES);
    CU_ASSERT(memmap_add(&m, 0x4000, 0x10000)); // joins two
    CU_ASSERT_EQUAL(m.count, MEMMAP_MAX_RANGES - 1);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random additions and removals", test_random},
        {"taking the highest part", test_take},
        {"a full list", test_full},
        CU_TEST_INFO_NULL,
    };

    srandom(1);
    return run_suite("Memory ranges", tests);
}
