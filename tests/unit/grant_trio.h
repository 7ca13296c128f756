// Three domains around one page, for tests of grant tables: front, which the page belongs to,
// grants it; back, privileged, uses it; third is neither.
#pragma once

#include <CUnit/Basic.h>

#include "tests/unit/grant_guest.h"

#define VA(n)  (0x10000000ull + (n)*0x1000ull)
#define HOST   GNTMAP_host_map
#define DEVICE GNTMAP_device_map
#define RO     GNTMAP_readonly

static struct domain *back, *front, *third;
static struct frame *page;

static inline void begin(void)
{
    back = make_domain(0, true);
    front = make_domain(5, false);
    third = make_domain(6, false);
    page = fake_guest_frame(front);
    fake_tlb_flushes = 0;
    fake_on_tlb_flush = NULL;
}

// Everything must be free again once all three are gone.
static inline void end(void)
{
    CU_ASSERT_EQUAL(ptes_in_use(), 0);
    relinquish(back);
    relinquish(front);
    relinquish(third);
    CU_ASSERT_EQUAL(fake_frame_refs(page), 1);
    CU_ASSERT_EQUAL(fake_frame_types(page), 0);
    frame_put(page);
    CU_ASSERT_EQUAL(front->refs, 1);
    CU_ASSERT_EQUAL(third->refs, 1);
    finish(back);
    finish(front);
    finish(third);
    CU_ASSERT_EQUAL(fake_reset(), 0);
}

static inline void flags_are(unsigned ref, unsigned flags)
{
    CU_ASSERT_EQUAL(entry_v1(front, ref)->flags, flags);
}

static inline int copy(struct domain *d, struct gnttab_copy op)
{
    op.status = 99;
    CU_ASSERT_EQUAL(gnttab(d, GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

static inline long set_version(struct domain *d, unsigned version)
{
    struct gnttab_set_version op = {.version = version};
    long rc = gnttab(d, GNTTABOP_set_version, &op, 1);
    struct gnttab_get_version get = {.dom = DOMID_SELF};

    CU_ASSERT_EQUAL(gnttab(d, GNTTABOP_get_version, &get, 1), 0);
    if (!rc)
        CU_ASSERT_EQUAL(get.version, version);
    return rc;
}
