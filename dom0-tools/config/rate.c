// Rates, as vif= and disk= have them: credit that is refilled every so often.
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

static bool unit(const char **at, const char *const *names, const uint64_t *values, uint64_t *out)
{
    for (size_t i = 0; names[i]; i++)
        if (!strncmp(*at, names[i], strlen(names[i]))) {
            *at += strlen(names[i]);
            *out = values[i];
            return true;
        }
    return false;
}

static bool decimal(const char **at, uint64_t *out)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return *out <= 1000000000;
}

bool config_parse_rate(const char *text, struct rate_config *out)
{
    static const char *const rates[] = {"GB", "MB", "KB", "B", "Gb", "Mb", "Kb", "b", NULL};
    static const uint64_t bits[] = {8000000000, 8000000, 8000, 8, 1000000000, 1000000, 1000, 1};
    static const char *const times[] = {"ms", "us", "s", "", NULL};
    static const uint64_t microseconds[] = {1000, 1, 1000000, 1000000};
    uint64_t rate, scale, interval = 50, interval_scale = 1000;

    if (!decimal(&text, &rate) || !unit(&text, rates, bits, &scale) || strncmp(text, "/s", 2))
        return false;
    text += 2;
    if (*text == '@' &&
        (text++, !decimal(&text, &interval) || !unit(&text, times, microseconds, &interval_scale)))
        return false;
    if (*text || interval * interval_scale > UINT32_MAX || interval == 0)
        return false;
    interval *= interval_scale;
    *out = (struct rate_config){
        .bytes = (uint64_t)((unsigned __int128)rate * scale * interval / 8000000),
        .interval_us = (uint32_t)interval};
    return out->bytes > 0;
}
