// The list of domains against an array: random additions, removals and searches.
//
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <stdlib.h>

#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

#define NUMBERS 1200 // several to a bucket

static struct domain *model[NUMBERS];

static void add(domid_t id)
{
    struct domain other = {.id = id, .refs = 1};

    if (!model[id])
        model[id] = fake_domain(id, 1, false);
    else if (domain_list_add(&other))
        CU_FAIL_FATAL("a number is given twice");
}

static void drop(domid_t id)
{
    if (!model[id])
        return;
    fake_domain_remove(model[id]);
    fake_domain_free(model[id]);
    model[id] = NULL;
}

static struct domain *next_in_model(uint32_t id)
{
    while (id < NUMBERS && !model[id])
        id++;
    return id < NUMBERS ? model[id] : NULL;
}

static void same(struct domain *found, struct domain *wanted)
{
    CU_ASSERT_PTR_EQUAL(found, wanted);
    if (found)
        domain_put(found);
}

static void all_the_same(void)
{
    struct domain *d;
    uint32_t id = 0;

    for_each_domain (d) {
        CU_ASSERT_PTR_EQUAL(d, next_in_model(id));
        CU_ASSERT_EQUAL(d->refs, 1);
        id = d->id + 1u;
    }
    CU_ASSERT_PTR_NULL(next_in_model(id));
}

static void test_random(void)
{
    srandom(1);
    for (unsigned i = 0; i < 20000; i++) {
        domid_t id = (domid_t)(random() % NUMBERS);

        if (random() % 3)
            drop((domid_t)(random() % NUMBERS));
        else
            add(id);
        same(domain_get_by_id(id), model[id]);
        same(domain_get_next(id), next_in_model(id));
        if (i % 500 == 0)
            all_the_same();
    }
    all_the_same();
    for (unsigned id = 0; id < NUMBERS; id++)
        drop((domid_t)id);
    same(domain_get_next(0), NULL);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static void test_numbers(void)
{
    add(0);
    add(7);
    fake_run(model[7]->vcpus[0]);
    same(domain_get_by_id(DOMID_SELF), model[7]);
    same(domain_get_by_id(DOMID_IO), NULL);
    same(domain_get_by_id(DOMID_INVALID), NULL);
    same(domain_get_next(8), NULL);
    same(domain_get_next(UINT32_MAX), NULL);
    same(domain_get_next(DOMID_SELF), NULL);
    model[7]->refs = 0; // on its way out: not found any more
    same(domain_get_by_id(7), NULL);
    same(domain_get_next(1), NULL);
    model[7]->refs = 1;
    drop(7);
    drop(0);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"random against an array", test_random},
        {"special numbers", test_numbers},
        CU_TEST_INFO_NULL,
    };

    return run_suite("the list of domains", tests);
}
