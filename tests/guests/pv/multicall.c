// HYPERVISOR_multicall: many calls, one trap.
#include "pv-abi/multicall.h"
#include "pv-abi/sched.h"
#include "pv-abi/version.h"

#include "tests/guests/common/guest.h"

static struct multicall_entry calls[2000];

static void set(unsigned i, unsigned op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    memset(&calls[i], 0, sizeof(calls[i]));
    calls[i].op = op;
    calls[i].result = 0x5a5a;
    calls[i].args[0] = a;
    calls[i].args[1] = b;
    calls[i].args[2] = c;
    calls[i].args[3] = d;
}

TEST(multicall_results)
{
    struct xen_platform_parameters params = {0};

    set(0, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    set(1, __HYPERVISOR_xen_version, XENVER_platform_parameters, (uint64_t)&params, 0, 0);
    set(2, __HYPERVISOR_xen_version, 99, 0, 0, 0);
    set(3, __HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0);
    CHECK_OK(hc(multicall, calls, 4));
    CHECK_EQ(calls[0].result, 4 << 16 | 17);
    CHECK_EQ(calls[1].result, 0);
    CHECK_EQ(params.virt_start, HYPERVISOR_VIRT_START);
    CHECK_ERR(calls[2].result, ENOSYS); // goes on after it
    CHECK_EQ(calls[3].result, PAGE_SIZE);
    CHECK_EQ(calls[0].op, __HYPERVISOR_xen_version);
}

TEST(multicall_page_tables)
{
    uint64_t *page = page_alloc();

    for (unsigned i = 0; i < 512; i++)
        set(i, __HYPERVISOR_update_va_mapping, window_va(i), pte_make(mfn_of(page), PTE_RW),
            UVMF_NONE, 0);
    CHECK_OK(hc(multicall, calls, 512));
    for (unsigned i = 0; i < 512; i++)
        if (calls[i].result) {
            CHECK_EQ(calls[i].result, 0);
            break;
        }
    *(volatile uint64_t *)window_va(511) = 9;
    CHECK_EQ(page[0], 9);
    for (unsigned i = 0; i < 512; i++)
        set(i, __HYPERVISOR_update_va_mapping, window_va(i), 0, UVMF_NONE, 0);
    set(511, __HYPERVISOR_update_va_mapping, window_va(511), 0, UVMF_TLB_FLUSH, 0);
    CHECK_OK(hc(multicall, calls, 512));
    CHECK_EQ(FAULT_OF((void)*(volatile uint64_t *)window_va(0)), VEC_PF);
}

TEST(multicall_counts)
{
    CHECK_OK(hc(multicall, calls, 0));
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        set(i, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    CHECK_OK(hc(multicall, calls, ARRAY_SIZE(calls)));
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i].result != (4 << 16 | 17)) {
            CHECK_EQ(calls[i].result, 4 << 16 | 17);
            break;
        }
}

TEST(multicall_nested_refused)
{
    set(0, __HYPERVISOR_multicall, (uint64_t)&calls[1], 1, 0, 0);
    set(1, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    set(2, __HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0);
    CHECK_OK(hc(multicall, calls, 1));
    CHECK_ERR(calls[0].result, EINVAL);
    CHECK_EQ(calls[1].result, 0x5a5a); // was not run
}

TEST(multicall_unknown_ops)
{
    static const uint64_t ops[] = {11,  43,  47,   56,         63,        64,
                                   127, 128, 1000, 0xffffffff, 1UL << 32, ~0UL};

    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        set(i, 0, 0, 0, 0, 0);
        calls[i].op = ops[i];
    }
    CHECK_OK(hc(multicall, calls, ARRAY_SIZE(ops)));
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++)
        CHECK_ERR(calls[i].result, ENOSYS);
}

TEST(multicall_hostile)
{
    CHECK_EFAULT_ALL(hc(multicall, bad, 1));
    // The array runs out of the mapping: the calls in front of it are made.
    struct multicall_entry *last;

    CHECK_OK(window_map(0, mfn_of(page_alloc()), PTE_RW));
    CHECK_OK(window_unmap(1));
    last = (struct multicall_entry *)(window_va(1) - sizeof(*last));
    last->op = __HYPERVISOR_xen_version;
    last->args[0] = XENVER_version;
    CHECK_ERR(hc(multicall, last, 2), EFAULT);
    CHECK_EQ(last->result, 4 << 16 | 17);
    CHECK_OK(window_unmap(0));
    // An array that cannot be written: the results are lost.
    last = page_alloc();
    last->op = __HYPERVISOR_xen_version;
    CHECK_OK(page_protect(last, false));
    CHECK_ERR(hc(multicall, last, 1), EFAULT);
    CHECK_OK(page_protect(last, true));
}
