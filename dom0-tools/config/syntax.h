// The syntax of xl.cfg(5): KEY = VALUE and KEY += VALUE, ended by a line's end or ';'; comments
// from '#' on. A value is a string in either kind of quotes, a number, or a list [ VALUE, ... ],
// which may be nested and spread over lines.
//
// It takes what xl 4.17 takes, with these exceptions: capital hexadecimal digits are allowed, octal
// and hexadecimal escapes in strings are refused (xl reads them wrongly), += on a number is an
// error (xl warns), and on a command line a string may go without quotes.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/memory.h"
#include "config/messages.h"

enum config_kind { CONFIG_STRING, CONFIG_NUMBER, CONFIG_LIST };

struct config_value {
    enum config_kind kind;
    char *text; // of a string, or a number's digits
    struct config_value **items;
    size_t count;
    struct config_place place;
};

struct config_setting {
    const char *key;
    struct config_value *value;
    bool taken; // somebody has read it
};

// What all sources together say: each key once.
struct config_settings {
    struct config_memory *memory;
    struct config_messages *messages;
    struct config_setting *list;
    size_t count;
    size_t room;
    unsigned statements;
};

#define CONFIG_LIST_DEPTH   16   // lists in lists, at most
#define CONFIG_MAX_ERRORS   20   // then the parser gives up
#define CONFIG_MAX_SETTINGS 1024 // of all sources

// Adds what `text` says. `source` names it in messages and must live as long as the settings.
void config_parse(struct config_settings *settings, const char *source, const char *text,
                  size_t length);

// Adds one word of a command line, which wins over what was said before.
void config_parse_override(struct config_settings *settings, const char *word);

// Adds what a source of another syntax says. `key` must live as long as the settings.
void config_add(struct config_settings *settings, const char *key, struct config_value *value);

// Appends to a list.
void config_append(struct config_memory *memory, struct config_value *list,
                   struct config_value *item);

// NULL if no source says anything of `key`. Marks it as taken.
struct config_setting *config_take(struct config_settings *settings, const char *key);
