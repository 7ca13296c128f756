#include "xenstore-commands/escape.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char names[] = "n\nr\rt\t\\\\"; // pairs: how it is written, what it is

static const char *name_of(char byte)
{
    for (const char *pair = names; *pair; pair += 2) {
        if (pair[1] == byte)
            return pair;
    }
    return NULL;
}

static char byte_of(char letter)
{
    for (const char *pair = names; *pair; pair += 2) {
        if (pair[0] == letter)
            return pair[1];
    }
    return letter;
}

size_t escape(FILE *out, const char *value, size_t len, long most)
{
    size_t written = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = value[i];
        const char *name = name_of(byte);
        char text[5] = {byte};

        if (name)
            snprintf(text, sizeof(text), "\\%c", *name);
        else if (byte < 8)
            snprintf(text, sizeof(text), "\\%03o", byte);
        else if (byte < ' ' || byte > '~')
            snprintf(text, sizeof(text), "\\x%02x", byte);
        for (const char *at = text; *at; at++, written++) {
            if (most >= 0 && written == (size_t)most)
                return written;
            putc(*at, out);
        }
    }
    return written;
}

// Reads up to `most` digits of a base behind *at; false, and nothing read, if there is none.
static bool digits(const char **at, int most, int base, char *byte)
{
    char number[4] = "", *end;

    strncpy(number, *at, most);
    if (!isxdigit((unsigned char)*number)) // strtoul() would take a sign or a space
        return false;
    *byte = strtoul(number, &end, base);
    *at += end - number;
    return end != number;
}

size_t unescape(char *text)
{
    const char *from = text;
    char *to = text;

    while (*from) {
        char byte = *from++;

        if (byte == '\\' && *from) {
            const char *hex = from + 1;

            if (digits(&from, 3, 8, &byte)) {
                ;
            } else if (*from == 'x' && digits(&hex, 2, 16, &byte)) {
                from = hex;
            } else {
                byte = byte_of(*from++);
            }
        }
        *to++ = byte;
    }
    return to - text;
}
