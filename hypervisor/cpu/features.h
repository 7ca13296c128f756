// What this processor can do, found once at boot; and the control-register bits that every CPU of
// the hypervisor runs with.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu_features {
    bool intel, amd;
    bool smep, smap, umip, fsgsbase, pcid, invpcid, xsave, rdtscp, x2apic, invariant_tsc;
    bool cpuid_faulting, page1gb, vmx, svm;
    unsigned phys_bits;
    char brand[49];
};
extern struct cpu_features cpu_features;

void features_init(void);     // once, first thing
void features_cpu_init(void); // on each CPU: CR4, EFER

// Loads what RDTSCP tells besides (MSR_TSC_AUX) on this CPU, where the processor has that.
void tsc_aux_load(uint32_t aux);

#define CR4_VME        0x000001
#define CR4_PVI        0x000002
#define CR4_TSD        0x000004
#define CR4_DE         0x000008
#define CR4_PSE        0x000010
#define CR4_PAE        0x000020
#define CR4_MCE        0x000040
#define CR4_PGE        0x000080
#define CR4_OSFXSR     0x000200
#define CR4_OSXMMEXCPT 0x000400
#define CR4_UMIP       0x000800
#define CR4_FSGSBASE   0x010000
#define CR4_OSXSAVE    0x040000
#define CR4_SMEP       0x100000
#define CR4_SMAP       0x200000
