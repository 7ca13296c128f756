// CPUID as HVM guests see it: the processor's own leaves less what is not done for such guests,
// then the hypervisor's.
#include "core/cpu_policy.h"
#include "core/fpu.h"
#include "core/hypervisor_cpuid.h"
#include "cpu/features.h"
#include "hvm/hvm.h"
#include "lib/string.h"
#include "pv-abi/arch-x86/cpuid.h"

#define BIT(n) (1u << (n))

// Not: machine check, performance monitoring and debug store, HTT (vCPUs are no threads of one
// core), thermal control.
#define LEAF1_EDX_NOT (BIT(7) | BIT(14) | BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31))
// Not: DTES64, MONITOR, DS-CPL, VMX, SMX, EST, TM2, CNXT-ID, SDBG, PDCM, PCID, DCA, TSC deadline.
#define LEAF1_ECX_NOT                                                                             \
    (BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(10) | BIT(11) | BIT(15) | \
     BIT(17) | BIT(18) | BIT(24))
#define LEAF1_ECX_X2APIC     BIT(21)
#define LEAF1_ECX_OSXSAVE    BIT(27)
#define LEAF1_ECX_HYPERVISOR BIT(31)
// FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, FPU CS/DS deprecation, AVX-512 (F DQ IFMA CD BW VL),
// RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA
#define LEAF7_EBX                                                                                  \
    (BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(13) | BIT(16) | BIT(17) | BIT(18) | \
     BIT(19) | BIT(20) | BIT(21) | BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(30) | BIT(31))
// VBMI, UMIP, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, RDPID
#define LEAF7_ECX \
    (BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | BIT(22))
#define LEAF7_EDX BIT(4) // FSRM
// LAHF, CR8 by prefix, ABM, SSE4A, MISALIGNSSE, 3DNOWPREFETCH, XOP, FMA4, TBM
#define EXT1_ECX (BIT(0) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(16) | BIT(21))
// SYSCALL, NX, MMXEXT, FFXSR, 1 GB pages, RDTSCP, LM, and what AMD repeats of leaf 1.
#define EXT1_EDX \
    (BIT(11) | BIT(20) | BIT(22) | BIT(25) | BIT(26) | BIT(27) | BIT(29) | (0x0183f3ffu & ~BIT(7)))

#define MAX_BASIC_LEAF    0xd
#define MAX_EXTENDED_LEAF 0x80000008

static void features(const struct vcpu *v, struct cpuid_regs *r)
{
    r->b = (r->b & 0xff00) | 1 << 16; // CLFLUSH size, one logical processor
    r->c = (r->c & ~(LEAF1_ECX_NOT | LEAF1_ECX_OSXSAVE)) | LEAF1_ECX_X2APIC | LEAF1_ECX_HYPERVISOR;
    r->d &= ~LEAF1_EDX_NOT;
    if (!v)
        return;
    r->b |= v->id << 25; // APIC id
    if (hvm_ops->read(to_hvm((struct vcpu *)(uintptr_t)v), HVM_CR4) & CR4_OSXSAVE)
        r->c |= LEAF1_ECX_OSXSAVE;
}

static void features_7(uint32_t subleaf, struct cpuid_regs *r)
{
    if (subleaf)
        memset(r, 0, sizeof(*r));
    r->a = 0; // no further subleaf
    r->b &= LEAF7_EBX;
    r->c &= LEAF7_ECX;
    r->d &= LEAF7_EDX;
}

static void basic_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    *r = cpuid_count(leaf, subleaf);
    switch (leaf) {
    case 0:
        r->a = MAX_BASIC_LEAF;
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
        features_7(subleaf, r);
        break;
    case 0xb: // topology: none to tell of but the x2APIC's number
        *r = (struct cpuid_regs){.c = subleaf & 0xff, .d = v ? v->id * 2 : 0};
        break;
    case 0xd:
        fpu_cpuid(subleaf, r);
        break;
    default: // power, monitoring: the machine's, not the guest's
        *r = (struct cpuid_regs){0};
    }
}

static void extended_leaf(uint32_t leaf, struct cpuid_regs *r)
{
    *r = cpuid(leaf);
    switch (leaf) {
    case 0x80000000:
        r->a = MIN(r->a, (uint32_t)MAX_EXTENDED_LEAF);
        break;
    case 0x80000001:
        r->c &= EXT1_ECX;
        r->d &= EXT1_EDX;
        break;
    case 0x80000007:
        *r = (struct cpuid_regs){0};
        break;
    case 0x80000008:
        r->b = r->c = r->d = 0;
        break;
    }
}

// What only HVM guests are told of the hypervisor.
static void hvm_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    if (leaf != XEN_CPUID_LEAF(4) || subleaf)
        return;
    r->a =
        XEN_HVM_CPUID_VCPU_ID_PRESENT | XEN_HVM_CPUID_DOMID_PRESENT | XEN_HVM_CPUID_UPCALL_VECTOR;
    r->b = v->id;
    r->c = v->domain->id;
}

void hvm_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    if (leaf <= MAX_BASIC_LEAF)
        basic_leaf(v, leaf, subleaf, out);
    else if (hypervisor_cpuid(v, leaf, subleaf, out))
        hvm_leaf(v, leaf, subleaf, out);
    else if (leaf >= 0x80000000 && leaf <= MAX_EXTENDED_LEAF)
        extended_leaf(leaf, out);
    else
        *out = (struct cpuid_regs){0};
    if (v)
        cpu_policy_narrow(v->domain, leaf, subleaf, out);
}
