// Descriptor tables of each CPU: one page of GDT, a TSS.
//
// The PV ABI gives guests selectors 0 to 0xdfff of the GDT and the hypervisor the rest. The CPU's
// own descriptors fill one page, which stands at offset 0xe000 of whatever GDT is loaded: behind
// the guest's frames in the per-domain area of the vCPU that runs, or alone.
#pragma once

#include "cpu/layout.h"

#define HV_GDT_OFFSET 0xe000
#define HV_CS         0xe008
#define HV_DS         0xe010
#define HV_TSS        0xe040
#define HV_LDT        0xe050
#define HV_GDT_LIMIT  0xefff

#define IST_DF  1
#define IST_NMI 2
#define IST_MCE 3
#define IST_DB  4

#ifndef __ASSEMBLY__
#include <stdint.h>

// Frame number of each CPU's page of descriptors, to be mapped behind a guest's GDT.
extern uint64_t cpu_gdt_mfn[MAX_CPUS];

// Builds and loads GDT and TSS of this CPU, whose stack block has its top at block_end.
void desc_cpu_init(unsigned cpu, uint64_t block_end);

// Loads a GDT whose hypervisor part is at base + 0xe000 (the CPU's own page is mapped there).
void gdt_load(uint64_t base);
void gdt_load_own(void);

// Points the LDT descriptor of this CPU at base (entries of 8 bytes) and loads it; 0 entries: none.
void ldt_load(uint64_t base, unsigned entries);

// Loads both on this CPU as they were last: the exit of a VT-x guest leaves no LDT and a GDT of 64
// KB.
void desc_reload(void);
uint64_t desc_gdt(void); // the GDT that is loaded, and the TSS
uint64_t desc_tss(void);
#endif
