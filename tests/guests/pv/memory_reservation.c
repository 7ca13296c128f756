// HYPERVISOR_memory_op: the calls that give memory back and get it again.
#include "pv-abi/memory.h"

#include "tests/guests/common/guest.h"

#define NO_DOMAIN 12345
#define MANY      1500

static xen_pfn_t list[MANY];

static long reserve(unsigned cmd, xen_pfn_t *frames, uint64_t n, unsigned order, unsigned flags)
{
    struct xen_memory_reservation r = {
        .nr_extents = n, .extent_order = order, .mem_flags = flags, .domid = DOMID_SELF};

    r.extent_start = frames;
    return hc(memory_op, cmd, &r);
}

static long pages_now(void)
{
    struct xen_memory_domain self = {.domid = DOMID_SELF};

    return hc(memory_op, XENMEM_current_reservation, &self);
}

static long pages_max(void)
{
    struct xen_memory_domain self = {.domid = DOMID_SELF};

    return hc(memory_op, XENMEM_maximum_reservation, &self);
}

// Gives back the frames of N spare pfns from FIRST on; list[] then holds the frames.
static long give_back(unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        REQUIRE(spare_pfn(first + i) != INVALID_PFN);
        list[i] = mfn_of_pfn(spare_pfn(first + i));
    }
    return reserve(XENMEM_decrease_reservation, list, n, 0, 0);
}

// Gets frames for the same pfns again; a page that stays without memory would spoil later tests.
static void get_again(unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        list[i] = spare_pfn(first + i);
    REQUIRE(reserve(XENMEM_populate_physmap, list, n, 0, 0) == (long)n);
    for (unsigned i = 0; i < n; i++)
        p2m_set(spare_pfn(first + i), list[i]);
}

TEST(memory_numbers)
{
    struct xen_memory_domain who = {.domid = DOMID_SELF};

    CHECK(hc(memory_op, XENMEM_maximum_ram_page, 0) > (long)start_info->nr_pages);
    CHECK_EQ(pages_now(), start_info->nr_pages);
    CHECK(pages_max() >= pages_now());
    who.domid = 0; // itself, by number
    CHECK_EQ(hc(memory_op, XENMEM_current_reservation, &who), start_info->nr_pages);
    who.domid = NO_DOMAIN;
    CHECK_ERR(hc(memory_op, XENMEM_current_reservation, &who), ESRCH);
    CHECK_ERR(hc(memory_op, XENMEM_maximum_reservation, &who), ESRCH);
    CHECK_ERR(hc(memory_op, XENMEM_maximum_gpfn, &who), ESRCH);
}

// The highest guest frame is what the guest itself wrote into shared_info.
TEST(memory_maximum_gpfn)
{
    struct xen_memory_domain self = {.domid = DOMID_SELF};
    uint64_t old = shared_info->arch.max_pfn;

    shared_info->arch.max_pfn = 1000;
    CHECK_EQ(hc(memory_op, XENMEM_maximum_gpfn, &self), 999);
    shared_info->arch.max_pfn = old;
}

TEST(memory_decrease_and_populate)
{
    uint64_t pfn = spare_pfn(0);
    long before = pages_now();

    CHECK_EQ(give_back(0, 1), 1);
    CHECK_EQ(pages_now(), before - 1);
    list[0] = pfn;
    CHECK_EQ(reserve(XENMEM_populate_physmap, list, 1, 0, 0), 1);
    CHECK_EQ(pages_now(), before);
    p2m_set(pfn, list[0]);
    CHECK_EQ(pfn_of_mfn(list[0]), pfn); // the M2P says so too
    CHECK_OK(window_map(0, list[0], PTE_RW));
    for (unsigned i = 0; i < 512; i++)
        if (((volatile uint64_t *)window_va(0))[i] != 0) {
            CHECK_EQ(((volatile uint64_t *)window_va(0))[i], 0); // scrubbed
            break;
        }
    CHECK_OK(window_unmap(0));
}

// A freed frame is nobody's: it can be mapped no more, nor freed again.
TEST(memory_decreased_frame_is_gone)
{
    uint64_t mfn = mfn_of_pfn(spare_pfn(0));

    CHECK_EQ(give_back(0, 1), 1);
    CHECK_REFUSED(window_map(0, mfn, PTE_RW));
    CHECK_REFUSED(window_map(0, mfn, PTE_RO));
    list[0] = mfn;
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, 1, 0, 0), 0);
    get_again(0, 1);
}

// A mapped frame that is given back stays the guest's for as long as the mapping lasts.
TEST(memory_decrease_while_mapped)
{
    uint64_t pfn = spare_pfn(0), mfn = mfn_of_pfn(pfn);
    volatile uint64_t *p = (volatile uint64_t *)window_va(0);
    long before = pages_now();

    REQUIRE_OK(window_map(0, mfn, PTE_RW));
    *p = 0x1122334455667788;
    CHECK_EQ(give_back(0, 1), 1);
    CHECK_EQ(*p, 0x1122334455667788);
    *p = 1;
    CHECK_EQ(*p, 1);
    CHECK_OK(window_unmap(0));
    CHECK_EQ(pages_now(), before - 1);
    CHECK_REFUSED(window_map(0, mfn, PTE_RW));
    get_again(0, 1);
}

TEST(memory_increase)
{
    long before = pages_now();

    if (pages_max() <= before) {
        CHECK_EQ(reserve(XENMEM_increase_reservation, list, 1, 0, 0), 0);
        SKIP("the domain is at its maximum");
    }
    list[0] = 0;
    CHECK_EQ(reserve(XENMEM_increase_reservation, list, 1, 0, 0), 1);
    CHECK_EQ(pages_now(), before + 1);
    CHECK(list[0] != 0);
    CHECK_OK(window_map(0, list[0], PTE_RW));
    CHECK_EQ(FAULT_OF(*(volatile uint64_t *)window_va(0) = 5), NO_FAULT);
    CHECK_OK(window_unmap(0));
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, 1, 0, 0), 1);
    CHECK_EQ(pages_now(), before);
}

TEST(memory_batches)
{
    long before = pages_now();

    CHECK_EQ(give_back(0, MANY), MANY);
    CHECK_EQ(pages_now(), before - MANY);
    get_again(0, MANY);
    CHECK_EQ(pages_now(), before);
    for (unsigned i = 0; i < MANY; i++)
        if (pfn_of_mfn(list[i]) != spare_pfn(i)) {
            CHECK_EQ(pfn_of_mfn(list[i]), spare_pfn(i));
            break;
        }
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, 0, 0, 0), 0);
}

// Extents before the bad one are done and counted, those after it untouched.
TEST(memory_partial_progress)
{
    long before = pages_now();
    xen_pfn_t first = mfn_of_pfn(spare_pfn(0)), third = mfn_of_pfn(spare_pfn(1));
    xen_pfn_t frames[3] = {first, 0x000fffffffffffff, third};

    CHECK_EQ(reserve(XENMEM_decrease_reservation, frames, 3, 0, 0), 1);
    CHECK_EQ(pages_now(), before - 1);
    CHECK_OK(window_map(0, third, PTE_RW));
    CHECK_OK(window_unmap(0));
    get_again(0, 1);
}

TEST(memory_orders)
{
    long before = pages_now();

    CHECK_EQ(give_back(0, 16), 16);
    list[0] = spare_pfn(0);
    CHECK_EQ(reserve(XENMEM_populate_physmap, list, 1, 4, 0), 1);
    CHECK_EQ(list[0] & 15, 0);
    CHECK_EQ(pages_now(), before);
    for (unsigned i = 0; i < 16; i++) {
        CHECK_EQ(pfn_of_mfn(list[0] + i), spare_pfn(0) + i);
        p2m_set(spare_pfn(i), list[0] + i);
    }
    // Order 4 back in one piece.
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, 1, 4, 0), 1);
    CHECK_EQ(pages_now(), before - 16);
    get_again(0, 16);
}

TEST(memory_address_bits)
{
    CHECK_EQ(give_back(0, 1), 1);
    list[0] = spare_pfn(0);
    if (reserve(XENMEM_populate_physmap, list, 1, 0, XENMEMF_address_bits(28)) == 1) {
        CHECK(list[0] < 1UL << (28 - 12));
        p2m_set(spare_pfn(0), list[0]);
    } else {
        get_again(0, 1);
    }
    list[0] = spare_pfn(1);
    CHECK_EQ(reserve(XENMEM_populate_physmap, list, 1, 0, XENMEMF_address_bits(12)), 0);
}

TEST(memory_maximum_is_kept)
{
    long max = pages_max(), before = pages_now();
    long room = max - before;
    long got;

    if (room > MANY - 8)
        SKIP("no maximum that could be reached");
    got = reserve(XENMEM_increase_reservation, list, (uint64_t)room + 8, 0, 0);
    CHECK_EQ(got, room);
    CHECK_EQ(pages_now(), max);
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, (uint64_t)got, 0, 0), got);
    CHECK_EQ(pages_now(), before);
}

// These calls have no errors: whatever is wrong, they say how many extents were done, which is
// none.
TEST(memory_reservation_hostile)
{
    static const unsigned commands[] = {XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                        XENMEM_populate_physmap};
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = NO_DOMAIN};
    long before = pages_now();

    r.extent_start = list;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        list[0] = 0x000fffffffffffff;
        CHECK_EQ(hc(memory_op, commands[i], &r), 0);
        CHECK_EQ(reserve(commands[i], list, ~0UL, 0, 0), 0);
        CHECK_EQ(reserve(commands[i], list, 1, 63, 0), 0);
        CHECK_EQ(reserve(commands[i], list, 1, 0xffffffff, 0), 0);
        for (unsigned b = 0; b < BAD_POINTERS; b++)
            CHECK_EQ(hc(memory_op, commands[i], bad_pointers[b]), 0);
    }
    for (unsigned b = 0; b < BAD_POINTERS; b++) {
        CHECK_EQ(reserve(XENMEM_decrease_reservation, bad_pointers[b], 1, 0, 0), 0);
        CHECK_EQ(reserve(XENMEM_populate_physmap, bad_pointers[b], 1, 0, 0), 0);
    }
    list[0] = 0x000fffffffffffff;
    CHECK_EQ(reserve(XENMEM_decrease_reservation, list, 1, 0, 0), 0);
    CHECK_EQ(pages_now(), before);
}

static long claim(uint64_t pages, unsigned order, xen_pfn_t *frames, unsigned dom)
{
    struct xen_memory_reservation r = {
        .nr_extents = pages, .extent_order = order, .domid = (domid_t)dom};

    r.extent_start = frames;
    return hc(memory_op, XENMEM_claim_pages, &r);
}

TEST(memory_claim)
{
    long now = pages_now();

    if (pages_max() < now + 8)
        SKIP("the domain is at its maximum");
    // The domain must be given by its number.
    CHECK_ERR(claim((uint64_t)now + 8, 0, NULL, DOMID_SELF), EINVAL);
    CHECK_ERR(claim((uint64_t)now + 8, 0, NULL, NO_DOMAIN), EINVAL);
    CHECK_OK(claim((uint64_t)now + 8, 0, NULL, 0));
    CHECK_ERR(claim((uint64_t)now + 8, 0, NULL, 0), EINVAL); // there is one
    CHECK_OK(claim(0, 0, NULL, 0));                          // gives it up
    CHECK_OK(claim(0, 0, NULL, 0));
    CHECK_EQ(pages_now(), now);
    CHECK_ERR(claim(1, 0, NULL, 0), EINVAL); // less than it has
    CHECK_ERR(claim((uint64_t)now + 8, 1, NULL, 0), EINVAL);
    CHECK_ERR(claim((uint64_t)now + 8, 0, list, 0), EINVAL);
    CHECK_ERR(claim((uint64_t)pages_max() + 1, 0, NULL, 0), EINVAL);
}
