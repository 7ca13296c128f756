// What the readers of a configuration have to say about it: "PATH:LINE: KEY: what, why, what to
// do".
#pragma once

#include <stdbool.h>
#include <stdio.h>

// Where something stands. `line` 0: the source has no lines (a command line, JSON).
struct config_place {
    const char *source;
    unsigned line;
};

struct config_messages {
    FILE *out;
    bool warnings;   // say what is merely without effect
    unsigned errors; // said so far
};

// `key` may be NULL.
void config_error(struct config_messages *messages, const struct config_place *place,
                  const char *key, const char *format, ...) __attribute__((format(printf, 4, 5)));
void config_warn(struct config_messages *messages, const struct config_place *place,
                 const char *key, const char *format, ...) __attribute__((format(printf, 4, 5)));
