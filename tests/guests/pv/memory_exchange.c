// XENMEM_exchange: trading frames for others.
#include "pv-abi/memory.h"

#include "tests/guests/common/guest.h"

static xen_pfn_t in[64], out[64];

static struct xen_memory_exchange request(unsigned n_in, unsigned in_order, unsigned n_out,
                                          unsigned out_order)
{
    struct xen_memory_exchange x = {0};

    x.in.extent_start = in;
    x.in.nr_extents = n_in;
    x.in.extent_order = in_order;
    x.in.domid = DOMID_SELF;
    x.out.extent_start = out;
    x.out.nr_extents = n_out;
    x.out.extent_order = out_order;
    x.out.domid = DOMID_SELF;
    return x;
}

static void fill(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        in[i] = mfn_of_pfn(spare_pfn(i));
        out[i] = spare_pfn(i);
    }
}

static bool among(const xen_pfn_t *frames, unsigned n, xen_pfn_t frame)
{
    for (unsigned i = 0; i < n; i++)
        if (frames[i] == frame)
            return true;
    return false;
}

TEST(memory_exchange_pages)
{
    struct xen_memory_exchange x = request(8, 0, 8, 0);

    fill(8);
    CHECK_OK(hc(memory_op, XENMEM_exchange, &x));
    CHECK_EQ(x.nr_exchanged, 8);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(pfn_of_mfn(out[i]), spare_pfn(i));
        if (!among(out, 8, in[i])) // a freed frame may have come back for another one
            CHECK_REFUSED(window_map(0, in[i], PTE_RO));
        CHECK_OK(window_map(0, out[i], PTE_RW));
        CHECK_OK(window_unmap(0));
        p2m_set(spare_pfn(i), out[i]);
    }
}

// Single frames for adjacent ones: what a driver's DMA buffer takes.
TEST(memory_exchange_for_contiguous)
{
    struct xen_memory_exchange x = request(16, 0, 1, 4);

    fill(16);
    CHECK_OK(hc(memory_op, XENMEM_exchange, &x));
    CHECK_EQ(x.nr_exchanged, 16);
    CHECK_EQ(out[0] & 15, 0);
    for (unsigned i = 0; i < 16; i++) {
        CHECK_EQ(pfn_of_mfn(out[0] + i), spare_pfn(0) + i);
        p2m_set(spare_pfn(i), out[0] + i);
    }
    // And back to single ones.
    in[0] = out[0];
    x = request(1, 4, 16, 0);
    for (unsigned i = 0; i < 16; i++)
        out[i] = spare_pfn(i);
    CHECK_OK(hc(memory_op, XENMEM_exchange, &x));
    CHECK_EQ(x.nr_exchanged, 1);
    for (unsigned i = 0; i < 16; i++) {
        CHECK_EQ(pfn_of_mfn(out[i]), spare_pfn(i));
        p2m_set(spare_pfn(i), out[i]);
    }
}

// A frame that is mapped anywhere, or that does not exist, cannot be traded; what came before it in
// the list already is.
TEST(memory_exchange_refuses_mapped)
{
    struct xen_memory_exchange x = request(2, 0, 2, 0);

    fill(2);
    in[1] = mfn_of(page_alloc());
    CHECK_REFUSED(hc(memory_op, XENMEM_exchange, &x));
    CHECK(x.nr_exchanged <= 1);
    if (x.nr_exchanged == 1)
        p2m_set(spare_pfn(0), out[0]);
    fill(1);
    in[0] = 0x000fffffffffffff;
    x = request(1, 0, 1, 0);
    CHECK_ERR(hc(memory_op, XENMEM_exchange, &x), EINVAL);
    in[0] = kernel_root();
    CHECK_REFUSED(hc(memory_op, XENMEM_exchange, &x));
    CHECK_EQ(x.nr_exchanged, 0);
}

TEST(memory_exchange_hostile)
{
    struct xen_memory_exchange x = request(8, 0, 7, 0);

    fill(8);
    CHECK_ERR(hc(memory_op, XENMEM_exchange, &x), EINVAL); // sizes differ
    x = request(8, 0, 8, 1);
    CHECK_ERR(hc(memory_op, XENMEM_exchange, &x), EINVAL);
    x = request(1, 63, 1, 63);
    CHECK_REFUSED(hc(memory_op, XENMEM_exchange, &x));
    x = request(8, 0, 8, 0);
    x.in.nr_extents = x.out.nr_extents = ~0UL;
    CHECK_REFUSED(hc(memory_op, XENMEM_exchange, &x));
    x = request(8, 0, 8, 0);
    x.nr_exchanged = 9;
    CHECK_ERR(hc(memory_op, XENMEM_exchange, &x), EINVAL);
    x = request(8, 0, 8, 0);
    x.out.domid = 12345;
    CHECK_REFUSED(hc(memory_op, XENMEM_exchange, &x));
    CHECK_EFAULT_ALL(hc(memory_op, XENMEM_exchange, bad));
    for (unsigned i = 0; i < BAD_POINTERS; i++) {
        x = request(8, 0, 8, 0);
        x.in.extent_start = bad_pointers[i];
        CHECK_ERR(hc(memory_op, XENMEM_exchange, &x), EFAULT);
    }
}
