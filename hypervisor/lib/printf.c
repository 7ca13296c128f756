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
    bool left, zero, plus, space, alternate;
    int width;
    int precision; // -1: none given
    int length;    // bytes of the argument
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

static void put_padded(struct output *o, const struct spec *s, const char *text, size_t len)
{
    int pad = s->width - (int)len;

    if (!s->left)
        put_many(o, ' ', pad);
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    if (s->left)
        put_many(o, ' ', pad);
}

// prefix is the sign or "0x"; the zeroes of width or precision come between it and the digits.
static void put_number(struct output *o, const struct spec *s, uint64_t value, unsigned base,
                       bool upper, const char *prefix)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int n = 0, zeroes, pad;

    for (; value; value /= base)
        text[n++] = digits[value % base];
    if (!n && s->precision != 0)
        text[n++] = '0';

    zeroes = s->precision - n;
    pad = s->width - (int)strlen(prefix) - n - (zeroes > 0 ? zeroes : 0);
    if (s->zero && !s->left && s->precision < 0) {
        zeroes = pad;
        pad = 0;
    }
    if (!s->left)
        put_many(o, ' ', pad);
    while (*prefix)
        put(o, *prefix++);
    put_many(o, '0', zeroes);
    while (n)
        put(o, text[--n]);
    if (s->left)
        put_many(o, ' ', pad);
}

static const char *parse_flags(const char *f, struct spec *s)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            s->left = true;
            break;
        case '0':
            s->zero = true;
            break;
        case '+':
            s->plus = true;
            break;
        case ' ':
            s->space = true;
            break;
        case '#':
            s->alternate = true;
            break;
        default:
            return f;
        }
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

static const char *parse_length(const char *f, struct spec *s)
{
    s->length = sizeof(int);
    if (*f == 'h') {
        s->length = f[1] == 'h' ? 1 : 2;
        return f + (f[1] == 'h' ? 2 : 1);
    }
    if (*f == 'l' || *f == 'z' || *f == 't' || *f == 'j') {
        s->length = 8;
        return f + (f[0] == 'l' && f[1] == 'l' ? 2 : 1);
    }
    return f;
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
    *s = (struct spec){.precision = -1};
    f = parse_flags(f, s);
    f = parse_count(f, &s->width, ap);
    if (s->width < 0) {
        s->left = true;
        s->width = -s->width;
    }
    if (*f == '.')
        f = parse_count(f + 1, &s->precision, ap);
    return parse_length(f, s);
}

static void put_signed(struct output *o, const struct spec *s, va_list *ap)
{
    int64_t v = s->length == 8 ? va_arg(*ap, int64_t) : va_arg(*ap, int);
    const char *sign = s->plus ? "+" : s->space ? " " : "";

    if (s->length == 1)
        v = (int8_t)v;
    else if (s->length == 2)
        v = (int16_t)v;
    if (v < 0)
        put_number(o, s, 0 - (uint64_t)v, 10, false, "-");
    else
        put_number(o, s, (uint64_t)v, 10, false, sign);
}

static void put_unsigned(struct output *o, const struct spec *s, char conversion, va_list *ap)
{
    uint64_t v = s->length == 8 ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);
    unsigned base = conversion == 'u' ? 10 : conversion == 'o' ? 8 : 16;
    const char *prefix = "";

    if (s->length < 4)
        v &= (1ull << (s->length * 8)) - 1;
    if (s->alternate && v && base != 10)
        prefix = base == 8 ? "0" : conversion == 'X' ? "0X" : "0x";
    put_number(o, s, v, base, conversion == 'X', prefix);
}

static void put_string(struct output *o, const struct spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    put_padded(o, s, text, s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision));
}

static void convert(struct output *o, struct spec *s, char conversion, va_list *ap)
{
    char c;

    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(o, s, ap);
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(o, s, conversion, ap);
        break;
    case 'p':
        s->precision = 16;
        put_number(o, s, (uintptr_t)va_arg(*ap, void *), 16, false, "");
        break;
    case 's':
        put_string(o, s, va_arg(*ap, const char *));
        break;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_padded(o, s, &c, 1);
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
