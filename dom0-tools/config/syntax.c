#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/syntax.h"

struct parser {
    struct config_settings *settings;
    const char *at;
    const char *end;
    struct config_place place; // of `at`
    bool command_line;
    bool failed; // in this statement
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_key_letter(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

static bool is_word(char c)
{
    return is_key_letter(c) || (c >= 'A' && c <= 'Z');
}

static bool ended(const struct parser *p)
{
    return p->at == p->end;
}

static char peek(const struct parser *p)
{
    return ended(p) ? '\n' : *p->at;
}

// The first error of a statement is said; what follows from it is not.
__attribute__((format(printf, 2, 3))) static void fail(struct parser *p, const char *format, ...)
{
    va_list arguments;

    if (p->failed)
        return;
    p->failed = true;
    va_start(arguments, format);
    char *text;
    if (vasprintf(&text, format, arguments) >= 0) {
        char *copy = config_strdup(p->settings->memory, text);
        free(text);
        config_error(p->settings->messages, &p->place, NULL, "%s", copy);
    }
    va_end(arguments);
}

// Names what stands at `at`, for a message.
static const char *found(const struct parser *p)
{
    const char *stop = p->at;

    if (ended(p))
        return "the end";
    if (*p->at == '\n')
        return "the end of the line";
    if (*p->at == '\r')
        return "a carriage return (the file has DOS line ends: remove them with sed 's/\\r$//')";
    if (*p->at == '\\')
        return "'\\' (lines are not continued; inside [ ] they may break anywhere)";
    if ((unsigned char)*p->at < ' ' || (unsigned char)*p->at == 0x7f)
        return config_printf(p->settings->memory, "a byte of value %d", (unsigned char)*p->at);
    while (stop < p->end && stop - p->at < 40 && (is_word(*stop) || stop == p->at))
        stop++;
    return config_printf(p->settings->memory, "'%.*s'", (int)(stop - p->at), p->at);
}

static void skip_blanks(struct parser *p)
{
    while (!ended(p) && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
    if (!ended(p) && *p->at == '#')
        while (!ended(p) && *p->at != '\n')
            p->at++;
}

static void next_line(struct parser *p)
{
    p->at++;
    if (p->place.line)
        p->place.line++;
}

// Blanks and line ends, as between the items of a list.
static void skip_space(struct parser *p)
{
    skip_blanks(p);
    while (!ended(p) && *p->at == '\n') {
        next_line(p);
        skip_blanks(p);
    }
}

static struct config_value *new_value(struct parser *p, enum config_kind kind)
{
    struct config_value *value = config_alloc(p->settings->memory, sizeof(*value));

    value->kind = kind;
    value->place = p->place;
    return value;
}

// The character that `\c` stands for; 0: none.
static char escaped(char c)
{
    static const char letters[] = "abfnrtv\\'\"";
    static const char meanings[] = "\a\b\f\n\r\t\v\\'\"";
    const char *found = c ? strchr(letters, c) : NULL;

    return found ? meanings[found - letters] : 0;
}

static struct config_value *parse_string(struct parser *p)
{
    struct config_value *value = new_value(p, CONFIG_STRING);
    char quote = *p->at++;
    const char *stop = p->at;

    while (stop < p->end && *stop != quote && *stop != '\n' && *stop)
        stop += *stop == '\\' && stop + 1 < p->end && stop[1] != '\n' ? 2 : 1;
    value->text = config_alloc(p->settings->memory, (size_t)(stop - p->at) + 1);
    for (char *to = value->text; p->at < stop; p->at++) {
        if (*p->at != '\\') {
            *to++ = *p->at;
        } else if (p->at + 1 < stop && escaped(p->at[1])) {
            *to++ = escaped(*++p->at);
        } else {
            fail(p,
                 "a string has '\\%.1s', which means nothing: \\a \\b \\f \\n \\r \\t \\v \\\\ \\' "
                 "\\\" do; write \\\\ for a backslash",
                 p->at + 1 < stop ? p->at + 1 : "");
            return value;
        }
    }
    if (peek(p) != quote)
        fail(p, "a string has no closing %c on its line", quote);
    else
        p->at++;
    return value;
}

static struct config_value *parse_number(struct parser *p)
{
    struct config_value *value = new_value(p, CONFIG_NUMBER);
    const char *start = p->at;

    while (!ended(p) && strchr("0123456789abcdefABCDEFxX", *p->at) && *p->at)
        p->at++;
    if (!ended(p) && (is_word(*p->at) || *p->at == '.')) {
        p->at = start;
        fail(p, "%s is no number; a string needs quotes", found(p));
    }
    value->text = config_strndup(p->settings->memory, start, (size_t)(p->at - start));
    return value;
}

static struct config_value *parse_value(struct parser *p, int depth);

void config_append(struct config_memory *memory, struct config_value *list,
                   struct config_value *item)
{
    if ((list->count & (list->count - 1)) == 0) { // 0 or a power of two: full
        size_t size = list->count * sizeof(*list->items);
        list->items = config_grow(memory, list->items, size, size ? 2 * size : sizeof(item));
    }
    list->items[list->count++] = item;
}

static struct config_value *parse_list(struct parser *p, int depth)
{
    struct config_value *list = new_value(p, CONFIG_LIST);

    p->at++;
    if (depth == CONFIG_LIST_DEPTH)
        fail(p, "lists are nested more than %d deep", CONFIG_LIST_DEPTH);
    for (skip_space(p); !p->failed && (ended(p) || *p->at != ']'); skip_space(p)) {
        if (ended(p)) {
            fail(p, "the list that begins in line %u has no ']'", list->place.line);
            return list;
        }
        config_append(p->settings->memory, list, parse_value(p, depth + 1));
        skip_space(p);
        if (!ended(p) && *p->at == ',')
            p->at++;
        else if (!ended(p) && *p->at != ']')
            fail(p, "in a list, ',' or ']' must come before %s", found(p));
    }
    if (!p->failed)
        p->at++;
    return list;
}

static struct config_value *parse_value(struct parser *p, int depth)
{
    char c = ended(p) ? 0 : *p->at;

    if (p->failed)
        return new_value(p, CONFIG_STRING);
    if (c == '"' || c == '\'')
        return parse_string(p);
    if (c == '[')
        return parse_list(p, depth);
    if (is_digit(c))
        return parse_number(p);
    fail(p, "%s stands where a value must be: a number, a list in [ ], or a string in quotes",
         found(p));
    return new_value(p, CONFIG_STRING);
}

// On a command line the shell has eaten the quotes: KEY=WORD goes without.
static struct config_value *parse_bare_word(struct parser *p)
{
    struct config_value *value = new_value(p, CONFIG_STRING);
    const char *start = p->at;

    while (!ended(p) && *p->at != ';' && *p->at != '\n')
        p->at++;
    value->text = config_strndup(p->settings->memory, start, (size_t)(p->at - start));
    return value;
}

static char *parse_key(struct parser *p)
{
    const char *start = p->at;

    if (!ended(p) && is_word(*p->at) && !is_key_letter(*p->at))
        fail(p, "a key is written in small letters, not %s", found(p));
    else if (!is_key_letter(peek(p)) || is_digit(peek(p)) || peek(p) == '_')
        fail(p, "%s stands where a key must be", found(p));
    while (!ended(p) && is_key_letter(*p->at))
        p->at++;
    if (!ended(p) && (*p->at == '-' || is_word(*p->at)))
        fail(p, "a key consists of small letters, digits and '_', not of %s", found(p));
    return config_strndup(p->settings->memory, start, (size_t)(p->at - start));
}

static struct config_setting *find(struct config_settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->count; i++)
        if (!strcmp(settings->list[i].key, key))
            return &settings->list[i];
    return NULL;
}

void config_add(struct config_settings *settings, const char *key, struct config_value *value)
{
    if (settings->count == settings->room) {
        size_t size = settings->room * sizeof(*settings->list);
        settings->room = settings->room ? 2 * settings->room : 32;
        settings->list = config_grow(settings->memory, settings->list, size,
                                     settings->room * sizeof(*settings->list));
    }
    settings->list[settings->count++] = (struct config_setting){.key = key, .value = value};
}

static void assign(struct parser *p, const char *key, struct config_value *value)
{
    struct config_setting *old = find(p->settings, key);

    if (!old) {
        config_add(p->settings, key, value);
        return;
    }
    if (!p->command_line)
        config_warn(p->settings->messages, &value->place, key,
                    "given again; what line %u says is replaced", old->value->place.line);
    old->value = value;
}

static void extend(struct parser *p, const char *key, struct config_value *value)
{
    struct config_setting *old = find(p->settings, key);

    if (!old) {
        config_add(p->settings, key, value);
    } else if (value->kind == CONFIG_NUMBER || old->value->kind == CONFIG_NUMBER) {
        fail(p, "%s: += joins strings or lists; a number is set with =", key);
    } else if (value->kind != old->value->kind) {
        fail(p, "%s: += cannot join a list and a string", key);
    } else if (value->kind == CONFIG_STRING) {
        value->text = config_printf(p->settings->memory, "%s%s", old->value->text, value->text);
        old->value = value;
    } else {
        for (size_t i = 0; i < value->count; i++)
            config_append(p->settings->memory, old->value, value->items[i]);
    }
}

static void parse_statement(struct parser *p)
{
    char *key = parse_key(p);
    bool more = false;

    skip_blanks(p);
    if (!p->failed && !ended(p) && *p->at == '+') {
        more = true;
        p->at++;
    }
    if (!p->failed && peek(p) != '=')
        fail(p, "after the key '%s' there must be '=' or '+=', not %s", key, found(p));
    if (p->failed)
        return;
    p->at++;
    skip_blanks(p);
    struct config_value *value =
        p->command_line && !is_digit(peek(p)) && (ended(p) || !strchr("\"'[", *p->at))
            ? parse_bare_word(p)
            : parse_value(p, 0);
    skip_blanks(p);
    if (!p->failed && peek(p) != '\n' && *p->at != ';')
        fail(p, "the value of '%s' is followed by %s; a new line or ';' must come first", key,
             found(p));
    if (p->failed)
        return;
    (more ? extend : assign)(p, key, value);
}

// After an error: on to the end of the line, or of the list that begins in it.
static void recover(struct parser *p, const char *start, unsigned line)
{
    int depth = 0;
    char quote = 0;

    p->at = start;
    p->place.line = line;
    while (!ended(p) && (*p->at != '\n' || depth > 0)) {
        char c = *p->at;
        if (c == '\n') {
            quote = 0;
            next_line(p);
            continue;
        }
        if (c == quote)
            quote = 0;
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        if (!quote)
            depth += (c == '[') - (c == ']');
        p->at++;
    }
}

static void parse(struct parser *p)
{
    unsigned before = p->settings->messages->errors;

    for (skip_space(p); !ended(p); skip_space(p)) {
        if (*p->at == ';') {
            p->at++;
            continue;
        }
        const char *start = p->at;
        unsigned line = p->place.line;
        p->failed = false;
        if (p->settings->statements++ == CONFIG_MAX_SETTINGS) {
            config_error(p->settings->messages, &p->place, NULL, "more than %d settings",
                         CONFIG_MAX_SETTINGS);
            return;
        }
        parse_statement(p);
        if (p->failed)
            recover(p, start, line);
        if (p->settings->messages->errors - before >= CONFIG_MAX_ERRORS) {
            config_error(p->settings->messages, &p->place, NULL, "too many errors: giving up");
            return;
        }
    }
}

void config_parse(struct config_settings *settings, const char *source, const char *text,
                  size_t length)
{
    struct parser p = {.settings = settings,
                       .at = text,
                       .end = text + length,
                       .place = {.source = source, .line = 1}};

    parse(&p);
}

void config_parse_override(struct config_settings *settings, const char *word)
{
    struct parser p = {.settings = settings,
                       .at = word,
                       .end = word + strlen(word),
                       .place = {.source = "command line"},
                       .command_line = true};

    parse(&p);
}

struct config_setting *config_take(struct config_settings *settings, const char *key)
{
    struct config_setting *setting = find(settings, key);

    if (setting)
        setting->taken = true;
    return setting;
}
