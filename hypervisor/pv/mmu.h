// The PV MMU: what other parts of pv/ use of it. The hypercalls' prototypes are in
// core/hypercall_table.h. pv/mmu_types.c tells how page tables are validated.
#pragma once

#include "pv/domain.h"

void pv_mmu_init(void); // once, after mm_init()

// The domain_ops of the kind that concern memory.
int pv_domain_init(struct domain *d);
int pv_domain_relinquish(struct domain *d); // 0 or -ERESTART
void pv_domain_destroy(struct domain *d);
// GNTTABOP_map_grant_ref: the entry gets references of its own, whoever owns the frame; the caller
// holds its own meanwhile. Unmapping leaves stale TLB entries: the caller flushes. GNTST_*.
int pv_grant_map(uint64_t addr, mfn_t mfn, unsigned flags);
int pv_grant_unmap(uint64_t addr, mfn_t mfn, unsigned flags, uint64_t replace_with);

// Gives a vCPU that does not run its first root tables (user: 0 for none). 0, -EINVAL, or
// -ERESTART: preempted, call again. pv_put_roots takes them away; 0 or -ERESTART.
int pv_set_roots(struct pv_vcpu *v, mfn_t root, mfn_t user_root);
int pv_put_roots(struct pv_vcpu *v);
// What CR3 is to hold in the two modes of a vCPU that is or will be loaded on this CPU: its roots.
void pv_use_roots(struct pv_vcpu *v);

extern const struct dirty_log_ops pv_dirty_log_ops;

// The current vCPU's MOV to CR3 and INVLPG. 0; -EINVAL.
int pv_new_root(mfn_t root);
void pv_invlpg(uint64_t va);

// A page fault in the current guest at addr that is the hypervisor's own business: a write to a
// page table through a read-only mapping, or a descriptor table that is not mapped yet. True: done,
// the guest goes on. False: it is the guest's own fault.
bool pv_mmu_fault(struct cpu_user_regs *regs, uint64_t addr);

// The machine frame that the current guest has mapped at va in kernel mode (with write permission
// if `write`): INVALID_MFN if none. A snapshot: no reference is taken.
mfn_t pv_va_to_mfn(uint64_t va, bool write);
