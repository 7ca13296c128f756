// A second vCPU: brought up, put to work, interrupted, moved, taken down; contexts that are
// refused.
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"

#include "tests/guests/common/guest.h"

#define SECOND 1

static struct vcpu_guest_context context;

static void need_second(void)
{
    if (vcpu_count() < 2)
        SKIP("needs two vCPUs");
}

static void need_second_running(void)
{
    need_second();
    REQUIRE_OK(vcpu_start(SECOND));
    REQUIRE(vcpu_wait_running(SECOND, 2 * NS_PER_S));
    REQUIRE(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
}

// Refused contexts come first: once a good one is in, initialise says EEXIST whatever it is given.
static long initialise_with(void (*spoil)(void))
{
    vcpu_context_fill(&context, SECOND);
    spoil();
    return vcpu_op(VCPUOP_initialise, SECOND, &context);
}

static void bad_cr3_range(void)
{
    context.ctrlreg[3] = xen_pfn_to_cr3(0x000000ffffffffffUL);
}

static void bad_cr3_writable(void)
{
    context.ctrlreg[3] = xen_pfn_to_cr3(mfn_of(page_alloc()));
}

static void bad_cr3_lower_level(void)
{
    context.ctrlreg[3] = xen_pfn_to_cr3(mfn_of(window_l1()));
}

static void bad_user_cr3(void)
{
    context.ctrlreg[1] = xen_pfn_to_cr3(mfn_of(window_l1()));
}

static void bad_gdt_frame(void)
{
    context.gdt_ents = 512;
    context.gdt_frames[0] = kernel_root();
}

static void bad_gdt_count(void)
{
    context.gdt_ents = 8192;
}

static void bad_ldt_count(void)
{
    context.ldt_base = (uint64_t)page_alloc();
    context.ldt_ents = 8193;
}

static void bad_ldt_alignment(void)
{
    context.ldt_base = (uint64_t)page_alloc() + 8;
    context.ldt_ents = 1;
}

static void bad_ldt_address(void)
{
    context.ldt_base = HYPERVISOR_VIRT_START;
    context.ldt_ents = 1;
}

static void bad_event_callback(void)
{
    context.event_callback_eip = 0x8000000000000000;
}

static void bad_syscall_callback(void)
{
    context.syscall_callback_eip = 0x8000000000000000;
}

static void bad_gs_base(void)
{
    context.gs_base_kernel = 0x8000000000000000;
}

static void bad_fs_base(void)
{
    context.fs_base = 0x8000000000000000;
}

TEST(smp_initialise_refused)
{
    need_second();
    CHECK_EQ(vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
    CHECK_ERR(vcpu_op(VCPUOP_up, SECOND, NULL), EINVAL);
    CHECK_EFAULT_ALL(vcpu_op(VCPUOP_initialise, SECOND, bad));
    CHECK_ERR(vcpu_op(VCPUOP_initialise, 0, &context), EEXIST);
    CHECK_ERR(vcpu_op(VCPUOP_initialise, 4096, &context), ENOENT);
    CHECK_ERR(initialise_with(bad_cr3_range), EINVAL);
    CHECK_ERR(initialise_with(bad_cr3_writable), EINVAL);
    CHECK_ERR(initialise_with(bad_cr3_lower_level), EINVAL);
    CHECK_ERR(initialise_with(bad_user_cr3), EINVAL);
    CHECK_ERR(initialise_with(bad_gdt_frame), EINVAL);
    CHECK_ERR(initialise_with(bad_gdt_count), EINVAL);
    CHECK_ERR(initialise_with(bad_ldt_count), EINVAL);
    CHECK_ERR(initialise_with(bad_ldt_alignment), EINVAL);
    CHECK_ERR(initialise_with(bad_ldt_address), EINVAL);
    CHECK_ERR(initialise_with(bad_event_callback), EINVAL);
    CHECK_ERR(initialise_with(bad_syscall_callback), EINVAL);
    CHECK_ERR(initialise_with(bad_gs_base), EINVAL);
    CHECK_ERR(initialise_with(bad_fs_base), EINVAL);
    CHECK_EQ(vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
}

static volatile unsigned worked_on;

static void note_vcpu(void *arg)
{
    worked_on = this_vcpu()->id;
    *(volatile unsigned *)arg = 42;
}

TEST(smp_up_work_down)
{
    volatile unsigned result = 0;

    need_second_running();
    CHECK_EQ(vcpu_op(VCPUOP_is_up, SECOND, NULL), 1);
    CHECK_ERR(vcpu_op(VCPUOP_initialise, SECOND, &context), EEXIST);
    worked_on = 99;
    vcpu_run(SECOND, note_vcpu, (void *)&result);
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK_EQ(result, 42);
    CHECK_EQ(worked_on, SECOND);
    CHECK(vcpu_stop(SECOND));
    CHECK_EQ(vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
    CHECK_OK(vcpu_op(VCPUOP_down, SECOND, NULL)); // it is down already
    // And up again: it goes on after the call that took it down.
    need_second_running();
    result = 0;
    vcpu_run(SECOND, note_vcpu, (void *)&result);
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK_EQ(result, 42);
    CHECK(vcpu_stop(SECOND));
}

static void spin_long(void *arg)
{
    while (!*(volatile bool *)arg)
        __asm__ volatile("pause");
}

TEST(smp_down_from_outside)
{
    volatile bool stop = false;

    need_second_running();
    vcpu_run(SECOND, spin_long, (void *)&stop);
    CHECK_OK(vcpu_op(VCPUOP_down, SECOND, NULL));
    CHECK_EQ(vcpu_op(VCPUOP_is_up, SECOND, NULL), 0);
    stop = true;
    time_spin(5 * NS_PER_MS);
    CHECK(!vcpu_wait_idle(SECOND, 20 * NS_PER_MS)); // it does not run
    CHECK_OK(vcpu_op(VCPUOP_up, SECOND, NULL));
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK(vcpu_stop(SECOND));
}

TEST(smp_ipi)
{
    volatile bool stop = false;
    uint64_t deadline;
    unsigned seen;
    long port;

    need_second_running();
    port = port_bind_ipi(SECOND);
    REQUIRE(port > 0);
    seen = event_count[port];
    CHECK_OK(port_send((unsigned)port));
    deadline = time_now() + 2 * NS_PER_S;
    while (event_count[port] == seen && time_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
    CHECK_EQ(event_count[port], seen + 1);
    CHECK_EQ(event_vcpu[port], SECOND);
    // Also one that runs without ever entering the hypervisor by itself.
    vcpu_run(SECOND, spin_long, (void *)&stop);
    time_spin(2 * NS_PER_MS);
    CHECK_OK(port_send((unsigned)port));
    deadline = time_now() + 2 * NS_PER_S;
    while (event_count[port] == seen + 1 && time_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
    CHECK_EQ(event_count[port], seen + 2);
    stop = true;
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK_OK(port_close((unsigned)port));
    CHECK(vcpu_stop(SECOND));
}

static void block_once(void *arg)
{
    events_block();
    *(volatile unsigned *)arg += 1;
}

TEST(smp_wake_blocked)
{
    volatile unsigned woken = 0;
    struct vcpu_runstate_info state;
    uint64_t deadline = time_now() + 2 * NS_PER_S;
    long port;

    need_second_running();
    port = port_bind_ipi(SECOND);
    REQUIRE(port > 0);
    vcpu_run(SECOND, block_once, (void *)&woken);
    do {
        hc(sched_op, SCHEDOP_yield, 0);
        REQUIRE_OK(vcpu_op(VCPUOP_get_runstate_info, SECOND, &state));
    } while (state.state != RUNSTATE_blocked && time_now() < deadline);
    CHECK_EQ(state.state, RUNSTATE_blocked);
    CHECK_EQ(woken, 0);
    CHECK_OK(port_send((unsigned)port));
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK_EQ(woken, 1);
    CHECK_OK(port_close((unsigned)port));
    CHECK(vcpu_stop(SECOND));
    deadline = time_now() + NS_PER_S;
    do {
        REQUIRE_OK(vcpu_op(VCPUOP_get_runstate_info, SECOND, &state));
    } while (state.state != RUNSTATE_offline && time_now() < deadline); // it is on its way
    CHECK_EQ(state.state, RUNSTATE_offline);
}

// An interdomain port follows bind_vcpu.
TEST(smp_port_moves)
{
    struct evtchn_bind_vcpu op = {.vcpu = SECOND};
    unsigned a, b, seen;
    uint64_t deadline;

    need_second_running();
    port_pair(&a, &b);
    op.port = b;
    CHECK_OK(hc(event_channel_op, EVTCHNOP_bind_vcpu, &op));
    seen = event_count[b];
    CHECK_OK(port_send(a));
    deadline = time_now() + 2 * NS_PER_S;
    while (event_count[b] == seen && time_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
    CHECK_EQ(event_vcpu[b], SECOND);
    CHECK_OK(port_close(a));
    CHECK_OK(port_close(b));
    CHECK(vcpu_stop(SECOND));
}

static void read_clock(void *arg)
{
    *(volatile uint64_t *)arg = time_now();
}

TEST(smp_clocks_agree)
{
    volatile uint64_t there = 0;
    uint64_t before, after;

    need_second_running();
    before = time_now();
    vcpu_run(SECOND, read_clock, (void *)&there);
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    after = time_now();
    // The hypervisor synchronises the clocks of its CPUs only now and then.
    CHECK(there + 20 * NS_PER_MS >= before && there <= after + 20 * NS_PER_MS);
    CHECK(vcpu_stop(SECOND));
}

// A page that another vCPU has just lost is lost there too once the flush is done.
static volatile int touched;

static void touch_window(void *arg)
{
    touched = FAULT_OF(*(volatile uint8_t *)arg);
}

TEST(smp_tlb_flush_reaches_all)
{
    uint64_t mask = 1UL << SECOND;
    void *va = (void *)window_va(0);
    uint64_t frame = mfn_of(page_alloc());

    need_second_running();
    for (unsigned how = 0; how < 3; how++) {
        CHECK_OK(window_map(0, frame, PTE_RW));
        touched = 99;
        vcpu_run(SECOND, touch_window, va);
        CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
        CHECK_EQ(touched, NO_FAULT);
        if (how == 0)
            CHECK_OK(va_map(window_va(0), 0, UVMF_INVLPG | UVMF_ALL));
        else
            CHECK_OK(va_map(window_va(0), 0, UVMF_NONE));
        if (how == 1)
            CHECK_OK(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0));
        else if (how == 2)
            CHECK_OK(mmuext(MMUEXT_INVLPG_MULTI, window_va(0), (uint64_t)&mask));
        vcpu_run(SECOND, touch_window, va);
        CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
        CHECK_EQ(touched, VEC_PF);
    }
    CHECK(vcpu_stop(SECOND));
}

static volatile bool poll_done;

static void poll_forever(void *arg)
{
    evtchn_port_t port = *(volatile unsigned *)arg;
    struct sched_poll poll = {.nr_ports = 1};

    poll.ports = &port;
    events_disable();
    hc(sched_op, SCHEDOP_poll, &poll);
    events_enable();
    poll_done = true;
}

// Poll without a time limit on one vCPU, the event sent by the other: how spin locks wait.
TEST(smp_poll_and_kick)
{
    volatile unsigned port_number;
    long port;

    need_second_running();
    port = port_bind_ipi(SECOND);
    REQUIRE(port > 0);
    port_number = (unsigned)port;
    port_mask((unsigned)port);
    poll_done = false;
    vcpu_run(SECOND, poll_forever, (void *)&port_number);
    time_spin(5 * NS_PER_MS);
    hc(sched_op, SCHEDOP_yield, 0);
    CHECK(!poll_done);
    CHECK_OK(port_send((unsigned)port));
    CHECK(vcpu_wait_idle(SECOND, 2 * NS_PER_S));
    CHECK(poll_done);
    port_clear_pending((unsigned)port);
    port_clear_mask((unsigned)port);
    CHECK_OK(port_close((unsigned)port));
    CHECK(vcpu_stop(SECOND));
}

// The LDT

#define THIRD        2
#define DATA_SEGMENT 0x00cff3000000ffffUL
#define LDT_SELECTOR (1 << 3 | 7)

static void read_fs(void *arg)
{
    uint16_t fs;

    __asm__ volatile("mov %%fs, %0" : "=r"(fs));
    *(volatile uint16_t *)arg = fs;
}

static void drop_ldt(void *arg)
{
    __asm__ volatile("mov %0, %%fs" : : "r"(0));
    *(volatile long *)arg = mmuext(MMUEXT_SET_LDT, 0, 0);
}

// No page of an LDT is mapped for the processor when a vCPU is first switched to, and its context
// has a selector that lies in one: the switch itself has to come by the page.
TEST(smp_switch_maps_ldt)
{
    uint64_t *ldt = page_alloc();
    volatile uint16_t fs = 0;
    volatile long dropped = 1;

    if (vcpu_count() < 3)
        SKIP("needs three vCPUs");
    ldt[LDT_SELECTOR >> 3] = DATA_SEGMENT;
    REQUIRE_OK(page_protect(ldt, false));
    vcpu_context_fill(&context, THIRD);
    context.ldt_base = (uint64_t)ldt;
    context.ldt_ents = 512;
    context.user_regs.fs = LDT_SELECTOR;
    REQUIRE_OK(vcpu_op(VCPUOP_initialise, THIRD, &context));
    REQUIRE_OK(vcpu_start(THIRD));
    REQUIRE(vcpu_wait_running(THIRD, 2 * NS_PER_S));
    vcpu_run(THIRD, read_fs, (void *)&fs);
    CHECK(vcpu_wait_idle(THIRD, 2 * NS_PER_S));
    CHECK_EQ(fs, LDT_SELECTOR);
    CHECK_REFUSED(page_protect(ldt, true)); // it is in use
    vcpu_run(THIRD, drop_ldt, (void *)&dropped);
    CHECK(vcpu_wait_idle(THIRD, 2 * NS_PER_S));
    CHECK_OK(dropped);
    CHECK_OK(page_protect(ldt, true));
    CHECK(vcpu_stop(THIRD));
}

// FPU and vector state of two vCPUs that share a CPU

#define FPU_ROUNDS 200

static volatile unsigned fpu_errors;

static void fpu_churn(void *arg)
{
    uint64_t mine = (uint64_t)arg, back;
    uint16_t control = (uint16_t)(0x37f ^ (mine & 1) << 10), control_back;

    for (unsigned i = 0; i < FPU_ROUNDS; i++) {
        __asm__ volatile("movq %0, %%xmm3; fninit; fldcw %1" : : "r"(mine + i), "m"(control));
        hc(sched_op, 0, 0);
        __asm__ volatile("movq %%xmm3, %0; fnstcw %1" : "=r"(back), "=m"(control_back));
        fpu_errors += back != mine + i || control_back != control;
    }
}

TEST(smp_fpu_state_is_each_vcpus_own)
{
    need_second_running();
    fpu_errors = 0;
    vcpu_run(SECOND, fpu_churn, (void *)0x1111000000000001);
    fpu_churn((void *)0x2222000000000000);
    CHECK(vcpu_wait_idle(SECOND, 5 * NS_PER_S));
    CHECK_EQ(fpu_errors, 0);
    CHECK(vcpu_stop(SECOND));
}

// Moves the second vCPU's vcpu_info for good, so it comes last.
TEST(smp_zz_register_vcpu_info)
{
    uint8_t *page = page_alloc();
    struct vcpu_register_vcpu_info reg = {.mfn = mfn_of(page), .offset = 128};
    unsigned seen;
    uint64_t deadline;
    long port;

    need_second();
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_info, SECOND, &reg));
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, SECOND, &reg), EINVAL); // once only
    pool_keep();
    vcpu_info_moved(SECOND, (struct vcpu_info *)(page + 128));
    need_second_running();
    port = port_bind_ipi(SECOND);
    REQUIRE(port > 0);
    seen = event_count[port];
    CHECK_OK(port_send((unsigned)port));
    deadline = time_now() + 2 * NS_PER_S;
    while (event_count[port] == seen && time_now() < deadline)
        hc(sched_op, SCHEDOP_yield, 0);
    CHECK(event_count[port] != seen);
    CHECK(vcpu_info_of(SECOND)->time.tsc_to_system_mul != 0);
    CHECK_OK(port_close((unsigned)port));
    CHECK(vcpu_stop(SECOND));
}
