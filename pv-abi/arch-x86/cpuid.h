/*
 * The CPUID leaves by which a guest finds the hypervisor.
 *
 * They start at XEN_CPUID_FIRST_LEAF, or, where another interface sits there, at the next
 * multiple of 0x100 that shows the signature, up to 0x40010000. Relative to that:
 *
 *   0  EAX: last leaf; EBX, ECX, EDX: signature "XenVMMXenVMM"
 *   1  EAX: major version << 16 | minor version
 *   2  EAX: pages of the hypercall table; EBX: MSR that installs one (physical address plus
 *      page number); ECX: features 1; EDX: features 2
 *   3  time, by sub-leaf
 *      0  EAX: bit 0 TSC is emulated, bit 1 host TSC is reliable, bit 2 RDTSCP is there;
 *         EBX: TSC mode; ECX: guest TSC in kHz; EDX: incarnation
 *      1  EAX, EBX: offset of the guest TSC; ECX: multiplier; EDX: shift
 *      2  EAX: host TSC in kHz
 *   4  HVM guests, sub-leaf 0: EAX: XEN_HVM_CPUID_*; EBX: vCPU id; ECX: domain id
 *   5  PV guests, sub-leaf 0: EBX: bits of a machine address
 */
#pragma once

#define XEN_CPUID_FIRST_LEAF     0x40000000
#define XEN_CPUID_LEAF(index)    (XEN_CPUID_FIRST_LEAF + (index))
#define XEN_CPUID_MAX_NUM_LEAVES 5

#define XEN_CPUID_SIGNATURE_EBX 0x566e6558U
#define XEN_CPUID_SIGNATURE_ECX 0x65584d4dU
#define XEN_CPUID_SIGNATURE_EDX 0x4d4d566eU

/* Leaf 2, ECX: MMU_PT_UPDATE_PRESERVE_AD is known. */
#define _XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD 0
#define XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD  (1U << 0)

/* Leaf 4, EAX. */
#define XEN_HVM_CPUID_APIC_ACCESS_VIRT (1U << 0) /* APIC registers without exits */
#define XEN_HVM_CPUID_X2APIC_VIRT      (1U << 1) /* x2APIC registers without exits */
#define XEN_HVM_CPUID_IOMMU_MAPPINGS   (1U << 2) /* foreign and grant mappings reach the IOMMU */
#define XEN_HVM_CPUID_VCPU_ID_PRESENT  (1U << 3)
#define XEN_HVM_CPUID_DOMID_PRESENT    (1U << 4)
#define XEN_HVM_CPUID_EXT_DEST_ID      (1U << 5) /* 15 bits of destination in MSIs and RTEs */
#define XEN_HVM_CPUID_UPCALL_VECTOR                               \
    (1U << 6) /* per-vCPU vectors work with device interrupts too \
               */

/* Leaf 5, EBX. */
#define XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK (0xffU << 0)
