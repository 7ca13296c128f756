/*
 * The page that a paravirtual guest finds in RSI at its first instruction.
 *
 * The initial address space starts at the kernel's virtual base and holds, in this order, the
 * kernel, the initial ramdisk, the P2M list, this page, the page tables and a boot stack; all
 * addresses here are virtual unless they are said to be frame numbers.
 */
#pragma once

#include "types.h"

#define MAX_GUEST_CMDLINE 1024

/* start_info.flags */
#define SIF_PRIVILEGED      (1U << 0)    /* may use privileged operations */
#define SIF_INITDOMAIN      (1U << 1)    /* this is domain 0 */
#define SIF_MULTIBOOT_MOD   (1U << 2)    /* mod_start points to a xen_multiboot_mod_list */
#define SIF_MOD_START_PFN   (1U << 3)    /* mod_start is a frame number, the module unmapped */
#define SIF_VIRT_P2M_4TOOLS (1U << 4)    /* tools may read the P2M through its virtual address */
#define SIF_PM_MASK         (0xffU << 8) /* power-management options, domain 0 only */

typedef struct start_info {
    char magic[32];        /* "xen-<version>-x86_64" */
    uint64_t nr_pages;     /* memory of the domain, in pages */
    uint64_t shared_info;  /* machine address of the shared_info frame */
    uint32_t flags;        /* SIF_* */
    xen_pfn_t store_mfn;   /* machine frame of the xenstore ring */
    uint32_t store_evtchn; /* event channel to xenstore */
    union {
        struct {
            xen_pfn_t mfn;   /* machine frame of the console ring */
            uint32_t evtchn; /* event channel to the console daemon */
        } domU;
        struct {
            uint32_t info_off; /* of dom0_vga_console_info, from the start of this structure */
            uint32_t info_size;
        } dom0;
    } console;
    uint64_t pt_base;      /* the root page table */
    uint64_t nr_pt_frames; /* page tables of the initial address space */
    uint64_t mfn_list;     /* the P2M list */
    uint64_t mod_start;    /* the module (initial ramdisk), or 0 */
    uint64_t mod_len;      /* in bytes */
    int8_t cmd_line[MAX_GUEST_CMDLINE];
    uint64_t first_p2m_pfn; /* where the P2M list lies if it is mapped outside the initial part */
    uint64_t nr_p2m_frames;
} start_info_t;
ABI_SIZE(struct start_info, 1168);
ABI_OFFSET(struct start_info, nr_pages, 32);
ABI_OFFSET(struct start_info, flags, 48);
ABI_OFFSET(struct start_info, store_mfn, 56);
ABI_OFFSET(struct start_info, console, 72);
ABI_OFFSET(struct start_info, pt_base, 88);
ABI_OFFSET(struct start_info, cmd_line, 128);
ABI_OFFSET(struct start_info, first_p2m_pfn, 1152);
ABI_OFFSET(struct start_info, nr_p2m_frames, 1160);

/* With SIF_MULTIBOOT_MOD, an array of these, in the Multiboot 1 module format. */
struct xen_multiboot_mod_list {
    uint32_t mod_start; /* physical addresses */
    uint32_t mod_end;
    uint32_t cmdline;
    uint32_t pad;
};
ABI_SIZE(struct xen_multiboot_mod_list, 16);
