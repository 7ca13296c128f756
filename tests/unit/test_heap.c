// Pairing heaps against a plain array: order, removal of any node, traversal, keys that wrap.
// sources: hypervisor/lib/heap.c tests/unit/fake/platform.c
#include <CUnit/Basic.h>

#include "lib/heap.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

#define NODES 200

static struct heap_node nodes[NODES];
static bool in[NODES];

static int64_t least(int64_t base)
{
    int64_t min = INT64_MAX;

    for (int i = 0; i < NODES; i++)
        if (in[i])
            min = MIN(min, (int64_t)((uint64_t)nodes[i].key - (uint64_t)base));
    return min;
}

static unsigned walk(const struct heap *h)
{
    bool seen[NODES] = {false};
    unsigned n = 0;

    for (struct heap_node *x = h->top; x; x = heap_next(x)) {
        CU_ASSERT_FATAL(x >= nodes && x < nodes + NODES);
        CU_ASSERT(in[x - nodes] && !seen[x - nodes]);
        seen[x - nodes] = true;
        n++;
    }
    return n;
}

static void run(int64_t base, uint64_t range)
{
    struct heap h = {NULL};
    unsigned n = 0;

    memset(in, 0, sizeof(in));
    for (int step = 0; step < 20000; step++) {
        unsigned i = fake_below(NODES);

        if (in[i]) {
            heap_remove(&h, &nodes[i]);
            n--;
        } else {
            nodes[i].key = (int64_t)((uint64_t)base + fake_random() % range);
            heap_insert(&h, &nodes[i]);
            n++;
        }
        in[i] = !in[i];
        CU_ASSERT_EQUAL(h.top == NULL, n == 0);
        if (h.top)
            CU_ASSERT_EQUAL((int64_t)((uint64_t)h.top->key - (uint64_t)base), least(base));
        if (step % 100 == 0)
            CU_ASSERT_EQUAL(walk(&h), n);
    }
    for (int64_t last = INT64_MIN; h.top; n--) {
        int64_t key = (int64_t)((uint64_t)h.top->key - (uint64_t)base);

        CU_ASSERT(key >= last);
        last = key;
        heap_remove(&h, h.top);
    }
    CU_ASSERT_EQUAL(n, 0);
}

static void test_random(void)
{
    run(0, UINT64_MAX / 2);
    run(-1000, 2000);
    run(0, 5); // many equal
}

static void test_wrap(void)
{
    run(INT64_MAX - 1000000, 2000000);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random", test_random},
        {"keys that wrap", test_wrap},
        CU_TEST_INFO_NULL,
    };

    return run_suite("heap", tests);
}
