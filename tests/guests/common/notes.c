// The guest's ELF notes: what it tells the domain builder about itself.
// Names are "Xen"; types are XEN_ELFNOTE_*; each descriptor is a string or an 8-byte number.
#include <stdint.h>

#include "pv-abi/elfnote.h"

#define NOTE_SECTION __attribute__((section(".note.Xen"), used, aligned(4)))

struct note_header {
    uint32_t name_size;
    uint32_t desc_size;
    uint32_t type;
    char name[4]; // "Xen"
};

#define NOTE_STRING(id, note_type, text)      \
    static const struct {                     \
        struct note_header header;            \
        char desc[(sizeof(text) + 3) & ~3UL]; \
    } note_##id NOTE_SECTION = {{4, sizeof(text), note_type, "Xen"}, text}

#define NOTE_NUMBER(id, note_type, number)                    \
    static const struct __attribute__((packed, aligned(4))) { \
        struct note_header header;                            \
        uint64_t desc;                                        \
    } note_##id NOTE_SECTION = {{4, 8, note_type, "Xen"}, number}

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
