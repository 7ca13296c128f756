// Values as text: bytes that are not printable ASCII as \n, \r, \t, \\, octal below 8, else \xHH.
#pragma once

#include <stddef.h>
#include <stdio.h>

// Writes the value's text; with `most` >= 0, no more than so many characters of it. Returns how
// many.
size_t escape(FILE *out, const char *value, size_t len, long most);

// Turns text into the bytes that it stands for, in place, and returns how many: the escapes above,
// up to three octal or two hexadecimal digits. A backslash before another character goes away.
size_t unescape(char *text);
