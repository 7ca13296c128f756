// How a guest's kernel image says what it is: notes named "Xen" (pv-abi/elfnote.h), each a string
// or a number of 8 bytes, in the section .note.Xen, which the linker script makes a segment of.
#pragma once

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
