// The parts of the ELF-64 object file format that a kernel's loader needs. Headers may lie at any
// alignment in the file, so they are copied out.
#include "lib/elf.h"

#include "lib/bytes.h"
#include "lib/errno.h"
#include "lib/string.h"

#define ELF_CLASS_64      2
#define ELF_LITTLE_ENDIAN 1
#define ELF_VERSION       1
#define ET_EXEC           2
#define ET_DYN            3
#define EM_X86_64         62

#define PT_LOAD 1
#define PT_NOTE 4

#define NOTE_HEADER_SIZE 12

// Far more than any kernel has; keeps the search for overlaps short.
#define MAX_SEGMENTS 256

struct file_header {
    uint8_t magic[4];
    uint8_t class;
    uint8_t data;
    uint8_t ident_version;
    uint8_t abi[9];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};

struct program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};

_Static_assert(sizeof(struct file_header) == 64, "Elf64_Ehdr");
_Static_assert(sizeof(struct program_header) == 56, "Elf64_Phdr");

static bool in_file(const struct elf_image *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->len && size <= elf->len - offset;
}

static struct program_header program_header(const struct elf_image *elf, uint32_t i)
{
    struct program_header ph;

    memcpy(&ph, elf->base + elf->segments_offset + i * sizeof(ph), sizeof(ph));
    return ph;
}

static bool is_loaded(const struct program_header *ph)
{
    return ph->type == PT_LOAD && ph->memsz > 0;
}

static int parse_file_header(struct elf_image *elf)
{
    struct file_header h;

    if (elf->len < sizeof(h))
        return -ENOEXEC;
    memcpy(&h, elf->base, sizeof(h));
    if (memcmp(h.magic, "\177ELF", 4) || h.class != ELF_CLASS_64 || h.data != ELF_LITTLE_ENDIAN ||
        h.ident_version != ELF_VERSION || h.version != ELF_VERSION || h.machine != EM_X86_64 ||
        (h.type != ET_EXEC && h.type != ET_DYN))
        return -ENOEXEC;
    if (h.phentsize != sizeof(struct program_header) || h.phnum == 0 || h.phnum > MAX_SEGMENTS ||
        !in_file(elf, h.phoff, h.phnum * sizeof(struct program_header)))
        return -EINVAL;
    elf->entry = h.entry;
    elf->segments = h.phnum;
    elf->segments_offset = h.phoff;
    return 0;
}

static int check_segment(const struct elf_image *elf, uint32_t i)
{
    struct program_header ph = program_header(elf, i), other;
    uint64_t end;

    if (!is_loaded(&ph))
        return 0;
    if (!in_file(elf, ph.offset, ph.filesz) || ph.filesz > ph.memsz ||
        __builtin_add_overflow(ph.paddr, ph.memsz, &end))
        return -EINVAL;
    while (i-- > 0) {
        other = program_header(elf, i);
        if (is_loaded(&other) && ph.paddr < other.paddr + other.memsz && other.paddr < end)
            return -EINVAL;
    }
    return 0;
}

int elf_parse(struct elf_image *elf, const void *file, size_t len)
{
    struct elf_segment segment;
    uint32_t i = 0;
    int ret;

    *elf = (struct elf_image){.base = file, .len = len, .min_paddr = ~0ull};
    ret = parse_file_header(elf);
    if (ret)
        return ret;
    for (; i < elf->segments; i++) {
        ret = check_segment(elf, i);
        if (ret)
            return ret;
    }
    for (i = 0; elf_next_segment(elf, &i, &segment);) {
        if (segment.paddr < elf->min_paddr)
            elf->min_paddr = segment.paddr;
        if (segment.paddr + segment.memsz > elf->max_paddr)
            elf->max_paddr = segment.paddr + segment.memsz;
    }
    return elf->max_paddr ? 0 : -EINVAL;
}

bool elf_next_segment(const struct elf_image *elf, uint32_t *i, struct elf_segment *segment)
{
    while (*i < elf->segments) {
        struct program_header ph = program_header(elf, (*i)++);

        if (!is_loaded(&ph))
            continue;
        *segment = (struct elf_segment){
            .paddr = ph.paddr,
            .memsz = ph.memsz,
            .filesz = ph.filesz,
            .data = elf->base + ph.offset,
        };
        return true;
    }
    return false;
}

int elf_load(const struct elf_image *elf, void *dest, size_t dest_len, uint64_t base_paddr)
{
    struct elf_segment s;

    if (elf->min_paddr < base_paddr || elf->max_paddr - base_paddr > dest_len)
        return -ENOSPC;
    for (uint32_t i = 0; elf_next_segment(elf, &i, &s);) {
        uint8_t *at = (uint8_t *)dest + (s.paddr - base_paddr);

        memcpy(at, s.data, s.filesz);
        memset(at + s.filesz, 0, s.memsz - s.filesz);
    }
    return 0;
}

struct note_walk {
    elf_note_fn *each;
    void *context;
    bool found;
};

// Skips to the next multiple of align behind start, or to the end.
static void skip_padding(struct byte_reader *r, const uint8_t *start, size_t align)
{
    size_t pad = (size_t)(start - r->at) & (align - 1);

    r->at += pad < bytes_left(r) ? pad : bytes_left(r);
}

// Takes one note, whose header is there: sizes and type, then name and description, padded to
// `align`.
static int take_note(struct byte_reader *r, const uint8_t *start, size_t align,
                     struct elf_note *note, bool *is_xen)
{
    const uint8_t *header = bytes_take(r, NOTE_HEADER_SIZE);
    const uint8_t *name = bytes_take(r, load_le32(header));

    if (!name)
        return -EINVAL;
    skip_padding(r, start, align);
    note->desc_len = load_le32(header + 4);
    note->type = load_le32(header + 8);
    note->desc = bytes_take(r, note->desc_len);
    skip_padding(r, start, align);
    *is_xen = load_le32(header) == 4 && !memcmp(name, "Xen", 4);
    return note->desc ? 0 : -EINVAL;
}

// Walks the notes in an area of the file.
static int walk_notes(struct note_walk *walk, const struct elf_image *elf, uint64_t offset,
                      uint64_t size, uint64_t align)
{
    const uint8_t *start;
    struct byte_reader r;
    struct elf_note note;
    bool is_xen;
    int ret = 0;

    if (!in_file(elf, offset, size))
        return -EINVAL;
    start = elf->base + offset;
    r = (struct byte_reader){start, start + size};
    while (!ret && bytes_left(&r) >= NOTE_HEADER_SIZE) {
        ret = take_note(&r, start, align == 8 ? 8 : 4, &note, &is_xen);
        if (!ret && is_xen) {
            walk->found = true;
            ret = walk->each(&note, walk->context);
        }
    }
    return ret;
}

int elf_for_each_xen_note(const struct elf_image *elf, elf_note_fn *each, void *context)
{
    struct note_walk walk = {each, context, false};
    int ret = 0;

    for (uint32_t i = 0; i < elf->segments && !ret; i++) {
        struct program_header ph = program_header(elf, i);

        if (ph.type == PT_NOTE)
            ret = walk_notes(&walk, elf, ph.offset, ph.filesz, ph.align);
    }
    return ret ? ret : walk.found ? 0 : -ENOENT;
}
