// The log of a domain's dirty frames: what it writes is in it, what it does not write is not.
#include "pv-abi/sched.h"

#include "tests/guests/common/domu.h"
#include "tests/guests/common/guest.h"

// Counts in its data page for ever; writes to its spare page once a stop is asked for at data + 8.
extern const uint8_t log_dirty_code[], log_dirty_code_end[];
__asm__(".pushsection .rodata\n"
        "log_dirty_code:\n"
        "    mov $0x15000, %ebx\n"
        "1:  incq (%rbx)\n"
        "    cmpq $0, 8(%rbx)\n"
        "    je 1b\n"
        "    movl $0x600d, 0x2000(%rbx)\n"
        "    movl $0, 16(%rbx)\n" // sched_op(shutdown, poweroff)
        "    mov $2, %edi\n"
        "    lea 16(%rbx), %rsi\n"
        "    mov $29, %eax\n"
        "    syscall\n"
        "    ud2\n"
        "log_dirty_code_end:\n"
        ".popsection");
// Stores into its L1 table's last entry before it has read anything there.
extern const uint8_t log_dirty_ptwr[], log_dirty_ptwr_end[];
__asm__(".pushsection .rodata\n"
        "log_dirty_ptwr:\n"
        "    mov $0x13ff8, %ebx\n"
        "    xor %eax, %eax\n"
        "    xchg %rax, (%rbx)\n"
        "    mov $0x15010, %esi\n"
        "    movl $0, (%rsi)\n" // sched_op(shutdown, poweroff)
        "    mov $2, %edi\n"
        "    mov $29, %eax\n"
        "    syscall\n"
        "    ud2\n"
        "log_dirty_ptwr_end:\n"
        ".popsection");
_Static_assert(DOMU_BASE + DOMU_L1 * 4096 == 0x13000, "the code above knows where its table lies");
_Static_assert(DOMU_BASE + DOMU_DATA * 4096 == 0x15000, "the code above knows where its data lie");
_Static_assert(DOMU_SPARE == DOMU_DATA + 2, "... and its spare page");

static struct domu domu;
static uint8_t bitmap[64];

static volatile uint64_t *data(void)
{
    return (volatile uint64_t *)window_va(0);
}

static long shadow_op(unsigned op, unsigned mode)
{
    memset(&domu_op, 0, sizeof(domu_op));
    memset(bitmap, 0xff, sizeof(bitmap));
    domu_op.u.shadow_op.op = op;
    domu_op.u.shadow_op.mode = mode;
    domu_op.u.shadow_op.dirty_bitmap = bitmap;
    domu_op.u.shadow_op.pages = DOMU_PAGES;
    return domu_domctl(XEN_DOMCTL_shadow_op, domu.id);
}

static bool dirty(unsigned page)
{
    return bitmap[0] >> page & 1;
}

static bool counts_on(void)
{
    uint64_t deadline = time_now() + 2 * NS_PER_S, count = data()[0];

    while (data()[0] == count && time_now() < deadline)
        events_sleep(NS_PER_MS);
    return data()[0] != count;
}

static void begin(void)
{
    domu_destroy(&domu);
    domu_create(&domu);
    domu_load(&domu, log_dirty_code, (unsigned)(log_dirty_code_end - log_dirty_code));
    REQUIRE_OK(domu_map(&domu, 0, DOMU_DATA, PTE_RW));
}

static void enable(void)
{
    long rc = shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY);

    if (rc == -XEN_EOPNOTSUPP && !on_vellum())
        SKIP("a hypervisor built without shadow page tables");
    REQUIRE_OK(rc);
}

static void start(void)
{
    enable();
    domu_start(&domu);
    CHECK(counts_on());
}

static void end(void)
{
    CHECK_OK(window_unmap(0));
    CHECK(domu_destroy(&domu));
}

TEST(log_dirty_what_is_written)
{
    begin();
    start();
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK_EQ(domu_op.u.shadow_op.pages, DOMU_PAGES);
    CHECK(dirty(DOMU_DATA));
    CHECK_EQ(bitmap[1], 0xff); // no more than was asked for
    CHECK(counts_on());
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK(dirty(DOMU_DATA));
    CHECK(!dirty(DOMU_CODE));
    CHECK(!dirty(DOMU_STACK));
    CHECK(!dirty(DOMU_SPARE));
    CHECK(domu_op.u.shadow_op.stats.dirty_count >= 1);
    data()[8 / 8] = 1;
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_poweroff);
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK(dirty(DOMU_SPARE));
    CHECK(!dirty(DOMU_CODE));
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK(!dirty(DOMU_DATA)); // nobody is left to write
    CHECK(!dirty(DOMU_SPARE));
    end();
}

TEST(log_dirty_peek_keeps)
{
    begin();
    start();
    CHECK_OK(domu_domctl(XEN_DOMCTL_pausedomain, domu.id));
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 0));
    CHECK(dirty(DOMU_DATA));
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK(dirty(DOMU_DATA));
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 0));
    CHECK(!dirty(DOMU_DATA));
    end();
}

TEST(log_dirty_off_and_on)
{
    begin();
    domu_start(&domu);
    CHECK(counts_on());
    for (unsigned i = 0; i < 3; i++) { // under a domain that runs
        enable();
        CHECK(counts_on());
        CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
        CHECK(dirty(DOMU_DATA));
        CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0));
        CHECK(counts_on());
    }
    end();
}

TEST(log_dirty_writes_for_others)
{
    begin();
    start();
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
    CHECK(!dirty(DOMU_STACK));
    REQUIRE_OK(domu_map(&domu, 1, DOMU_STACK, PTE_RW)); // as domain 0 may
    *(volatile uint64_t *)window_va(1) = 1;
    CHECK_OK(window_unmap(1));
    if (on_vellum()) { // real Xen counts on the tools to know what they wrote
        CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0));
        CHECK(dirty(DOMU_STACK));
    }
    end();
}

// The processor has seen no entry for the table's page, the guest's tables have one: the fault is
// one of rights, and the store is emulated.
TEST(log_dirty_table_write)
{
    domu_destroy(&domu);
    domu_create(&domu);
    domu_load(&domu, log_dirty_ptwr, (unsigned)(log_dirty_ptwr_end - log_dirty_ptwr));
    enable();
    domu_start(&domu);
    CHECK_EQ(domu_wait_shutdown(&domu), SHUTDOWN_poweroff);
    CHECK(domu_destroy(&domu));
}

TEST(log_dirty_refused)
{
    begin();
    enable();
    CHECK_REFUSED(shadow_op(99, 0));
    CHECK_ERR(shadow_op(XEN_DOMCTL_SHADOW_OP_ENABLE, XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY), EINVAL);
    domu_op.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN;
    domu_op.u.shadow_op.dirty_bitmap = (uint8_t *)8; // nothing is mapped there
    CHECK_ERR(domu_domctl(XEN_DOMCTL_shadow_op, domu.id), EFAULT);
    CHECK_OK(shadow_op(XEN_DOMCTL_SHADOW_OP_OFF, 0));
    CHECK_ERR(shadow_op(XEN_DOMCTL_SHADOW_OP_CLEAN, 0), EINVAL);
    CHECK_ERR(shadow_op(XEN_DOMCTL_SHADOW_OP_PEEK, 0), EINVAL);
    enable();
    end(); // with the log on
}
