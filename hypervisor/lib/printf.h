// Formatted output into a buffer.
//
// Conversions: %d %u %x %p %s %c %%, with the flags '-', '0' and '#', a width, for %s a precision
// (numbers or '*'), and the lengths l, ll and z. A pointer is 16 digits.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Write at most size - 1 characters and a terminator (nothing if size is 0). Return the length that
// the whole text has, as in C99. A NULL string prints as "(null)".
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
__attribute__((format(printf, 3, 4))) int snprintf(char *buf, size_t size, const char *fmt, ...);
