#include "core/hypervisor_cpuid.h"

#include "core/guest_tsc.h"
#include "cpu/features.h"
#include "cpu/time.h"
#include "pv-abi/arch-x86/cpuid.h"
#include "pv-abi/async.h"

static void xen_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    *r = (struct cpuid_regs){0};
    switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
        *r = (struct cpuid_regs){XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES), XEN_CPUID_SIGNATURE_EBX,
                                 XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX};
        break;
    case 1:
        r->a = 4 << 16 | 17;
        break;
    case 2:
        r->a = 1;
        r->b = 0x40000000;
        break;
    case 3:
        if (subleaf == 0) {
            const struct domain *d = v->domain;

            r->a = d->tsc.emulated ? 1 : cpu_features.invariant_tsc ? 2 : 0;
            r->b = d->tsc.mode;
            r->c = guest_tsc_khz(d);
            r->d = d->tsc.incarnation;
        } else if (subleaf == 1) {
            struct tsc_scale scale;

            guest_tsc_scale(v->domain, &scale);
            r->c = scale.mul;
            r->d = (uint32_t)scale.shift;
        } else if (subleaf == 2) {
            r->a = (uint32_t)(time_tsc_hz() / 1000);
        }
        break;
    }
}

static void vellum_leaf(uint32_t leaf, struct cpuid_regs *r)
{
    *r = (struct cpuid_regs){0};
    if (leaf == VELLUM_CPUID_FIRST_LEAF)
        *r = (struct cpuid_regs){VELLUM_CPUID_FEATURES_LEAF, VELLUM_CPUID_SIGNATURE_EBX,
                                 VELLUM_CPUID_SIGNATURE_ECX, VELLUM_CPUID_SIGNATURE_EDX};
    else if (leaf == VELLUM_CPUID_FEATURES_LEAF)
        r->a = VELLUM_FEATURE_ASYNC;
}

bool hypervisor_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
    if (!v || leaf < XEN_CPUID_FIRST_LEAF || leaf > XEN_CPUID_LEAF(0x1ff))
        return false;
    if (leaf < VELLUM_CPUID_FIRST_LEAF)
        xen_leaf(v, leaf, subleaf, r);
    else
        vellum_leaf(leaf, r);
    return true;
}
