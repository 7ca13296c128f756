// Every hypercall by number, with every command and every kind of bad argument.
#include "pv-abi/event_channel.h"
#include "pv-abi/hvm/hvm_op.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "tests/guests/hvm/hvm.h"

// What ends, stops or blinds the guest though it is right: not called here.
static bool is_spared(unsigned number, unsigned long command)
{
    switch (number) {
    case __HYPERVISOR_sched_op:
        return command == SCHEDOP_block || command == SCHEDOP_shutdown ||
               command == SCHEDOP_watchdog || command == SCHEDOP_poll ||
               command == SCHEDOP_shutdown_code;
    case __HYPERVISOR_vcpu_op:
        return command == VCPUOP_down || command == VCPUOP_register_vcpu_info;
    case __HYPERVISOR_event_channel_op:
        return command == EVTCHNOP_reset || command == EVTCHNOP_init_control ||
               command == EVTCHNOP_close;
    case __HYPERVISOR_console_io:
        return command == CONSOLEIO_write;
    case __HYPERVISOR_multicall: // writes results all over whatever is taken for a list
    case 6:                      // sched_op as it was before
        return true;
    default:
        return false;
    }
}

// Zeros, ones, nonsense, this domain's and domain 0's numbers over and over, and no memory.
#define ARGUMENTS 12
static unsigned long arguments[ARGUMENTS];

static void make_arguments(void)
{
    uint64_t state = option_number("seed=", 1);
    uint64_t *random;
    unsigned n = 0;

    arguments[n++] = 0;
    arguments[n++] = (unsigned long)page_alloc();
    arguments[n++] = (unsigned long)memset(page_alloc(), 0xff, PAGE_SIZE);
    random = page_alloc();
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        random[i] = random_next(&state);
    arguments[n++] = (unsigned long)random;
    random = page_alloc();
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
        random[i] = 0x7ff07ff07ff07ff0; // DOMID_SELF
    arguments[n++] = (unsigned long)random;
    arguments[n++] = (unsigned long)random + PAGE_SIZE - 4; // and on into ones
    memset(page_alloc(), 0xff, PAGE_SIZE);
    for (unsigned i = 0; i < BAD_POINTERS; i++)
        arguments[n++] = (unsigned long)bad_pointers[i];
}

static void call(unsigned number, unsigned long a, unsigned long b, unsigned long c)
{
    long result = hypercall(number, a, b, c, DOMID_SELF, 0);

    CHECK(result != -85 && result != -512); // what is meant for the hypervisor itself
}

static void attack(unsigned number)
{
    static const unsigned long counts[] = {1, ~0ul};

    for (unsigned long command = 0; command < 48; command++) {
        if (is_spared(number, command))
            continue;
        for (unsigned i = 0; i < ARGUMENTS; i++)
            for (unsigned k = 0; k < ARRAY_SIZE(counts); k++)
                call(number, command, arguments[i], counts[k]);
    }
    for (unsigned i = 0; i < ARGUMENTS; i++) // those that take a pointer first
        for (unsigned k = 0; k < ARRAY_SIZE(counts); k++)
            if (!is_spared(number, (uint32_t)arguments[i]))
                call(number, arguments[i], counts[k], counts[k]);
}

// After all of it the clock goes, a timer wakes, and hypercalls do what they should.
static void still_works(void)
{
    unsigned seen = event_count[timer_port];

    trap_restore();
    hc(set_timer_op, time_now() + NS_PER_MS);
    CHECK(event_wait(timer_port, seen, NS_PER_S));
    CHECK(hc(xen_version, 0) > 0x40000);
}

#define ATTACK(from, to)                      \
    TEST(hostile_calls_##from##_to_##to)      \
    {                                         \
        make_arguments();                     \
        for (unsigned n = from; n <= to; n++) \
            attack(n);                        \
        still_works();                        \
    }
// clang-format off
ATTACK(0, 11)
ATTACK(12, 23)
ATTACK(24, 31)
ATTACK(32, 33)
ATTACK(34, 41)
ATTACK(42, 63)
// clang-format on

TEST(hostile_multicall)
{
    make_arguments();
    for (unsigned i = 0; i < ARGUMENTS; i++)
        for (unsigned n = 0; n < 3; n++)
            hc(multicall, arguments[i], n);
    for (unsigned i = 0; i < BAD_POINTERS; i++)
        CHECK_ERR(hc(multicall, bad_pointers[i], ~0u), EFAULT);
    still_works();
}

// By the processor's own instruction, which the hypervisor has put behind each MOV of a number.
static long call_number(uint64_t number)
{
    bool intel = ((const uint8_t *)hypercall_page)[7] == 0xc1;
    long result = (long)number;

    if (intel)
        __asm__ volatile("vmcall" : "+a"(result) : : "memory");
    else
        __asm__ volatile("vmmcall" : "+a"(result) : : "memory");
    return result;
}

TEST(hostile_calls_no_such)
{
    static const uint64_t numbers[] = {64, 127, 0x7fffffff, 0x80000000, 0xffffffff, ~0ul};

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        CHECK_ERR(call_number(numbers[i]), ENOSYS);
}

// Calls that are about page tables, descriptors and traps which such a guest does not share.
TEST(hostile_calls_pv_only)
{
    static const uint8_t numbers[] = {0, 1, 2, 3, 4, 5, 8, 9, 10, 14, 22, 23, 25, 28, 30};

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        CHECK_ERR(hypercall(numbers[i], 0, 0, 0, DOMID_SELF, 0), ENOSYS);
}
