// Memory that is freed all at once: everything that one configuration consists of.
//
// Running out of memory ends the program with a message; no function here returns NULL.
#pragma once

#include <stddef.h>

struct config_memory;

struct config_memory *config_memory_new(void);
void config_memory_free(struct config_memory *memory);

// Zeroed. A size of 0 is allowed.
void *config_alloc(struct config_memory *memory, size_t size);

// A copy of `old` bytes at `data` in `size` >= `old` bytes, the rest zero.
void *config_grow(struct config_memory *memory, const void *data, size_t old, size_t size);

char *config_strdup(struct config_memory *memory, const char *text);
char *config_strndup(struct config_memory *memory, const char *text, size_t length);
char *config_printf(struct config_memory *memory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
