// ELF images of 64-bit x86 kernels: what to load where, and the notes inside. Nothing of the file
// is trusted; elf_parse() checks all that the other functions then rely on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image {
    const uint8_t *base; // the file, which must stay while this is used
    size_t len;
    uint64_t entry; // virtual address
    uint64_t min_paddr;
    uint64_t max_paddr; // behind the last segment's memory
    uint32_t segments;  // program headers
    uint64_t segments_offset;
};

// What a loadable segment asks for: filesz bytes of the file, then zeros up to memsz.
struct elf_segment {
    uint64_t paddr;
    uint64_t memsz;
    uint64_t filesz;
    const uint8_t *data;
};

struct elf_note {
    uint32_t type;
    const uint8_t *desc;
    uint32_t desc_len;
};

// Accepts a little-endian 64-bit x86 executable (ET_EXEC, or ET_DYN taken at its linked address)
// whose loadable segments lie inside the file, do not wrap and do not overlap in physical memory.
// 0; -ENOEXEC if it is not such a file, -EINVAL if it is one but damaged.
int elf_parse(struct elf_image *elf, const void *file, size_t len);

// The next loadable segment with memory behind header number *i, which begins at 0 and is advanced.
// Returns false when there are no more.
bool elf_next_segment(const struct elf_image *elf, uint32_t *i, struct elf_segment *segment);

// Copies every segment to dest + (its paddr - base_paddr) and zeroes what has no file contents.
// -ENOSPC, with nothing written, if any is not within [base_paddr, base_paddr + dest_len).
int elf_load(const struct elf_image *elf, void *dest, size_t dest_len, uint64_t base_paddr);

typedef int elf_note_fn(const struct elf_note *note, void *context);

// Calls each() for every note called "Xen" in the PT_NOTE segments. Stops at the first result that
// is not 0, and returns it. -EINVAL for damaged notes, -ENOENT if there is none.
int elf_for_each_xen_note(const struct elf_image *elf, elf_note_fn *each, void *context);
