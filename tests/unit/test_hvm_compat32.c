// Hypercalls of 32-bit code: what handlers find where 32-bit structures were, and what comes back.
//
// sources: hypervisor/hvm/compat32.c hypervisor/hvm/memory.c hypervisor/hvm/p2m.c
// sources: hypervisor/core/hypercall.c tests/unit/fake/hypercalls.c
// sources: tests/unit/hvm_kit.c tests/unit/fake/platform.c tests/unit/fake/frames.c
#include <string.h>

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/memory.h"
#include "pv-abi/sched.h"
#include "pv-abi/version.h"
#include "tests/suite.h"
#include "tests/unit/hvm_kit.h"

int copy_from_guest(void *dst, uint64_t src, size_t len)
{
    return cpu_info()->guest_access->copy_from(dst, src, len);
}

int copy_to_guest(uint64_t dst, const void *src, size_t len)
{
    return cpu_info()->guest_access->copy_to(dst, src, len);
}

// Handlers
// ------------------------------------------------------------------------------------------

static uint64_t got[40]; // frame numbers
static unsigned nr_got, stop_after;
static struct xen_add_to_physmap added;
static struct xen_remove_from_physmap removed;
static struct xen_memory_reservation reserved;
static struct sched_poll polled;

static long populate(uint64_t cmd, uint64_t arg)
{
    uint64_t start = cmd >> 6;

    if (copy_from_guest(&reserved, arg, sizeof(reserved)))
        return (long)start;
    for (uint64_t i = start; i < reserved.nr_extents; i++) {
        if (stop_after && i != start && !--stop_after)
            return hypercall_continue(__HYPERVISOR_memory_op, 2, (cmd & 63) | i << 6, arg);
        if (copy_from_guest(&got[nr_got], (uint64_t)(reserved.extent_start + i), 8))
            return (long)i;
        nr_got = (nr_got + 1) % 40;
    }
    return (long)reserved.nr_extents;
}

long do_memory_op(uint64_t cmd, uint64_t arg)
{
    static const char entry[] = "an entry of the map";
    struct xen_memory_map map;

    switch (cmd & 63) {
    case XENMEM_add_to_physmap:
        return copy_from_guest(&added, arg, sizeof(added));
    case XENMEM_remove_from_physmap:
        return copy_from_guest(&removed, arg, sizeof(removed));
    case XENMEM_memory_map:
        if (copy_from_guest(&map, arg, sizeof(map)) ||
            copy_to_guest((uint64_t)map.buffer, entry, sizeof(entry)))
            return -EFAULT;
        map.nr_entries--;
        return copy_to_guest(arg, &map, sizeof(map));
    case XENMEM_populate_physmap:
        return populate(cmd, arg);
    case XENMEM_maximum_gpfn: // looks for more than there is
        return copy_from_guest(&removed, (1ull << 32) + 600, 8) ?: 1;
    case XENMEM_current_reservation:
        return copy_from_guest(&removed, (1ull << 32) - 4, 8) ?: 1;
    default:
        return 7;
    }
}

long do_sched_op(unsigned cmd, uint64_t arg)
{
    return cmd == SCHEDOP_poll ? copy_from_guest(&polled, arg, sizeof(polled)) : (long)arg;
}

long do_xen_version(unsigned cmd, uint64_t arg)
{
    uint64_t start = 0xffff800000000000;

    return cmd == XENVER_platform_parameters ? copy_to_guest(arg, &start, sizeof(start)) : 0x4001;
}

long do_hvm_op(unsigned cmd, uint64_t arg)
{
    return -ENOENT;
}

// A guest without paging
// ------------------------------------------------------------------------------------------

#define AT 0x5000u // where its arguments are

static struct hvm_domain *d;
static struct cpu_user_regs regs;
static uint32_t *memory;

static void begin(void)
{
    fake_reset();
    d = kit_domain(1);
    memset(kit_fields, 0, sizeof(kit_fields));
    memory = fake_frame_va(kit_populate(d, AT >> PAGE_SHIFT));
    nr_got = stop_after = 0;
}

static uint32_t call(uint32_t number, uint32_t a, uint32_t b)
{
    struct hvm_vcpu *v = to_hvm(current);

    regs = (struct cpu_user_regs){.rax = 0x1111111100000000 | number,
                                  .rbx = 0x2222222200000000 | a,
                                  .rcx = 0x3333333300000000 | b,
                                  .rip = 0x103};
    hvm_hypercall_32(v, &regs, 3);
    CU_ASSERT_PTR_EQUAL(cpu_info()->guest_access, &hvm_guest_access);
    CU_ASSERT_PTR_NULL(current->multicall);
    return (uint32_t)regs.rax;
}

static void test_simple(void)
{
    begin();
    CU_ASSERT_EQUAL(call(__HYPERVISOR_xen_version, XENVER_version, 0), 0x4001);
    CU_ASSERT_EQUAL(regs.rax, 0x4001);
    CU_ASSERT_EQUAL(regs.rip, 0x103);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_hvm_op, 0, 0), (uint32_t)-ENOENT);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0xfffffffc), 0xfffffffc);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_multicall, 0, 0), (uint32_t)-ENOSYS);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_grant_table_op, 0, 0), (uint32_t)-ENOSYS);
    CU_ASSERT_EQUAL(call(1000, 0, 0), (uint32_t)-ENOSYS);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_exchange, AT), (uint32_t)-ENOSYS);
    memory[1] = 0x77;
    CU_ASSERT_EQUAL(call(__HYPERVISOR_xen_version, XENVER_platform_parameters, AT), 0);
    CU_ASSERT_EQUAL(memory[0], 0);
    CU_ASSERT_EQUAL(memory[1], 0x77); // not written beyond
    kit_domain_free(d);
}

static void test_structures(void)
{
    const uint32_t add[] = {0x12347ff0, XENMAPSPACE_gmfn, 0x80000001, 0xfffffffe};
    const uint32_t poll[] = {0x5100, 3, 0x89abcdef, 0x01234567};

    begin();
    memcpy(memory, add, sizeof(add));
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, AT), 0);
    CU_ASSERT(added.domid == 0x7ff0 && added.size == 0x1234 && added.space == XENMAPSPACE_gmfn);
    CU_ASSERT(added.idx == 0x80000001 && added.gpfn == 0xfffffffe);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, AT), 0);
    CU_ASSERT(removed.domid == 0x7ff0 && removed.gpfn == XENMAPSPACE_gmfn);
    memcpy(memory, poll, sizeof(poll));
    CU_ASSERT_EQUAL(call(__HYPERVISOR_sched_op, SCHEDOP_poll, AT), 0);
    CU_ASSERT(polled.ports == (void *)0x5100 && polled.nr_ports == 3);
    CU_ASSERT_EQUAL(polled.timeout, 0x0123456789abcdef);
    memory[0] = 20;
    memory[1] = AT + 0x100;
    memory[2] = 0x55;
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_memory_map, AT), 0);
    CU_ASSERT(memory[0] == 19 && memory[1] == AT + 0x100 && memory[2] == 0x55);
    CU_ASSERT_STRING_EQUAL((char *)memory + 0x100, "an entry of the map");
    kit_domain_free(d);
}

static void test_extents(void)
{
    unsigned rounds = 0;

    begin();
    memory[0] = AT + 0x100;
    memory[1] = 39; // more than fit at once
    memory[2] = 0;
    memory[3] = 0x10;
    memory[4] = 0xcafe7ff0;
    for (unsigned i = 0; i < 39; i++)
        memory[0x40 + i] = 0xfffff000 + i;
    stop_after = 5;
    call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, AT);
    while (regs.rip == 0x100 && rounds++ < 5)
        call((uint32_t)regs.rax, (uint32_t)regs.rbx, (uint32_t)regs.rcx);
    CU_ASSERT_EQUAL(rounds, 2); // once preempted, once because the window was full
    CU_ASSERT_EQUAL(regs.rax, 39);
    CU_ASSERT_EQUAL(nr_got, 39);
    for (unsigned i = 0; i < 39; i++)
        CU_ASSERT_EQUAL(got[i], 0xfffff000 + i);
    CU_ASSERT(reserved.domid == 0x7ff0 && reserved.mem_flags == 0x10);
    memory[1] = 0;
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, AT), 0);
    memory[1] = 0xffffffff; // they go on where there is no memory
    memory[0] = AT + 0xfe0;
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, AT), 0);
    kit_domain_free(d);
}

static void test_bad_addresses(void)
{
    static const uint32_t nowhere[] = {0x9000, AT + 0xffc, 0xfffffff8, 0xffffffff};

    begin();
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, nowhere[i]),
                        (uint32_t)-EFAULT);
        CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_memory_map, nowhere[i]),
                        (uint32_t)-EFAULT);
        CU_ASSERT_EQUAL(call(__HYPERVISOR_sched_op, SCHEDOP_poll, nowhere[i]), (uint32_t)-EFAULT);
        CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, nowhere[i]), 0);
    }
    // Past the window, and from the guest's memory into it.
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, AT), (uint32_t)-EFAULT);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, XENMEM_current_reservation, AT),
                    (uint32_t)-EFAULT);
    kit_domain_free(d);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"nothing to widen", test_simple},
        {"structures", test_structures},
        {"lists of extents", test_extents},
        {"bad addresses", test_bad_addresses},
        CU_TEST_INFO_NULL,
    };

    return run_suite("hypercalls of 32-bit code", tests);
}
