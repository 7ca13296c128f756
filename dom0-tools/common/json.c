#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "common/json.h"

struct json {
    yajl_gen gen;
    bool failed;
};

static void check(struct json *json, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok)
        json->failed = true;
}

struct json *json_new(void)
{
    struct json *json = calloc(1, sizeof(*json));

    if (!json)
        return NULL;
    json->gen = yajl_gen_alloc(NULL);
    if (!json->gen) {
        free(json);
        return NULL;
    }
    yajl_gen_config(json->gen, yajl_gen_beautify, 1);
    yajl_gen_config(json->gen, yajl_gen_indent_string, "    ");
    yajl_gen_config(json->gen, yajl_gen_validate_utf8, 1);
    return json;
}

static void text(struct json *json, const char *string)
{
    if (yajl_gen_string(json->gen, (const unsigned char *)string, strlen(string)) ==
        yajl_gen_status_ok)
        return;
    char *plain = strdup(string);
    for (char *c = plain; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    check(json, plain ? yajl_gen_string(json->gen, (const unsigned char *)plain, strlen(plain))
                      : yajl_gen_in_error_state);
    free(plain);
}

static void name(struct json *json, const char *key)
{
    if (key)
        text(json, key);
}

void json_map(struct json *json, const char *key)
{
    if (!json)
        return;
    name(json, key);
    check(json, yajl_gen_map_open(json->gen));
}

void json_end_map(struct json *json)
{
    if (json)
        check(json, yajl_gen_map_close(json->gen));
}

void json_array(struct json *json, const char *key)
{
    if (!json)
        return;
    name(json, key);
    check(json, yajl_gen_array_open(json->gen));
}

void json_end_array(struct json *json)
{
    if (json)
        check(json, yajl_gen_array_close(json->gen));
}

void json_string(struct json *json, const char *key, const char *value)
{
    if (!json)
        return;
    name(json, key);
    if (value)
        text(json, value);
    else
        check(json, yajl_gen_null(json->gen));
}

void json_number(struct json *json, const char *key, int64_t value)
{
    if (!json)
        return;
    name(json, key);
    check(json, yajl_gen_integer(json->gen, value));
}

void json_decimal(struct json *json, const char *key, double value)
{
    char digits[64];

    if (!json)
        return;
    name(json, key);
    int length = snprintf(digits, sizeof(digits), "%.6f", value);
    check(json, yajl_gen_number(json->gen, digits, (size_t)length));
}

void json_bool(struct json *json, const char *key, bool value)
{
    if (!json)
        return;
    name(json, key);
    check(json, yajl_gen_bool(json->gen, value));
}

char *json_finish(struct json *json)
{
    const unsigned char *buffer;
    size_t length;
    char *copy = NULL;

    if (!json)
        return NULL;
    if (!json->failed && yajl_gen_get_buf(json->gen, &buffer, &length) == yajl_gen_status_ok)
        copy = strndup((const char *)buffer, length);
    yajl_gen_free(json->gen);
    free(json);
    return copy;
}
