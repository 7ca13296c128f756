// Calls between CPUs.
//
// One call is under way at a time (call_lock). Its maker marks the targets in call_pending,
// interrupts them and waits for the mask to drain; while it waits, for the lock or the mask, it
// serves calls itself. A target runs the function from its interrupt, or from a loop in which it
// waits for something.
#include "cpu/smp.h"

#include "cpu/apic.h"
#include "cpu/asm.h"
#include "cpu/irq.h"

static spinlock_t call_lock;
static struct {
    void (*fn)(void *);
    void *arg;
} call;
static volatile cpumask_t call_pending;

void smp_serve(void)
{
    cpumask_t self = cpumask_of(this_cpu());

    if (!(call_pending & self))
        return;
    call.fn(call.arg);
    __atomic_fetch_and(&call_pending, ~self, __ATOMIC_SEQ_CST);
}

void smp_call(cpumask_t mask, void (*fn)(void *), void *arg)
{
    cpumask_t self = cpumask_of(this_cpu());
    cpumask_t others = mask & cpus_online & ~self;
    unsigned cpu;

    if (others) {
        spin_lock(&call_lock);
        call.fn = fn;
        call.arg = arg;
        __atomic_store_n(&call_pending, others, __ATOMIC_SEQ_CST);
        for_each_cpu (cpu, others)
            apic_send_ipi(cpu, VECTOR_CALL);
    }
    if (mask & self)
        fn(arg);
    if (others) {
        while (call_pending)
            cpu_relax();
        spin_unlock(&call_lock);
    }
}

void smp_kick(unsigned cpu)
{
    apic_send_ipi(cpu, VECTOR_KICK);
}

void smp_init(void)
{
    irq_set_direct(VECTOR_CALL, smp_serve);
    irq_set_direct(VECTOR_KICK, NULL); // its arrival is all: the way back looks for work
}
