/*
 * The x86 parts of structures that every architecture has, and of a domain's configuration.
 */
#pragma once

#include "../types.h"

typedef struct arch_vcpu_info {
    uint64_t cr2; /* PV: address of the last page fault that was passed on */
    uint64_t pad;
} arch_vcpu_info_t;
ABI_SIZE(struct arch_vcpu_info, 16);

/*
 * A PV guest tells the tools here where its P2M is: either as a tree of frame lists, or, where
 * p2m_cr3 is not 0, as a linear table at p2m_vaddr below that root (an extended CR3 format
 * frame number). p2m_generation is odd while the guest rearranges it.
 */
typedef struct arch_shared_info {
    uint64_t max_pfn; /* highest frame in the P2M, plus one */
    xen_pfn_t pfn_to_mfn_frame_list_list;
    uint64_t nmi_reason; /* XEN_NMIREASON_* */
    uint64_t p2m_cr3;
    uint64_t p2m_vaddr;
    uint64_t p2m_generation;
} arch_shared_info_t;
ABI_SIZE(struct arch_shared_info, 48);
ABI_OFFSET(struct arch_shared_info, nmi_reason, 16);
ABI_OFFSET(struct arch_shared_info, p2m_generation, 40);

/* xen_arch_domainconfig.emulation_flags: which devices the hypervisor emulates for a guest. */
#define _XEN_X86_EMU_LAPIC    0
#define XEN_X86_EMU_LAPIC     (1U << _XEN_X86_EMU_LAPIC)
#define _XEN_X86_EMU_HPET     1
#define XEN_X86_EMU_HPET      (1U << _XEN_X86_EMU_HPET)
#define _XEN_X86_EMU_PM       2
#define XEN_X86_EMU_PM        (1U << _XEN_X86_EMU_PM)
#define _XEN_X86_EMU_RTC      3
#define XEN_X86_EMU_RTC       (1U << _XEN_X86_EMU_RTC)
#define _XEN_X86_EMU_IOAPIC   4
#define XEN_X86_EMU_IOAPIC    (1U << _XEN_X86_EMU_IOAPIC)
#define _XEN_X86_EMU_PIC      5
#define XEN_X86_EMU_PIC       (1U << _XEN_X86_EMU_PIC)
#define _XEN_X86_EMU_VGA      6
#define XEN_X86_EMU_VGA       (1U << _XEN_X86_EMU_VGA)
#define _XEN_X86_EMU_IOMMU    7
#define XEN_X86_EMU_IOMMU     (1U << _XEN_X86_EMU_IOMMU)
#define _XEN_X86_EMU_PIT      8
#define XEN_X86_EMU_PIT       (1U << _XEN_X86_EMU_PIT)
#define _XEN_X86_EMU_USE_PIRQ 9
#define XEN_X86_EMU_USE_PIRQ  (1U << _XEN_X86_EMU_USE_PIRQ)
#define _XEN_X86_EMU_VPCI     10
#define XEN_X86_EMU_VPCI      (1U << _XEN_X86_EMU_VPCI)
#define XEN_X86_EMU_ALL       0x7ffU

/* xen_arch_domainconfig.misc_flags */
#define XEN_X86_MSR_RELAXED    (1U << 0) /* reading an unknown MSR gives 0 instead of a fault */
#define XEN_X86_MISC_FLAGS_MAX XEN_X86_MSR_RELAXED

struct xen_arch_domainconfig {
    uint32_t emulation_flags;
    uint32_t misc_flags;
};
ABI_SIZE(struct xen_arch_domainconfig, 8);

/* One leaf of a CPUID policy, as the control interface moves it. */
#define XEN_CPUID_NO_SUBLEAF 0xffffffffU

typedef struct xen_cpuid_leaf {
    uint32_t leaf;
    uint32_t subleaf; /* XEN_CPUID_NO_SUBLEAF where the leaf has none */
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
} xen_cpuid_leaf_t;
ABI_SIZE(struct xen_cpuid_leaf, 24);

typedef struct xen_msr_entry {
    uint32_t idx;
    uint32_t flags; /* none defined */
    uint64_t val;
} xen_msr_entry_t;
ABI_SIZE(struct xen_msr_entry, 16);
ABI_OFFSET(struct xen_msr_entry, val, 8);

/* Writing a byte here appends it to an HVM guest's debug log. */
#define XEN_HVM_DEBUGCONS_IOPORT 0xe9

/*
 * The forced-emulation prefix of PV guests, ud2 followed by "xen", in front of the one
 * instruction for which a guest needs it: cpuid would otherwise run natively.
 */
#define XEN_EMULATE_PREFIX ".byte 0x0f,0x0b,0x78,0x65,0x6e ; "
#define XEN_CPUID          XEN_EMULATE_PREFIX "cpuid"

/* What x86 has of the optional parts of the common structures. */
#define XEN_HAVE_PV_GUEST_ENTRY 1
#define XEN_HAVE_PV_UPCALL_MASK 1
