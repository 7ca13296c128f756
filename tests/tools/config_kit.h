// Configurations for tests: from text, with what was said about them.
#pragma once

#include <string.h>

#include "config/domain_config.h"

static char config_said[65536];

// Loads `text` as the file "f", with overrides up to a NULL. NULL if it is refused.
static struct domain_config *config_load_with(const char *text, const char *const *overrides)
{
    struct config_source source = {.path = "f", .text = text, .length = strlen(text)};
    struct domain_config *config = NULL;
    config_said[0] = 0;
    FILE *out = fmemopen(config_said, sizeof(config_said), "w");

    source.overrides = overrides;
    while (overrides && overrides[source.overrides_count])
        source.overrides_count++;
    int error = domain_config_read(&source, true, out, &config);
    fclose(out);
    return error ? NULL : config;
}

static inline struct domain_config *config_load(const char *text)
{
    return config_load_with(text, NULL);
}
