// Where a vCPU's time goes (VCPUOP_get_runstate_info), and the copy that the guest may have of it.
#include "core/sched_impl.h"
#include "mm/guest.h"
#include "pv-abi/vm_assist.h"

int runstate_waiting(const struct vcpu *v)
{
    if (v->pause_flags & VPF_WAITING)
        return RUNSTATE_blocked;
    return vcpu_runnable(v) ? RUNSTATE_runnable : RUNSTATE_offline;
}

void runstate_change(struct vcpu *v, int state, nsec_t now)
{
    struct vcpu_runstate_info *r = &v->runstate;
    nsec_t spent = now - (nsec_t)r->state_entry_time;

    if (r->state == state)
        return;
    // CPUs may disagree about the time by a little.
    if (spent > 0) {
        r->time[r->state] += (uint64_t)spent;
        r->state_entry_time = (uint64_t)now;
    }
    r->state = state;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    struct run_queue *q = queue_lock_of(v);
    nsec_t spent;

    *out = v->runstate;
    spin_unlock(&q->lock);
    spent = time_now() - (nsec_t)out->state_entry_time;
    if (spent > 0)
        out->time[out->state] += (uint64_t)spent;
}

int vcpu_area_write(uint64_t va, const void *src, size_t len)
{
    const struct domain_ops *ops = current->domain->ops;

    return ops->copy_to_kernel ? ops->copy_to_kernel(va, src, len) : copy_to_guest(va, src, len);
}

void runstate_publish(struct vcpu *v)
{
    uint64_t to = v->runstate_guest;
    uint64_t time_field = to + offsetof(struct vcpu_runstate_info, state_entry_time);
    struct vcpu_runstate_info r;

    if (!to)
        return;
    r = v->runstate;
    if (!(v->domain->vm_assist >> VMASST_TYPE_runstate_update_flag & 1)) {
        vcpu_area_write(to, &r, sizeof(r));
        return;
    }
    r.state_entry_time |= XEN_RUNSTATE_UPDATE;
    if (vcpu_area_write(time_field, &r.state_entry_time, sizeof(r.state_entry_time)))
        return;
    vcpu_area_write(to, &r, sizeof(r));
    r.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
    vcpu_area_write(time_field, &r.state_entry_time, sizeof(r.state_entry_time));
}
