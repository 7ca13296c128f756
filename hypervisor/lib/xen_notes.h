// What a kernel says of itself in its Xen ELF notes (pv-abi/elfnote.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/elf.h"
#include "pv-abi/elfnote.h"

#define XEN_NOTE_TEXT_MAX 32

struct xen_kernel_info {
    uint64_t present; // bit 1 << XEN_ELFNOTE_x: the note is there; ask xen_kernel_has()
    uint64_t entry;   // virtual; the ELF header's where no note gives it
    uint64_t virt_base;
    uint64_t paddr_offset;
    uint64_t hypercall_page;
    uint64_t init_p2m;
    uint64_t mod_start_pfn; // not 0: the initial RAM disk need not be mapped
    uint64_t virt_start;    // where the loaded image begins and ends: its physical addresses, less
    uint64_t virt_end;      // paddr_offset, plus virt_base
    char guest_os[XEN_NOTE_TEXT_MAX];
    char guest_version[XEN_NOTE_TEXT_MAX];
    char unknown_feature[XEN_NOTE_TEXT_MAX]; // the one whose requirement was the error
    const char *problem;                     // says what an error was about; NULL if there was none
};

// Reads the notes, then checks that they agree with each other and with the segments. 0, or
//   -ENOENT      there are no Xen notes: the kernel was not made for this
//   -EOPNOTSUPP  a feature is required whose name is not known (unknown_feature)
//   -EINVAL      damaged or contradictory notes
// with info->problem set.
int xen_notes_parse(struct xen_kernel_info *info, const struct elf_image *elf);

static inline bool xen_kernel_has(const struct xen_kernel_info *info, unsigned note)
{
    return info->present >> note & 1;
}
