// Formatted output into a buffer.
//
// Conversions: %d %i %u %x %X %o %p %s %c %%, with the flags '-', '0', '+', ' ' and '#', width and
// precision (numbers or '*'), and the lengths hh h l ll z t j. No floating point, no %n.
#pragma once

#include <stdarg.h>
#include <stddef.h>

// Write at most size - 1 characters and a terminator (nothing if size is 0). Return the length that
// the whole text has, as in C99. A NULL string prints as "(null)".
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
__attribute__((format(printf, 3, 4))) int snprintf(char *buf, size_t size, const char *fmt, ...);
