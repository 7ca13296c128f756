/*
 * Page-table work of a paravirtual guest: mmu_update, mmuext_op, update_va_mapping.
 *
 * HYPERVISOR_mmu_update(requests, count, done, domain)
 * HYPERVISOR_mmuext_op(operations, count, done, domain)
 * HYPERVISOR_update_va_mapping(address, entry, UVMF flags)
 *
 * `domain` is the owner of the frames that are mapped or worked on, DOMID_SELF for the caller. In
 * mmu_update its high half, less one, is the owner of the page tables; 0 there means the caller.
 */
#pragma once

#include "types.h"

/* Low bits of mmu_update.ptr; the rest is a machine address. */
enum {
    MMU_NORMAL_PT_UPDATE = 0,       /* store val into the entry at ptr */
    MMU_MACHPHYS_UPDATE = 1,        /* set the M2P entry of the frame at ptr to val */
    MMU_PT_UPDATE_PRESERVE_AD = 2,  /* store, keeping accessed and dirty bits as they are */
    MMU_PT_UPDATE_NO_TRANSLATE = 3, /* store val untranslated */
};

typedef struct mmu_update {
    uint64_t ptr;
    uint64_t val;
} mmu_update_t;
ABI_SIZE(struct mmu_update, 16);
ABI_OFFSET(struct mmu_update, val, 8);

/* mmuext_op.cmd, with the arguments that each takes. */
enum {
    MMUEXT_PIN_L1_TABLE = 0,        /* mfn */
    MMUEXT_PIN_L2_TABLE = 1,        /* mfn */
    MMUEXT_PIN_L3_TABLE = 2,        /* mfn */
    MMUEXT_PIN_L4_TABLE = 3,        /* mfn */
    MMUEXT_UNPIN_TABLE = 4,         /* mfn */
    MMUEXT_NEW_BASEPTR = 5,         /* mfn: becomes the kernel's root table */
    MMUEXT_TLB_FLUSH_LOCAL = 6,     /* none */
    MMUEXT_INVLPG_LOCAL = 7,        /* linear_addr */
    MMUEXT_TLB_FLUSH_MULTI = 8,     /* vcpumask */
    MMUEXT_INVLPG_MULTI = 9,        /* linear_addr, vcpumask */
    MMUEXT_TLB_FLUSH_ALL = 10,      /* none */
    MMUEXT_INVLPG_ALL = 11,         /* linear_addr */
    MMUEXT_FLUSH_CACHE = 12,        /* none */
    MMUEXT_SET_LDT = 13,            /* linear_addr, nr_ents */
    MMUEXT_NEW_USER_BASEPTR = 15,   /* mfn, or 0 for none: the root table of user mode */
    MMUEXT_CLEAR_PAGE = 16,         /* mfn */
    MMUEXT_COPY_PAGE = 17,          /* mfn, src_mfn */
    MMUEXT_FLUSH_CACHE_GLOBAL = 18, /* none */
    MMUEXT_MARK_SUPER = 19,         /* mfn of a 2 MB superpage */
    MMUEXT_UNMARK_SUPER = 20,       /* mfn of a 2 MB superpage */
};

typedef struct mmuext_op {
    uint32_t cmd;
    union {
        xen_pfn_t mfn;
        uint64_t linear_addr;
    } arg1;
    union {
        uint32_t nr_ents;
        XEN_GUEST_HANDLE(const void) vcpumask;
        xen_pfn_t src_mfn;
    } arg2;
} mmuext_op_t;
ABI_SIZE(struct mmuext_op, 24);
ABI_OFFSET(struct mmuext_op, arg1, 8);
ABI_OFFSET(struct mmuext_op, arg2, 16);

/*
 * Flags of update_va_mapping: what to flush, and where. With UVMF_MULTI the bits above them are
 * the address of a bitmap of vCPUs; with UVMF_LOCAL they are 0.
 */
#define UVMF_NONE           0UL
#define UVMF_TLB_FLUSH      1UL
#define UVMF_INVLPG         2UL
#define UVMF_FLUSHTYPE_MASK 3UL
#define UVMF_MULTI          0UL
#define UVMF_LOCAL          0UL
#define UVMF_ALL            4UL
