// Descriptor tables of PV vCPUs. See pv/desc.c.
#pragma once

#include "pv/domain.h"

// Makes the vCPU's place in the per-domain area. 0 or -ENOMEM.
int pv_desc_vcpu_init(struct pv_vcpu *v);
// Loads GDT and LDT on this CPU, whose root tables are the vCPU's.
void pv_desc_load(struct pv_vcpu *v);
// For a vCPU that does not run: both tables at once. frames: of the GDT, DIV_ROUND_UP(gdt_entries,
// 512) of them. 0 or -EINVAL, nothing changed then. pv_desc_put: none.
int pv_desc_set(struct pv_vcpu *v, const uint64_t *frames, unsigned gdt_entries, uint64_t ldt_base,
                unsigned ldt_entries);
void pv_desc_put(struct pv_vcpu *v);
// MMUEXT_SET_LDT for the current vCPU. base: guest address. 0 or -EINVAL.
int pv_set_ldt(struct pv_vcpu *v, uint64_t base, unsigned entries);
// A fault in the per-domain area, by the processor looking up a descriptor: maps the page of the
// current vCPU's LDT. False: there is none to map. Callable for faults in the hypervisor, too.
bool pv_desc_fault(uint64_t addr);
