// Memory and string primitives with the C library's contracts.
#pragma once

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
// Freestanding code gets no built-ins by itself; these let small constant sizes be expanded in
// place.
#define memcpy(dst, src, n)  __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#define memset(dst, c, n)    __builtin_memset(dst, c, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

// Copies at most size - 1 bytes and always terminates (size > 0). Returns strlen(src).
size_t strlcpy(char *dst, const char *src, size_t size);
