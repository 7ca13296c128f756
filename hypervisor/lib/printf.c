#include "lib/printf.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
    char *buf;
    size_t size;
    size_t len; // characters produced, kept or not
};

struct spec {
    bool left, zero, alternate, wide;
    int width;
    int precision; // -1: none given
};

static void put(struct output *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_many(struct output *o, char c, int n)
{
    for (; n > 0; n--)
        put(o, c);
}

// prefix is the sign or "0x"; zeroes come between it and the text, blanks outside.
static void put_field(struct output *o, const struct spec *s, const char *prefix, const char *text,
                      size_t len)
{
    int pad = s->width - (int)(strlen(prefix) + len);

    if (!s->left && !s->zero)
        put_many(o, ' ', pad);
    while (*prefix)
        put(o, *prefix++);
    if (!s->left && s->zero)
        put_many(o, '0', pad);
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    if (s->left)
        put_many(o, ' ', pad);
}

static void put_number(struct output *o, const struct spec *s, const char *prefix, uint64_t value,
                       unsigned base)
{
    char text[20], *end = text + sizeof(text), *p = end;

    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_field(o, s, prefix, p, (size_t)(end - p));
}

static const char *parse_flags(const char *f, struct spec *s)
{
    for (;; f++) {
        if (*f == '-')
            s->left = true;
        else if (*f == '0')
            s->zero = true;
        else if (*f == '#')
            s->alternate = true;
        else
            return f;
    }
}

static const char *parse_count(const char *f, int *count, va_list *ap)
{
    if (*f == '*') {
        *count = va_arg(*ap, int);
        return f + 1;
    }
    for (*count = 0; *f >= '0' && *f <= '9'; f++)
        if (*count < 10000)
            *count = *count * 10 + (*f - '0');
    return f;
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
    *s = (struct spec){.precision = -1};
    f = parse_flags(f, s);
    f = parse_count(f, &s->width, ap);
    if (*f == '.')
        f = parse_count(f + 1, &s->precision, ap);
    for (; *f == 'l' || *f == 'z'; f++)
        s->wide = true;
    return f;
}

static void put_signed(struct output *o, const struct spec *s, va_list *ap)
{
    int64_t v = s->wide ? va_arg(*ap, int64_t) : va_arg(*ap, int);

    put_number(o, s, v < 0 ? "-" : "", v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void put_unsigned(struct output *o, const struct spec *s, unsigned base, va_list *ap)
{
    uint64_t v = s->wide ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);

    put_number(o, s, s->alternate && v ? "0x" : "", v, base);
}

static void put_string(struct output *o, const struct spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    put_field(o, s, "", text,
              s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision));
}

static void convert(struct output *o, struct spec *s, char conversion, va_list *ap)
{
    char c;

    switch (conversion) {
    case 'd':
        put_signed(o, s, ap);
        break;
    case 'u':
        put_unsigned(o, s, 10, ap);
        break;
    case 'x':
        put_unsigned(o, s, 16, ap);
        break;
    case 'p':
        *s = (struct spec){.zero = true, .width = 16};
        put_number(o, s, "", (uintptr_t)va_arg(*ap, void *), 16);
        break;
    case 's':
        put_string(o, s, va_arg(*ap, const char *));
        break;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_field(o, s, "", &c, 1);
        break;
    default: // %% and what nobody knows: shown as it stands
        if (conversion != '%')
            put(o, '%');
        put(o, conversion);
    }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct output o = {buf, size, 0};
    struct spec s;
    va_list args;

    va_copy(args, ap);
    while (*fmt) {
        if (*fmt != '%') {
            put(&o, *fmt++);
            continue;
        }
        fmt = parse_spec(fmt + 1, &s, &args);
        if (!*fmt)
            break;
        convert(&o, &s, *fmt++, &args);
    }
    va_end(args);
    if (size)
        buf[o.len < size ? o.len : size - 1] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
