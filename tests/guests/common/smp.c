// Secondary vCPUs: bring one up, let it run one function at a time, take it down.
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"
#include "tests/guests/common/guest.h"

static struct vcpu_guest_context context;
static void (*volatile work[MAX_TEST_VCPUS])(void *);
static void *volatile work_arg[MAX_TEST_VCPUS];
static volatile bool running[MAX_TEST_VCPUS];

void secondary_main(unsigned vcpu);

void vcpu_context_fill(struct vcpu_guest_context *c, unsigned vcpu)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel; // it stays offline until VCPUOP_up
    c->user_regs.rip = (uint64_t)secondary_start;
    c->user_regs.rsp = vcpu_main_stack(vcpu);
    c->user_regs.rdi = vcpu;
    c->user_regs.rflags = RFLAGS_IF | 2;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = vcpu_entry_stack(vcpu);
    c->ctrlreg[3] = xen_pfn_to_cr3(kernel_root());
    c->ctrlreg[1] = xen_pfn_to_cr3(user_root());
    c->event_callback_eip = (uint64_t)entry_event;
    c->failsafe_callback_eip = (uint64_t)entry_failsafe;
    c->syscall_callback_eip = (uint64_t)entry_syscall;
}

long vcpu_op(unsigned cmd, unsigned vcpu, void *arg)
{
    return hc(vcpu_op, cmd, vcpu, arg);
}

long vcpu_start(unsigned vcpu)
{
    long error;

    running[vcpu] = false;
    vcpu_block(vcpu)->id = vcpu;
    vcpu_context_fill(&context, vcpu);
    error = vcpu_op(VCPUOP_initialise, vcpu, &context);
    if (error && error != -XEN_EEXIST)
        return error;
    if (error == -XEN_EEXIST) // initialised before: it goes on in secondary_main's loop
        error = 0;
    error = vcpu_op(VCPUOP_up, vcpu, NULL);
    return error;
}

bool vcpu_wait_running(unsigned vcpu, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while (!running[vcpu]) {
        if (time_now() > deadline)
            return false;
        hc(sched_op, SCHEDOP_yield, 0);
    }
    return true;
}

void vcpu_run(unsigned vcpu, void (*function)(void *), void *arg)
{
    work_arg[vcpu] = arg;
    __atomic_store_n(&work[vcpu], function, __ATOMIC_SEQ_CST);
}

bool vcpu_wait_idle(unsigned vcpu, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while (work[vcpu]) {
        if (time_now() > deadline)
            return false;
        hc(sched_op, SCHEDOP_yield, 0);
    }
    return true;
}

void vcpu_down(unsigned vcpu)
{
    vcpu_op(VCPUOP_down, vcpu, NULL);
}

static void go_down(void *arg)
{
    (void)arg;
    __atomic_store_n(&work[this_vcpu()->id], NULL, __ATOMIC_SEQ_CST);
    running[this_vcpu()->id] = false;
    vcpu_down(this_vcpu()->id);
}

bool vcpu_stop(unsigned vcpu)
{
    uint64_t deadline = time_now() + 2 * NS_PER_S;

    vcpu_run(vcpu, go_down, NULL);
    while (vcpu_op(VCPUOP_is_up, vcpu, NULL) == 1) {
        if (time_now() > deadline)
            return false;
        hc(sched_op, SCHEDOP_yield, 0);
    }
    return true;
}

void secondary_main(unsigned vcpu)
{
    trap_restore();
    events_enable();
    for (;;) {
        void (*function)(void *) = work[vcpu];

        running[vcpu] = true;
        if (!function) {
            hc(sched_op, SCHEDOP_yield, 0);
            continue;
        }
        function(work_arg[vcpu]);
        __atomic_store_n(&work[vcpu], NULL, __ATOMIC_SEQ_CST);
    }
}
