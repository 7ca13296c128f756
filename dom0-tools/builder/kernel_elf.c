// The ELF half of a kernel's file. Headers may lie at any alignment, so they are copied out; those
// of 32 bits become the same of 64.
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "builder/kernel.h"

#define SEGMENTS_MAX 256 // far more than any kernel has

int kernel_fail(struct kernel *k, int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(k->problem, sizeof(k->problem), format, list);
    va_end(list);
    return error;
}

static bool in_file(const struct kernel *k, uint64_t offset, uint64_t size)
{
    return offset <= k->len && size <= k->len - offset;
}

// Both are asked only for headers that header_of() has found inside the file.
static Elf64_Phdr segment(const struct kernel *k, const Elf64_Ehdr *h, unsigned i)
{
    Elf32_Phdr narrow;
    Elf64_Phdr p;

    if (!k->elf32) {
        memcpy(&p, k->file + h->e_phoff + i * sizeof(p), sizeof(p));
        return p;
    }
    memcpy(&narrow, k->file + h->e_phoff + i * sizeof(narrow), sizeof(narrow));
    return (Elf64_Phdr){
        .p_type = narrow.p_type,
        .p_offset = narrow.p_offset,
        .p_paddr = narrow.p_paddr,
        .p_filesz = narrow.p_filesz,
        .p_memsz = narrow.p_memsz,
    };
}

static Elf64_Shdr section(const struct kernel *k, const Elf64_Ehdr *h, unsigned i)
{
    Elf64_Shdr s;

    memcpy(&s, k->file + h->e_shoff + i * sizeof(s), sizeof(s));
    return s;
}

static Elf64_Ehdr widened(const struct kernel *k)
{
    Elf32_Ehdr narrow;
    Elf64_Ehdr h;

    memcpy(&narrow, k->file, sizeof(narrow));
    h = (Elf64_Ehdr){
        .e_type = narrow.e_type,
        .e_machine = narrow.e_machine,
        .e_entry = narrow.e_entry,
        .e_phoff = narrow.e_phoff,
        .e_phentsize = narrow.e_phentsize,
        .e_phnum = narrow.e_phnum,
    };
    memcpy(h.e_ident, narrow.e_ident, sizeof(h.e_ident));
    return h;
}

// Kernels are often stripped of their sections, so damage there means: none.
static Elf64_Ehdr header_of(const struct kernel *k)
{
    Elf64_Ehdr h;

    if (k->elf32)
        return widened(k);
    memcpy(&h, k->file, sizeof(h));
    if (h.e_shentsize != sizeof(Elf64_Shdr) ||
        !in_file(k, h.e_shoff, h.e_shnum * sizeof(Elf64_Shdr)))
        h.e_shnum = 0;
    return h;
}

static int check_class(struct kernel *k, const Elf64_Ehdr *h)
{
    unsigned char class = k->elf32 ? ELFCLASS32 : ELFCLASS64;
    Elf64_Half machine = k->elf32 ? EM_386 : EM_X86_64;

    if (!k->elf32 && h->e_ident[EI_CLASS] == ELFCLASS32)
        return kernel_fail(k, -ENOEXEC, "a 32-bit kernel; only 64-bit guests can be built");
    if (h->e_ident[EI_CLASS] != class || h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_machine != machine || (h->e_type != ET_EXEC && h->e_type != ET_DYN))
        return kernel_fail(k, -ENOEXEC, "an ELF file, but no %s executable",
                           k->elf32 ? "32-bit x86" : "x86-64");
    return 0;
}

static int check_header(struct kernel *k)
{
    size_t segment_size = k->elf32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
    Elf64_Ehdr h;
    int rc;

    if (k->len < sizeof(h) || memcmp(k->file, ELFMAG, SELFMAG))
        return kernel_fail(k, -ENOEXEC, "neither a bzImage nor an ELF file");
    h = header_of(k);
    rc = check_class(k, &h);
    if (rc)
        return rc;
    if (h.e_phentsize != segment_size || !h.e_phnum || h.e_phnum > SEGMENTS_MAX ||
        !in_file(k, h.e_phoff, h.e_phnum * segment_size))
        return kernel_fail(k, -EINVAL, "damaged or cut short: no program headers");
    k->entry = h.e_entry;
    return 0;
}

static bool is_loaded(const Elf64_Phdr *p)
{
    return p->p_type == PT_LOAD && p->p_memsz;
}

static int check_segment(struct kernel *k, const Elf64_Ehdr *h, unsigned i)
{
    Elf64_Phdr p = segment(k, h, i);
    uint64_t end;

    if (!is_loaded(&p))
        return 0;
    if (!in_file(k, p.p_offset, p.p_filesz))
        return kernel_fail(k, -EINVAL, "cut short: segment %u ends behind the file", i);
    if (p.p_filesz > p.p_memsz || __builtin_add_overflow(p.p_paddr, p.p_memsz, &end))
        return kernel_fail(k, -EINVAL, "damaged: segment %u has impossible sizes", i);
    while (i-- > 0) {
        Elf64_Phdr other = segment(k, h, i);

        if (is_loaded(&other) && p.p_paddr < other.p_paddr + other.p_memsz && other.p_paddr < end)
            return kernel_fail(k, -EINVAL, "damaged: its segments overlap");
    }
    if (p.p_paddr < k->min_paddr)
        k->min_paddr = p.p_paddr;
    if (end > k->max_paddr)
        k->max_paddr = end;
    return 0;
}

int kernel_parse_elf(struct kernel *k)
{
    int rc = check_header(k);
    Elf64_Ehdr h;

    if (rc)
        return rc;
    h = header_of(k);
    k->min_paddr = UINT64_MAX;
    k->max_paddr = 0;
    for (unsigned i = 0; i < h.e_phnum && !rc; i++)
        rc = check_segment(k, &h, i);
    if (!rc && !k->max_paddr)
        rc = kernel_fail(k, -EINVAL, "damaged: nothing in it is to be loaded");
    return rc;
}

void kernel_load(const struct kernel *k, void *memory)
{
    Elf64_Ehdr h = header_of(k);
    uint64_t filled = 0; // behind the highest byte that has been written

    for (unsigned i = 0; i < h.e_phnum; i++) {
        Elf64_Phdr p = segment(k, &h, i);
        uint64_t at = p.p_paddr - k->min_paddr;

        if (!is_loaded(&p))
            continue;
        if (at > filled)
            memset((uint8_t *)memory + filled, 0, at - filled);
        memcpy((uint8_t *)memory + at, k->file + p.p_offset, p.p_filesz);
        memset((uint8_t *)memory + at + p.p_filesz, 0, p.p_memsz - p.p_filesz);
        if (at + p.p_memsz > filled)
            filled = at + p.p_memsz;
    }
}

// One note at *at, which moves behind it. Name and description are padded to `align`.
static int take_note(const uint8_t **at, const uint8_t *end, size_t align, struct kernel_note *note,
                     bool *is_xen)
{
    size_t left = (size_t)(end - *at), name_room, desc_room;
    Elf64_Nhdr h;

    memcpy(&h, *at, sizeof(h));
    left -= sizeof(h);
    name_room = (h.n_namesz + align - 1) / align * align;
    if (name_room > left)
        return -EINVAL;
    left -= name_room;
    if (h.n_descsz > left)
        return -EINVAL;
    desc_room = (h.n_descsz + align - 1) / align * align;
    *is_xen = h.n_namesz == 4 && !memcmp(*at + sizeof(h), "Xen", 4);
    *note = (struct kernel_note){h.n_type, *at + sizeof(h) + name_room, h.n_descsz};
    *at = note->desc + (desc_room < left ? desc_room : left);
    return 0;
}

// The notes in an area of the file; *found is set if any is Xen's.
static int walk_notes(struct kernel *k, uint64_t offset, uint64_t size, uint64_t align,
                      kernel_note_fn *each, bool *found)
{
    const uint8_t *at, *end;
    struct kernel_note note;
    bool is_xen;

    if (!in_file(k, offset, size))
        return kernel_fail(k, -EINVAL, "cut short: its notes end behind the file");
    at = k->file + offset;
    end = at + size;
    while ((size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
        int rc;

        if (take_note(&at, end, align == 8 ? 8 : 4, &note, &is_xen))
            return kernel_fail(k, -EINVAL, "damaged: its ELF notes make no sense");
        rc = is_xen ? each(k, &note) : 0;
        if (rc)
            return rc;
        *found |= is_xen;
    }
    return 0;
}

int kernel_each_note(struct kernel *k, kernel_note_fn *each)
{
    Elf64_Ehdr h = header_of(k);
    bool found = false;
    int rc = 0;

    for (unsigned i = 0; i < h.e_phnum && !rc; i++) {
        Elf64_Phdr p = segment(k, &h, i);

        if (p.p_type == PT_NOTE)
            rc = walk_notes(k, p.p_offset, p.p_filesz, p.p_align, each, &found);
    }
    for (unsigned i = 0; i < h.e_shnum && !rc && !found; i++) {
        Elf64_Shdr s = section(k, &h, i);

        if (s.sh_type == SHT_NOTE)
            rc = walk_notes(k, s.sh_offset, s.sh_size, s.sh_addralign, each, &found);
    }
    return rc ? rc : found ? 0 : -ENOENT;
}
