// The time-stamp counter that a domain is given (XEN_DOMCTL_settscinfo), which counts incarnations
// on.
#include "pv-abi/sched.h"

#include "tests/guests/common/domu.h"
#include "tests/guests/common/guest.h"

#define KHZ     1000000u // 1 GHz, which the processor's is not
#define ELAPSED (100 * NS_PER_MS)

// RDTSC twice, and its clock's scale, to its data page; then sched_op(shutdown, poweroff).
extern const uint8_t guest_tsc_code[], guest_tsc_code_end[];
__asm__(".pushsection .rodata\n"
        "guest_tsc_code:\n"
        "    mov $0x15000, %ebx\n"
        "    rdtsc\n"
        "    mov %eax, (%rbx)\n"
        "    mov %edx, 4(%rbx)\n"
        "    mov $0x10000, %ecx\n"
        "1:  loop 1b\n"
        "    rdtsc\n"
        "    mov %eax, 8(%rbx)\n"
        "    mov %edx, 12(%rbx)\n"
        "    movl $0, 16(%rbx)\n"
        "    mov $2, %edi\n"
        "    lea 16(%rbx), %rsi\n"
        "    mov $29, %eax\n"
        "    syscall\n"
        "    ud2\n"
        "guest_tsc_code_end:\n"
        ".popsection");
_Static_assert(DOMU_BASE + DOMU_DATA * 4096 == 0x15000, "the code above knows where its data lie");

static struct domu domu;

static long set(unsigned mode, uint32_t khz, uint64_t elapsed)
{
    memset(&domu_op, 0, sizeof(domu_op));
    domu_op.u.tsc_info.tsc_mode = mode;
    domu_op.u.tsc_info.gtsc_khz = khz;
    domu_op.u.tsc_info.elapsed_nsec = elapsed;
    domu_op.u.tsc_info.incarnation = 3;
    return domu_domctl(XEN_DOMCTL_settscinfo, domu.id);
}

static void begin(void)
{
    domu_destroy(&domu);
    domu_create(&domu);
    domu_load(&domu, guest_tsc_code, (unsigned)(guest_tsc_code_end - guest_tsc_code));
}

static void run(uint64_t tsc[2])
{
    domu_start(&domu);
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_poweroff);
    REQUIRE_OK(domu_map(&domu, 0, DOMU_DATA, PTE_RO));
    memcpy(tsc, (void *)window_va(0), 16);
    CHECK_OK(window_unmap(0));
    CHECK(domu_destroy(&domu));
}

TEST(guest_tsc_emulated)
{
    uint64_t tsc[2], start = ELAPSED / 1000000 * KHZ;

    begin();
    CHECK_OK(set(1, KHZ, ELAPSED));
    CHECK_OK(domu_domctl(XEN_DOMCTL_gettscinfo, domu.id));
    CHECK_EQ(domu_op.u.tsc_info.tsc_mode, 1);
    CHECK_EQ(domu_op.u.tsc_info.gtsc_khz, KHZ);
    CHECK_EQ(domu_op.u.tsc_info.incarnation, 4);
    CHECK(domu_op.u.tsc_info.elapsed_nsec - ELAPSED < 10 * NS_PER_S);
    run(tsc);
    CHECK(tsc[0] >= start && tsc[0] < start + 10ull * KHZ * 1000);
    CHECK(tsc[1] > tsc[0] && tsc[1] < tsc[0] + 2ull * KHZ * 1000);
}

TEST(guest_tsc_native)
{
    uint64_t tsc[2];

    begin();
    CHECK_OK(set(2, 0, 0));
    run(tsc);
    CHECK(tsc[1] > tsc[0] && tsc[1] < __builtin_ia32_rdtsc());
}

TEST(guest_tsc_refused)
{
    begin();
    CHECK_ERR(set(99, 0, 0), EINVAL);
    CHECK(domu_destroy(&domu));
}
