// HYPERVISOR_vm_assist: optional services that a guest switches on and off.
#pragma once

#include "core/domain.h"
#include "pv-abi/vm_assist.h"

// What a guest of the PV kind may ask for; for its struct domain_ops.
#define PV_VM_ASSISTS                                                                    \
    (1ull << VMASST_TYPE_4gb_segments | 1ull << VMASST_TYPE_4gb_segments_notify |        \
     1ull << VMASST_TYPE_writable_pagetables | 1ull << VMASST_TYPE_pae_extended_cr3 |    \
     1ull << VMASST_TYPE_architectural_iopl | 1ull << VMASST_TYPE_runstate_update_flag | \
     1ull << VMASST_TYPE_m2p_strict)

static inline bool vm_assist(const struct domain *d, unsigned type)
{
    return d->vm_assist >> type & 1;
}
