#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"
#include "config/reader.h"

struct config_place config_place_of(struct config_reader *reader, const char *key)
{
    struct config_setting *setting = config_take(reader->settings, key);

    return setting ? setting->value->place : (struct config_place){.source = "configuration"};
}

bool config_parse_number(const char *text, int64_t *out)
{
    char *end;

    if (!*text || strspn(text, " \t") || *text == '+')
        return false;
    errno = 0;
    *out = strtoll(text, &end, 0);
    return !*end && !errno;
}

bool config_read_string(struct config_reader *reader, const char *key, char **out)
{
    struct config_setting *setting = config_take(reader->settings, key);

    if (!setting)
        return false;
    if (setting->value->kind == CONFIG_LIST) {
        config_error(reader->messages, &setting->value->place, key,
                     "must be a string, not a list: %s=\"...\"", key);
        return false;
    }
    *out = setting->value->text;
    return true;
}

bool config_read_number(struct config_reader *reader, const char *key, int64_t least, int64_t most,
                        int64_t *out)
{
    char *text;
    int64_t number;

    if (!config_read_string(reader, key, &text))
        return false;
    struct config_place place = config_place_of(reader, key);
    if (!config_parse_number(text, &number)) {
        config_error(reader->messages, &place, key, "\"%s\" is no number", text);
        return false;
    }
    if (number < least || number > most) {
        config_error(reader->messages, &place, key,
                     "%" PRId64 " is out of range; it may be %" PRId64 " to %" PRId64, number,
                     least, most);
        return false;
    }
    *out = number;
    return true;
}

bool config_read_bool(struct config_reader *reader, const char *key, bool *out)
{
    char *text;
    int64_t number;

    if (!config_read_string(reader, key, &text))
        return false;
    struct config_place place = config_place_of(reader, key);
    if (!config_parse_number(text, &number)) {
        config_error(reader->messages, &place, key, "\"%s\" is neither 1 (yes) nor 0 (no)", text);
        return false;
    }
    *out = number != 0;
    return true;
}

bool config_read_list(struct config_reader *reader, const char *key, const char *meaning,
                      struct config_value **out)
{
    struct config_setting *setting = config_take(reader->settings, key);

    if (!setting)
        return false;
    if (setting->value->kind != CONFIG_LIST) {
        config_error(reader->messages, &setting->value->place, key,
                     "must be a list of %s, for one, too: %s=[\"%s\"]", meaning, key,
                     setting->value->text);
        return false;
    }
    *out = setting->value;
    return true;
}

const char *config_item_text(struct config_reader *reader, const char *key,
                             const struct config_value *item)
{
    if (item->kind != CONFIG_LIST)
        return item->text;
    config_error(reader->messages, &item->place, key, "a list stands where a string must be");
    return NULL;
}

bool config_read_choice(struct config_reader *reader, const char *key, const char *const *names,
                        size_t count, unsigned *out)
{
    char *text;
    char *all = config_strdup(reader->memory, "");

    if (!config_read_string(reader, key, &text))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!strcmp(names[i], text)) {
            *out = i;
            return true;
        }
        all = config_printf(reader->memory, "%s%s%s", all, i ? ", " : "", names[i]);
    }
    struct config_place place = config_place_of(reader, key);
    const char *nearest = config_nearest(text, names, count);
    if (nearest)
        config_error(reader->messages, &place, key, "\"%s\" is unknown; did you mean \"%s\"?", text,
                     nearest);
    else
        config_error(reader->messages, &place, key, "\"%s\" is unknown; it may be %s", text, all);
    return false;
}
