// Copying by grant: between pages, parts of pages, and what a third domain has granted.
//
// sources: hypervisor/core/permissions.c
// sources: hypervisor/core/grant.c hypervisor/core/grant_pin.c hypervisor/core/grant_map.c
// sources: hypervisor/core/grant_copy.c hypervisor/core/grant_version.c
// sources: hypervisor/core/grant_op.c hypervisor/core/guest_frame.c
// sources: tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/unit/grant_trio.h"

static void test_copy(void)
{
    struct frame *own;
    struct gnttab_copy to = {.flags = GNTCOPY_dest_gref, .len = 100};
    struct gnttab_copy from = {.flags = GNTCOPY_source_gref, .len = 100};

    begin();
    own = fake_guest_frame(back);
    offer(front, 8, 0, page, GTF_permit_access);
    offer(front, 9, 0, page, GTF_permit_access | GTF_readonly);
    memset(fake_frame_va(own), 7, PAGE_SIZE);
    to.source.u.gmfn = frame_to_mfn(own);
    to.source.domid = DOMID_SELF;
    to.dest.u.ref = 8;
    to.dest.domid = 5;
    to.dest.offset = 50;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_okay);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[49], 0);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[50], 7);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[149], 7);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(page))[150], 0);
    flags_are(8, GTF_permit_access);
    to.dest.u.ref = 9;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_general_error);
    flags_are(9, GTF_permit_access | GTF_readonly);
    to.dest.u.ref = 8;
    to.dest.offset = PAGE_SIZE - 99;
    CU_ASSERT_EQUAL(copy(back, to), GNTST_bad_copy_arg);
    to.dest.offset = 0;
    to.source.domid = 0; // by frame number only for oneself, named so
    CU_ASSERT_EQUAL(copy(back, to), GNTST_permission_denied);
    to.source.domid = DOMID_SELF;
    to.source.u.gmfn = frame_to_mfn(page);
    CU_ASSERT_EQUAL(copy(back, to), GNTST_bad_page);

    from.source.u.ref = 9;
    from.source.domid = 5;
    from.dest.u.gmfn = frame_to_mfn(own);
    from.dest.domid = DOMID_SELF;
    from.dest.offset = 1000;
    CU_ASSERT_EQUAL(copy(back, from), GNTST_okay);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(own))[1010], 0);
    CU_ASSERT_EQUAL(((uint8_t *)fake_frame_va(own))[1060], 7);
    CU_ASSERT_EQUAL(copy(third, from), GNTST_general_error); // not granted to it
    from.source.domid = 77;
    CU_ASSERT_EQUAL(copy(back, from), GNTST_bad_domain);
    from.source.domid = 5;
    CU_ASSERT_EQUAL(frame_get_type(own, FT_L4, false), 0);
    CU_ASSERT_EQUAL(copy(back, from), GNTST_general_error);
    frame_put_type(own, false);
    CU_ASSERT_EQUAL(fake_frame_refs(own), 1);
    frame_put(own);
    CU_ASSERT_EQUAL(fake_frame_refs(page), 1);
    end();
}

// Several pieces of the same two pages in one call.
static void test_copy_batch(void)
{
    struct gnttab_copy ops[16];
    struct frame *own;

    begin();
    own = fake_guest_frame(back);
    offer(front, 8, 0, page, GTF_permit_access);
    for (unsigned i = 0; i < 4096; i++)
        ((uint8_t *)fake_frame_va(page))[i] = (uint8_t)(i * 31 >> 3);
    for (unsigned i = 0; i < 16; i++)
        ops[i] =
            (struct gnttab_copy){.source = {.u.ref = 8, .domid = 5, .offset = (uint16_t)(i * 256)},
                                 .dest = {.u.gmfn = frame_to_mfn(own),
                                          .domid = DOMID_SELF,
                                          .offset = (uint16_t)(i * 256)},
                                 .len = 256,
                                 .flags = GNTCOPY_source_gref,
                                 .status = 99};
    ops[7].source.u.ref = 9; // a bad one among them
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_copy, ops, 16), 0);
    CU_ASSERT_EQUAL(ops[7].status, GNTST_general_error);
    ops[7].source.u.ref = 8;
    CU_ASSERT_EQUAL(gnttab(back, GNTTABOP_copy, ops + 7, 1), 0);
    CU_ASSERT_EQUAL(memcmp(fake_frame_va(own), fake_frame_va(page), PAGE_SIZE), 0);
    flags_are(8, GTF_permit_access);
    frame_put(own);
    end();
}

static void test_sub_page(void)
{
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 5, .offset = 100},
                             .dest.domid = DOMID_SELF,
                             .len = 50,
                             .flags = GNTCOPY_source_gref};
    struct frame *own;
    grant_handle_t h;

    begin();
    own = fake_guest_frame(back);
    op.dest.u.gmfn = frame_to_mfn(own);
    set_version(front, 2);
    entry_v2(front, 8)->sub_page.frame = frame_to_mfn(page);
    entry_v2(front, 8)->sub_page.page_off = 100;
    entry_v2(front, 8)->sub_page.length = 50;
    entry_v2(front, 8)->hdr.flags = GTF_permit_access | GTF_sub_page;
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST, &h), GNTST_general_error);
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    op.source.offset = 99;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    op.source.offset = 101;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    op.len = 49;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    entry_v2(front, 8)->sub_page.page_off = 0xffff;
    entry_v2(front, 8)->sub_page.length = 0xffff;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    frame_put(own);
    end();
}

// third grants page 8 to front, which passes it on to back.
static void test_transitive(void)
{
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 5},
                             .dest.domid = DOMID_SELF,
                             .len = 4,
                             .flags = GNTCOPY_source_gref};
    struct frame *own, *far;
    grant_handle_t h;

    begin();
    own = fake_guest_frame(back);
    far = fake_guest_frame(third);
    memcpy(fake_frame_va(far), "far", 4);
    op.dest.u.gmfn = frame_to_mfn(own);
    set_version(front, 2);
    entry_v2(front, 8)->transitive.trans_domid = 6;
    entry_v2(front, 8)->transitive.gref = 20;
    entry_v2(front, 8)->hdr.domid = 0;
    entry_v2(front, 8)->hdr.flags = GTF_transitive;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error); // third has not granted it
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    offer(third, 20, 5, far, GTF_permit_access | GTF_readonly);
    CU_ASSERT_EQUAL(copy(back, op), GNTST_okay);
    CU_ASSERT_EQUAL(memcmp(fake_frame_va(own), "far", 4), 0);
    CU_ASSERT_EQUAL(map(back, 5, 8, VA(1), HOST | RO, &h), GNTST_general_error);
    CU_ASSERT_EQUAL(map(third, 5, 8, VA(1), HOST | RO, &h), GNTST_general_error);
    // No chains, no circles.
    set_version(third, 2);
    entry_v2(third, 20)->transitive.trans_domid = 5;
    entry_v2(third, 20)->transitive.gref = 8;
    entry_v2(third, 20)->hdr.domid = 5;
    entry_v2(third, 20)->hdr.flags = GTF_transitive;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    entry_v2(front, 8)->transitive.trans_domid = 5;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_general_error);
    entry_v2(front, 8)->transitive.trans_domid = 77;
    CU_ASSERT_EQUAL(copy(back, op), GNTST_bad_domain);
    CU_ASSERT_EQUAL(*status_of(front, 8), 0);
    CU_ASSERT_EQUAL(*status_of(third, 20), 0);
    CU_ASSERT_EQUAL(fake_frame_refs(far), 1);
    CU_ASSERT_EQUAL(third->refs, 1);
    frame_put(own);
    frame_put(far);
    end();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"copy", test_copy},         {"copy batch", test_copy_batch},
        {"sub-page", test_sub_page}, {"transitive", test_transitive},
        CU_TEST_INFO_NULL,
    };

    alarm(300);
    return run_suite("copying by grant", tests);
}
