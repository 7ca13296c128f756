#include "tests/guests/common/lib.h"

#include "tests/guests/common/console.h"

void *memset(void *to, int value, size_t size)
{
    void *p = to;

    __asm__ volatile("rep stosb" : "+D"(p), "+c"(size) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    void *p = to;

    __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (t <= f || t >= f + size)
        return memcpy(to, from, size);
    while (size--)
        t[size] = f[size];
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a;
    const uint8_t *y = b;

    for (; size; size--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (*a != *b || !*a)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

// Formatted output

struct sink {
    char *out;
    size_t size, used;
};

static void put(struct sink *sink, char c)
{
    if (sink->used + 1 < sink->size)
        sink->out[sink->used] = c;
    sink->used++;
}

static void put_padded(struct sink *sink, const char *s, int width, char pad, bool left)
{
    int missing = width - (int)strlen(s);

    if (!left)
        for (; missing > 0; missing--)
            put(sink, pad);
    while (*s)
        put(sink, *s++);
    for (; missing > 0; missing--)
        put(sink, ' ');
}

static const char *digits(char buffer[24], uint64_t value, unsigned base, bool negative)
{
    char *p = buffer + 23;

    *p = '\0';
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        *--p = '-';
    return p;
}

struct spec {
    int width;
    bool left, wide;
    char pad;
};

static const char *parse_spec(const char *fmt, struct spec *spec)
{
    *spec = (struct spec){.pad = ' '};
    for (;; fmt++) {
        if (*fmt == '-')
            spec->left = true;
        else if (*fmt == '0')
            spec->pad = '0';
        else
            break;
    }
    while (*fmt >= '0' && *fmt <= '9')
        spec->width = spec->width * 10 + *fmt++ - '0';
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        spec->wide = true;
    return fmt;
}

static const char *convert(char kind, const struct spec *spec, char buffer[24], va_list *args)
{
    int64_t value;

    switch (kind) {
    case 's':
        return va_arg(*args, const char *);
    case 'c':
        buffer[0] = (char)va_arg(*args, int);
        buffer[1] = '\0';
        return buffer;
    case 'p':
        return digits(buffer, va_arg(*args, uint64_t), 16, false);
    case 'd':
    case 'i':
        value = spec->wide ? va_arg(*args, int64_t) : va_arg(*args, int);
        return digits(buffer, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0);
    default:
        value = spec->wide ? va_arg(*args, int64_t) : va_arg(*args, unsigned);
        return digits(buffer, (uint64_t)value, kind == 'x' ? 16 : 10, false);
    }
}

int format(char *out, size_t size, const char *fmt, va_list args)
{
    struct sink sink = {out, size, 0};
    struct spec spec;
    char buffer[24];
    va_list copy;

    va_copy(copy, args);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&sink, *fmt);
            continue;
        }
        fmt = parse_spec(fmt + 1, &spec);
        if (*fmt == '%')
            put(&sink, '%');
        else
            put_padded(&sink, convert(*fmt, &spec, buffer, &copy), spec.width, spec.pad, spec.left);
    }
    va_end(copy);
    if (size)
        out[sink.used < size ? sink.used : size - 1] = '\0';
    return (int)sink.used;
}

int print_to(char *out, size_t size, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = format(out, size, fmt, args);
    va_end(args);
    return n;
}

void print(const char *fmt, ...)
{
    static char line[400];
    va_list args;
    size_t n;

    va_start(args, fmt);
    format(line, sizeof(line), fmt, args);
    va_end(args);
    n = strlen(line);
    if (n == sizeof(line) - 1)
        line[n - 1] = '\n';
    console_write(line, n);
}

uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}
