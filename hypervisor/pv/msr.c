// MSRs of PV guests. What belongs to the vCPU is switched with it; some of the machine's are shown
// to the privileged domain; every other one is #GP, which Linux expects and survives.
#include "core/guest_tsc.h"
#include "cpu/asm.h"
#include "cpu/features.h"
#include "cpu/msr.h"
#include "core/guest_frame.h"
#include "pv/cpu.h"

#define MSR_HYPERCALL_PAGE 0x40000000

#define EFER_SCE 0x001
#define EFER_LME 0x100
#define EFER_LMA 0x400
#define EFER_NX  0x800

// Two empty banks of machine checks. Nobody is told of them, but a guest that was started on Xen
// has been, and its kernel takes a #GP on them for a broken processor.
#define MSR_MC_FIRST MSR_MC0_CTL
#define MSR_MC_LAST  (MSR_MC0_CTL + 2 * 4 - 1)

static bool read_machine(uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_UCODE_REV:
    case MSR_PLATFORM_INFO:
    case MSR_AMD_SYSCFG:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_MMIO_CFG:
    case MSR_AMD_PSTATE_LIM:
    case MSR_AMD_LS_CFG:
    case MSR_AMD_DE_CFG:
        return rdmsr_safe(msr, value);
    case MSR_MISC_ENABLE:
        // Monitor/MWAIT is not there, whatever the machine says; string instructions are fast.
        if (!rdmsr_safe(msr, value))
            return false;
        *value &= ~(1ull << 18);
        return true;
    default:
        return false;
    }
}

bool pv_rdmsr(struct pv_vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = 0;
    switch (msr) {
    case MSR_TSC:
        *value = guest_tsc_read(v->v.domain);
        return true;
    case MSR_APIC_BASE: // the guest has no APIC of its own, but its kernel looks at the address
        *value = 0xfee00000 | 1u << 11 | (v->v.id == 0 ? 1u << 8 : 0);
        return true;
    case MSR_PAT:
        return rdmsr_safe(msr, value);
    case MSR_EFER:
        *value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
        return true;
    case MSR_SYSENTER_CS ... MSR_SYSENTER_EIP:
    case MSR_STAR ... MSR_FMASK:
    case MSR_MCG_CAP: // no banks, no error
    case MSR_MCG_STATUS:
    case MSR_MTRRCAP:
    case MSR_MC_FIRST ... MSR_MC_LAST:
        return true;
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *value = rdmsr(msr);
        return true;
    case MSR_TSC_AUX:
        *value = v->tsc_aux;
        return true;
    default:
        return v->v.domain->privileged && read_machine(msr, value);
    }
}

// The hypervisor's own MSR (CPUID leaf 2 names it): fills a frame of the guest's with hypercall
// stubs.
static bool write_hypercall_page(struct domain *d, uint64_t value)
{
    struct frame *f;
    void *page;

    if (value & ~PAGE_MASK || guest_area_get(d, value >> PAGE_SHIFT, &f, &page))
        return false;
    pv_hypercall_page_fill(page);
    guest_area_put(f);
    return true;
}

bool pv_wrmsr(struct pv_vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t now;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!canonical(value))
            return false;
        wrmsr(msr, value);
        return true;
    case MSR_TSC_AUX:
        if (value >> 32 || !cpu_features.rdtscp)
            return false;
        v->tsc_aux = value;
        tsc_aux_load((uint32_t)value);
        return true;
    case MSR_SYSENTER_CS ... MSR_SYSENTER_EIP: // callback_op sets this up
    case MSR_UCODE_REV:
    case MSR_MC_FIRST ... MSR_MC_LAST:
        return true;
    case MSR_STAR ... MSR_FMASK: // ... and this; Linux knows
        return false;
    case MSR_HYPERCALL_PAGE:
        return write_hypercall_page(v->v.domain, value);
    default: // what changes nothing may be written
        return pv_rdmsr(v, msr, &now) && now == value;
    }
}
