// What a freestanding C program misses: memory, strings, formatted output to the hypervisor's
// console.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE     4096UL
#define PAGE_SHIFT    12
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strncmp(const char *a, const char *b, size_t n);
int strcmp(const char *a, const char *b);

// %d %i %u %x %p %s %c %%, with l, ll, 0, - and width.
int format(char *out, size_t size, const char *fmt, va_list args);
int print_to(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
// To the console, line by line.
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// xorshift64*: the same sequence from the same seed.
uint64_t random_next(uint64_t *state);
