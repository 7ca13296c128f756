#include "lib/cmdline.h"

#include "lib/bits.h"
#include "lib/errno.h"
#include "lib/string.h"

#define WORD_MAX 256
#define NAME_MAX 48 // longer ones get no suggestion

static const struct cmdline_report silent;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Copies the next word to `word`, without its quotes and cut to what there is room for. Returns
// what follows it, or NULL when there is no more.
static const char *next_word(const char *line, char *word)
{
    size_t n = 0;
    char quote = 0;

    while (is_blank(*line))
        line++;
    if (!*line)
        return NULL;
    for (; *line && (quote || !is_blank(*line)); line++) {
        if (quote ? *line == quote : *line == '"' || *line == '\'')
            quote = quote ? 0 : *line;
        else if (n < WORD_MAX - 1)
            word[n++] = *line;
    }
    word[n] = '\0';
    return line;
}

static char fold(char c)
{
    return c == '-' ? '_' : c;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && fold(*a) == fold(*b); a++, b++)
        ;
    return fold(*a) == fold(*b);
}

// To the compiler the two ends are different arrays, whose addresses must not be compared.
static size_t option_count(void)
{
    return ((uintptr_t)__stop_cmdline_options - (uintptr_t)__start_cmdline_options) /
           sizeof(struct cmdline_option);
}

static const struct cmdline_option *find_option(const char *name)
{
    for (size_t i = 0; i < option_count(); i++)
        if (same_name(__start_cmdline_options[i].name, name))
            return &__start_cmdline_options[i];
    return NULL;
}

// Some of Xen's take an index after the name: ivrs_ioapic[4]=...
static bool is_xen_option(const char *name)
{
    char plain[NAME_MAX] = {0};

    for (size_t n = 0; n < NAME_MAX - 1 && name[n] && name[n] != '['; n++)
        plain[n] = name[n];
    for (const char *x = cmdline_xen_options; *x; x += strlen(x) + 1)
        if (same_name(x, plain))
            return true;
    return false;
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

uint64_t cmdline_parse_number(const char *text, const char **end)
{
    unsigned base = *text == '0' ? 8 : 10;
    const char *s = text;
    uint64_t v = 0;

    *end = text;
    if (base == 8 && (s[1] | 0x20) == 'x') {
        base = 16;
        s += 2;
    }
    if (digit_value(*s) >= base)
        return 0;
    for (; digit_value(*s) < base; s++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit_value(*s), &v))
            return 0;
    *end = s;
    return v;
}

uint64_t cmdline_parse_size(const char *text, const char **end)
{
    static const char units[] = "bkmgt";
    uint64_t value = cmdline_parse_number(text, end);
    const char *unit = **end ? strchr(units, **end | 0x20) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units) : 10;

    if (*end == text)
        return 0;
    if (value > ~0ull >> shift) {
        *end = text;
        return 0;
    }
    if (unit)
        ++*end;
    return value << shift;
}

// 0 or 1 for the words that a BOOL option takes.
static int parse_bool(const char *text)
{
    static const char *const words[] = {"no",   "yes",     "off",    "on", "false",
                                        "true", "disable", "enable", "0",  "1"};

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        if (!strcmp(text, words[i]))
            return i & 1;
    return -EINVAL;
}

static int set_text(const struct cmdline_option *o, const char *value)
{
    size_t size = strlen(value) + 1;

    if (size > o->text_size)
        return -ERANGE;
    memcpy(o->to.text, value, size);
    return 0;
}

static int set_number(const struct cmdline_option *o, const char *value)
{
    bool is_size = o->type == CMDLINE_TYPE_SIZE;
    const char *end;
    uint64_t v = is_size ? cmdline_parse_size(value, &end) : cmdline_parse_number(value, &end);

    if (end == value || *end)
        return -EINVAL;
    if (is_size)
        *o->to.size = v;
    else if (v <= ~0u)
        *o->to.number = (unsigned)v;
    else
        return -ERANGE;
    return 0;
}

// value is NULL for a bare name.
static int apply(const struct cmdline_option *o, const char *value, bool negated)
{
    int flag;

    if (negated && value)
        return -EINVAL;
    switch (o->type) {
    case CMDLINE_TYPE_BOOL:
        flag = value ? parse_bool(value) : !negated;
        if (flag < 0)
            return flag;
        *o->to.flag = flag;
        return 0;
    case CMDLINE_TYPE_CUSTOM:
        return o->to.parse(negated ? "no" : value ? value : "");
    default:
        if (!value)
            return -EINVAL;
        return o->type == CMDLINE_TYPE_STRING ? set_text(o, value) : set_number(o, value);
    }
}

// How many letters must be changed, put in, taken out or swapped with their neighbour to make one
// name of the other.
static unsigned edit_distance(const char *a, const char *b)
{
    uint8_t rows[3][NAME_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > NAME_MAX || lb > NAME_MAX)
        return ~0u;
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= la; i++) {
        uint8_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned d = above[j - 1] + (fold(a[i - 1]) != fold(b[j - 1]));

            d = MIN(d, above[j] + 1u);
            d = MIN(d, row[j - 1] + 1u);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = MIN(d, second[j - 2] + 1u);
            row[j] = (uint8_t)d;
        }
    }
    return rows[la % 3][lb];
}

// The option whose name is the most alike, unless more than a third of the letters differ.
static const char *nearest_option(const char *name)
{
    unsigned best = (unsigned)strlen(name) / 3 + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < option_count(); i++) {
        unsigned distance = edit_distance(name, __start_cmdline_options[i].name);

        if (distance < best) {
            best = distance;
            nearest = __start_cmdline_options[i].name;
        }
    }
    return nearest;
}

static void parse_word(char *word, const struct cmdline_report *report)
{
    char *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    const struct cmdline_option *o;
    const char *name = word;
    bool negated = false;

    if (equals)
        *equals = '\0';
    o = find_option(name);
    if (!o && !strncmp(name, "no-", 3)) {
        negated = true;
        name += 3;
        o = find_option(name);
    }
    if (o) {
        if (apply(o, value, negated) && report->bad_value)
            report->bad_value(o, negated ? word : value ? value : "");
    } else if (is_xen_option(name)) {
        if (report->inapplicable)
            report->inapplicable(name);
    } else if (report->unknown) {
        report->unknown(word, nearest_option(name));
    }
}

void cmdline_parse(const char *line, const struct cmdline_report *report)
{
    char word[WORD_MAX] = {0};

    for (line = next_word(line, word); line; line = next_word(line, word))
        parse_word(word, report ? report : &silent);
}
