// Hypercall dispatch, continuation and multicall.
//
// sources: hypervisor/core/hypercall.c hypervisor/core/multicall.c tests/unit/fake/platform.c
// sources: tests/unit/fake/hypercalls.c
#include <CUnit/Basic.h>

#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "lib/errno.h"
#include "pv-abi/async.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/multicall.h"
#include "tests/suite.h"
#include "tests/unit/fake/platform.h"

// Handlers
// ------------------------------------------------------------------------------------------

static unsigned steps_left; // how often console_io wants to be continued

long do_mmuext_op(uint64_t ops, unsigned n, uint64_t done, unsigned dom)
{
    return (long)(ops * 1000 + n * 100 + done * 10 + dom);
}

long do_set_debugreg(unsigned reg, uint64_t value)
{
    return reg ? -EINVAL : (long)value;
}

long do_iret(void)
{
    struct cpu_user_regs *regs = &cpu_info()->regs;

    regs->rax = 0x1234;
    regs->rip = 0x5678;
    return (long)regs->rax;
}

long do_console_io(unsigned cmd, unsigned count, uint64_t buffer)
{
    if (steps_left) {
        steps_left--;
        return hypercall_continue(__HYPERVISOR_console_io, 3, (uint64_t)cmd, (uint64_t)count - 1,
                                  buffer + 1);
    }
    return (long)buffer;
}

// A guest
// ---------------------------------------------------------------------------------------------

static struct vcpu *v;

static void start(void)
{
    fake_reset();
    v = fake_domain(1, 1, false)->vcpus[0];
    fake_run(v);
    steps_left = 0;
}

static void finish(void)
{
    struct domain *d = v->domain;

    fake_domain_remove(d);
    fake_domain_free(d);
}

static long call(unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct cpu_user_regs *regs = &cpu_info()->regs;

    *regs = (struct cpu_user_regs){
        .rax = number, .rdi = a, .rsi = b, .rdx = c, .r10 = d, .rip = 0x1002};
    hypercall_from_guest(regs);
    return (long)regs->rax;
}

// Executes the call again as long as its registers point back at the instruction, as the guest
// would.
static long call_to_the_end(unsigned number, uint64_t a, uint64_t b, uint64_t c, unsigned *times)
{
    struct cpu_user_regs *regs = &cpu_info()->regs;

    call(number, a, b, c, 0);
    for (*times = 0; regs->rip == 0x1000; ++*times) {
        regs->rip = 0x1002;
        hypercall_from_guest(regs);
    }
    return (long)regs->rax;
}

static void test_dispatch(void)
{
    start();
    CU_ASSERT_EQUAL(call(__HYPERVISOR_mmuext_op, 4, 3, 2, 1), 4321);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_set_debugreg, 0, 99, 0, 0), 99);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_set_debugreg, 1, 99, 0, 0), -EINVAL);
    // 32 bits of an int argument, and of the number, are looked at.
    CU_ASSERT_EQUAL(call(__HYPERVISOR_set_debugreg, 1ull << 32, 99, 0, 0), 99);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, 0, 0, 0, 0), -EPERM);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_xsm_op, 0, 0, 0, 0), -ENOSYS);
    CU_ASSERT_EQUAL(call(11, 0, 0, 0, 0), -ENOSYS);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_xenoprof_op, 0, 0, 0, 0), -ENOSYS);
    for (unsigned n = 43; n < 1000; n++)
        if (n != __HYPERVISOR_async_op)
            CU_ASSERT_EQUAL(call(n, 0, 0, 0, 0), -ENOSYS);
    CU_ASSERT_EQUAL(call(UINT32_MAX, 0, 0, 0, 0), -ENOSYS);
    finish();
}

static void test_kinds(void)
{
    struct domain_ops hvm = {.name = "fake HVM", .kind = GUEST_HVM};

    start();
    v->domain->ops = &hvm;
    CU_ASSERT_EQUAL(call(__HYPERVISOR_set_debugreg, 0, 99, 0, 0), -ENOSYS);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_mmuext_op, 4, 3, 2, 1), -ENOSYS);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_memory_op, 0, 0, 0, 0), -EPERM); // it got there
    steps_left = 1;
    call(__HYPERVISOR_console_io, 0, 1, 2, 0);
    CU_ASSERT_EQUAL(cpu_info()->regs.rip, 0x1002 - 3); // VMCALL is a byte longer
    finish();
}

static void test_iret(void)
{
    start();
    CU_ASSERT_EQUAL(call(__HYPERVISOR_iret, 0, 0, 0, 0), 0x1234);
    CU_ASSERT_EQUAL(cpu_info()->regs.rip, 0x5678);
    finish();
}

static void test_continuation(void)
{
    struct cpu_user_regs *regs = &cpu_info()->regs;
    unsigned times;

    start();
    steps_left = 1;
    call(__HYPERVISOR_console_io, 7, 20, 30, 0);
    CU_ASSERT_EQUAL(regs->rip, 0x1000);
    CU_ASSERT_EQUAL(regs->rax, __HYPERVISOR_console_io);
    CU_ASSERT_EQUAL(regs->rdi, 7);
    CU_ASSERT_EQUAL(regs->rsi, 19);
    CU_ASSERT_EQUAL(regs->rdx, 31);
    steps_left = 5;
    CU_ASSERT_EQUAL(call_to_the_end(__HYPERVISOR_console_io, 7, 20, 30, &times), 35);
    CU_ASSERT_EQUAL(times, 5);
    finish();
}

static void test_multicall(void)
{
    struct multicall_entry m[5] = {
        {.op = __HYPERVISOR_mmuext_op, .args = {1, 2, 3, 4}},
        {.op = __HYPERVISOR_set_debugreg, .args = {1}},
        {.op = 1ull << 32 | __HYPERVISOR_set_debugreg, .args = {0, 5}},
        {.op = __HYPERVISOR_multicall, .args = {0, 0}},
        {.op = __HYPERVISOR_set_debugreg, .args = {0, 5}},
    };
    const long results[] = {1234, -EINVAL, -ENOSYS, -EINVAL, 5};

    start();
    CU_ASSERT_EQUAL(call(__HYPERVISOR_multicall, guest_address(m), 5, 0, 0), 0);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL((long)m[i].result, results[i]);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_multicall, 0, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(call(__HYPERVISOR_multicall, FAKE_FAULT_ADDRESS, 1, 0, 0), -EFAULT);
    CU_ASSERT_PTR_NULL(v->multicall);
    finish();
}

// Whatever interrupts it, the batch ends with the same results.
static void test_multicall_preempted(void)
{
    for (unsigned every = 1; every < 6; every++)
        for (unsigned steps = 0; steps < 5; steps++) {
            struct multicall_entry m[6];
            unsigned times;

            start();
            fake_preempt_every = every;
            steps_left = steps;
            for (unsigned i = 0; i < 6; i++)
                m[i] = (struct multicall_entry){.op = i == 3 ? __HYPERVISOR_console_io
                                                             : __HYPERVISOR_set_debugreg,
                                                .args = {0, 40 + i, 100}};
            CU_ASSERT_EQUAL(call_to_the_end(__HYPERVISOR_multicall, guest_address(m), 6, 0, &times),
                            0);
            for (unsigned i = 0; i < 6; i++)
                CU_ASSERT_EQUAL(m[i].result, i == 3 ? 100 + steps : 40 + i);
            CU_ASSERT(times >= steps);
            finish();
        }
}

static void test_multicall_iret(void)
{
    struct multicall_entry m[2] = {{.op = __HYPERVISOR_iret, .result = 77},
                                   {.op = __HYPERVISOR_set_debugreg, .result = 77}};

    start();
    CU_ASSERT_EQUAL(call(__HYPERVISOR_multicall, guest_address(m), 2, 0, 0), 0x1234);
    CU_ASSERT_EQUAL(m[0].result, 77);
    CU_ASSERT_EQUAL(m[1].result, 77);
    finish();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"dispatch", test_dispatch},
        {"guest kinds", test_kinds},
        {"iret", test_iret},
        {"continuation", test_continuation},
        {"multicall", test_multicall},
        {"multicall, preempted", test_multicall_preempted},
        {"multicall with iret", test_multicall_iret},
        CU_TEST_INFO_NULL,
    };

    return run_suite("hypercalls", tests);
}
