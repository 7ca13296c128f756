// System control: what CPUs do while they have nothing to do. They halt, which is C1, and nothing
// deeper; frequencies are the firmware's.
#include "core/domain.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "cpu/time.h"
#include "lib/errno.h"
#include "mm/guest.h"

#define NR_CX 2 // C0, C1

// Fills the caller's array of u64 at `to`, as far as it is there and goes.
static int put_states(uint64_t to, uint32_t room, uint64_t c0, uint64_t c1)
{
    const uint64_t states[NR_CX] = {c0, c1};

    return to ? copy_to_guest(to, states, MIN(room, (uint32_t)NR_CX) * sizeof(states[0])) : 0;
}

static int give_cx(unsigned cpu, struct pm_cx_stat *s)
{
    nsec_t busy = sched_cpu_busy_time(cpu);
    uint64_t idle = (uint64_t)(time_now() - busy), entries = sched_idle_entries(cpu);

    if (put_states((uint64_t)s->triggers, s->nr, entries, entries) ||
        put_states((uint64_t)s->residencies, s->nr, (uint64_t)busy, idle))
        return -EFAULT;
    s->nr = NR_CX;
    s->last = 1;
    s->idle_time = idle;
    s->nr_pc = s->nr_cc = 0; // states of packages and cores are not known
    return 0;
}

int sysctl_get_pmstat(struct xen_sysctl *op)
{
    struct xen_sysctl_get_pmstat *p = &op->u.get_pmstat;

    if (p->cpuid >= nr_cpus || !(cpus_online & cpumask_of(p->cpuid)))
        return -EINVAL;
    switch (p->type) {
    case PMSTAT_get_max_cx:
        p->u.getcx.nr = NR_CX;
        return 0;
    case PMSTAT_get_cxstat:
        return give_cx(p->cpuid, &p->u.getcx);
    default:
        return (p->type & PMSTAT_CATEGORY_MASK) == PMSTAT_CX ? -ENOSYS : -ENODEV;
    }
}

int sysctl_pm_op(struct xen_sysctl *op)
{
    struct xen_sysctl_pm_op *p = &op->u.pm_op;

    if (p->cmd == XEN_SYSCTL_pm_op_get_max_cstate && !p->cpuid) {
        p->u.get_max_cstate = 1;
        return 0;
    }
    return -ENODEV;
}
