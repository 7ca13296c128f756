// Model-specific registers of HVM guests. What is switched with the guest never comes here; what is
// not known is #GP.
#include "core/guest_tsc.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "hvm/hvm.h"
#include "mm/pte.h"

#define MSR_MTRR_PHYSBASE0 0x200
#define MSR_MTRR_FIX64K    0x250
#define MSR_MTRR_FIX16K_0  0x258
#define MSR_MTRR_FIX4K_0   0x268
#define MSR_MTRR_DEF_TYPE  0x2ff
#define MSR_HYPERCALL_PAGE 0x40000000u

#define EFER_SCE   0x1u
#define EFER_LME   0x100u
#define EFER_LMA   0x400u
#define EFER_NX    0x800u
#define EFER_SVME  0x1000u
#define EFER_FFXSR 0x4000u
#define CR0_PG     0x80000000u

// Eight variable ranges, fixed ranges, write-combining.
#define MTRR_CAP (MTRR_VCNT | 1u << 8 | 1u << 10)

const uint32_t hvm_guests_own_msrs[HVM_GUESTS_OWN_MSRS] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR,    MSR_LSTAR,
    MSR_CSTAR,       MSR_FMASK,        MSR_FS_BASE,      MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

static uint64_t *mtrr_of(struct hvm_hw_mtrr *m, uint32_t msr)
{
    if (msr >= MSR_MTRR_PHYSBASE0 && msr < MSR_MTRR_PHYSBASE0 + 2 * MTRR_VCNT)
        return &m->msr_mtrr_var[msr - MSR_MTRR_PHYSBASE0];
    if (msr == MSR_MTRR_FIX64K)
        return &m->msr_mtrr_fixed[0];
    if (msr == MSR_MTRR_FIX16K_0 || msr == MSR_MTRR_FIX16K_0 + 1)
        return &m->msr_mtrr_fixed[1 + msr - MSR_MTRR_FIX16K_0];
    if (msr >= MSR_MTRR_FIX4K_0 && msr < MSR_MTRR_FIX4K_0 + 8)
        return &m->msr_mtrr_fixed[3 + msr - MSR_MTRR_FIX4K_0];
    return msr == MSR_MTRR_DEF_TYPE ? &m->msr_mtrr_def_type : NULL;
}

static bool is_memory_type(uint64_t type)
{
    return type <= 1 || (type >= 4 && type <= 7);
}

bool hvm_write_pat(struct hvm_vcpu *v, uint64_t pat)
{
    for (unsigned i = 0; i < 64; i += 8)
        if (!is_memory_type(pat >> i & 0xff))
            return false;
    v->mtrr.msr_pat_cr = pat;
    hvm_ops->set_pat(v, pat);
    return true;
}

// Long mode cannot be switched while paging is on, and whether it is active is not the guest's to
// say.
static bool write_efer(struct hvm_vcpu *v, uint64_t value)
{
    uint64_t old = hvm_ops->read(v, HVM_EFER);
    uint64_t allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
    struct cpuid_regs r;

    hvm_cpuid(&v->v, 0x80000001, 0, &r);
    if (r.d >> 25 & 1)
        allowed |= EFER_FFXSR;
    if ((value & ~allowed) || (((value ^ old) & EFER_LME) && (hvm_ops->read(v, HVM_CR0) & CR0_PG)))
        return false;
    hvm_ops->set_efer(v, (value & ~(uint64_t)EFER_LMA) | (old & EFER_LMA));
    return true;
}

bool hvm_read_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t *value)
{
    const uint64_t *mtrr = mtrr_of(&v->mtrr, msr);

    if (mtrr) {
        *value = *mtrr;
        return true;
    }
    if (msr == MSR_APIC_BASE || (msr >= MSR_X2APIC && msr <= MSR_X2APIC + 0xff))
        return lapic_read_msr(v, msr, value);
    *value = 0;
    switch (msr) {
    case MSR_TSC:
        *value = guest_tsc_read(v->v.domain);
        return true;
    case MSR_EFER:
        *value = hvm_ops->read(v, HVM_EFER);
        return true;
    case MSR_PAT:
        *value = hvm_ops->read(v, HVM_PAT);
        return true;
    case MSR_MTRRCAP:
        *value = MTRR_CAP;
        return true;
    case MSR_TSC_AUX:
        *value = v->tsc_aux;
        return cpu_features.rdtscp;
    // Linux reads it on Intel's processors before it could take an exception. XD (bit 34 clear) is
    // not disabled; there are fast strings, and no stores of branches and events.
    case MSR_MISC_ENABLE:
        *value = 1u << 0 | 1u << 11 | 1u << 12;
        return true;
    // What kernels look at unasked: nothing to be said of them.
    case MSR_UCODE_REV:
    case MSR_MCG_CAP:
    case MSR_MCG_STATUS:
    case MSR_AMD_SYSCFG:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_LS_CFG:
    case MSR_AMD_DE_CFG:
    case MSR_PLATFORM_INFO:
        return true;
    default:
        return false;
    }
}

static bool write_mtrr(uint64_t *mtrr, uint32_t msr, uint64_t value)
{
    if (msr >= MSR_MTRR_FIX64K && msr < MSR_MTRR_DEF_TYPE) {
        for (unsigned i = 0; i < 64; i += 8)
            if (!is_memory_type(value >> i & 0xff))
                return false;
    } else if (!(msr & 1) || msr == MSR_MTRR_DEF_TYPE) { // a base, or the default: both hold a type
        if (!is_memory_type(value & 0xff))
            return false;
    }
    *mtrr = value;
    return true;
}

bool hvm_write_msr(struct hvm_vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t *mtrr = mtrr_of(&v->mtrr, msr);

    if (mtrr)
        return write_mtrr(mtrr, msr, value);
    if (msr == MSR_APIC_BASE || (msr >= MSR_X2APIC && msr <= MSR_X2APIC + 0xff))
        return lapic_write_msr(v, msr, value);
    switch (msr) {
    case MSR_EFER:
        return write_efer(v, value);
    case MSR_PAT:
        return hvm_write_pat(v, value);
    case MSR_TSC_AUX:
        if (!cpu_features.rdtscp || value >> 32)
            return false;
        v->tsc_aux = (uint32_t)value;
        tsc_aux_load(v->tsc_aux);
        return true;
    case MSR_HYPERCALL_PAGE:
        return hvm_install_hypercall_page(value);
    // Switches of errata and features, and the microcode's revision, which is written to have it
    // read.
    case MSR_UCODE_REV:
    case MSR_MCG_STATUS:
    case MSR_MISC_ENABLE:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_LS_CFG:
    case MSR_AMD_DE_CFG:
        return true;
    default:
        return false;
    }
}

bool hvm_load_mtrr(struct hvm_vcpu *v, const struct hvm_hw_mtrr *m, bool commit)
{
    for (unsigned i = 0; i < 64; i += 8)
        if (!is_memory_type(m->msr_pat_cr >> i & 0xff))
            return false;
    if (commit) {
        v->mtrr = *m;
        hvm_ops->set_pat(v, m->msr_pat_cr);
    }
    return true;
}
