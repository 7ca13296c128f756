// What the guest tells the domain builder: where it starts.
#include "frontends/kernel/elf_notes.h"

extern char hvm_start[];

NOTE_STRING(guest_os, XEN_ELFNOTE_GUEST_OS, "vellum-test");
NOTE_STRING(guest_version, XEN_ELFNOTE_GUEST_VERSION, "1");
NOTE_STRING(xen_version, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
NOTE_STRING(loader, XEN_ELFNOTE_LOADER, "generic");
NOTE_NUMBER(phys32_entry, XEN_ELFNOTE_PHYS32_ENTRY, (uint64_t)hvm_start);
