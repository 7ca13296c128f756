// A TLB in software, on which a guest runs while it is logged which of its frames are written. See
// pv/soft_tlb.c.
#pragma once

#include "pv/domain.h"

// Each CPU gets the memory for one, or -ENOMEM; soft_tlb_release when it is not needed any more.
// Both count.
int soft_tlb_prepare(void);
void soft_tlb_release(void);

// The vCPU whose root tables this CPU is about to load runs on this CPU's, empty to begin with, and
// cpu_info's roots are its; or (soft_tlb_leave) on its own.
void soft_tlb_use(struct pv_vcpu *v);
static inline void soft_tlb_leave(void)
{
    cpu_info()->soft_tlb = NULL;
}

// A page fault at a guest's address on this CPU, in the guest or in the hypervisor. True: an entry
// was missing and is there now. False: the guest's own tables do not allow the access, or the CPU
// has no software TLB in use; *error, the fault's, says then what the guest's own tables would have
// made the processor say: PFEC_PRESENT if they map the address.
bool soft_tlb_fault(uint64_t addr, uint32_t *error);
