// The guest's ELF notes. It is linked at the start of its address space, where Linux would have
// left a hole: in a small domain every page counts.
#include "frontends/kernel/elf_notes.h"

extern char _start[], hypercall_page[], virt_base[];

NOTE_STRING(guest_os, XEN_ELFNOTE_GUEST_OS, "vellum-reference");
NOTE_STRING(guest_version, XEN_ELFNOTE_GUEST_VERSION, "1");
NOTE_STRING(xen_version, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
NOTE_STRING(loader, XEN_ELFNOTE_LOADER, "generic");
NOTE_STRING(pae_mode, XEN_ELFNOTE_PAE_MODE, "yes");
NOTE_STRING(features, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
NOTE_NUMBER(virt_base, XEN_ELFNOTE_VIRT_BASE, (uint64_t)virt_base);
NOTE_NUMBER(paddr_offset, XEN_ELFNOTE_PADDR_OFFSET, 0);
NOTE_NUMBER(entry, XEN_ELFNOTE_ENTRY, (uint64_t)_start);
NOTE_NUMBER(hypercall_page, XEN_ELFNOTE_HYPERCALL_PAGE, (uint64_t)hypercall_page);
NOTE_NUMBER(hv_start_low, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
