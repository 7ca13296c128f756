// HYPERVISOR_vcpu_op: operations on one vCPU of the caller's domain.
#include "core/event.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "core/pv_time.h"
#include "core/sched.h"
#include "core/vcpu_info.h"
#include "lib/bits.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/sched.h"
#include "pv-abi/vcpu.h"

#define PERIOD_MIN MILLISECONDS(1)

static long initialise(struct vcpu *v, uint64_t arg)
{
    struct domain *d = v->domain;
    struct vcpu_guest_context *c;
    int rc;

    if (!vcpu_info_usable(v))
        return -EINVAL;
    c = xzalloc(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    rc = copy_from_guest(c, arg, sizeof(*c));
    if (!rc) {
        spin_lock(&d->lock);
        rc = v->initialised ? -EEXIST : d->ops->vcpu_set_context(v, c);
        if (!rc)
            v->initialised = true;
        spin_unlock(&d->lock);
    }
    xfree(c);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_vcpu_op, 3, (uint64_t)VCPUOP_initialise,
                                  (uint64_t)v->id, arg);
    return rc;
}

// The lock: not while its state is being set.
static long up(struct vcpu *v)
{
    uint64_t was = 0;
    int rc = 0;

    spin_lock(&v->domain->lock);
    if (v->initialised)
        was = __atomic_fetch_and(&v->pause_flags, ~(uint64_t)VPF_DOWN, __ATOMIC_SEQ_CST);
    else
        rc = -EINVAL;
    spin_unlock(&v->domain->lock);
    if (was & VPF_DOWN)
        vcpu_wake(v);
    return rc;
}

void vcpu_down(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct vcpu *other;
    bool last = true;

    spin_lock(&d->lock);
    for_each_vcpu (d, other) {
        if (other != v && !(other->pause_flags & VPF_DOWN))
            last = false;
    }
    if (!last) {
        __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
        vcpu_sleep_nosync(v);
    }
    spin_unlock(&d->lock);
    if (last)
        domain_shutdown(d, SHUTDOWN_poweroff);
}

static long get_runstate(struct vcpu *v, uint64_t arg)
{
    struct vcpu_runstate_info info;

    vcpu_runstate_get(v, &info);
    return copy_to_guest(arg, &info, sizeof(info));
}

static long register_runstate_area(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_runstate_info info;

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    vcpu_runstate_get(v, &info);
    // Also the proof that the address can be written.
    if (area.addr.p && copy_to_guest(area.addr.p, &info, sizeof(info)))
        return -EFAULT;
    WRITE_ONCE(v->runstate_guest, area.addr.p);
    return 0;
}

static long register_time_area(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_time_memory_area area;
    struct vcpu_time_info nothing = {0};

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    if (area.addr.p && copy_to_guest(area.addr.p, &nothing, sizeof(nothing)))
        return -EFAULT;
    WRITE_ONCE(v->time_info_guest, area.addr.p);
    v->time_generation = 0;
    if (v == current)
        pv_time_update(v);
    return 0;
}

static long set_periodic_timer(struct vcpu *v, uint64_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if (set.period_ns < PERIOD_MIN || set.period_ns > (uint64_t)SECONDS(86400))
        return -EINVAL;
    vcpu_set_periodic(v, (nsec_t)set.period_ns);
    return 0;
}

// A time in the past fires at once, VCPU_SSHOTTMR_future or not: the ABI leaves that open, and this
// is what guests meet elsewhere.
static long set_singleshot_timer(struct vcpu *v, uint64_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (v != current)
        return -EINVAL;
    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    set.timeout_abs_ns = MIN(set.timeout_abs_ns, (uint64_t)NSEC_NEVER);
    timer_set_here(&v->singleshot_timer, (nsec_t)set.timeout_abs_ns);
    return 0;
}

static long stop_singleshot_timer(struct vcpu *v)
{
    if (v != current)
        return -EINVAL;
    timer_stop(&v->singleshot_timer);
    return 0;
}

static long register_info(struct vcpu *v, uint64_t arg)
{
    struct vcpu_register_vcpu_info info;
    long rc;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    if (v != current && !(v->pause_flags & VPF_DOWN))
        return -EINVAL;
    spin_lock(&v->domain->lock);
    rc = vcpu_info_register(v, info.mfn, info.offset);
    spin_unlock(&v->domain->lock);
    if (!rc && v == current)
        pv_time_update(v);
    return rc;
}

static long send_nmi(struct vcpu *v)
{
    if (!v->domain->ops->vcpu_nmi)
        return -ENOSYS;
    v->domain->ops->vcpu_nmi(v);
    return 0;
}

long do_vcpu_op(unsigned cmd, unsigned vcpu_id, uint64_t arg)
{
    struct domain *d = current->domain;
    struct vcpu *v = domain_vcpu(d, vcpu_id);

    if (!v)
        return -ENOENT;
    switch (cmd) {
    case VCPUOP_initialise:
        return initialise(v, arg);
    case VCPUOP_up:
        return up(v);
    case VCPUOP_down:
        vcpu_down(v);
        return 0;
    case VCPUOP_is_up:
        return !(v->pause_flags & VPF_DOWN);
    case VCPUOP_get_runstate_info:
        return get_runstate(v, arg);
    case VCPUOP_register_runstate_memory_area:
        return register_runstate_area(v, arg);
    case VCPUOP_set_periodic_timer:
        return set_periodic_timer(v, arg);
    case VCPUOP_stop_periodic_timer:
        vcpu_set_periodic(v, 0);
        return 0;
    case VCPUOP_set_singleshot_timer:
        return set_singleshot_timer(v, arg);
    case VCPUOP_stop_singleshot_timer:
        return stop_singleshot_timer(v);
    case VCPUOP_register_vcpu_info:
        return register_info(v, arg);
    case VCPUOP_register_vcpu_time_memory_area:
        return register_time_area(v, arg);
    case VCPUOP_send_nmi:
        return send_nmi(v);
    case VCPUOP_get_physid:
        return -EINVAL; // only of vCPUs that are pinned for good, and there are none
    default:
        return -ENOSYS;
    }
}
