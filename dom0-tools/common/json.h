// JSON text, written by libyajl, indented by four spaces.
//
// In a map every value has a key; at the top and in an array the key is NULL. Running out of memory
// is found out at the end.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct json;

struct json *json_new(void);

void json_map(struct json *json, const char *key);
void json_end_map(struct json *json);
void json_array(struct json *json, const char *key);
void json_end_array(struct json *json);

// What is not UTF-8 in `value` becomes '?'. NULL writes null.
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, int64_t value);
void json_decimal(struct json *json, const char *key, double value); // six digits after the point
void json_bool(struct json *json, const char *key, bool value);

// The text with a newline at its end, malloc'ed; NULL if there was no memory. Frees `json`.
char *json_finish(struct json *json);
