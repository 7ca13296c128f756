// Switching a CPU from one vCPU to another.
//
// There is one stack a CPU, none a vCPU: a vCPU that leaves takes only its registers along, so
// whoever switches has nothing left to do. A switch saves prev, makes next current, hands prev back
// to the scheduler and enters next on an empty stack; it never returns.
#include "core/event.h"
#include "core/sched.h"
#include "cpu/percpu.h"
#include "cpu/smp.h"

__attribute__((noreturn)) void idle_enter(void);

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    struct cpu_info *info = cpu_info();

    if (!is_idle(prev)) {
        prev->domain->ops->switch_from(prev);
        prev->regs = info->regs;
    }
    info->vcpu = next;
    if (!is_idle(next)) {
        info->regs = next->regs;
        next->domain->ops->switch_to(next);
    }
    sched_switched(prev);
    if (is_idle(next))
        idle_enter();
    next->domain->ops->enter(next);
}

bool preempt_check(void)
{
    interrupt_window();
    return work_pending() || event_pending(current);
}
