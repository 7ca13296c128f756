// The guest's ELF notes: what it tells the domain builder about itself.
#include "frontends/kernel/elf_notes.h"

extern char _start[];
extern char hypercall_page[];
extern char virt_base[]; // the linker's

NOTE_STRING(guest_os, XEN_ELFNOTE_GUEST_OS, "vellum-test");
NOTE_STRING(guest_version, XEN_ELFNOTE_GUEST_VERSION, "1");
NOTE_STRING(xen_version, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
NOTE_STRING(loader, XEN_ELFNOTE_LOADER, "generic");
NOTE_STRING(pae_mode, XEN_ELFNOTE_PAE_MODE, "yes");
NOTE_STRING(features, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
NOTE_NUMBER(supported, XEN_ELFNOTE_SUPPORTED_FEATURES, (1UL << 4) | (1UL << 11));
NOTE_NUMBER(virt_base, XEN_ELFNOTE_VIRT_BASE, (uint64_t)virt_base);
NOTE_NUMBER(paddr_offset, XEN_ELFNOTE_PADDR_OFFSET, 0);
NOTE_NUMBER(entry, XEN_ELFNOTE_ENTRY, (uint64_t)_start);
NOTE_NUMBER(hypercall_page, XEN_ELFNOTE_HYPERCALL_PAGE, (uint64_t)hypercall_page);
NOTE_NUMBER(hv_start_low, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
// As Linux asks, or as older kernels did: ramdisk and P2M list within the initial mapping.
#ifdef LINUX_LAYOUT
NOTE_NUMBER(mod_start_pfn, XEN_ELFNOTE_MOD_START_PFN, 1);
NOTE_NUMBER(init_p2m, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
#endif
