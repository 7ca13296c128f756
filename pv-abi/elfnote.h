/*
 * ELF notes by which a guest kernel describes itself to a domain builder.
 *
 * All carry the name "Xen". Numbers are 4 or 8 bytes wide as the note's size says, texts end
 * with a NUL.
 */
#pragma once

enum {
    XEN_ELFNOTE_INFO = 0,
    XEN_ELFNOTE_ENTRY = 1,          /* virtual address of the first instruction */
    XEN_ELFNOTE_HYPERCALL_PAGE = 2, /* virtual address of a page to fill with call stubs */
    XEN_ELFNOTE_VIRT_BASE = 3,      /* virtual address of guest-physical 0 */
    XEN_ELFNOTE_PADDR_OFFSET = 4,   /* to subtract from ELF physical addresses */
    XEN_ELFNOTE_XEN_VERSION = 5,    /* "xen-3.0" */
    XEN_ELFNOTE_GUEST_OS = 6,
    XEN_ELFNOTE_GUEST_VERSION = 7,
    XEN_ELFNOTE_LOADER = 8,              /* "generic" */
    XEN_ELFNOTE_PAE_MODE = 9,            /* 32-bit kernels */
    XEN_ELFNOTE_FEATURES = 10,           /* text: features wanted, '!' before what is required */
    XEN_ELFNOTE_BSD_SYMTAB = 11,         /* "yes": load the symbol table too */
    XEN_ELFNOTE_HV_START_LOW = 12,       /* lowest address that the hypervisor may keep */
    XEN_ELFNOTE_L1_MFN_VALID = 13,       /* (mask, value) pairs that mark a present PTE */
    XEN_ELFNOTE_SUSPEND_CANCEL = 14,     /* the suspend call returns 1 when it was cancelled */
    XEN_ELFNOTE_INIT_P2M = 15,           /* virtual address at which to map the initial P2M */
    XEN_ELFNOTE_MOD_START_PFN = 16,      /* an initrd may stay unmapped */
    XEN_ELFNOTE_SUPPORTED_FEATURES = 17, /* bitmap of XENFEAT_* */
    XEN_ELFNOTE_PHYS32_ENTRY = 18,       /* PVH: physical address of the 32-bit entry */
    XEN_ELFNOTE_MAX = XEN_ELFNOTE_PHYS32_ENTRY,
};

/* Notes of the hypervisor's crash dumps and of guests' core dumps. */
enum {
    XEN_ELFNOTE_CRASH_INFO = 0x1000001,
    XEN_ELFNOTE_CRASH_REGS = 0x1000002,
    XEN_ELFNOTE_DUMPCORE_NONE = 0x2000000,
    XEN_ELFNOTE_DUMPCORE_HEADER = 0x2000001,
    XEN_ELFNOTE_DUMPCORE_XEN_VERSION = 0x2000002,
    XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION = 0x2000003,
};
