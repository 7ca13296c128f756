/*
 * Feature bits: what XENVER_get_features reports, and what a kernel's ELF notes ask for.
 */
#pragma once

enum {
    XENFEAT_writable_page_tables = 0,       /* page tables need not be read-only */
    XENFEAT_writable_descriptor_tables = 1, /* nor GDT and LDT */
    XENFEAT_auto_translated_physmap = 2,    /* the guest deals in guest frames only */
    XENFEAT_supervisor_mode_kernel = 3,     /* the kernel runs in ring 0 */
    XENFEAT_pae_pgdir_above_4gb = 4,
    XENFEAT_mmu_pt_update_preserve_ad = 5,  /* MMU_PT_UPDATE_PRESERVE_AD is known */
    XENFEAT_highmem_assist = 6,             /* MMUEXT_CLEAR_PAGE, MMUEXT_COPY_PAGE are known */
    XENFEAT_gnttab_map_avail_bits = 7,      /* GNTMAP_guest_avail* are honoured */
    XENFEAT_hvm_callback_vector = 8,        /* event upcalls by vector */
    XENFEAT_hvm_safe_pvclock = 9,           /* HVM: the PV clock may be used */
    XENFEAT_hvm_pirqs = 10,                 /* HVM: device interrupts by event channel */
    XENFEAT_dom0 = 11,                      /* can be domain 0 */
    XENFEAT_memory_op_vnode_supported = 13, /* XENMEMF_vnode is known */
    XENFEAT_ARM_SMCCC_supported = 14,
    XENFEAT_linux_rsdp_unrestricted = 15, /* PVH: the RSDP need not lie in low memory */
    XENFEAT_not_direct_mapped = 16,       /* guest frames differ from machine frames */
    XENFEAT_direct_mapped = 17,           /* guest frames equal machine frames */
};

#define XENFEAT_NR_SUBMAPS 1
