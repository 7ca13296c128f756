// A kernel that knows the hypervisor: its ELF file, and what it says of itself in Xen's ELF notes.
//
// kernel_parse() and its like check all that the rest of the builder relies on; nothing
// of the file is trusted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_TEXT_MAX 32

struct kernel {
    const uint8_t *file; // must stay while this is used
    size_t len;
    bool elf32;         // or else of 64 bits
    uint64_t min_paddr; // of its segments
    uint64_t max_paddr; // behind the last byte of memory

    uint64_t notes; // bit 1 << XEN_ELFNOTE_x: the note is there; ask kernel_has()
    uint64_t entry; // virtual, as all that follow
    uint64_t virt_base;
    uint64_t paddr_offset;
    uint64_t hypercall_page;
    uint64_t init_p2m;
    uint64_t pvh_entry;         // guest-physical, below 4 GB
    bool mod_start_pfn;         // the initial RAM disk need not be mapped
    uint32_t features_required; // 1 << XENFEAT_x
    char guest_os[KERNEL_TEXT_MAX];
    char guest_version[KERNEL_TEXT_MAX];

    char problem[128]; // what an error is about, in a few words
};

// Reads an ELF file for x86-64 with the notes of a paravirtual kernel. 0, or with k->problem set
//   -ENOEXEC     no such ELF file
//   -EINVAL      damaged or contradictory
//   -ENOENT      not made for paravirtual guests
//   -EOPNOTSUPP  it requires a feature that a paravirtual guest is not offered
int kernel_parse(struct kernel *k, const void *file, size_t len);

// The same for a PVH guest, whose kernel goes to the physical addresses that its segments name.
int kernel_parse_pvh(struct kernel *k, const void *file, size_t len);

// hvmloader, which starts as a PVH guest's kernel does, but is an ELF file for 32 bits whose entry
// is the file's own; it has no notes.
int kernel_parse_firmware(struct kernel *k, const void *file, size_t len);

static inline bool kernel_has(const struct kernel *k, unsigned note)
{
    return k->notes >> note & 1;
}

// Copies the segments into `memory`, where guest-physical address k->min_paddr - k->paddr_offset is
// at `memory` itself, and zeroes the rest up to k->max_paddr - k->paddr_offset.
void kernel_load(const struct kernel *k, void *memory);

// Shared by the two halves of the parser --------------------------------------------------------

struct kernel_note {
    uint32_t type;
    const uint8_t *desc;
    uint32_t desc_len;
};

typedef int kernel_note_fn(struct kernel *k, const struct kernel_note *note);

// The file format: header and segments are checked, min_paddr, max_paddr and entry set.
int kernel_parse_elf(struct kernel *k);

// Calls each() for every note named "Xen", in segments or, if these have none, in sections. Stops
// at the first error. -EINVAL for damaged notes, -ENOENT if there are none.
int kernel_each_note(struct kernel *k, kernel_note_fn *each);

// Notes the problem, printf-like, and returns `error`.
int kernel_fail(struct kernel *k, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
