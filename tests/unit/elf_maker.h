// Makes small ELF files by hand, valid ones that the tests then damage. Layout: the file header,
// two PT_LOAD and one PT_NOTE program header, a section header, the segments' bytes, the notes.
#pragma once

#include <elf.h>
#include <stdint.h>
#include <string.h>

struct elf_maker {
    Elf64_Ehdr header;
    Elf64_Phdr text;
    Elf64_Phdr data;
    Elf64_Phdr note;
    Elf64_Shdr section;
    uint8_t text_bytes[64];
    uint8_t data_bytes[32];
    uint8_t notes[1024];
    uint32_t notes_len; // not part of the file
};

#define MAKER_FILE_SIZE offsetof(struct elf_maker, notes_len)

static inline void maker_init(struct elf_maker *m)
{
    memset(m, 0, sizeof(*m));
    m->header = (Elf64_Ehdr){
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = 0xffffffff80100010,
        .e_phoff = offsetof(struct elf_maker, text),
        .e_shoff = offsetof(struct elf_maker, section),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 3,
        .e_shentsize = sizeof(Elf64_Shdr),
    };
    m->text = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_offset = offsetof(struct elf_maker, text_bytes),
        .p_vaddr = 0xffffffff80100000,
        .p_paddr = 0x100000,
        .p_filesz = sizeof(m->text_bytes),
        .p_memsz = sizeof(m->text_bytes),
    };
    m->data = (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W,
        .p_offset = offsetof(struct elf_maker, data_bytes),
        .p_vaddr = 0xffffffff80101000,
        .p_paddr = 0x101000,
        .p_filesz = sizeof(m->data_bytes),
        .p_memsz = 0x1800,
    };
    m->note = (Elf64_Phdr){
        .p_type = PT_NOTE,
        .p_offset = offsetof(struct elf_maker, notes),
        .p_align = 4,
    };
    memset(m->text_bytes, 0x90, sizeof(m->text_bytes));
    memset(m->data_bytes, 0xda, sizeof(m->data_bytes));
}

static inline void maker_note_of(struct elf_maker *m, const char *name, uint32_t type,
                                 const void *desc, uint32_t len)
{
    uint32_t name_len = (uint32_t)strlen(name) + 1;
    Elf64_Nhdr header = {name_len, len, type};
    uint8_t *at = m->notes + m->notes_len;

    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), name, name_len);
    at += sizeof(header) + ((name_len + 3) & ~3u);
    memcpy(at, desc, len);
    m->notes_len = (uint32_t)(at + ((len + 3) & ~3u) - m->notes);
    m->note.p_filesz = m->notes_len;
}

static inline void maker_number(struct elf_maker *m, uint32_t type, uint64_t value)
{
    maker_note_of(m, "Xen", type, &value, sizeof(value));
}

static inline void maker_text(struct elf_maker *m, uint32_t type, const char *text)
{
    maker_note_of(m, "Xen", type, text, (uint32_t)strlen(text) + 1);
}

// Moves the notes from the PT_NOTE segment to a section.
static inline void maker_notes_to_section(struct elf_maker *m)
{
    m->header.e_shnum = 1;
    m->section = (Elf64_Shdr){
        .sh_type = SHT_NOTE,
        .sh_offset = offsetof(struct elf_maker, notes),
        .sh_size = m->notes_len,
        .sh_addralign = 4,
    };
    m->note.p_type = PT_NULL;
}
