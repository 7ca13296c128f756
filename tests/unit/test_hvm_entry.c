// The way into an HVM guest: what is injected, and when the guest is to be left again; and the
// start-up of processors against others who start them at the same moment.
//
// sources: hypervisor/hvm/entry.c
#include <string.h>

#include "core/sched.h"
#include "hvm/hvm.h"
#include "hvm/irq.h"
#include "tests/suite.h"

static struct hvm_domain d;
static struct hvm_vcpu v;
static int pending, injected, resets;
static bool pic, busy, window, can;
static enum hvm_event_type injected_type;
static void (*on_serve)(void);

// What entry.c asks of other rooms.
__thread struct cpu_info fake_cpu_info;

void smp_serve(void)
{
    on_serve();
}

void work_run(void)
{
}

void vcpu_kick(struct vcpu *who)
{
}

void vcpu_wake(struct vcpu *who)
{
}

void vcpu_sleep_nosync(struct vcpu *who)
{
}

bool ioreq_finish(struct hvm_vcpu *who)
{
    return true;
}

void hvm_access_answer(struct hvm_vcpu *who, uint64_t data)
{
}

void hvm_access_retire(struct hvm_vcpu *who)
{
}

void hvm_callback_update(struct domain *who)
{
}

bool hvm_pic_pending(const struct hvm_vcpu *who)
{
    return pic;
}

uint8_t hvm_pic_accept(struct hvm_vcpu *who)
{
    pic = false;
    return 0x20;
}

void hvm_reset(struct hvm_vcpu *who, uint32_t cs_selector)
{
    CU_ASSERT(!who->v.running);
    resets++;
}

void lapic_reset(struct hvm_vcpu *who)
{
}

int lapic_pending(const struct hvm_vcpu *who)
{
    return pending;
}

void lapic_accept(struct hvm_vcpu *who, uint8_t vector)
{
    CU_ASSERT_EQUAL(vector, pending);
    pending = -1;
}

void lapic_interrupt_once(struct hvm_vcpu *who, uint8_t vector)
{
    pending = vector;
}

static bool can_interrupt(const struct hvm_vcpu *who)
{
    return can;
}

static bool is_injecting(const struct hvm_vcpu *who)
{
    return busy;
}

static void want_window(struct hvm_vcpu *who, bool want)
{
    window = want;
}

static void inject(struct hvm_vcpu *who, enum hvm_event_type type, uint8_t vector, int64_t error)
{
    injected_type = type;
    injected = vector;
}

static const struct hvm_ops ops = {.can_interrupt = can_interrupt,
                                   .is_injecting = is_injecting,
                                   .want_window = want_window,
                                   .inject = inject};
const struct hvm_ops *hvm_ops = &ops;

static void start(void)
{
    memset(&d, 0, sizeof(d));
    memset(&v, 0, sizeof(v));
    v.v.domain = &d.d;
    pending = injected = -1;
    pic = busy = window = false;
    can = true;
    resets = 0;
}

static void test_order(void)
{
    start();
    hvm_prepare(&v);
    CU_ASSERT(injected < 0 && !window);
    pending = 0x40;
    pic = true;
    hvm_prepare(&v);
    CU_ASSERT(injected == 0x20 && pending == 0x40);
    hvm_prepare(&v);
    CU_ASSERT(injected == 0x40 && pending < 0);
    pending = 0x41;
    can = false;
    hvm_prepare(&v);
    CU_ASSERT(injected == 0x40 && window);
    can = busy = true;
    hvm_prepare(&v);
    CU_ASSERT(injected == 0x40 && window);
}

// An interrupt that waits behind an NMI is taken as soon as that is over.
static void test_nmi(void)
{
    start();
    v.nmi_pending = true;
    hvm_prepare(&v);
    CU_ASSERT(injected_type == HVM_EVENT_NMI && injected == 2 && !v.nmi_pending && !window);
    v.nmi_pending = true;
    pending = 0x40;
    hvm_prepare(&v);
    CU_ASSERT(injected_type == HVM_EVENT_NMI && pending == 0x40 && window);
}

// Another processor's start-up and INIT come while this one waits for the lock.
static void outrun(void)
{
    v.v.running = true;
    v.v.context_saved = false;
    spin_unlock(&d.d.lock);
}

static void test_start_up(void)
{
    start();
    v.v.pause_flags = VPF_DOWN;
    v.v.context_saved = true;
    hvm_send_startup(&v, 0x9a);
    CU_ASSERT(resets == 1 && !v.v.pause_flags && v.v.initialised);
    hvm_send_startup(&v, 0x9a); // it runs
    CU_ASSERT_EQUAL(resets, 1);
    v.v.pause_flags = VPF_DOWN;
    on_serve = outrun;
    spin_lock(&d.d.lock);
    hvm_send_startup(&v, 0x9a);
    CU_ASSERT_EQUAL(resets, 1);
    CU_ASSERT_EQUAL(v.v.pause_flags, VPF_DOWN);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        {"order", test_order}, {"NMI", test_nmi}, {"start-up", test_start_up}, CU_TEST_INFO_NULL};

    return run_suite("HVM entry", tests);
}
