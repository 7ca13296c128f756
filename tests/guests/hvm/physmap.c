// The guest's memory: frames given back and taken anew, what of the hypervisor's is shown in it.
#include "pv-abi/grant_table.h"
#include "pv-abi/memory.h"
#include "tests/guests/hvm/hvm.h"

static uint64_t gfn_of(const void *page)
{
    return (uint64_t)page >> PAGE_SHIFT;
}

static long reservation(unsigned cmd, uint64_t *gfn, unsigned order)
{
    struct xen_memory_reservation op = {
        .nr_extents = 1, .extent_order = order, .domid = DOMID_SELF};

    op.extent_start = gfn;
    return hc(memory_op, cmd, &op);
}

static long remove_gfn(uint64_t gfn)
{
    struct xen_remove_from_physmap op = {.domid = DOMID_SELF, .gpfn = gfn};

    return hc(memory_op, XENMEM_remove_from_physmap, &op);
}

// Populates again what a test took.
static void fill(void *page)
{
    uint64_t gfn = gfn_of(page);

    CHECK_EQ(reservation(XENMEM_populate_physmap, &gfn, 0), 1);
}

TEST(physmap_decrease_populate)
{
    volatile uint64_t *page = page_alloc();
    uint64_t gfn = gfn_of((void *)page);

    *page = 0x1234;
    CHECK_EQ(reservation(XENMEM_decrease_reservation, &gfn, 0), 1);
    CHECK_EQ(*page, ~0ul);
    *page = 5; // nowhere
    CHECK_EQ(reservation(XENMEM_decrease_reservation, &gfn, 0), 0);
    fill((void *)page);
    CHECK(*page != 5 && *page != 0x1234);
    *page = 0x77;
    CHECK_EQ(*page, 0x77);
}

TEST(physmap_refused)
{
    uint64_t gfn = ~0ul;

    CHECK_EQ(reservation(XENMEM_populate_physmap, &gfn, 0), 0);
    gfn = 1ul << 40;
    CHECK_EQ(reservation(XENMEM_populate_physmap, &gfn, 0), 0);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, &gfn, 0), 0);
    CHECK_REFUSED(remove_gfn(gfn));
    CHECK_REFUSED(remove_gfn(~0ul));
    CHECK_REFUSED(remove_gfn(HOLE >> PAGE_SHIFT));
    CHECK_REFUSED(add_to_physmap(XENMAPSPACE_shared_info, 1, 0x300));
    CHECK_REFUSED(add_to_physmap(XENMAPSPACE_gmfn, 0xfffff, 0x300));
    CHECK_REFUSED(add_to_physmap(77, 0, 0x300));
    CHECK_REFUSED(add_to_physmap(XENMAPSPACE_grant_table, 1000000, 0x300));
    CHECK_REFUSED(add_to_physmap(XENMAPSPACE_dev_mmio, 0xfee00, 0x300));
    CHECK_REFUSED(hc(memory_op, XENMEM_machine_memory_map, 0));
}

TEST(physmap_grant_table)
{
    volatile struct grant_entry_v1 *table = page_alloc();

    CHECK_OK(add_to_physmap(XENMAPSPACE_grant_table, 0, gfn_of((void *)table)));
    table[100].frame = 0x123;
    CHECK_EQ(table[100].frame, 0x123);
    table[100].frame = 0;
    CHECK_OK(remove_gfn(gfn_of((void *)table)));
    CHECK_EQ(table[100].frame, 0xffffffff);
    fill((void *)table);
}

// shared_info seen at a second place, and brought back.
TEST(physmap_shared_info)
{
    struct shared_info *other = page_alloc(), *was = shared_info;

    CHECK_OK(add_to_physmap(XENMAPSPACE_shared_info, 0, gfn_of(other)));
    shared_info = other;
    CHECK(time_now() > 0);
    CHECK_OK(add_to_physmap(XENMAPSPACE_shared_info, 0, gfn_of(was)));
    shared_info = was;
    CHECK(time_now() > 0);
    fill(other);
}

TEST(physmap_moves_a_frame)
{
    volatile uint64_t *from = page_alloc(), *to = page_alloc();

    long rc;

    *from = 0x5ca1ab1e;
    rc = add_to_physmap(XENMAPSPACE_gmfn, gfn_of((void *)from), gfn_of((void *)to));
    if (rc == -XEN_EOPNOTSUPP)
        SKIP("the hypervisor does not move frames");
    CHECK_OK(rc);
    CHECK_EQ(*to, 0x5ca1ab1e);
    CHECK_EQ(*from, ~0ul);
    fill((void *)from);
}

// As many frames as can be had: the limit holds, and what was had comes back.
TEST(physmap_limit)
{
    uint64_t first = 0x100000, gfn = first;

    while (gfn < first + 100000 && reservation(XENMEM_populate_physmap, &gfn, 0) == 1)
        gfn++;
    CHECK(gfn < first + 100000);
    while (gfn-- > first)
        CHECK_EQ(reservation(XENMEM_decrease_reservation, &gfn, 0), 1);
}
