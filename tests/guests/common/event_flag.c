// The virtual interrupt flag of a PV vCPU.
#include "pv-abi/sched.h"
#include "tests/guests/common/guest.h"

void events_disable(void)
{
    __atomic_store_n(&vcpu_info_of(this_vcpu()->id)->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}

void events_enable(void)
{
    struct vcpu_info *info = vcpu_info_of(this_vcpu()->id);

    __atomic_store_n(&info->evtchn_upcall_mask, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST))
        hc(xen_version, 0); // any hypercall delivers what is pending
}

void events_block(void)
{
    hc(sched_op, SCHEDOP_block, 0);
}
