// Asynchronous hypercalls: a vCPU's ring of calls to be made and of their results. See core/async.c
// and docs/async-hypercalls.md.
#pragma once

#include "core/domain.h"

// Takes calls of the current vCPU until there are none, or no room for results, or something else
// is to be done. Called with no lock held wherever the vCPU is in the hypervisor, between a
// hypercall and the next. Returns how many were completed.
unsigned async_take(struct vcpu *v);

// The vCPU does not run: its ring, if it has one, is given back.
void async_drop(struct vcpu *v);

// The same for a vCPU that is about to leave its CPU, unless that is because it shall stand still.
static inline void async_take_before_leaving(struct vcpu *v)
{
    if (unlikely(v->async) && !(v->pause_flags & ~(VPF_BLOCKED | VPF_POLLING)) && !v->pause_count &&
        !v->domain->pause_count)
        async_take(v);
}
