// Batches of hypercalls (HYPERVISOR_multicall).
#include "core/domain.h"
#include "core/hypercall.h"
#include "core/hypercall_table.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/guest.h"
#include "pv-abi/hypercalls.h"
#include "pv-abi/multicall.h"

static long execute(struct vcpu *v, struct multicall_entry *call)
{
    long result;

    v->multicall = call;
    result = hypercall_dispatch(call->op, call->args);
    v->multicall = NULL;
    return result;
}

long do_multicall(uint64_t calls, unsigned n)
{
    struct vcpu *v = current;
    struct multicall_entry call;
    long result;

    if (v->multicall) {
        guest_debug("multicall inside a multicall\n");
        return -EINVAL;
    }
    for (unsigned i = 0; i < n; i++, calls += sizeof(call)) {
        if (i && preempt_check())
            return hypercall_continue(__HYPERVISOR_multicall, 2, calls, (uint64_t)(n - i));
        if (copy_from_guest(&call, calls, sizeof(call)))
            return -EFAULT;
        result = execute(v, &call);
        if (result == -ERESTART) {
            // The entry now says what is left of its call.
            if (copy_to_guest(calls, &call, sizeof(call)))
                return -EFAULT;
            return hypercall_continue(__HYPERVISOR_multicall, 2, calls, (uint64_t)(n - i));
        }
        if (call.op == __HYPERVISOR_iret) {
            // The registers are another context's by now.
            cpu_info()->regs.rax = (uint64_t)result;
            return -ERESTART;
        }
        if (copy_to_guest(calls + offsetof(struct multicall_entry, result), &result,
                          sizeof(result)))
            return -EFAULT;
    }
    return 0;
}
