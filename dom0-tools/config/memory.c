#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

struct config_memory {
    struct piece {
        struct piece *next;
        max_align_t data[];
    } * pieces;
};

static void *must(void *pointer)
{
    if (!pointer) {
        fputs("out of memory while reading a domain's configuration\n", stderr);
        exit(EXIT_FAILURE);
    }
    return pointer;
}

struct config_memory *config_memory_new(void)
{
    return must(calloc(1, sizeof(struct config_memory)));
}

void config_memory_free(struct config_memory *memory)
{
    if (!memory)
        return;
    while (memory->pieces) {
        struct piece *next = memory->pieces->next;
        free(memory->pieces);
        memory->pieces = next;
    }
    free(memory);
}

void *config_alloc(struct config_memory *memory, size_t size)
{
    struct piece *piece = must(calloc(1, sizeof(*piece) + size));
    piece->next = memory->pieces;
    memory->pieces = piece;
    return piece->data;
}

void *config_grow(struct config_memory *memory, const void *data, size_t old, size_t size)
{
    void *copy = config_alloc(memory, size);
    if (old)
        memcpy(copy, data, old);
    return copy;
}

char *config_strndup(struct config_memory *memory, const char *text, size_t length)
{
    return config_grow(memory, text, length, length + 1);
}

char *config_strdup(struct config_memory *memory, const char *text)
{
    return config_strndup(memory, text, strlen(text));
}

char *config_printf(struct config_memory *memory, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        text = must(NULL);
    char *copy = config_strndup(memory, text, (size_t)length);
    free(text);
    return copy;
}
