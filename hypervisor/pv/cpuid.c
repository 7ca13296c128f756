// CPUID as PV guests see it: the processor's own leaves less every feature that a guest at CPL 3
// could not use, then the hypervisor's.
//
// Kernels ask with the forced-emulation prefix. User programs see the processor itself unless it
// can fault on CPUID, so features are masked for correctness of kernels, not for secrecy.
#include "cpu/asm.h"
#include "cpu/features.h"
#include "core/cpu_policy.h"
#include "core/fpu.h"
#include "core/hypervisor_cpuid.h"
#include "pv-abi/arch-x86/cpuid.h"
#include "pv/cpu.h"

#define BIT(n) (1u << (n))

// Leaf 1 EDX, and its copies in 0x80000001 EDX: no VME, PSE, MTRR, PGE, PSE36 (what they control is
// the hypervisor's), no SEP, no HTT (vCPUs are no threads of one core).
#define LEAF1_EDX                                                                                \
    (BIT(0) | BIT(2) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(14) | BIT(15) | \
     BIT(16) | BIT(19) | BIT(22) | BIT(23) | BIT(24) | BIT(25) | BIT(26) | BIT(27))
#define LEAF1_EDX_COMMON                                                                         \
    (BIT(0) | BIT(2) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(14) | BIT(15) | \
     BIT(16) | BIT(23) | BIT(24))
// SSE3, PCLMUL, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, AVX, F16C, RDRAND
#define LEAF1_ECX                                                                           \
    (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | \
     BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define LEAF1_ECX_OSXSAVE    BIT(27)
#define LEAF1_ECX_HYPERVISOR BIT(31)
// FSGSBASE, BMI1, AVX2, BMI2, ERMS, FPU CS/DS deprecation, AVX-512 (F DQ IFMA CD BW VL), RDSEED,
// ADX, CLFLUSHOPT, CLWB, SHA
#define LEAF7_EBX                                                                         \
    (BIT(0) | BIT(3) | BIT(5) | BIT(8) | BIT(9) | BIT(13) | BIT(16) | BIT(17) | BIT(18) | \
     BIT(19) | BIT(21) | BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
// VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, RDPID
#define LEAF7_ECX \
    (BIT(1) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(22))
#define LEAF7_EDX BIT(4) // FSRM
// LAHF, CMP_LEGACY off, ABM, SSE4A, MISALIGNSSE, 3DNOWPREFETCH, XOP, FMA4, TBM
#define EXT1_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(16) | BIT(21))
// SYSCALL, NX, MMXEXT, FFXSR, RDTSCP, LM
#define EXT1_EDX      (BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(27) | BIT(29))
#define EXT7_EDX_ITSC BIT(8)

#define MAX_BASIC_LEAF    0xd
#define MAX_EXTENDED_LEAF 0x80000008

static void features(const struct vcpu *v, struct cpuid_regs *r)
{
    r->b = (r->b & 0xff00) | 1 << 16; // CLFLUSH size, one logical processor
    if (v)
        r->b |= v->id << 25; // APIC id
    r->c &= LEAF1_ECX;
    if (v && (to_pv((struct vcpu *)(uintptr_t)v)->cr4 & CR4_OSXSAVE))
        r->c |= LEAF1_ECX_OSXSAVE;
    r->c |= LEAF1_ECX_HYPERVISOR;
    r->d &= LEAF1_EDX;
}

static void basic_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    *r = cpuid_count(leaf, subleaf);
    switch (leaf) {
    case 0:
        r->a = MIN(r->a, (uint32_t)MAX_BASIC_LEAF);
        break;
    case 1:
        features(v, r);
        break;
    case 2: // caches
        break;
    case 4: // caches: private to each vCPU
        r->a &= 0x3fff;
        break;
    case 7:
        *r = subleaf ? (struct cpuid_regs){0}
                     : (struct cpuid_regs){0, r->b & LEAF7_EBX, r->c & LEAF7_ECX, r->d & LEAF7_EDX};
        break;
    case 0xd:
        fpu_cpuid(subleaf, r);
        break;
    default: // power, monitoring, topology: the machine's, not the guest's
        *r = (struct cpuid_regs){0};
    }
}

static void extended_leaf(const struct vcpu *v, uint32_t leaf, struct cpuid_regs *r)
{
    *r = cpuid(leaf);
    switch (leaf) {
    case 0x80000000:
        r->a = MIN(r->a, (uint32_t)MAX_EXTENDED_LEAF);
        break;
    case 0x80000001:
        r->c &= EXT1_ECX;
        r->d &= EXT1_EDX | (cpu_features.amd ? LEAF1_EDX_COMMON : 0);
        break;
    case 0x80000007:
        *r = (struct cpuid_regs){.d = v && v->domain->privileged ? r->d & EXT7_EDX_ITSC : 0};
        break;
    case 0x80000008:
        r->b = r->c = r->d = 0;
        break;
    }
}

// What only PV guests are told of the hypervisor.
static void pv_leaf(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    if (leaf == XEN_CPUID_LEAF(2))
        r->c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
    else if (leaf == XEN_CPUID_LEAF(5) && subleaf == 0)
        r->b = cpu_features.phys_bits;
}

void pv_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    if (leaf <= MAX_BASIC_LEAF)
        basic_leaf(v, leaf, subleaf, out);
    else if (hypervisor_cpuid(v, leaf, subleaf, out))
        pv_leaf(leaf, subleaf, out);
    else if (leaf >= 0x80000000 && leaf <= MAX_EXTENDED_LEAF)
        extended_leaf(v, leaf, out);
    else
        *out = (struct cpuid_regs){0};
    if (v)
        cpu_policy_narrow(v->domain, leaf, subleaf, out);
}
